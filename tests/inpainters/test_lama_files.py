"""Files of LaMa's weights: each kind that is around is read; any other is refused with one sentence."""

import collections
import sys
import types
import warnings
import zipfile
from pathlib import Path

import pytest
import torch
from references.pictures import noise
from references.tiny_lama import lama_file, lama_program_file, lama_weights, tiny_lama

from iem.inpainters import Lama


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("lama")


@pytest.fixture(scope="module")
def painter(folder):
    return tiny_lama(folder)


def scene(height: int, width: int, *, batch: int = 1, seed: int = 1):
    image = noise(seed, batch, 3, height, width).float()
    hole = torch.zeros(batch, 1, height, width)
    hole[..., height // 4 : height // 4 + max(1, height // 2), width // 3 : width // 3 + max(1, width // 2)] = 1
    return image, hole


@pytest.fixture
def refused(unchecked):
    def message(path, **settings) -> str:
        with pytest.raises(ValueError, match=r"^(checkpoint|sha256): expected ") as caught:
            unchecked("iem.inpainters").Lama(path, **settings)
        text = str(caught.value)
        assert "\n" not in text
        return text

    return message


@pytest.mark.parametrize("prefix", ["", "generator.", "model.generator."])
def test_tables_under_any_prefix_with_or_without_counters(tmp_path, painter, prefix):
    weights = {f"{prefix}{name}": value for name, value in lama_weights().items() if "num_batches" not in name}
    torch.save(weights, tmp_path / "table.pth")
    image, hole = scene(24, 24)
    assert torch.equal(Lama(tmp_path / "table.pth")(image, hole), painter(image, hole))


def test_safetensors(tmp_path, painter):
    safetensors = pytest.importorskip("safetensors.torch")
    safetensors.save_file(lama_weights(), tmp_path / "same.safetensors")
    image, hole = scene(24, 24)
    assert torch.equal(Lama(tmp_path / "same.safetensors")(image, hole), painter(image, hole))


def test_an_older_format_and_half_precision(tmp_path, painter):
    weights = {name: value.half() if value.ndim else value for name, value in lama_weights().items()}
    torch.save({"state_dict": weights}, tmp_path / "old.ckpt", _use_new_zipfile_serialization=False)
    image, hole = scene(24, 24)
    torch.testing.assert_close(Lama(tmp_path / "old.ckpt")(image, hole), painter(image, hole), atol=0.02, rtol=0)


def test_what_lightning_writes_beside_the_weights(tmp_path, painter, monkeypatch):
    """Objects of packages that need not be here; none is imported or run."""
    path = tmp_path / "best.ckpt"
    with monkeypatch.context() as patch:
        kinds = [foreign(patch, name) for name in ("pytorch_lightning.callbacks.ModelCheckpoint", "omegaconf.Node")]
        states = {kind: kind(tmp_path / "ran") for kind in kinds}
        counts = collections.defaultdict(int, {"epochs": 40})
        content = {"callbacks": states, "hyper": [dict, str], "counts": counts, "state_dict": lama_weights()}
        torch.save(content, path)
    image, hole = scene(24, 24)
    allowed = set(torch.serialization.get_safe_globals())
    assert torch.equal(Lama(path)(image, hole), painter(image, hole))
    assert not (tmp_path / "ran").exists()
    assert set(torch.serialization.get_safe_globals()) == allowed


def test_a_pickle_that_would_run_code(refused, tmp_path):
    torch.save({"state_dict": lama_weights(), "more": Dangerous(tmp_path / "ran")}, tmp_path / "evil.ckpt")
    text = refused(tmp_path / "evil.ckpt")
    assert "a pickle that asks to run " in text
    assert "weights_only=False" in text
    assert not (tmp_path / "ran").exists()


def test_none_missing_and_folder(refused, tmp_path):
    text = refused(None)
    assert "best.ckpt or big-lama.pt" in text
    assert "github.com/advimman/lama" in text
    assert "a path where nothing is" in refused(tmp_path / "nothing.pth")
    assert "a folder" in refused(tmp_path)


def test_truncated_or_no_weights(refused, tmp_path, folder):
    for path in (lama_file(folder), lama_program_file(folder)):
        whole = path.read_bytes()
        (tmp_path / path.name).write_bytes(whole[: len(whole) // 2])
        assert "truncated or holds no weights" in refused(tmp_path / path.name)
    for name in ("no.pth", "no.safetensors"):
        (tmp_path / name).write_bytes(b"hello")
        assert "truncated" in refused(tmp_path / name)


def test_the_archive_as_it_is_published(refused, tmp_path, folder):
    with zipfile.ZipFile(tmp_path / "big-lama.zip", "w") as archive:
        archive.write(lama_file(folder), "big-lama/models/best.ckpt")
    assert "unpack it and give big-lama/models/best.ckpt" in refused(tmp_path / "big-lama.zip")


def test_another_network(refused, tmp_path):
    weights = lama_weights()
    name = "model.5.conv2.ffc.convl2g.weight"
    wrong = {
        "names are missing": {key: value for key, value in weights.items() if key != name},
        "unknown, such as model.99": {**weights, "model.99.weight": torch.ones(1)},
        "has the shape": {**weights, name: weights[name][:, :-1]},
        "not the weight of an even number": {**weights, "model.1.ffc.convl2l.weight": torch.ones(3)},
        "holds NaN": {**weights, name: weights[name] * float("nan")},
        "no Fourier convolutions": {"model.1.ffc.convl2l.weight": torch.ones(4, 4, 7, 7)},
        "there is no model.1.ffc": {"stage1.conv1.weight": torch.ones(4, 4, 7, 7)},
        "no table of weights": [1, 2],
    }
    for reason, content in wrong.items():
        torch.save(content, tmp_path / "wrong.pth")
        assert reason in refused(tmp_path / "wrong.pth")


@pytest.mark.parametrize(
    ("answer", "inputs", "reason"),
    [
        (lambda image: image, 1, "does not take an image and a mask"),
        (lambda image, mask: image[:, :, :5] * mask[:, :, :5], 2, "does not return a picture for"),
        (lambda image, mask: (image, mask), 2, "does not return a picture for"),
        (lambda image, mask: image * mask * 255.0, 2, "does not return a picture in [0, 1]"),
    ],
)
def test_another_program(refused, tmp_path, answer, inputs, reason):
    examples = (torch.rand(1, 3, 16, 16), torch.rand(1, 1, 16, 16))[:inputs]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of TorchScript being superseded
        torch.jit.trace(Answering(answer), examples).save(str(tmp_path / "other.pt"))
    assert reason in refused(tmp_path / "other.pt")


def test_another_checksum(refused, folder):
    assert "altered" in refused(lama_file(folder), sha256="0" * 64)


class Dangerous:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def foreign(patch, path: str) -> type:
    """A class as of another package, whose objects would touch a file if they were restored."""
    module, _, name = path.rpartition(".")
    kind = type(name, (), {"__init__": lambda self, path: setattr(self, "path", path), "__module__": module,
                           "__setstate__": lambda self, state: Path(state["path"]).touch(),
                           "__getstate__": lambda self: {"path": str(self.path)}})  # fmt: skip
    for end in [place for place, letter in enumerate(f"{module}.") if letter == "."]:
        patch.setitem(sys.modules, module[:end], types.ModuleType(module[:end]))
    setattr(sys.modules[module], name, kind)
    return kind


class Answering(torch.nn.Module):
    def __init__(self, answer) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, *inputs):
        return self.answer(*inputs)
