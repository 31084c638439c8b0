"""LaMa: the published names, the published answers, soft holes, gradients, TorchScript programs and copies."""

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from references.lama_by_hand import lama_by_hand
from references.pictures import noise
from references.tiny_lama import (
    lama_file,
    lama_program_file,
    lama_weights,
    tiny_lama,
    tiny_lama_program,
)

from iem.inpainters import Lama
from iem.inpainters.lama import LamaNetwork
from iem.inpainters.lama.padding import pad_symmetrically
from iem.inpainters.lama.published import from_published
from iem.interfaces import Inpainter

HERE = Path(__file__).parent

# What the authors' FFCResNetGenerator (ngf 4, 2 blocks) makes of the pictures below with the weights of
# ``lama_weights``, in double precision: row 20, columns 20, 28, 36 and 44 of red, green and blue.
ANSWERS = [
    [0.243285, 0.166183, 0.396885, 0.343079],
    [0.235341, 0.194551, 0.389218, 0.32574],
    [0.031755, 0.018359, 0.028389, 0.0177],
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("lama")


@pytest.fixture(scope="module")
def painter(folder):
    return tiny_lama(folder)


@pytest.fixture(scope="module")
def program(folder):
    return tiny_lama_program(folder)


def scene(height: int, width: int, *, batch: int = 1, seed: int = 1):
    image = noise(seed, batch, 3, height, width).float()
    hole = torch.zeros(batch, 1, height, width)
    hole[..., height // 4 : height // 4 + max(1, height // 2), width // 3 : width // 3 + max(1, width // 2)] = 1
    return image, hole


class TestTheNetwork:
    def test_names_and_shapes_of_big_lama(self):
        """The list is of the authors' own class, with the settings of big-lama."""
        lines = (HERE / "lama_big.txt").read_text().splitlines()
        published = dict(map(str.split, lines))
        with torch.device("meta"):
            state = LamaNetwork().state_dict()
        ours = {f"generator.{name}": "x".join(map(str, value.shape)) or "scalar" for name, value in state.items()}
        assert ours == published
        assert len(ours) == 989
        assert sum(value.numel() for value in state.values()) == 51_057_179

    @pytest.mark.parametrize(("width", "blocks"), [(64, 9), (8, 1)])
    def test_width_and_depth_are_those_of_the_weights(self, width, blocks):
        with torch.device("meta"):
            shapes = {name: value.shape for name, value in LamaNetwork(width, blocks=blocks).state_dict().items()}
        found = from_published({f"generator.{name}": torch.zeros(()).expand(shape) for name, shape in shapes.items()})
        assert (found.width, found.blocks, found.halvings, found.spectral) == (width, blocks, 3, width * 6)

    def test_answers_are_the_published_ones(self, painter):
        image = torch.from_numpy(np.random.RandomState(1).uniform(size=(1, 3, 48, 64)))
        hole = torch.zeros(1, 1, 48, 64, dtype=torch.float64)
        hole[..., 12:30, 20:50] = 1
        found = painter(image, hole)[0, :, 20, 20:50:8]
        torch.testing.assert_close(found, torch.tensor(ANSWERS).double(), atol=1e-6, rtol=0)

    @pytest.mark.parametrize("size", [(40, 56), (48, 64), (16, 24)], ids=["odd spectrum", "even", "small"])
    def test_answers_are_those_of_plain_sums(self, painter, size):
        image, hole = (each.double() for each in scene(*size))
        expected = image * (1 - hole) + lama_by_hand(lama_weights(), image, hole) * hole
        torch.testing.assert_close(painter(image, hole), expected, rtol=0, atol=1e-12)

    def test_loading_draws_no_random_numbers(self, folder):
        torch.manual_seed(3)
        expected = torch.rand(1)
        torch.manual_seed(3)
        tiny_lama(folder)
        assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize(("size", "wanted"), [((1, 1), (16, 16)), ((3, 17), (16, 24)), ((16, 40), (16, 40))])
def test_pictures_are_continued_as_numpy_does_it(size, wanted):
    image = noise(1, 1, 2, *size)
    after = [(0, new - old) for old, new in zip(size, wanted, strict=True)]
    expected = np.pad(image.numpy(), [(0, 0), (0, 0), *after], mode="symmetric")
    assert (pad_symmetrically(image, 8).numpy() == expected).all()


def test_other_sizes_are_continued_and_cut_off_again(painter):
    image, hole = scene(43, 50)
    wider, wider_hole = pad_symmetrically(image, 8), pad_symmetrically(hole, 8)
    assert torch.equal(painter(image, hole), painter(wider, wider_hole)[:, :, :43, :50])


@pytest.mark.parametrize("kind", ["painter", "program"])
@pytest.mark.parametrize("size", [(1, 1), (50, 70), (7, 90)])
def test_known_pixels_stay_and_hidden_ones_do_not_matter(kind, size, request):
    each = request.getfixturevalue(kind)
    image, hole = scene(*size)
    known = hole.expand_as(image) == 0
    painted = each(image, hole)
    assert isinstance(each, Inpainter)
    assert torch.equal(painted[known], image[known])
    assert bool(((painted >= 0) & (painted <= 1)).all())
    for anything in (0.3, torch.nan, torch.inf, 1e30):
        assert torch.equal(each(image.where(known, anything), hole), painted)
    finer = noise(2, 1, 3, *size)  # than 32 bits can tell
    assert torch.equal(each(finer, hole.double())[known], finer[known])


@pytest.mark.parametrize("kind", ["painter", "program"])
def test_a_picture_that_is_not_finite_keeps_its_other_pixels(kind, request):
    image, hole = scene(20, 20)
    image[0, 1, 0, 0] = torch.nan
    painted = request.getfixturevalue(kind)(image, hole)
    sound = (hole.expand_as(image) == 0) & image.isfinite()
    assert torch.equal(painted[sound], image[sound])


def test_a_batch_is_a_loop_with_a_hole_for_each(painter):
    image, hole = scene(48, 40, batch=3)
    hole[1] = 0
    hole[1, :, 2:9, 20:40] = 1
    hole[2] = 1
    together = painter(image, hole)
    assert bool(together.isfinite().all())
    for index in range(3):
        assert torch.equal(together[index : index + 1], painter(image[index : index + 1], hole[index : index + 1]))
    assert painter(image[:0], hole[:0]).shape == (0, 3, 48, 40)


def test_large_pictures_are_painted_small(folder):
    small = tiny_lama(folder, longest_side=32)
    image, hole = scene(90, 61)
    hole.requires_grad_()
    painted = small(image, hole)
    known = hole.expand_as(image) == 0
    assert torch.equal(painted[known], image[known])
    assert torch.equal(small(image.where(known, torch.nan), hole), painted)
    (gradient,) = torch.autograd.grad(painted.sum(), hole)
    assert bool(gradient.isfinite().all())
    whole = tiny_lama(folder, longest_side=None)(image, hole)
    assert not torch.equal(painted, whole)
    # Enlarged, it has not the detail of what is painted at full size.
    detail = [(each.diff(dim=-1).abs() * hole[..., 1:]).mean() for each in (painted, whole)]
    assert detail[0] < 0.7 * detail[1]


class TestSoftHoles:
    def test_they_go_to_the_network_as_they_are_and_blend(self, painter, program):
        image, hole = noise(1, 1, 3, 24, 32), noise(2, 1, 1, 24, 32)
        expected = image * (1 - hole) + lama_by_hand(lama_weights(), image, hole) * hole
        torch.testing.assert_close(painter(image, hole), expected, rtol=0, atol=1e-12)
        torch.testing.assert_close(program(image, hole), expected, rtol=0, atol=1e-5)

    def test_gradient_is_the_derivative(self, painter):
        """Against differences, in double precision; the border is mirrored in 16 x 24 of them."""
        image, hole = noise(3, 1, 3, 13, 20), noise(4, 1, 1, 13, 20).requires_grad_()
        weight, step = noise(5, 1, 3, 13, 20), noise(6, 1, 1, 13, 20) - 0.5
        assert painter.differentiable
        (gradient,) = torch.autograd.grad((painter(image, hole) * weight).sum(), hole)
        with torch.no_grad():
            ahead, behind = ((painter(image, hole + sign * 1e-6 * step) * weight).sum() for sign in (1, -1))
        torch.testing.assert_close((gradient * step).sum(), (ahead - behind) / 2e-6, rtol=1e-5, atol=1e-7)
        assert bool((gradient != 0).all())

    def test_gradient_of_a_hard_hole_is_one_sided(self, painter):
        """Hiding a known pixel a little, and showing a hidden one a little."""
        image, hole = (each.double() for each in scene(16, 16))
        free = hole.clone().requires_grad_()
        (slope,) = torch.autograd.grad(painter(image, free).sum(), free)
        for place, step in (((0, 0, 1, 1), 1e-6), ((0, 0, 8, 8), -1e-6)):
            nudged = hole.clone()
            nudged[place] += step
            expected = (painter(image, nudged).sum() - painter(image, hole).sum()) / step
            torch.testing.assert_close(slope[place], expected, rtol=1e-4, atol=1e-6)

    def test_gradient_through_a_program_is_that_through_the_network(self, painter, program):
        image, hole = scene(20, 30)
        hole = (0.2 + 0.7 * hole).requires_grad_()
        found, expected = (
            torch.autograd.grad((each(image, hole) * image).sum(), hole)[0] for each in (program, painter)
        )
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


class TestPrograms:
    def test_paints_what_the_network_paints(self, painter, program):
        for size in ((48, 64), (41, 57)):  # neither of which it was traced at
            image, hole = scene(*size)
            torch.testing.assert_close(program(image, hole), painter(image, hole), rtol=0, atol=1e-5)

    def test_one_that_does_not_composite(self, folder, program):
        bare = Lama(lama_program_file(folder, composites=False))
        image, hole = scene(33, 40)
        hole = hole * 0.7
        torch.testing.assert_close(bare(image, hole), program(image, hole), rtol=0, atol=1e-5)
        whole = (hole > 0).float()
        assert torch.equal(bare(image, whole)[whole.expand_as(image) == 0], image[whole.expand_as(image) == 0])

    def test_copies(self, program):
        image, hole = scene(24, 24)
        for twin in (pickle.loads(pickle.dumps(program)), copy.deepcopy(program)):
            assert twin == program
            assert torch.equal(twin(image, hole), program(image, hole))

    def test_does_not_refine(self, folder, unchecked):
        path = lama_program_file(folder)
        message = r"^refine_steps: expected 0 with a TorchScript program, .*, got 15; give best\.ckpt of the same"
        with pytest.raises(ValueError, match=message):
            unchecked("iem.inpainters").Lama(path, refine_steps=15)


def test_other_precisions_stay(painter):
    image, hole = scene(24, 24)
    assert painter(image.half(), hole.half()).dtype == torch.float16
    torch.testing.assert_close(painter(image.double(), hole.double()).float(), painter(image, hole), atol=1e-4, rtol=0)


def test_equal_by_weights_and_copied_with_them(tmp_path, painter):
    second, other = tiny_lama(tmp_path), tiny_lama(tmp_path, blocks=1)
    assert painter == second != other
    assert hash(painter) == hash(second)
    assert repr(painter).startswith("Lama(sha256='")
    assert "_network" not in repr(painter)
    image, hole = scene(24, 24)
    painter(image.double(), hole.double())
    for twin in (pickle.loads(pickle.dumps(painter)), copy.deepcopy(painter)):
        assert twin == painter
        assert torch.equal(twin(image, hole), painter(image, hole))


def test_loading_before_the_first_picture(folder):
    each = tiny_lama(folder, device="cpu")
    each.load("cpu")
    assert torch.equal(each(*scene(24, 24)), tiny_lama(folder)(*scene(24, 24)))


def test_wrong_input_is_refused_in_one_sentence(unchecked, folder):
    kind, path = unchecked("iem.inpainters").Lama, lama_file(folder)
    for settings, message in (
        ({"longest_side": 0}, r"longest_side: expected a whole number of at least 16, got 0"),
        ({"refine_steps": -1}, r"refine_steps: expected a whole number of at least 0, got -1"),
        ({"refine_scales": 1}, r"refine_scales: expected a whole number of at least 2, got 1"),
        ({"device": "nowhere"}, r"device: expected"),
    ):
        with pytest.raises(ValueError, match=message):
            kind(path, **settings)
    image, hole = scene(16, 16)
    with pytest.raises(ValueError, match=r"image: expected shape \[b, 3, h, w\]"):
        kind(path)(image[:, :2], hole)
    with pytest.raises(ValueError, match=r"hole: expected shape"):
        kind(path)(image, hole[..., :8])
