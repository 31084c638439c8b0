"""``iem peel`` within this process: what it writes, what it says and where, and its exit codes."""

import functools
import inspect
import io
import json
import sys
import types
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from iem.cli import main
from iem.cli.peel import FinderName, ModeName
from iem.finders import IEM
from iem.images import read_labels
from iem.peeling import peel
from iem.regions import RegionTree, StopReason
from iem.runner import peel_batch, peel_choices, peeler
from iem.runner.endings import FIRST, WORDS
from iem.runner.peeler import Peeler

QUICK = ("--size", "24", "--no-parts", "--alpha", "1", "--no-films")


@dataclass(frozen=True)
class Bright:
    """In place of the search, whose quality is not in question here: what is bright."""

    preset: str
    size: int

    def __call__(self, image, within):
        return (image.mean(1, keepdim=True) > 0.4).to(image) * within


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("IEM_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setattr(peel_choices, "IEM", Bright)


def picture(path, seed=0, size=(40, 30), **options):
    """A bright block at 12 to 30, 8 to 22 on dark grain."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(30, 50, (size[1], size[0], 3), dtype=np.uint8)
    values[8:22, 12:30] += 150
    Image.fromarray(values).save(path, **options)
    return path


def block(height=30, width=40):
    truth = torch.zeros(height, width, dtype=torch.bool)
    truth[8:22, 12:30] = True
    return truth


def test_every_file_of_a_tree(capsys):
    picture("in/birds/a b.png")
    assert main(["peel", "in", "-o", "out", *QUICK[:-1]]) == 0
    folder = Path("out/birds/a b")
    record = json.loads((folder / "tree.json").read_text())
    labels = read_labels(folder / "labels.png")
    with Image.open(folder / "labels.png") as written:
        assert written.mode.startswith("I;16")
    assert labels.shape == (30, 40)
    assert ((labels == 1) & block()).sum() / ((labels == 1) | block()).sum() > 0.95

    scene, first, *_ = record["regions"]
    assert (scene["id"], scene["parent"], scene["depth"], scene["area"]["extent"]) == (0, None, 0, 1200)
    assert (first["id"], first["parent"], first["depth"], first["round"]) == (1, 0, 1, 1)
    assert first["area"]["own"] == int((labels == 1).sum())
    left, top, right, bottom = first["box"]
    assert (labels[top:bottom, left:right] == 1).sum() == first["area"]["own"]
    assert sum(region["area"]["own"] for region in record["regions"]) == labels.numel()
    assert record["reason"] in {str(reason) for reason in StopReason}
    assert record["rounds"][0]["region"] == 1
    assert record["size"] == record["peeled_at"] == [40, 30]

    mask = np.asarray(Image.open(folder / "regions/01.png"))
    assert ((mask == 255) == (labels == 1).numpy()).all()
    cutout = np.asarray(Image.open(folder / "cutouts/01.png"))
    assert ((cutout[..., 3] == 255) == (labels == 1).numpy()).all()
    assert (cutout[..., :3][mask == 255] == np.asarray(Image.open("in/birds/a b.png"))[mask == 255]).all()
    assert {path.name for path in (folder / "rounds").glob("01_*")} == {
        "01_picture.jpg",
        "01_mask.png",
        "01_overlay.jpg",
        "01_painted.jpg",
    }
    with Image.open(folder / "film.webp") as film, Image.open(folder / "overview.jpg") as overview:
        assert film.n_frames > 1
        assert overview.width > 500
    on_disk = {path.relative_to(folder).as_posix() for path in folder.rglob("*.*")}
    assert on_disk == {*record["files"], "tree.json"}
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1].startswith("1 picture peeled in ")


def test_the_last_line_tells_how_many_and_why(capsys):
    picture("in/a.png")
    assert main(["peel", "in", "-o", "out", *QUICK, "--rounds", "1"]) == 0
    line, last = capsys.readouterr().err.splitlines()
    assert line.startswith("[1/1] in/a.png: 1 region; the rounds ran out, ")
    assert "; 1 region; the rounds ran out; results in out" in last


def test_a_flat_picture_has_no_region_and_is_no_failure(capsys):
    Image.new("RGB", (20, 10), "red").save("flat.png")
    assert main(["peel", "flat.png", "-o", "out", *QUICK]) == 0
    assert "flat.png: no region; the picture is one flat colour" in capsys.readouterr().err
    assert int(read_labels("out/flat/labels.png").max()) == 0
    assert not Path("out/flat/regions").exists()


def test_finished_pictures_are_skipped(capsys):
    picture("in/a.png")
    arguments = ["peel", "in", "-o", "out", *QUICK]
    assert main(arguments) == 0
    before = {path: path.stat().st_mtime_ns for path in Path("out").rglob("*.*")}
    capsys.readouterr()
    assert main(arguments) == 0
    assert "1 skipped" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in Path("out").rglob("*.*")} == before
    Path("out/a/cutouts/01.png").unlink()
    assert main(arguments) == 0
    assert "1 picture peeled" in capsys.readouterr().err
    assert main([*arguments, "--min-area", "0.02"]) == 0
    assert "1 picture peeled" in capsys.readouterr().err
    assert main([*arguments, "--overwrite"]) == 0
    assert "1 picture peeled" in capsys.readouterr().err
    picture("in/a.png", seed=1)
    assert main(arguments) == 0
    assert "1 picture peeled" in capsys.readouterr().err
    assert main([*arguments, "--films"]) == 0
    assert "1 picture peeled" in capsys.readouterr().err
    assert Path("out/a/film.webp").exists()


def test_files_of_an_earlier_tree_are_removed_and_those_of_others_kept(capsys):
    picture("a.png")
    for name in ("regions/07.png", "cutouts/07.png", "rounds/07_mask.png", "regions/mine.png", "notes.txt"):
        Path("out/a", name).parent.mkdir(parents=True, exist_ok=True)
        Path("out/a", name).write_bytes(b"old")
    assert main(["peel", "a.png", "-o", "out", *QUICK]) == 0
    kept = {path.relative_to("out/a").as_posix() for path in Path("out/a").rglob("*.*")}
    assert {"regions/mine.png", "notes.txt"} < kept
    assert not {"regions/07.png", "cutouts/07.png", "rounds/07_mask.png"} & kept


def test_an_input_is_never_removed(capsys):
    picture("out/a/regions/01.png")
    picture("a.png")
    before = Path("out/a/regions/01.png").read_bytes()
    assert main(["peel", "a.png", "out/a/regions/01.png", "-o", "out", *QUICK]) == 2
    assert "this would overwrite the input out/a/regions/01.png" in capsys.readouterr().err
    assert Path("out/a/regions/01.png").read_bytes() == before


def test_bad_files_are_named_and_the_others_done(capsys):
    picture("in/a.png")
    Path("in/b.png").write_bytes(b"nonsense")
    assert main(["peel", "in", "-o", "out", *QUICK, "--json"]) == 2
    out, err = capsys.readouterr()
    good, bad, last = [json.loads(line) for line in out.splitlines()]
    assert bad == {"input": "in/b.png", "outcome": "failed", "error": bad["error"]}
    assert (good["outcome"], good["size"], good["regions"][1]["id"]) == ("done", [40, 30], 1)
    assert Path(good["files"]["tree.json"]).exists()
    assert last["summary"] == {
        "done": 1,
        "skipped": 0,
        "failed": 1,
        "total": 2,
        "interrupted": False,
        "seconds": last["summary"]["seconds"],
    }
    assert [line for line in err.splitlines() if line] == [f"[2/2] in/b.png: failed: {bad['error']}"]


def test_transparency_stays_and_the_picture_stands_upright():
    values = np.asarray(Image.open(picture("a.png")).convert("RGBA")).copy()
    values[8:22, 20:30, 3] = 0
    Image.fromarray(values).save("hole.png")
    assert main(["peel", "hole.png", "-o", "out", *QUICK]) == 0
    cutouts = list(Path("out/hole/cutouts").iterdir())
    assert cutouts
    for path in cutouts:
        assert (np.asarray(Image.open(path))[8:22, 20:30, 3] == 0).all()

    exif = Image.Exif()
    exif[0x0112] = 6
    picture("turned.jpg", exif=exif, quality=95)
    assert main(["peel", "turned.jpg", "-o", "out", *QUICK]) == 0
    assert read_labels("out/turned/labels.png").shape == (40, 30)


def test_a_large_picture_is_peeled_reduced_and_its_labels_follow_its_edges(monkeypatch):
    monkeypatch.setattr(peel_choices, "Peeler", functools.partial(Peeler, most_pixels=4000))
    values = np.full((110, 130, 3), 40, dtype=np.uint8)
    values[31:77, 43:101] = (220, 120, 30)
    Image.fromarray(values).save("large.png")
    assert main(["peel", "large.png", "-o", "out", *QUICK, "--rounds", "1", "--no-joint"]) == 0
    truth = torch.zeros(110, 130, dtype=torch.long)
    truth[31:77, 43:101] = 1
    assert torch.equal(read_labels("out/large/labels.png"), truth)
    record = json.loads(Path("out/large/tree.json").read_text())
    assert (record["size"], record["peeled_at"]) == ([130, 110], [68, 58])


def test_a_picture_from_standard_input(monkeypatch, capsys):
    data = picture("a.png").read_bytes()
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=io.BytesIO(data), isatty=lambda: False))
    assert main(["peel", "-", "-o", "out", *QUICK]) == 0
    assert Path("out/stdin/tree.json").exists()


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 400), (7, 5)])
def test_tiny_and_thin_pictures(size, capsys, monkeypatch):
    monkeypatch.setattr(peel_choices, "IEM", IEM)
    values = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(values).save("a.png")
    for finder in ("iem", "tokencut"):
        options = ["--finder", finder, "--size", "24", "--alpha", "1"]
        assert main(["peel", "a.png", "-o", finder, *options]) == 0, capsys.readouterr().err
        assert read_labels(f"{finder}/a/labels.png").shape == size[::-1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["peel"], "iem peel: Missing argument 'IN' (see iem peel --help)"),
        (["peel", "in"], "Missing option '--output' / '-o'"),
        (["peel", "in", "-o", "-"], "-o - has no room for a tree of regions, which takes many files; name a folder"),
        (["peel", "in", "-o", "in"], "iem: the output folder in is an input too; choose another"),
        (["peel", "in", "-o", "in/a.png"], "cannot write to in/a.png: it is a file, not a folder"),
        (["peel", "in", "-o", "out", "--finder", "sam"], "Invalid value for '--finder'"),
        (["peel", "in", "-o", "out", "--painter", "magic"], "Invalid value for '--painter'"),
        (["peel", "in", "-o", "out", "--min-area", "2"], "Invalid value for '--min-area'"),
        (["peel", "in", "-o", "out", "--min-area", "nan"], "--min-area"),
        (["peel", "in", "-o", "out", "--rounds", "0"], "Invalid value for '--rounds'"),
        (["peel", "in", "-o", "out", "--alpha", "nan"], "--alpha"),
        (["peel", "in", "-o", "out", "--features", "x"], "--features is for --finder tokencut"),
        (["peel", "in", "-o", "out", "--finder", "tokencut", "--preset", "best"], "--preset is for --finder iem"),
        (["peel", "in", "-o", "out", "--mode", "split", "--painter", "mean"], "nothing is painted with --mode split"),
        (["peel", "in", "-o", "out", "--mode", "split", "--no-parts"], "are for --mode paint"),
        (["peel", "in", "-o", "out", "--weights", "x"], "--weights: the painter harmonic has none"),
        (["peel", "in", "-o", "out", "--painter", "deepfill"], "`iem models get deepfillv2-places2"),
        (["peel", "in", "-o", "out", "--painter", "deepfill", "--weights", "x.pth"], "--weights: expected the file"),
        (["peel", "in", "-o", "out", "--painter", "lama"], "--weights: expected LaMa's weights"),
        (["peel", "in", "-o", "out", "--painter", "controlnet"], "`iem models get controlnet-inpaint`"),
        (["peel", "in", "-o", "out", "--painter", "external"], "--weights: the painter external needs a network of"),
        (["peel", "in", "-o", "out", "--prompt", "sky"], "--prompt: the painter harmonic has no use for it; choose"),
        (["peel", "in", "-o", "out", "--painter", "lama", "--seed", "1"], "--seed: the painter lama has no use for it"),
        (["peel", "in", "-o", "out", "--mode", "split", "--seed", "1"], "--seed: nothing is painted with --mode split"),
        (["peel", "in", "-o", "out", "--painter", "controlnet", "--weights", "x"], "found no folder x/base"),
        (["peel", "in", "-o", "out", "--max-megapixels", "0"], "--max-megapixels: expected a number above 0, got 0"),
    ],
)
def test_wrong_usage_is_one_sentence(arguments, message, capsys):
    picture("in/a.png")
    assert main(arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1
    assert not Path("out").exists()


def test_features_of_a_network_find_the_block(tmp_path):
    from references.tiny_models import tiny_vit

    network = tiny_vit(tmp_path / "vit", positions=False)
    picture("a.png")
    options = ["--finder", "tokencut", "--features", str(network), "--size", "96", "--rounds", "1", "--alpha", "1"]
    assert main(["peel", "a.png", "-o", "out", *options]) == 0
    found = read_labels("out/a/labels.png") == 1
    assert (found & block()).sum() / (found | block()).sum() > 0.8


def test_missing_features_are_one_sentence(capsys):
    picture("a.png")
    assert main(["peel", "a.png", "-o", "out", "--finder", "tokencut", "--features", "./nowhere"]) == 1
    err = capsys.readouterr().err
    assert "found no folder ./nowhere" in err
    assert err.count("\n") == 1
    assert not Path("out").exists()


def test_a_painter_from_a_file_of_weights(tmp_path):
    from references.tiny_painters import tiny_deepfill

    tiny_deepfill(tmp_path)
    (weights,) = tmp_path.glob("*.pth")
    picture("a.png")
    assert main(["peel", "a.png", "-o", "out", *QUICK, "--painter", "deepfill", "--weights", str(weights)]) == 0
    assert json.loads(Path("out/a/tree.json").read_text())["settings"]["painter"]["sha256"]


def test_a_missing_library_of_a_painter_is_told_before_any_work(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "cv2", None)
    picture("a.png")
    assert main(["peel", "a.png", "-o", "out", *QUICK, "--painter", "telea"]) == 1
    assert 'pip install "iem[opencv]"' in capsys.readouterr().err
    assert not Path("out").exists()


def test_interruption_leaves_what_is_finished(monkeypatch, capsys):
    from iem.cli.interruption import Interrupted

    picture("in/a.png")
    picture("in/b.png", 1)
    whole = peel_batch.peel_to_cpu

    def interrupted(image, *arguments):
        if Path("out/a/tree.json").exists():
            raise Interrupted(2)
        return whole(image, *arguments)

    monkeypatch.setattr(peel_batch, "peel_to_cpu", interrupted)
    assert main(["peel", "in", "-o", "out", *QUICK]) == 130
    assert "interrupted: 1 of 2 pictures is done and whole; the same command does the rest" in capsys.readouterr().err
    monkeypatch.setattr(peel_batch, "peel_to_cpu", whole)
    assert main(["peel", "in", "-o", "out", *QUICK]) == 0
    assert "1 picture peeled" in capsys.readouterr().err


def test_joint_splitting_and_parts_reach_the_splitter(monkeypatch):
    seen = {}

    def watched(image, **settings):
        seen.update(settings)
        return RegionTree(image, peel(torch.zeros_like(image)).regions, reason=StopReason.CONSTANT)

    monkeypatch.setattr(peeler, "peel", watched)
    picture("a.png")
    options = [
        "--mode",
        "split",
        "--no-joint",
        "--min-area",
        "0.1",
        "--rounds",
        "3",
        "--alpha",
        "0.2",
        "--preset",
        "paper",
    ]
    assert main(["peel", "a.png", "-o", "out", *options]) == 0
    assert (seen["mode"], seen["joint"], seen["min_area"], seen["max_rounds"]) == ("split", False, 0.1, 3)
    assert (seen["test"].alpha, seen["finder"].preset, seen["finder"].size) == (0.2, "paper", 128)


def test_without_options_all_is_as_in_python(monkeypatch):
    monkeypatch.setattr(peel_choices, "IEM", IEM)
    assert peel_choices.choose_peeler() == Peeler()
    asked, has = inspect.signature(peel).parameters, Peeler()
    for name in set(asked) - {"image", "callback"}:
        assert getattr(has, name) == asked[name].default, name


def test_words_for_every_reason():
    assert set(WORDS) == set(FIRST) == {str(reason) for reason in StopReason}


def test_names_of_choices():
    assert {each.value for each in FinderName} == {"iem", "tokencut"}
    assert {each.value for each in ModeName} == {"paint", "split"}
