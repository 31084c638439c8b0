"""Networks of others: what they are shown, what is taken from them, and what is said when they fail."""

import pickle
import warnings
from pathlib import Path

import pytest
import torch
import yaml
from references.pictures import noise
from references.tiny_external import TinyNetwork, external_source, tiny_external
from torch.nn import functional

from iem.inpainters import MAT_NOTICE, External, mat

CONF = Path(__file__).resolve().parents[2] / "conf"
SIZES = [(1, 1), (1, 7), (17, 23), (40, 48), (90, 30)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("external")


def scene(size=(40, 48), count=1):
    image = noise(1, count, 3, *size).float()
    return image, (noise(2, count, 1, *size) > 0.6).float()


class Recorder:
    """Paints grey, and remembers what it was shown."""

    def __init__(self, answer=None):
        self.shown, self.answer = [], answer

    def __call__(self, *inputs):
        self.shown.append([each.clone() for each in inputs])
        picture = next(each for each in inputs if each.shape[1] >= 3)[:, :3]
        return torch.full_like(picture, 0.5) if self.answer is None else self.answer(*inputs)


@pytest.mark.parametrize("kind", ["torchscript", "export_fixed", "python", "export"])
def test_paints_what_the_network_says_composited(folder, kind):
    image, hole = scene()
    painted = tiny_external(folder, kind=kind)(image, hole)
    with torch.no_grad():
        expected = TinyNetwork()(image * (1 - hole), hole)
    assert (painted == image)[hole.expand_as(image) == 0].all()
    torch.testing.assert_close(painted, torch.where(hole == 1, expected, image))


def test_a_function_itself_is_asked_and_is_left_as_it_was():
    network = TinyNetwork().train()
    image, hole = scene()
    painted = External(network)(image, hole)
    assert network.training
    assert all(weight.requires_grad for weight in network.parameters())
    assert not torch.equal(painted, image)


@pytest.mark.parametrize("hole_is", [0, 1])
@pytest.mark.parametrize("low_high", [(0, 1), (-1, 1), (0, 255)])
@pytest.mark.parametrize("layout", ["image, mask", "mask, image", "image+mask", "mask+image"])
def test_it_is_shown_what_it_takes(layout, low_high, hole_is):
    recorder, (image, hole) = Recorder(), scene((16, 24))
    low, high = low_high
    External(recorder, layout=layout, image_range=low_high, hole_is=hole_is, fill="grey")(image, hole)
    (shown,) = recorder.shown
    if "+" in layout:
        assert len(shown) == 1
        shown = shown[0].split([3, 1] if layout == "image+mask" else [1, 3], dim=1)
    first_is_image = layout.startswith("image")
    picture, mask = shown if first_is_image else reversed(shown)
    assert torch.equal(mask, hole if hole_is else 1 - hole)
    expected = torch.where(hole == 1, (low + high) / 2, low + (high - low) * image)
    torch.testing.assert_close(picture, expected)


@pytest.mark.parametrize(
    ("fill", "low_high", "expected"),
    [("zero", (0, 1), 0), ("zero", (-1, 1), 0), ("zero", (0, 255), 0), ("grey", (-1, 1), 0), ("grey", (0, 255), 127.5)],
)
def test_what_it_sees_in_the_hole(fill, low_high, expected):
    recorder, (image, hole) = Recorder(), scene((16, 16))
    External(recorder, fill=fill, image_range=low_high)(image, hole)
    picture = recorder.shown[0][0]
    torch.testing.assert_close(
        picture[hole.expand_as(picture) == 1], torch.tensor(float(expected)).expand(3 * int(hole.sum()))
    )


def test_it_may_see_the_mean_of_what_is_known():
    recorder, (image, hole) = Recorder(), scene((16, 16))
    External(recorder, fill="mean")(image, hole)
    picture = recorder.shown[0][0]
    for channel in range(3):
        mean = image[0, channel][hole[0, 0] == 0].mean()
        assert (picture[0, channel][hole[0, 0] == 1] - mean).abs().max() < 1e-6


def test_its_answer_is_brought_back_to_0_and_1_and_cut_off_there():
    image, hole = scene((8, 8))
    for level, expected in ((0, 0), (255, 1), (51, 0.2), (260, 1), (-3, 0)):
        painter = External(lambda image, mask, level=level: torch.full_like(image, level), output_range=(0, 255))
        painted = painter(image, hole)
        torch.testing.assert_close(painted, torch.where(hole == 1, torch.tensor(float(expected)), image))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("settings", [{}, {"size": 32}, {"size": (24, 64)}, {"longest_side": 20}], ids=str)
def test_hidden_pixels_never_reach_it(size, settings):
    recorder, (image, hole) = Recorder(TinyNetwork()), scene(size)
    expected = External(recorder, **settings)(image, hole)
    for anything in (torch.nan, torch.inf, 1e30):
        painted = External(recorder, **settings)(torch.where(hole == 1, anything, image), hole)
        assert torch.equal(painted, expected)
    for shown in recorder.shown[1:]:
        assert all(map(torch.equal, shown, recorder.shown[0]))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("settings", "frame"),
    [
        ({}, None),
        ({"multiple": 32}, None),
        ({"size": 64}, (64, 64)),
        ({"size": (24, 64)}, (24, 64)),
        ({"longest_side": 16}, None),
    ],
    ids=str,
)
def test_any_size_is_brought_to_one_that_it_takes_and_back(size, settings, frame):
    """It paints white where it sees the hole: the hole comes back white, but for an enlarged edge."""
    recorder = Recorder(lambda image, mask: mask.expand_as(image))
    image, hole = torch.zeros(1, 3, *size), torch.zeros(1, 1, *size)
    hole[..., size[0] // 3 :, size[1] // 2 :] = 1
    painted = External(recorder, **settings)(image, hole)
    height, width = recorder.shown[0][0].shape[2:]
    if frame:
        assert (height, width) == frame
    else:
        assert (height % settings.get("multiple", 8), width % settings.get("multiple", 8)) == (0, 0)
    inner = hole if height >= size[0] and width >= size[1] else 1 - functional.max_pool2d(1 - hole, 13, 1, 6)
    assert (painted[inner.expand_as(image) == 1] > 0.85).all()
    assert painted[hole.expand_as(image) == 1].mean() > 0.85
    assert (painted[hole.expand_as(image) == 0] == 0).all()


def test_a_picture_is_not_stretched_and_goes_on_mirrored():
    recorder = Recorder()
    image, hole = noise(1, 1, 3, 8, 4).float(), torch.zeros(1, 1, 8, 4)
    hole[..., 0, 0] = 1
    External(recorder, size=8)(image, hole)
    picture, mask = recorder.shown[0]
    expected = torch.cat([image * (1 - hole), (image * (1 - hole)).flip(3)], 3)
    assert torch.equal(picture, expected)
    assert torch.equal(mask, torch.cat([hole, hole.flip(3)], 3))


def test_a_large_picture_keeps_its_known_pixels_and_the_paint_joins_on():
    image, hole = torch.full((1, 3, 90, 130), 0.3), torch.zeros(1, 1, 90, 130)
    hole[..., 30:60, 40:90] = 1
    painted = External(lambda image, mask: torch.full_like(image, 0.3), longest_side=50)(image, hole)
    torch.testing.assert_close(painted, image, rtol=0, atol=1e-4)


def test_a_file_of_one_size_is_asked_at_that_size_alone(folder):
    image, hole = scene((30, 30))
    painter = tiny_external(folder, kind="export_fixed")
    assert painter(image, hole).shape == image.shape
    with pytest.raises(
        ValueError, match=r"^size: expected 40 x 48 or none, the only size of tiny_export_fixed.pt2, got 6"
    ):
        tiny_external(folder, kind="export_fixed", size=64)(image, hole)


def draws(image, mask):
    return torch.rand_like(image)


def test_what_it_draws_starts_from_the_seed_and_disturbs_nobody():
    image, hole = scene((16, 16), count=2)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = External(draws)(image, hole)
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(External(draws)(image, hole), first)
    assert torch.equal(External(draws)(image[1:], hole[1:]), first[1:])
    assert not torch.equal(External(draws, seed=1)(image, hole), first)


def test_a_program_that_draws_is_repeatable_too(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(draws, scene((8, 8)), check_trace=False).save(str(tmp_path / "draws.pt"))
    image, hole = scene((8, 8))
    first, again = (External(tmp_path / "draws.pt")(image, hole) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(External(tmp_path / "draws.pt", seed=1)(image, hole), first)


@pytest.mark.parametrize("kind", ["torchscript", "export_fixed", "python"])
def test_gradients_are_those_of_the_network_where_they_are_asked_for(folder, kind):
    image, hole = noise(1, 1, 3, 40, 48).float(), noise(2, 1, 1, 40, 48).float()
    weights = noise(3, 1, 3, 40, 48).float()
    free = hole.clone().requires_grad_()
    painted = tiny_external(folder, kind=kind, differentiable=True)(image, free)
    (slope,) = torch.autograd.grad((painted * weights).sum(), free)
    other = hole.clone().requires_grad_()
    by_hand = image * (1 - other) + TinyNetwork()(image * (1 - other), other) * other
    (expected,) = torch.autograd.grad((by_hand * weights).sum(), other)
    torch.testing.assert_close(painted, by_hand)
    torch.testing.assert_close(slope, expected, rtol=1e-3, atol=1e-4)


def test_no_gradient_flows_unless_it_is_said_to(folder):
    image, hole = scene()
    painter = tiny_external(folder)
    assert not painter.differentiable
    assert not painter(image.requires_grad_(), hole.requires_grad_()).requires_grad


@pytest.mark.parametrize(
    "cut", [lambda image, mask: image.detach(), lambda image, mask: image.detach() * torch.ones(1, requires_grad=True)]
)
def test_who_says_that_gradients_flow_is_held_to_it(cut):
    image, hole = scene((8, 8))
    with pytest.raises(ValueError, match=r"expected gradients to flow through it, .*; set differentiable to false$"):
        External(cut, differentiable=True)(image, hole.requires_grad_())


def broken(image, mask):
    raise RuntimeError("mat1 and mat2 shapes cannot be multiplied\nand more")


@pytest.mark.parametrize(
    ("function", "settings", "message"),
    [
        (
            broken,
            {},
            "broken: expected a picture for one of 8 x 8 pixels, but it failed with RuntimeError: mat1 and mat2",
        ),
        (lambda image: image, {}, "TypeError: .*takes 1 positional argument but 2 were given; look at layout"),
        (lambda image, mask: image[..., :4], {}, r"expected an answer of shape \[1, 3, 8, 8\], got \[1, 3, 8, 4\]"),
        (lambda image, mask: mask, {}, r"expected an answer of shape \[1, 3, 8, 8\], got \[1, 1, 8, 8\]"),
        (lambda image, mask: (image, mask), {}, "expected a tensor as its answer, got tuple; say by output"),
        (lambda image, mask: {"a": image}, {"output": "b"}, "but it failed with KeyError: 'b'"),
        (lambda image, mask: image * torch.nan, {}, "expected finite numbers as its answer, got NaN or infinity"),
        (
            lambda image, mask: (255 * image).byte(),
            {},
            "expected floating-point numbers as its answer, got torch.uint8",
        ),
        (
            lambda image, mask: 255 * image,
            {},
            r"expected an answer in \[0, 1\], got \[0, 2..\]; state its output_range",
        ),
        (lambda image, mask: 2 * image - 1, {}, r"expected an answer in \[0, 1\], got \[-1, 0.9..\]; state its"),
    ],
)
def test_a_network_that_fails_is_named_in_one_sentence(function, settings, message):
    image, hole = scene((8, 8))
    with pytest.raises(ValueError, match=message) as failed:
        External(function, **settings)(image, hole)
    assert "\n" not in str(failed.value)


@pytest.mark.parametrize(("output", "pick"), [(1, lambda image: [None, image]), ("out", lambda image: {"out": image})])
def test_one_of_several_answers(output, pick):
    image, hole = scene((8, 8))
    painted = External(lambda image, mask: pick(torch.ones_like(image)), output=output)(image, hole)
    assert torch.equal(painted, torch.where(hole == 1, 1.0, image))


def test_it_may_write_into_what_it_is_given():
    image, hole = scene((8, 8), count=2)
    copies = image.clone(), hole.clone()
    External(lambda image, mask: image.mul_(mask.zero_()))(image, hole)
    assert torch.equal(image, copies[0])
    assert torch.equal(hole, copies[1])


def test_a_function_without_parameters_is_called_once_and_not_before_it_is_needed(tmp_path):
    (tmp_path / "beside_external.py").write_text("LEVEL = 0.25\n")
    (tmp_path / "painter.py").write_text(
        "import pathlib\nimport torch\nfrom beside_external import LEVEL\n\n"
        "def load():\n    (pathlib.Path(__file__).parent / 'called').touch(exist_ok=False)\n"
        "    return lambda image, mask: torch.full_like(image, LEVEL)\n"
    )
    painter = External(f"{tmp_path}/painter.py:load")
    image, hole = scene((8, 8), count=3)
    assert not (tmp_path / "called").exists()
    for _ in range(2):
        assert torch.equal(painter(image, hole), torch.where(hole == 1, 0.25, image))


def test_a_network_that_is_loaded_is_not_in_training():
    dropout = torch.nn.Dropout(1.0)

    def load():
        return torch.nn.Sequential(torch.nn.Conv2d(4, 3, 1), dropout)

    image, hole = scene((8, 8))
    painter = External(load, layout="image+mask", output_range=(-9, 9))
    painter.load()
    assert not dropout.training
    assert painter(image, hole).isfinite().all()


def test_a_module_by_its_name():
    image, hole = scene((16, 16))
    painted = External("references.tiny_external:TinyNetwork")(image, hole)
    torch.testing.assert_close(painted, External(TinyNetwork())(image, hole))


def test_copies_and_equality(folder):
    image, hole = scene()
    painter = tiny_external(folder)
    expected = painter(image, hole)
    copy = pickle.loads(pickle.dumps(painter))
    assert copy == painter
    assert torch.equal(copy(image, hole), expected)
    assert painter != tiny_external(folder, seed=1)


def write(path, content=b""):
    path.write_bytes(content)
    return path


def test_what_is_no_network_is_refused_before_any_work(tmp_path, folder):
    torch.save({"weight": torch.ones(3)}, tmp_path / "weights.pt")
    cases = {
        tmp_path / "nowhere.pt": "got a path where nothing is: ",
        tmp_path: "got a folder: ",
        write(
            tmp_path / "empty.pt"
        ): "got a file of another kind: .*; save one with torch.jit.save or torch.export.save",
        tmp_path / "weights.pt": "got weights without their network: .*; give a function that makes the network",
        write(tmp_path / "mat.pth", b"x"): "got weights without their network: ",
        "no_such_package_xyz.painters:load": "got no_such_package_xyz.painters:load, and there is no package no_such_",
        f"{tmp_path}/nowhere.py:load": "got a path where nothing is: .*; check the path",
    }
    for source, message in cases.items():
        with pytest.raises(ValueError, match=f"^source: expected a network as TorchScript, .*{message}") as failed:
            External(source)
        assert "\n" not in str(failed.value)


def test_what_cannot_be_loaded_is_named_when_it_is_loaded(tmp_path, folder):
    script = external_source(folder).read_bytes()
    damaged = bytearray(script)
    damaged[len(script) // 8 : len(script) // 2] = bytes(len(script) // 2 - len(script) // 8)
    (tmp_path / "raises.py").write_text("import no_such_module_xyz\n")
    (tmp_path / "wrong.py").write_text("def load():\n    return 3\n\ndef fails():\n    raise OSError('no pickle')\n")
    cases = {
        write(
            tmp_path / "damaged.pt", bytes(damaged)
        ): "got a file that PyTorch .* cannot read .*damaged.pt; it is truncated",
        f"{tmp_path}/raises.py:load": "which cannot be imported .ModuleNotFoundError: No module named 'no_such_",
        f"{tmp_path}/wrong.py:paint": "which cannot be imported .AttributeError: .*'paint'",
        f"{tmp_path}/wrong.py:load": "wrong.py:load, which gives int; let it return a function of an image and a mask",
        f"{tmp_path}/wrong.py:fails": "wrong.py:fails, which failed to load .OSError: no pickle",
    }
    for source, message in cases.items():
        painter = External(source)
        with pytest.raises(ValueError, match=f"^source: expected a network as .*{message}") as failed:
            painter.load()
        assert "\n" not in str(failed.value)
    with pytest.raises(
        ValueError, match=r"^source: .*tiny_export_fixed.pt2, which takes 2 tensors, not 1 as the layout"
    ):
        tiny_external(folder, kind="export_fixed", layout="image+mask").load()
    with pytest.raises(
        ValueError, match=r"^source: .* with the sha256 sum [0-9a-f]{12}\.\.\.; give the file with abc\.\.\."
    ):
        tiny_external(folder, sha256="abc").load()


def test_a_truncated_file_is_refused(tmp_path, folder):
    content = external_source(folder).read_bytes()
    with pytest.raises(ValueError, match=r"^source: expected a network as .*cut\.pt"):
        External(write(tmp_path / "cut.pt", content[: len(content) // 2])).load()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layout": "mask"}, "layout: expected one of image, mask"),
        ({"hole_is": 2}, "hole_is: expected a whole number from 0 to 1, got 2"),
        ({"image_range": (1, 0)}, r"image_range: expected two numbers, of black and of white, .*, got \(1, 0\)"),
        ({"output_range": (0,)}, r"output_range: expected two numbers"),
        ({"fill": "noise"}, "fill: expected one of zero, grey, mean"),
        ({"multiple": 0}, "multiple: expected a whole number of at least 1"),
        ({"size": (8, 8, 8)}, "size: expected one number or two"),
        ({"size": 0}, "size: expected a whole number of at least 1"),
        ({"seed": -1}, "seed: expected a whole number"),
        ({"differentiable": "yes"}, "differentiable: expected true or false, got 'yes'"),
        ({"source": 3}, "source: expected a network as .*, got int; give a file, a function"),
    ],
)
def test_wrong_settings_are_named(settings, message, unchecked):
    with pytest.raises(ValueError, match=f"^{message}"):
        unchecked("iem.inpainters").External(**{"source": print, **settings})


def test_mat_is_shown_what_mat_takes():
    recorder = Recorder(lambda image, mask: torch.full_like(image, -1.1))  # its answers are not bounded
    image, hole = scene((30, 40))
    painter = mat(recorder)
    painted = painter(image, hole)
    picture, mask = recorder.shown[0]
    assert picture.shape == (1, 3, 512, 512)
    assert set(mask.unique().tolist()) == {0, 1}
    assert (picture[mask.expand_as(picture) == 0] == 0).all()
    assert 0.2 < 1 - mask.mean() < 0.8
    assert picture.min() < -0.5
    assert (painted < 0.5)[hole.expand_as(image) == 1].float().mean() > 0.9
    assert painter.notice == MAT_NOTICE
    assert "CC BY-NC 4.0: not for commercial use" in MAT_NOTICE


@pytest.mark.parametrize("group", ["inpainter", "painter"])
def test_the_configurations_are_these_defaults(group):
    for name, expected in (("external", External(draws)), ("mat", mat(draws))):
        settings = yaml.safe_load((CONF / group / f"{name}.yaml").read_text())
        assert settings.pop("_target_") == "iem.inpainters.External"
        made = External(**{**settings, "source": draws, "sha256": None, "seed": 0})
        assert made == expected
        assert made.notice == expected.notice
