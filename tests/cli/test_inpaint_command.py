"""``iem inpaint`` within this process: what it writes, what it says and where, and its exit codes."""

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from iem.cli import main
from iem.cli.inpaint import FormatName
from iem.cli.interruption import Interrupted
from iem.inpainters import Harmonic
from iem.runner import inpaint_batch, inpaint_file, inpaint_picture
from iem.runner.inpaint_file import FORMATS, StepTeller


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("IEM_WEIGHTS", str(tmp_path / "weights"))


def picture(path, seed=0, size=(40, 30), channels=3, **options):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], channels), dtype=np.uint8)
    Image.fromarray(values[..., 0] if channels == 1 else values).save(path, **options)
    return path


def hole(size=(40, 30)):
    found = np.zeros((size[1], size[0]), bool)
    found[8:22, 12:30] = True
    return found


def mask(path="mask.png", size=(40, 30)):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(hole(size).astype(np.uint8) * 255).save(path)
    return path


def values(path):
    with Image.open(path) as found:
        return np.asarray(found)


def changed(before, after):
    """Whether each pixel differs."""
    return (values(before) != values(after)).any(-1)


def test_the_hole_is_painted_and_nothing_else(capsys):
    picture("in/birds/a b.png")
    mask()
    assert main(["inpaint", "in", "--mask", "mask.png", "-o", "out"]) == 0
    assert not changed("in/birds/a b.png", "out/birds/a b.png")[~hole()].any()
    expected = Harmonic()(
        torch.from_numpy(values("in/birds/a b.png").copy()).permute(2, 0, 1)[None] / 255,
        torch.from_numpy(hole())[None, None].float(),
    )
    found = torch.from_numpy(values("out/birds/a b.png").copy()).permute(2, 0, 1)[None] / 255
    torch.testing.assert_close(found, expected, rtol=0, atol=0.51 / 255)
    record = json.loads(Path("out/records/birds/a b.json").read_text())
    assert record["settings"]["painter"]["class"] == "iem.inpainters.harmonic.Harmonic"
    assert (record["size"], record["file"]) == ([40, 30], "birds/a b.png")
    assert record["painted"] == pytest.approx(hole().mean(), abs=1e-6)
    out, err = capsys.readouterr()
    assert out == ""
    assert "a b.png: 21.0 % painted, " in err
    assert err.splitlines()[-1].startswith("1 picture painted in ")


def test_a_folder_of_masks_finds_each_by_its_name(capsys):
    for name in ("a", "birds/b", "birds/c", "birds/d"):
        picture(f"in/{name}.jpg")
    mask("masks/a.png")
    mask("masks/birds/B_mask.png")
    mask("masks/birds/c.png", (20, 20))
    assert main(["inpaint", "in", "-m", "masks", "-o", "out"]) == 2
    err = capsys.readouterr().err
    assert Path("out/a.png").exists()
    assert Path("out/birds/b.png").exists()
    assert "birds/c.jpg: failed: masks/birds/c.png: the mask is 20 x 20 pixels, its picture 40 x 30; give" in err
    assert "or stretch it with --resize-mask" in err
    assert "birds/d.jpg: failed: no mask of its name in masks; expected birds/d.png or birds/d_mask.png there" in err
    assert "2 failed; JPEG written as PNG, to lose nothing (--format same keeps JPEG); results in out" in err
    assert main(["inpaint", "in/birds/c.jpg", "-m", "masks/birds/c.png", "-o", "out", "--resize-mask"]) == 0


def test_masks_beside_their_pictures_are_no_pictures():
    picture("in/a.png")
    mask("in/masks/a.png")
    assert main(["inpaint", "in", "-m", "in/masks", "-o", "out"]) == 0
    assert [path.name for path in Path("out").rglob("*.png")] == ["a.png"]


def test_two_masks_of_one_name_are_refused(capsys):
    picture("in/a.tif")
    mask("masks/a.png")
    mask("masks/a.bmp")
    assert main(["inpaint", "in", "-m", "masks", "-o", "out"]) == 2
    assert "two masks of its name, a.bmp and a.png in masks; remove one of them" in capsys.readouterr().err
    mask("masks/a.tif")
    assert main(["inpaint", "in", "-m", "masks", "-o", "out"]) == 0


def test_finished_pictures_are_skipped_and_changes_noticed(capsys):
    picture("in/a.png")
    mask()
    arguments = ["inpaint", "in", "-m", "mask.png", "-o", "out"]
    assert main(arguments) == 0
    before = {path: path.stat().st_mtime_ns for path in Path("out").rglob("*.*")}
    capsys.readouterr()
    assert main(arguments) == 0
    assert "1 skipped" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in Path("out").rglob("*.*")} == before

    def again(*more):
        assert main([*arguments, *more]) == 0
        return "1 picture painted" in capsys.readouterr().err

    for more in (["--grow", "1"], ["--feather", "2"], ["--invert"], ["--painter", "mean"], ["--overwrite"]):
        assert again(*more), more
    Image.fromarray(np.roll(hole(), 1, 0).astype(np.uint8) * 255).save("mask.png")
    assert again()
    picture("in/a.png", seed=1)
    assert again()
    assert not again()
    Path("out/a.png").write_bytes(b"")
    assert again()


def test_files_that_are_not_ours_are_kept(capsys):
    picture("in/a.png")
    before = picture("out/a.png", seed=5).read_bytes()
    mask()
    assert main(["inpaint", "in", "-m", "mask.png", "-o", "out"]) == 2
    assert (
        "a file of this name is there, which no earlier run wrote; --overwrite replaces it" in capsys.readouterr().err
    )
    assert Path("out/a.png").read_bytes() == before
    assert main(["inpaint", "in", "-m", "mask.png", "-o", "out", "--overwrite"]) == 0
    assert Path("out/a.png").read_bytes() != before


@pytest.mark.parametrize(("source", "target"), [("a.png", "."), ("mask.png", "."), ("a.png", "a.png")])
def test_neither_pictures_nor_masks_are_overwritten(source, target, capsys):
    picture("a.png")
    before = mask().read_bytes(), Path("a.png").read_bytes()
    assert main(["inpaint", source, "-m", "mask.png", "-o", target, "--overwrite"]) == 2
    assert "this would overwrite the input " in capsys.readouterr().err
    assert (Path("mask.png").read_bytes(), Path("a.png").read_bytes()) == before


def test_bad_files_are_named_and_the_others_done(capsys):
    picture("in/good.png")
    Path("in/bad.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    mask()
    assert main(["inpaint", "in", "missing.png", "-m", "mask.png", "-o", "out"]) == 2
    err = capsys.readouterr().err
    assert "in/bad.png: failed: its header is damaged" in err
    assert "missing.png: failed: there is no such file" in err
    assert Path("out/good.png").exists()
    assert "1 picture painted in" in err
    assert ", 2 failed" in err


def test_json(capsys):
    picture("a.png")
    mask()
    assert main(["inpaint", "a.png", "no.png", "-m", "mask.png", "-o", "out", "--json"]) == 2
    done, failed, last = map(json.loads, capsys.readouterr().out.splitlines())
    assert (done["input"], done["outcome"], done["format"]) == ("a.png", "done", "PNG")
    assert done["files"] == {"painted": "out/a.png", "record": "out/records/a.json"}
    assert len(done["mask_sha256"]) == 64
    assert failed["outcome"] == "failed"
    assert last["summary"]["done"] == 1


class Pipe(io.BytesIO):
    """Stands for a pipe, which is no terminal."""

    @property
    def buffer(self):
        return self

    encoding = "utf-8"

    def isatty(self):
        return False


def test_from_a_pipe_to_a_pipe(monkeypatch):
    data = picture("a.png").read_bytes()
    mask()
    out = Pipe()
    monkeypatch.setattr(sys, "stdin", Pipe(data))
    monkeypatch.setattr(sys, "stdout", out)
    assert main(["inpaint", "-", "-m", "mask.png", "-o", "-"]) == 0
    assert (
        changed("a.png", io.BytesIO(out.getvalue())) == (changed("a.png", io.BytesIO(out.getvalue())) & hole())
    ).all()
    assert changed("a.png", io.BytesIO(out.getvalue())).any()


def test_one_picture_into_a_file_of_that_name(capsys):
    picture("a.jpg")
    mask()
    assert main(["inpaint", "a.jpg", "-m", "mask.png", "-o", "new.png"]) == 0
    assert not changed("a.jpg", "new.png")[~hole()].any()
    assert [path.name for path in Path().glob("*new*")] == ["new.png"]
    assert main(["inpaint", "a.jpg", "-m", "mask.png", "-o", "new.png"]) == 1
    assert "-o: new.png is there already; --overwrite replaces it" in capsys.readouterr().err
    assert main(["inpaint", "a.jpg", "-m", "mask.png", "-o", "new.jpg"]) == 0
    with Image.open("new.jpg") as found:
        assert found.format == "JPEG"
    capsys.readouterr()
    assert main(["inpaint", "a.jpg", "-m", "mask.png", "-o", "no.jpg", "--format", "png"]) == 1
    assert "--format png does not fit -o no.jpg" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "asked", "written"),
    [
        ("a.jpg", "auto", "a.png"),
        ("a.JPEG", "same", "a.JPEG"),
        ("a.webp", "auto", "a.webp"),
        ("a.tiff", "auto", "a.tiff"),
        ("a.gif", "auto", "a.png"),
        ("a.png", "webp", "a.webp"),
        ("a.png", "jpeg", "a.jpg"),
        ("a.png", "tiff", "a.tif"),
        ("a.png", "bmp", "a.bmp"),
    ],
)
def test_formats(name, asked, written):
    picture(name)
    mask()
    assert main(["inpaint", name, "-m", "mask.png", "-o", "out", "--format", asked]) == 0
    assert [path.name for path in Path("out").iterdir() if path.is_file()] == [written]
    if asked not in ("same", "jpeg"):
        with Image.open(name) as before, Image.open(Path("out", written)) as after:
            assert (np.asarray(before.convert("RGB")) == np.asarray(after.convert("RGB")))[~hole()].all()


def test_formats_are_those_of_the_runner():
    assert {each.value for each in FormatName} == set(FORMATS)


def test_growing_and_feathering_reach_so_far_and_no_further():
    picture("a.png")
    mask()
    paint = ["inpaint", "a.png", "-m", "mask.png", "--painter", "mean", "-o"]
    rows = np.abs(np.arange(30) - 14.5)[:, None] - 6.5
    columns = np.abs(np.arange(40) - 20.5)[None] - 8.5
    distance = np.hypot(rows.clip(0), columns.clip(0))
    assert main([*paint, "grown.png", "--grow", "3"]) == 0
    assert not changed("a.png", "grown.png")[distance > 3].any()
    assert changed("a.png", "grown.png")[distance <= 3].mean() > 0.95
    assert main([*paint, "both.png", "--grow", "2", "--feather", "4"]) == 0
    assert not changed("a.png", "both.png")[distance > 6].any()
    before, after = (values(name).astype(float) for name in ("a.png", "both.png"))
    paint_colour = after[hole()][0]
    assert (after[distance <= 2] == paint_colour).all()
    share = 1 - 3 / 5  # five pixels away: three beyond what is painted wholly, of five steps to nothing
    ring = (distance == 5) & (rows.clip(0) == 0)
    assert ring.any()
    expected = before[ring] + share * (paint_colour - before[ring])
    assert np.abs(after[ring] - expected).max() <= 1


def test_transparent_holes_become_opaque_and_their_colours_do_not_matter():
    """Somebody erased an object: the hole is what is transparent, and is filled from around it."""
    rgba = np.full((30, 40, 4), 255, np.uint8)
    rgba[..., :3] = (200, 100, 50)
    rgba[hole()] = (0, 255, 0, 0)
    Image.fromarray(rgba).save("erased.png")
    assert main(["inpaint", "erased.png", "-m", "erased.png", "--invert", "-o", "out"]) == 0
    assert (values("out/erased.png") == (200, 100, 50, 255)).all()


def test_what_is_transparent_around_a_hole_does_not_bleed_into_it():
    rgba = np.full((30, 40, 4), 255, np.uint8)
    rgba[..., :3] = (200, 100, 50)
    rgba[:, 30:] = (0, 255, 0, 0)
    Image.fromarray(rgba).save("a.png")
    mask()
    assert main(["inpaint", "a.png", "-m", "mask.png", "-o", "out"]) == 0
    found = values("out/a.png")
    assert (np.abs(found[hole()][:, :3].astype(int) - (200, 100, 50)) <= 1).all()
    assert (found[:, 30:] == rgba[:, 30:]).all()
    assert (found[15, 12:30, 3][:6] > found[15, 12:30, 3][-6:]).all()


def test_an_empty_mask_is_told_and_a_full_one_refused(capsys):
    picture("a.png")
    Image.new("L", (40, 30)).save("none.png")
    Image.new("L", (40, 30), 255).save("all.png")
    assert main(["inpaint", "a.png", "-m", "none.png", "-o", "out"]) == 0
    assert "a.png: 0.0 % painted, " in (err := capsys.readouterr().err)
    assert "the mask is empty: nothing was painted" in err
    assert (values("out/a.png") == values("a.png")).all()
    assert main(["inpaint", "a.png", "-m", "all.png", "-o", "out"]) == 2
    assert "all.png: the mask covers the whole picture" in capsys.readouterr().err
    assert main(["inpaint", "a.png", "-m", "all.png", "--invert", "-o", "out"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.png", "-o", "out"], "Missing option '--mask'"),
        (["a.png", "-m", "mask.png"], "Missing option '--output'"),
        (["-m", "mask.png", "-o", "out"], "Missing argument 'PHOTO"),
        (["a.png", "-m", "nowhere", "-o", "out"], "--mask: expected a picture or a folder of pictures, got nowhere"),
        (["a.png", "-m", "empty", "-o", "out"], "--mask: expected a folder of pictures, got empty, which holds none"),
        (["a.png", "-m", "-", "-o", "out"], "--mask - is not possible"),
        (["a.png", "-m", "mask.png", "-o", "out", "--painter", "magic"], "Invalid value for '--painter'"),
        (["a.png", "-m", "mask.png", "-o", "out", "--prompt", "sky"], "--prompt: the painter harmonic has no use for"),
        (["a.png", "-m", "mask.png", "-o", "out", "--weights", "x"], "--weights: the painter harmonic has none"),
        (["a.png", "-m", "mask.png", "-o", "out", "--margin", "9"], "--margin: the painter harmonic is no network"),
        (["a.png", "-m", "mask.png", "-o", "out", "--painter", "lama"], "fetch it with `iem models get big-lama`"),
        (
            ["a.png", "-m", "mask.png", "-o", "out", "--painter", "lama", "--weights", "no.pt"],
            "--weights: expected LaMa's weights",
        ),
        (["a.png", "-m", "mask.png", "-o", "out", "--grow", "-1"], "Invalid value for '--grow'"),
        (
            ["a.png", "-m", "mask.png", "-o", "out", "--max-megapixels", "0"],
            "--max-megapixels: expected a number above",
        ),
        (
            ["a.png", "b.png", "-m", "mask.png", "-o", "out.png"],
            "-o out.png, a file, takes one picture, the inputs hold 2",
        ),
        (["a.png", "-m", "mask.png", "-o", "-", "--json"], "leave out --json"),
        (["empty", "a.png", "-m", "mask.png", "-o", "empty"], "is an input too; choose another"),
    ],
)
def test_wrong_usage_is_one_sentence(arguments, message, capsys):
    picture("a.png")
    mask()
    Path("empty").mkdir()
    assert main(["inpaint", *arguments]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1
    assert not Path("out").exists()


def test_a_network_of_ones_own_sees_a_window_around_each_hole(monkeypatch, capsys):
    """And the notice that it has to give is given."""
    picture("a.png", size=(300, 100))
    Path("painter.py").write_text(
        "shapes = []\ndef paint(image, mask):\n    shapes.append(tuple(image.shape[2:]))\n    return image * 0 + 0.5\n"
    )
    holes = np.zeros((100, 300), np.uint8)
    holes[40:50, 10:20] = holes[40:50, 270:280] = 255
    Image.fromarray(holes).save("mask.png")
    paint = ["inpaint", "a.png", "-m", "mask.png", "--painter", "external", "--weights", "painter.py:paint", "-o"]
    windows = []
    monkeypatch.setattr(
        inpaint_picture,
        "_apart",
        lambda boxes, whole=inpaint_picture._apart: windows.extend(whole(boxes)) or whole(boxes),
    )
    assert main([*paint, "near.png", "--margin", "16"]) == 0
    shapes = [tuple(side.stop - side.start for side in window) for window in windows]
    assert shapes == [(42, 36), (42, 42)]
    assert (values("near.png")[holes > 0] == 128).all()
    assert not changed("a.png", "near.png")[holes == 0].any()
    windows.clear()
    assert main([*paint, "far.png"]) == 0
    assert [tuple(side.stop - side.start for side in window) for window in windows] == [(100, 300)]


def test_steps_are_told_and_an_interruption_leaves_nothing_half_written(monkeypatch, capsys):
    pytest.importorskip("diffusers")
    from references.tiny_repaint import tiny_ddpm

    plain = {"add_attention": False, "block_out_channels": (4, 4)}
    weights = tiny_ddpm(Path("ddpm"), **plain, down_block_types=("DownBlock2D",) * 2, up_block_types=("UpBlock2D",) * 2)
    for name in ("a", "b"):
        picture(f"in/{name}.png")
    mask()
    arguments = ["inpaint", "in", "-m", "mask.png", "-o", "out", "--painter", "repaint"]
    arguments += ["--weights", str(weights), "--steps", "4", "--seed", "7"]
    told = []
    tell = StepTeller.__call__

    def interrupting(self, step, steps):
        tell(self, step, steps)
        told.append((step, steps))
        if len(told) == 6:
            raise Interrupted(2)

    monkeypatch.setattr(StepTeller, "__call__", interrupting)
    assert main(arguments) == 130
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4), (1, 4), (2, 4)]
    assert "interrupted: 1 of 2 pictures is done and whole; the same command does the rest" in capsys.readouterr().err
    assert sorted(path.name for path in Path("out").rglob("*.*")) == ["a.json", "a.png"]
    record = json.loads(Path("out/records/a.json").read_text())
    assert "on_step" not in record["settings"]["painter"]
    assert (record["settings"]["painter"]["steps"], record["settings"]["painter"]["seed"]) == (4, 7)
    assert main(arguments) == 0
    assert "1 skipped" in capsys.readouterr().err


def test_a_painter_that_fails_costs_its_picture_alone(monkeypatch, capsys):
    picture("in/a.png")
    picture("in/b.png")
    mask()
    whole = inpaint_file.paint

    def fails_once(*arguments, **options):
        if not Path("out/records/a.json").exists():
            raise MemoryError
        return whole(*arguments, **options)

    monkeypatch.setattr(inpaint_file, "paint", fails_once)
    assert main(["inpaint", "in", "-m", "mask.png", "-o", "out"]) == 2
    assert "not enough memory to paint it" in capsys.readouterr().err


def test_a_run_that_was_killed_between_file_and_record_is_taken_up(monkeypatch):
    picture("in/a.png")
    mask()
    write, calls = inpaint_batch.write_json, []

    def dies(path, content):
        calls.append(path)
        if len(calls) == 2:
            raise Interrupted(2)
        write(path, content)

    monkeypatch.setattr(inpaint_batch, "write_json", dies)
    assert main(["inpaint", "in", "-m", "mask.png", "-o", "out"]) == 130
    assert Path("out/a.png").exists()
    monkeypatch.setattr(inpaint_batch, "write_json", write)
    assert main(["inpaint", "in", "-m", "mask.png", "-o", "out"]) == 0


def test_grey_pictures_of_16_bits_stay_so():
    deep = np.random.default_rng(0).integers(0, 65536, (30, 40), dtype=np.uint16)
    Image.fromarray(deep).save("deep.png")
    mask()
    assert main(["inpaint", "deep.png", "-m", "mask.png", "-o", "out"]) == 0
    found = values("out/deep.png")
    assert found.dtype == np.uint16
    assert (found == deep)[~hole()].all()
    assert (found % 257 != 0)[hole()].any()


def test_the_help_does_not_wait_for_pytorch():
    import subprocess

    code = "import sys; from iem.cli import main; main(['inpaint', '--help']); sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--mask" in done.stdout
