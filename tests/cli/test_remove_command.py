"""``iem remove`` within this process: what vanishes, what stays to the bit, what is said, asked and refused."""

import io
import json
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms
from scipy import ndimage

from iem.cli import main
from iem.cli.interruption import Interrupted
from iem.images import read
from iem.interfaces import Proposal
from iem.prompts import Box, Points, Scribble, Text
from iem.runner import remove_objects, remove_picture
from iem.runner.painters import Readiness
from iem.runner.remove_objects import ObjectFinder
from iem.runner.remove_request import ObjectRequest, requested, said

RED, GREEN = (30, 20, 54, 44), (70, 30, 90, 50)  # left, top, right, bottom


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("IEM_WEIGHTS", str(tmp_path / "weights"))


class SameColour:
    """In place of the search, which takes seconds: what is connected to a prompt and of its colour."""

    answers = (Points, Box, Scribble)

    def __call__(self, image, prompts):
        size = tuple(image.shape[2:])
        found = torch.zeros(1, 1, *size)
        for prompt in prompts:
            if isinstance(prompt, Box):
                x, y = (prompt.left + prompt.right) / 2, (prompt.top + prompt.bottom) / 2
            else:
                x, y = prompt.xy[0] if isinstance(prompt, Points) else prompt.points[0]
            alike = (image - image[..., int(y), int(x)][..., None, None]).abs().amax(1) < 0.1
            pieces, _ = ndimage.label(alike[0].numpy())
            found = torch.maximum(found, torch.from_numpy(pieces == pieces[int(y), int(x)]).float()[None, None])
        return [Proposal(found, 0.9), Proposal(1 - found, 0.1)]


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(remove_objects, "make_segmenter", lambda name, weights: SameColour())
    monkeypatch.setattr(remove_objects, "describe", lambda part: {"class": type(part).__name__})


def photo(path="photo.png", **options):
    """A red and a green square on dark grain, 110 x 72."""
    values = np.random.default_rng(0).integers(40, 60, (72, 110, 3), dtype=np.uint8)
    for (left, top, right, bottom), colour in ((RED, (220, 50, 40)), (GREEN, (40, 200, 60))):
        values[top:bottom, left:right] = colour
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path, **options)
    return Path(path)


def mask(path="mask.png", box=RED, value=255):
    values = np.zeros((72, 110), np.uint8)
    values[box[1] : box[3], box[0] : box[2]] = value
    Image.fromarray(values).save(path)
    return Path(path)


def values(path):
    with Image.open(path) as found:
        return np.asarray(found).astype(int)


def record(folder="out/photo"):
    return json.loads((Path(folder) / "removal.json").read_text())


def words(box):
    return ",".join(map(str, box))


def is_gone(path, box):
    left, top, right, bottom = box
    return bool(values(path)[top:bottom, left:right].max() < 90)


def answer(monkeypatch, *lines):
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


@pytest.mark.usefixtures("quick")
def test_a_click_removes_one_thing_and_nothing_else_changes(capsys):
    photo()
    assert main(["remove", "photo.png", "-o", "out", "--click", "42,32"]) == 0
    before, after, hole = values("photo.png"), values("out/photo/result.png"), values("out/photo/hole.png")
    assert is_gone("out/photo/result.png", RED)
    assert not is_gone("out/photo/result.png", GREEN)
    assert (before == after)[hole == 0].all()
    assert (values("out/photo/objects/01.png") > 0)[25:40, 35:50].all()
    assert {path.name for path in Path("out/photo").iterdir()} == {
        "result.png",
        "hole.png",
        "objects",
        "overlay.jpg",
        "removal.json",
    }
    assert "1 object removed" in capsys.readouterr().err


@pytest.mark.usefixtures("quick")
def test_every_box_is_an_object_and_holes_are_united():
    photo()
    assert main(["remove", "photo.png", "-o", "out", "--box", words(RED), "--box", words(GREEN), "--grow", "3"]) == 0
    assert is_gone("out/photo/result.png", RED)
    assert is_gone("out/photo/result.png", GREEN)
    found = record()
    assert [each["said"] for each in found["objects"]] == [f"box {words(RED)}", f"box {words(GREEN)}"]
    assert found["grow"] == 3
    masks = [values(f"out/photo/objects/{i:02d}.png") > 0 for i in (1, 2)]
    assert not (masks[0] & masks[1]).any()
    assert (values("out/photo/hole.png") == 255)[masks[0] | masks[1]].all()


@pytest.mark.usefixtures("quick")
def test_objects_in_words_of_their_own():
    photo()
    told = ["--object", f"box {words(RED)}; click 42,32; not 100,60", "--object", "click 80,40"]
    assert main(["remove", "photo.png", "-o", "out", *told]) == 0
    assert is_gone("out/photo/result.png", RED)
    assert is_gone("out/photo/result.png", GREEN)


def test_painters_side_by_side():
    photo()
    code = main(["remove", "photo.png", "-o", "out", "--mask", str(mask()), "--painter", "harmonic,mean"])
    assert code == 0
    assert is_gone("out/photo/result_harmonic.png", RED)
    assert is_gone("out/photo/result_mean.png", RED)
    assert (values("out/photo/result_harmonic.png") != values("out/photo/result_mean.png")).any()
    assert Path("out/photo/comparison.jpg").exists()
    assert set(record()["painters"]) == {"harmonic", "mean"}
    # One painter again: what the other left is not kept beside it.
    assert main(["remove", "photo.png", "-o", "out", "--mask", "mask.png"]) == 0
    assert sorted(path.name for path in Path("out/photo").glob("*.*")) == [
        "hole.png",
        "overlay.jpg",
        "removal.json",
        "result.png",
    ]


def test_profile_exif_size_and_depth_are_kept():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    photo("photo.tif", icc_profile=profile, exif=exif)
    assert main(["remove", "photo.tif", "-o", "out", "--mask", str(mask())]) == 0
    with Image.open("out/photo/result.tif") as found:
        assert found.info["icc_profile"] == profile
        assert found.getexif()[0x010F] == "a camera"
        assert found.size == (110, 72)


def test_transparency_outside_stays():
    photo()
    with Image.open("photo.png") as found:
        clear = found.convert("RGBA")
    alpha = np.full((72, 110), 255, np.uint8)
    alpha[:, :20] = 90
    clear.putalpha(Image.fromarray(alpha))
    clear.save("clear.png")
    assert main(["remove", "clear.png", "-o", "out", "--mask", str(mask())]) == 0
    with Image.open("out/clear/result.png") as found:
        assert found.mode == "RGBA"
        assert (np.asarray(found)[..., 3] == alpha).all()


def test_an_empty_mask_leaves_the_picture(capsys):
    photo()
    assert main(["remove", "photo.png", "-o", "out", "--mask", str(mask(value=0))]) == 0
    assert (values("photo.png") == values("out/photo/result.png")).all()
    assert "nothing was painted" in capsys.readouterr().err


def test_what_is_finished_is_skipped_until_something_differs(capsys):
    photo()
    command = ["remove", "photo.png", "-o", "out", "--mask", str(mask())]
    main(command)
    capsys.readouterr()
    assert main(command) == 0
    assert "skipped" in capsys.readouterr().err
    mask(box=GREEN)
    assert main(command) == 0
    assert "skipped" not in capsys.readouterr().err
    assert is_gone("out/photo/result.png", GREEN)
    assert main([*command, "--grow", "6"]) == 0
    assert record()["grow"] == 6
    assert main([*command, "--grow", "6", "--overwrite"]) == 0
    assert "skipped" not in capsys.readouterr().err


def test_auto_takes_what_stands_out(capsys):
    photo()
    assert main(["remove", "photo.png", "-o", "out", "--auto", "--regions", "2"]) == 0
    assert record()["objects"][0]["said"] == "auto region 1"
    assert is_gone("out/photo/result.png", RED)
    assert is_gone("out/photo/result.png", GREEN)
    Image.new("RGB", (60, 50), (90, 90, 90)).save("flat.png")
    assert main(["remove", "flat.png", "-o", "out", "--auto"]) == 2
    assert "nothing stands out in it" in capsys.readouterr().err


@pytest.mark.usefixtures("quick")
def test_json_and_one_bad_picture_among_good_ones(capsys):
    photo("in/a.png")
    Path("in/b.png").write_bytes(b"no picture")
    Image.new("RGB", (20, 20)).save("in/c.png")
    assert main(["remove", "in", "-o", "out", "--click", "42,32", "--json"]) == 2
    good, bad, small, total = map(json.loads, capsys.readouterr().out.splitlines())
    assert good["outcome"] == "done"
    assert good["objects"][0]["said"] == "click 42,32"
    assert all(Path(path).exists() for path in good["files"].values())
    assert bad["outcome"] == "failed"
    assert small["error"].startswith("click 42,32: lies outside the picture, which is 20 pixels wide and 20 high")
    assert total["summary"]["failed"] == 2
    assert not Path("out/c").exists()


@pytest.mark.usefixtures("quick")
def test_a_file_or_standard_output(monkeypatch, capfdbinary):
    data = photo().read_bytes()
    mask()
    assert main(["remove", "photo.png", "-o", "clean.png", "--mask", "mask.png"]) == 0
    assert is_gone("clean.png", RED)
    assert main(["remove", "photo.png", "-o", "clean.png", "--mask", "mask.png"]) == 1
    assert b"clean.png is there already" in capfdbinary.readouterr().err
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert main(["remove", "-", "-o", "-", "--click", "42,32"]) == 0
    Path("piped.png").write_bytes(capfdbinary.readouterr().out)
    assert is_gone("piped.png", RED)
    assert main(["remove", "photo.png", "-o", "photo.png", "--mask", "mask.png", "--overwrite"]) == 2
    assert photo("again.png").read_bytes() == Path("photo.png").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("", "say what to remove by --click"),
        ("--click 5", "click 5: expected two numbers, X,Y; write it like 120,80"),
        ("--click nan,5", "click nan,5: expected two numbers"),
        ("--box 9,9,5,5", "box 9,9,5,5: expected more than left = 9, got 5"),
        ("--box 1,2,3", "box 1,2,3: expected four numbers, L,T,R,B"),
        ("--scribble 4,4", "scribble 4,4: expected the corners of a stroke"),
        ("--not-click 4,4", "not 4,4: says where the object is not"),
        ("--box 1,1,5,5 --box 6,6,9,9 --click 2,2", "click 2,2: belongs to which object"),
        ("--object wheel", 'object "wheel": expected it to begin with click'),
        ("--auto --click 2,2", "--auto finds things by itself"),
        ("--click 2,2 --regions 2", "--regions is for --auto"),
        ("--click 2,2 --painter harmonic,wax", "--painter: expected names of harmonic"),
        ("--click 2,2 --painter mean,mean", "--painter: expected each name once"),
        ("--click 2,2 --painter harmonic,mean --seed 3", "--seed: none of the painters has a use for it"),
        ("--click 2,2 --painter harmonic,mean --weights x", "--weights: none of the painters has any"),
        ("--click 2,2 --painter lama,deepfill --weights x", "--weights: of which of lama, deepfill?"),
        ("--click 2,2 --weights x", "--weights: the painter harmonic has none"),
        ("--click 2,2 --segmenter clipseg", "points: the segmenter clipseg answers text alone"),
        ("--text cat --segmenter iem", "text: the segmenter iem does not understand words; take clipseg"),
        ("--text cat --segmenter clipseg --click 1,2", "points: the segmenter clipseg answers text alone"),
        ("--text cat --click 1,2", "click 1,2; text cat: finding things by words takes a network"),
        ("--auto --segmenter iem", "--segmenter: nothing is pointed at that iem could find"),
        ("--click 2,2 --segmenter-weights x", "--segmenter-weights: of which segmenter?"),
        ("--auto --candidate 2", "--candidate is for what is pointed at"),
        ("--mask nothing.png", "--mask: expected a picture or a folder of pictures, got nothing.png"),
        ("--interactive -o clean.png", "with --interactive there are previews to look at"),
    ],
)
def test_wrong_usage_is_one_sentence(arguments, sentence, capsys):
    photo()
    given = shlex.split(arguments)
    output = [] if "-o" in given else ["-o", "out"]
    assert main(["remove", "photo.png", *output, *given]) == 1
    said_so = capsys.readouterr().err
    assert sentence in said_so
    assert said_so.count("\n") == 1
    assert not Path("out").exists()


def test_words_without_a_network_name_the_command_that_gets_one(capsys, monkeypatch):
    photo()
    monkeypatch.setenv("HF_HOME", str(Path("empty").resolve()))
    finder = ObjectFinder(ready=lambda name: Readiness(False, f"needs weights: iem models get {name}"))
    request = ObjectRequest((said("text", "the car"),))
    with pytest.raises(ValueError, match=r"text the car: .* `iem models get clipseg` gets clipseg, or point"):
        finder.name_for(request)


def test_words_go_to_whichever_network_is_ready():
    finder = ObjectFinder(ready=lambda name: Readiness(name == "segclip"))
    assert finder.name_for(ObjectRequest((said("text", "a car"),))) == "segclip"
    both = ObjectRequest((said("text", "a car"), said("click", "3,4")))
    with pytest.raises(ValueError, match="finding things by words takes a network"):
        finder.name_for(both)


def test_words_are_given_to_the_segmenter(monkeypatch):
    """A stand-in for a network finds the green square by its name."""

    class Words:
        answers = (Text,)

        def __call__(self, image, prompts):
            assert prompts == (Text("green"),)
            mask = ((image[:, 1:2] > 0.6) & (image[:, :1] < 0.4)).float()
            return [Proposal(mask, 0.9, "green")]

    photo()
    monkeypatch.setattr(remove_objects, "make_segmenter", lambda name, weights: Words())
    monkeypatch.setattr(remove_objects, "describe", lambda part: {"class": type(part).__name__})
    assert main(["remove", "photo.png", "-o", "out", "--text", "green", "--segmenter", "clipseg"]) == 0
    assert is_gone("out/photo/result.png", GREEN)
    assert not is_gone("out/photo/result.png", RED)


@pytest.mark.usefixtures("quick")
def test_a_candidate_is_chosen_and_one_too_many_is_named(capsys):
    photo()
    assert main(["remove", "photo.png", "-o", "out", "--click", "42,32", "--candidate", "9"]) == 2
    assert "--candidate asks for the 9th" in capsys.readouterr().err
    assert not Path("out/photo").exists()


def test_a_hole_that_leaves_nothing_is_named(capsys):
    photo()
    assert main(["remove", "photo.png", "-o", "out", "--mask", str(mask()), "--grow", "200"]) == 2
    assert "covers the whole picture, so that nothing is left to paint from" in capsys.readouterr().err


def test_a_mask_of_another_size_is_named_without_options_that_are_not_there(capsys):
    photo()
    Image.new("L", (9, 9), 255).save("small.png")
    assert main(["remove", "photo.png", "-o", "out", "--mask", "small.png"]) == 2
    said_so = capsys.readouterr().err
    assert "the mask is 9 x 9 pixels, its picture 110 x 72" in said_so
    assert "--resize-mask" not in said_so


@pytest.mark.usefixtures("quick")
def test_keep_and_another_and_done(monkeypatch, capsys):
    photo()
    answer(monkeypatch, f"box {words(RED)}", "keep", "click 80,40", "another", "done")
    assert main(["remove", "photo.png", "-o", "out", "--interactive"]) == 0
    assert is_gone("out/photo/result.png", RED)
    assert is_gone("out/photo/result.png", GREEN)
    assert [each["said"] for each in record()["objects"]] == [f"box {words(RED)}", "click 80,40"]
    shown = capsys.readouterr().err
    assert "see out/photo/preview.jpg" in shown
    assert "kept, 2 objects so far" in shown
    assert not Path("out/photo/preview.jpg").exists()


@pytest.mark.usefixtures("quick")
def test_discard_next_undo_and_what_is_no_answer(monkeypatch, capsys):
    photo()
    answer(
        monkeypatch,
        *("keep", "done", "hop", "click 300,1", "click 42,32", "done", "next 99", "next", "k"),
        *(f"box {words(GREEN)}", "discard", "undo", "undo", f"box {words(RED)}", "keep", "done"),
    )
    assert main(["remove", "photo.png", "-o", "out", "-i"]) == 0
    assert is_gone("out/photo/result.png", RED)
    assert not is_gone("out/photo/result.png", GREEN)
    shown = capsys.readouterr().err
    for sentence in (
        "nothing is shown; point at something first",
        "nothing is kept yet: point at something, or skip",
        '"hop" is no answer; help shows all',
        "click 300,1: lies outside the picture",
        "keep or discard what is shown first",
        "next 99: expected a number from 1 to",
        "forgotten: click 42,32",
        "nothing was kept that could be forgotten",
    ):
        assert sentence in shown


@pytest.mark.usefixtures("quick")
def test_clicks_correct_what_is_shown(monkeypatch):
    photo()
    answer(monkeypatch, "click 42,32", "not 80,40", "click 33,23", "keep", "done")
    assert main(["remove", "photo.png", "-o", "out", "-i"]) == 0
    assert record()["objects"][0]["said"] == "click 42,32; not 80,40; click 33,23"


@pytest.mark.usefixtures("quick")
def test_what_was_pointed_at_before_is_shown_first_and_find_shows_the_rest(monkeypatch, capsys):
    photo()
    found = [Proposal(torch.ones(1, 1, 72, 110), 0.3, "region 1")]
    monkeypatch.setattr(remove_objects.PictureFinder, "regions", lambda self: found)
    answer(monkeypatch, "keep", "find", "discard", "done")
    assert main(["remove", "photo.png", "-o", "out", "-i", "--box", words(RED)]) == 0
    assert "region 1" in capsys.readouterr().err
    assert [each["said"] for each in record()["objects"]] == [f"box {words(RED)}"]


@pytest.mark.usefixtures("quick")
def test_skip_leaves_a_picture_and_the_next_is_asked_for(monkeypatch, capsys):
    photo("a.png")
    photo("b.png")
    answer(monkeypatch, "skip", f"box {words(RED)}", "keep", "done")
    assert main(["remove", "a.png", "b.png", "-o", "out", "-i"]) == 0
    assert "a.png: left as it is" in capsys.readouterr().err
    assert not Path("out/a").exists()
    assert is_gone("out/b/result.png", RED)


@pytest.mark.usefixtures("quick")
def test_answers_that_end_early_remove_nothing(monkeypatch, capsys):
    photo()
    answer(monkeypatch, f"box {words(RED)}", "keep")
    assert main(["remove", "photo.png", "-o", "out", "-i"]) == 2
    assert 'the answers ended before "done", so nothing was removed' in capsys.readouterr().err
    assert not Path("out/photo").exists()


@pytest.mark.usefixtures("quick")
def test_ctrl_c_leaves_nothing_half_written(monkeypatch, capsys):
    photo()
    lines = iter([f"box {words(RED)}", "keep"])

    class Keyboard(io.StringIO):
        def readline(self, *_):
            line = next(lines, None)
            if line is None:
                raise Interrupted(2)
            return f"{line}\n"

    monkeypatch.setattr(sys, "stdin", Keyboard())
    assert main(["remove", "photo.png", "-o", "out", "-i"]) == 130
    assert not list(Path("out").iterdir())
    assert "interrupted" in capsys.readouterr().err


def test_an_interrupted_painting_keeps_the_earlier_result(monkeypatch):
    photo()
    assert main(["remove", "photo.png", "-o", "out", "--mask", str(mask())]) == 0
    before = {path: path.read_bytes() for path in Path("out").rglob("*.*") if path.is_file()}

    def interrupt(*_, **__):
        raise Interrupted(2)

    monkeypatch.setattr(remove_picture, "paint", interrupt)
    assert main(["remove", "photo.png", "-o", "out", "--mask", "mask.png", "--grow", "9"]) == 130
    assert {path: path.read_bytes() for path in Path("out").rglob("*.*") if path.is_file()} == before


def test_all_clicks_are_one_prompt_and_order_is_kept():
    (request,) = requested({"click": ["1,2", "3,4"], "not": ["5,6"], "box": ["0,0,9,9"]})
    assert request.prompts == (Points([(1, 2), (3, 4), (5, 6)], [True, True, False]), Box(0, 0, 9, 9))
    assert request.asks == ("points", "box")


@pytest.mark.parametrize("said_so", [["--box", "198,147,211,160"], ["--click", "204,154"]], ids=["box", "click"])
def test_a_small_thing_in_a_large_picture_is_found(said_so):
    """As reduced for the search it would be 3 pixels wide."""
    values_ = np.random.default_rng(1).integers(40, 60, (300, 400, 3), dtype=np.uint8)
    values_[150:158, 200:209] = (220, 60, 40)
    Image.fromarray(values_).save("large.png")
    assert main(["remove", "large.png", "-o", "out", *said_so]) == 0
    found = values("out/large/objects/01.png") > 0
    truth = np.zeros_like(found)
    truth[150:158, 200:209] = True
    assert (found & truth).sum() / (found | truth).sum() > 0.9
    assert torch.isfinite(read("out/large/result.png").image).all()
