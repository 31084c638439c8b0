"""DeepFillv2: the published names, the published answers, the contract of an inpainter, and files that are none."""

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from references.pictures import noise
from references.tiny_painters import random_weights, tiny_deepfill

from iem.inpainters import DeepFill
from iem.inpainters.deepfill import DeepFillNetwork, from_published, to_published
from iem.interfaces import Inpainter

HERE = Path(__file__).parent
CONVENTIONS = ["pytorch", "tensorflow"]

# What the published networks.py and networks_tf.py, with 8 channels and the weights of ``random_weights``, make of the
# picture below: row 20, columns 20, 28, 36 and 44 of red, green and blue, in double precision.
ANSWERS = {
    "pytorch": [
        [0.516831, 0.522684, 0.771683, 0.224946],
        [0.528071, 0.126964, 0.236476, 0.233389],
        [0.846773, 0.594625, 0.348444, 0.725258],
    ],
    "tensorflow": [
        [0.987372, 0.923878, 0.934049, 0.183425],
        [0.88738, 0.776198, 0.163185, 0.739519],
        [0.982256, 0.743057, 0.366223, 0.343818],
    ],
}


@pytest.fixture(scope="module", params=CONVENTIONS)
def painter(request, tmp_path_factory):
    return tiny_deepfill(tmp_path_factory.mktemp("weights"), convention=request.param)


def scene(height: int, width: int, *, batch: int = 1, seed: int = 1):
    image = noise(seed, batch, 3, height, width).float()
    hole = torch.zeros(batch, 1, height, width)
    hole[..., height // 4 : height // 4 + max(1, height // 2), width // 3 : width // 3 + max(1, width // 2)] = 1
    return image, hole


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_names_and_shapes_are_the_published_ones(convention):
    lines = (HERE / f"deepfill_{convention}.txt").read_text().splitlines()
    published = {name: tuple(map(int, shape.split("x"))) for name, shape in map(str.split, lines)}
    ours = {name: tuple(value.shape) for name, value in to_published(DeepFillNetwork(48, convention)).items()}
    assert ours == published
    network = from_published({name: torch.eye(3).expand(shape) if "fuse" in name else torch.rand(shape)
                              for name, shape in published.items()})  # fmt: skip
    assert (network.convention, network.width) == (convention, 48)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_answers_are_the_published_ones(tmp_path, convention):
    image = torch.from_numpy(np.random.RandomState(1).uniform(size=(1, 3, 48, 64)))
    hole = torch.zeros(1, 1, 48, 64, dtype=torch.float64)
    hole[..., 12:30, 20:50] = 1
    found = tiny_deepfill(tmp_path, convention=convention)(image, hole)[0, :, 20, 20:50:8]
    torch.testing.assert_close(found, torch.tensor(ANSWERS[convention]).double(), atol=2e-6, rtol=0)


def test_weights_come_back_under_their_names():
    shapes = {name: tuple(value.shape) for name, value in to_published(DeepFillNetwork(8)).items()}
    weights = random_weights(shapes)
    again = to_published(from_published(weights))
    assert again.keys() == weights.keys()
    assert all(torch.equal(again[name], value) for name, value in weights.items())


@pytest.mark.parametrize("size", [(64, 64), (50, 70), (1, 1), (7, 90)])
def test_known_pixels_stay_and_hidden_ones_do_not_matter(painter, size):
    image, hole = scene(*size)
    painted = painter(image, hole)
    known = hole.expand_as(image) == 0
    assert isinstance(painter, Inpainter)
    assert torch.equal(painted[known], image[known])
    assert painted.shape == image.shape
    assert bool(((painted >= 0) & (painted <= 1)).all())
    other = torch.where(known, image, noise(9, *image.shape).float())
    assert torch.equal(painter(other, hole), painted)


def test_hidden_pixels_at_the_border_do_not_come_back_through_the_padding(painter):
    image, _ = scene(50, 70)
    hole = torch.zeros(1, 1, 50, 70)
    hole[..., 30:, 40:] = 1
    other = torch.where(hole > 0, 1 - image, image)
    assert torch.equal(painter(other, hole), painter(image, hole))


def test_other_sizes_are_continued_beyond_their_border(painter):
    image, _ = scene(50, 70)
    hole = torch.zeros(1, 1, 50, 70)
    hole[..., 30:, 40:] = 1
    wider, wider_hole = (torch.nn.functional.pad(each, (0, 2, 0, 6), mode="replicate") for each in (image, hole))
    assert torch.equal(painter(image, hole), painter(wider, wider_hole)[:, :, :50, :70])


def test_what_is_painted_depends_on_what_is_known(painter):
    image, hole = scene(64, 64)
    inside = hole.expand_as(image) == 1
    difference = (painter(1 - image, hole) - painter(image, hole))[inside].abs()
    assert difference.mean() > 0.01
    assert painter(image, hole)[inside].std() > 0.01


def test_empty_and_full_holes(painter):
    image, _ = scene(40, 56)
    assert torch.equal(painter(image, torch.zeros(1, 1, 40, 56)), image)
    assert bool(painter(image, torch.ones(1, 1, 40, 56)).isfinite().all())


def test_a_batch_is_a_loop_with_a_hole_for_each(painter):
    image, hole = scene(48, 64, batch=3)
    hole[1] = 0
    hole[1, :, 2:9, 40:60] = 1
    hole[2] = 1
    together = painter(image, hole)
    for index in range(3):
        assert torch.equal(together[index : index + 1], painter(image[index : index + 1], hole[index : index + 1]))


def test_a_red_frame_stays_red(painter):
    image = torch.zeros(1, 3, 48, 48)
    image[:, 0] = 1
    image[:, :, 12:36, 12:36] = torch.tensor([0.0, 0.0, 1.0])[None, :, None, None]
    hole = torch.zeros(1, 1, 48, 48)
    hole[..., 12:36, 12:36] = 1
    painted = painter(image, hole)
    assert bool((painted.where(hole == 0, image) == image).all())
    assert bool((painted != image)[..., 12:36, 12:36].any())


def test_gradient_of_a_soft_hole_is_the_derivative(painter):
    """Against differences, in double precision: a hole that is nowhere 0 keeps the choice of patches as it is."""
    image = noise(3, 1, 3, 16, 24)
    hole = (0.2 + 0.6 * noise(4, 1, 1, 16, 24)).requires_grad_()
    weight = noise(5, 1, 3, 16, 24)
    assert painter.differentiable
    (gradient,) = torch.autograd.grad((painter(image, hole) * weight).sum(), hole)
    step = noise(6, 1, 1, 16, 24) - 0.5
    with torch.no_grad():
        ahead, behind = ((painter(image, hole + sign * 1e-6 * step) * weight).sum() for sign in (1, -1))
    torch.testing.assert_close((gradient * step).sum(), (ahead - behind) / 2e-6, rtol=1e-5, atol=1e-7)
    assert bool((gradient != 0).all())


def test_gradient_passes_where_patches_are_borrowed(painter):
    image, hole = scene(32, 32)
    hole = (0.9 * hole).requires_grad_()
    (gradient,) = torch.autograd.grad(painter(image, hole).sum(), hole)
    assert bool(gradient.isfinite().all())
    assert bool((gradient[hole > 0] != 0).all())


def test_large_pictures_are_painted_small(tmp_path):
    painter = tiny_deepfill(tmp_path, longest_side=32)
    image, hole = scene(90, 61)
    hole.requires_grad_()
    painted = painter(image, hole)
    known = hole.expand_as(image) == 0
    assert torch.equal(painted[known], image[known])
    other = torch.where(known, image, 1 - image)
    assert torch.equal(painter(other, hole), painted)
    (gradient,) = torch.autograd.grad(painted.sum(), hole)
    assert bool(gradient.isfinite().all())
    assert not torch.equal(painted, tiny_deepfill(tmp_path, longest_side=None)(image, hole))


def test_other_precisions_stay(painter):
    image, hole = scene(24, 24)
    assert painter(image.half(), hole.half()).dtype == torch.float16
    torch.testing.assert_close(painter(image.double(), hole.double()).float(), painter(image, hole), atol=1e-3, rtol=0)


def test_equal_by_weights_and_copied_with_them(tmp_path):
    first = tiny_deepfill(tmp_path / "a")
    second = tiny_deepfill(tmp_path / "b")
    other = tiny_deepfill(tmp_path / "a", convention="tensorflow")
    assert first == second != other
    assert hash(first) == hash(second)
    assert repr(first).startswith("DeepFill(sha256='")
    assert "_network" not in repr(first)
    image, hole = scene(24, 24)
    for twin in (pickle.loads(pickle.dumps(first)), copy.deepcopy(first)):
        assert twin == first
        assert torch.equal(twin(image, hole), first(image, hole))


def test_safetensors_and_bare_weights(tmp_path):
    safetensors = pytest.importorskip("safetensors.torch")
    first = tiny_deepfill(tmp_path)
    weights = torch.load(tmp_path / "deepfill_pytorch_8.pth", weights_only=True)["G"]
    safetensors.save_file(weights, tmp_path / "same.safetensors")
    torch.save(weights, tmp_path / "bare.pth")
    image, hole = scene(24, 24)
    for name in ("same.safetensors", "bare.pth"):
        assert torch.equal(DeepFill(tmp_path / name)(image, hole), first(image, hole))


class TestFilesThatAreNone:
    """Each is refused with one sentence that names the file, what was expected and where it is published."""

    @pytest.fixture
    def refused(self, unchecked):
        def message(path, **settings) -> str:
            with pytest.raises(ValueError, match=r"^(checkpoint|sha256): expected ") as caught:
                unchecked("iem.inpainters").DeepFill(path, **settings)
            text = str(caught.value)
            assert "\n" not in text
            return text

        return message

    def test_none_at_all(self, refused):
        text = refused(None)
        assert "states_pt_places2.pth" in text
        assert "github.com/nipponjo/deepfillv2-pytorch" in text
        assert "painter.checkpoint=FILE" in text

    def test_missing_and_folder(self, refused, tmp_path):
        assert "a path where nothing is" in refused(tmp_path / "nothing.pth")
        assert "a folder" in refused(tmp_path)

    def test_truncated_or_no_weights(self, refused, tmp_path):
        tiny_deepfill(tmp_path)
        whole = (tmp_path / "deepfill_pytorch_8.pth").read_bytes()
        for name, content in (
            ("half.pth", whole[: len(whole) // 2]),
            ("no.pth", b"hello"),
            ("no.safetensors", b"hello"),
        ):
            (tmp_path / name).write_bytes(content)
            assert "truncated or holds no weights" in refused(tmp_path / name)

    def test_a_file_that_would_run_code(self, refused, tmp_path):
        torch.save({"G": Dangerous(tmp_path / "ran")}, tmp_path / "evil.pth")
        assert "truncated or holds no weights" in refused(tmp_path / "evil.pth")
        assert not (tmp_path / "ran").exists()

    def test_another_network(self, refused, tmp_path):
        tiny_deepfill(tmp_path)
        weights = torch.load(tmp_path / "deepfill_pytorch_8.pth", weights_only=True)["G"]
        name = "stage2.conv_bn6.conv.weight"
        wrong = {
            "names are missing": {key: value for key, value in weights.items() if key != name},
            "has the shape": {**weights, name: weights[name][:, :-1]},
            "holds NaN": {**weights, name: weights[name] * float("nan")},
            "not the identity": {**weights, "stage2.contextual_attention.fuse_weight": torch.ones(1, 1, 3, 3)},
            "no table of weights": [1, 2],
        }
        for reason, content in wrong.items():
            torch.save(content, tmp_path / "wrong.pth")
            assert reason in refused(tmp_path / "wrong.pth")

    def test_another_checksum(self, refused, tmp_path):
        tiny_deepfill(tmp_path)
        assert "altered" in refused(tmp_path / "deepfill_pytorch_8.pth", sha256="0" * 64)


class Dangerous:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_wrong_input_is_refused_in_one_sentence(unchecked, tmp_path):
    tiny_deepfill(tmp_path)
    kind = unchecked("iem.inpainters").DeepFill
    with pytest.raises(ValueError, match=r"longest_side: expected a whole number of at least 8, got 0"):
        kind(tmp_path / "deepfill_pytorch_8.pth", longest_side=0)
    painter = kind(tmp_path / "deepfill_pytorch_8.pth")
    image, hole = scene(16, 16)
    with pytest.raises(ValueError, match=r"image: expected shape \[b, 3, h, w\]"):
        painter(image[:, :2], hole)
    with pytest.raises(ValueError, match=r"hole: expected shape"):
        painter(image, hole[..., :8])
