"""Segmenting files into a folder: whole results, kept results, and no input harmed."""

import hashlib
import io
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import iem
from iem.images import ImageError
from iem.runner import batch as batch_module
from iem.runner.batch import Batch, segment_files, segment_stream
from iem.runner.inputs import choose_device
from iem.runner.work import Work, list_work

# The published settings, which never change: what is found in these pictures stays what it is.
SMALL = Batch(preset="paper", size=24)


def picture(path, seed=0, size=(40, 30)):
    """A bright rectangle on a dark ground, with a little noise so that every seed is another file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(30, 50, (size[1], size[0], 3), dtype=np.uint8)
    values[8:22, 12:30] += 150
    Image.fromarray(values).save(path)
    return path


def run(inputs, out, batch=SMALL, **keywords):
    return list(segment_files(list_work([str(each) for each in inputs], output=out), out, batch, **keywords))


def opened(path):
    with Image.open(path) as file:
        file.load()
        return file


def kinds(outcomes):
    return [each.kind for each in outcomes]


def files_below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_tree_is_kept_and_every_file_is_whole(tmp_path):
    names = ["a.png", "birds/a.png", "birds/of prey/größe 鳥.png", "-dash.png"]
    for seed, name in enumerate(names):
        picture(tmp_path / "in" / name, seed)
    outcomes = run([tmp_path / "in"], tmp_path / "out")
    assert kinds(outcomes) == ["done"] * 4
    stems = [name.removesuffix(".png") for name in names]
    endings = {"masks": "png", "cutouts": "png", "overlays": "jpg", "records": "json"}
    expected = [f"{kind}/{stem}.{ending}" for kind, ending in endings.items() for stem in stems]
    assert files_below(tmp_path / "out") == sorted(expected)
    for stem in stems:
        mask = opened(tmp_path / f"out/masks/{stem}.png")
        assert (mask.mode, mask.size) == ("L", (40, 30))
        assert opened(tmp_path / f"out/cutouts/{stem}.png").mode == "RGBA"


def test_mask_is_that_of_segment(tmp_path):
    source = picture(tmp_path / "a.png")
    run([source], tmp_path / "out", Batch(preset="paper", size=64))
    values = torch.from_numpy(np.array(opened(source))).permute(2, 0, 1)[None] / 255
    expected = iem.segment(values, preset="paper", size=64)
    written = np.array(opened(tmp_path / "out/masks/a.png"))
    assert (written == np.round(expected.mask[0, 0].numpy() * 255)).all()
    assert 0 < written.mean() < 255
    record = json.loads((tmp_path / "out/records/a.json").read_text())
    assert record["score"] == pytest.approx(float(expected.score[0]), abs=1e-6)
    assert record["steps"] == int(expected.steps[0])


def test_record_says_what_was_made_of_what(tmp_path):
    source = picture(tmp_path / "a b.png")
    (outcome,) = run([source], tmp_path / "out")
    record = json.loads((tmp_path / "out/records/a b.json").read_text(encoding="utf-8"))
    assert record == outcome.record
    assert record["input"] == str(source)
    assert record["sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    assert record["settings"]["size"] == 24
    assert record["settings"]["preset"]["name"] == "paper"
    assert record["status"] in ("converged", "cycling", "max_steps")
    assert record["size"] == [40, 30]
    assert record["version"] == iem.__version__
    mask = np.array(opened(outcome.files["mask"])) / 255
    assert record["foreground"] == pytest.approx(mask.mean(), abs=0.003)
    assert record["files"] == {kind: outcome.files[kind].stat().st_size for kind in ("mask", "cutout", "overlay")}


def test_same_stem_twice_makes_two_results(tmp_path):
    picture(tmp_path / "one/a.png", 1)
    picture(tmp_path / "one/a.bmp", 2)
    picture(tmp_path / "two/a.png", 3)
    outcomes = run([tmp_path / "one", tmp_path / "two"], tmp_path / "out")
    assert kinds(outcomes) == ["done"] * 3
    assert len({each.files["mask"] for each in outcomes}) == 3
    hashes = {json.loads(each.files["record"].read_text())["sha256"] for each in outcomes}
    assert len(hashes) == 3


def test_bad_files_do_not_stop_the_others(tmp_path):
    for seed, name in enumerate(["a.png", "c.png"]):
        picture(tmp_path / "in" / name, seed)
    (tmp_path / "in/b.png").write_bytes(b"nonsense")
    whole = picture(tmp_path / "in/d.png", 5).read_bytes()
    (tmp_path / "in/d.png").write_bytes(whole[: len(whole) // 2])
    outcomes = run([tmp_path / "in", tmp_path / "missing.png"], tmp_path / "out")
    assert kinds(outcomes) == ["done", "failed", "done", "failed", "failed"]
    assert "not a picture" in outcomes[1].error
    assert "truncated" in outcomes[3].error
    assert "no such file" in outcomes[4].error
    assert not any(each.work.name in each.error for each in outcomes if each.error)
    assert files_below(tmp_path / "out/masks") == ["a.png", "c.png"]
    allowed = run([tmp_path / "in"], tmp_path / "out", replace(SMALL, allow_truncated=True))
    assert kinds(allowed) == ["skipped", "failed", "skipped", "done"]
    assert "truncated" in allowed[3].record["notices"][0]


def test_second_run_skips(tmp_path):
    picture(tmp_path / "in/a.png")
    first = run([tmp_path / "in"], tmp_path / "out")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    second = run([tmp_path / "in"], tmp_path / "out")
    assert kinds(second) == ["skipped"]
    assert second[0].record == first[0].record
    assert times == {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    assert kinds(run([tmp_path / "in"], tmp_path / "out", replace(SMALL, overwrite=True))) == ["done"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda out, source: picture(source, seed=9),
        lambda out, source: (out / "masks/a.png").unlink(),
        lambda out, source: os.truncate(out / "cutouts/a.png", 50),
        lambda out, source: (out / "overlays/a.jpg").write_bytes(b""),
        lambda out, source: os.truncate(out / "records/a.json", 100),
        lambda out, source: (out / "records/a.json").write_text("[]"),
        lambda out, source: (out / "records/a.json").write_text("{}"),
        lambda out, source: (out / "records/a.json").unlink(),
    ],
    ids=["input", "mask", "cutout", "overlay", "half record", "other record", "empty record", "no record"],
)
def test_what_is_not_whole_is_made_anew(tmp_path, spoil):
    source, out = picture(tmp_path / "in/a.png"), tmp_path / "out"
    run([source], out)
    spoil(out, source)
    outcomes = run([source], out)
    assert kinds(outcomes) == ["done"]
    assert opened(out / "masks/a.png").size == (40, 30)
    assert kinds(run([source], out)) == ["skipped"]


@pytest.mark.parametrize(
    "changed", [replace(SMALL, size=25), replace(SMALL, preset="best"), replace(SMALL, films=True)]
)
def test_other_settings_make_it_anew(tmp_path, changed):
    source = picture(tmp_path / "in/a.png")
    run([source], tmp_path / "out")
    assert kinds(run([source], tmp_path / "out", changed)) == ["done"]
    assert kinds(run([source], tmp_path / "out", changed)) == ["skipped"]


def test_film_shows_the_mask_moving(tmp_path):
    source = picture(tmp_path / "in/a.png")
    (outcome,) = run([source], tmp_path / "out", replace(SMALL, films=True))
    with Image.open(outcome.files["film"]) as film:
        assert film.n_frames > 1
        assert film.size == (40, 30)
    # a mask of other settings leaves no film of the earlier ones behind
    run([source], tmp_path / "out", replace(SMALL, size=25))
    assert not outcome.files["film"].exists()


def test_output_folder_inside_the_input_is_not_read(tmp_path):
    picture(tmp_path / "a.png")
    out = tmp_path / "out"
    assert kinds(run([tmp_path], out)) == ["done"]
    assert kinds(run([tmp_path], out)) == ["skipped"]


def test_an_input_is_never_overwritten(tmp_path):
    source = picture(tmp_path / "masks/a.png")
    before = source.read_bytes()
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    for out in (tmp_path, link):
        (outcome,) = run([source], out)
        assert outcome.kind == "failed"
        assert "would overwrite the input" in outcome.error
        assert files_below(tmp_path) == ["masks/a.png"]
    assert source.read_bytes() == before


def test_flat_and_tiny_pictures_are_results(tmp_path):
    (tmp_path / "in").mkdir()
    Image.new("RGB", (20, 10), "red").save(tmp_path / "in/flat.png")
    Image.new("L", (1, 1), 7).save(tmp_path / "in/one.png")
    tiny = Image.new("RGB", (2, 30), "red")
    tiny.putpixel((0, 3), (0, 0, 255))
    tiny.save(tmp_path / "in/thin.png")
    outcomes = run([tmp_path / "in"], tmp_path / "out", Batch(films=True))
    assert kinds(outcomes) == ["done"] * 3
    assert [each.record["status"] for each in outcomes[:2]] == ["constant", "constant"]
    assert outcomes[0].record["foreground"] == 0
    assert not np.array(opened(outcomes[0].files["mask"])).any()


def test_one_failing_search_is_one_failure(tmp_path, monkeypatch):
    for seed, name in enumerate(["a.png", "b.png", "c.png"]):
        picture(tmp_path / "in" / name, seed)
    errors = iter([RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory"), KeyError("x"), None])
    segment = batch_module.segment

    def failing(*arguments, **keywords):
        if (error := next(errors)) is not None:
            raise error
        return segment(*arguments, **keywords)

    monkeypatch.setattr(batch_module, "segment", failing)
    outcomes = run([tmp_path / "in"], tmp_path / "out")
    assert kinds(outcomes) == ["failed", "failed", "done"]
    assert outcomes[0].error.startswith("not enough memory to segment it")
    assert outcomes[1].error == "KeyError: 'x'"


def test_interruption_while_writing_leaves_no_record_and_no_half_file(tmp_path, monkeypatch):
    source, out = picture(tmp_path / "in/a.png"), tmp_path / "out"
    run([source], out)

    def interrupted(*arguments, **keywords):
        raise KeyboardInterrupt

    monkeypatch.setattr("iem.runner.products.write_cutout", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run([source], out, replace(SMALL, preset="best"))
    assert not (out / "records/a.json").exists()
    assert opened(out / "masks/a.png").size == (40, 30)
    monkeypatch.undo()
    # the mask is now that of other settings, so the settings of the first run must not find it finished
    assert kinds(run([source], out)) == ["done"]


def test_unwritable_output_is_a_failure_that_names_the_file(tmp_path):
    source, out = picture(tmp_path / "in/a.png"), tmp_path / "out"
    out.mkdir()
    (out / "masks").write_text("in the way")
    (outcome,) = run([source], out)
    assert outcome.kind == "failed"
    assert "masks" in outcome.error


def test_steps_are_reported(tmp_path):
    source, steps = picture(tmp_path / "in/a.png"), []
    (outcome,) = run([source], tmp_path / "out", on_step=lambda work, step: steps.append((work.name, step.step)))
    assert steps == [(str(source), i + 1) for i in range(outcome.record["steps"])]


def test_standard_input(tmp_path):
    data = picture(tmp_path / "stdin.png").read_bytes()
    works = list_work(["-", str(tmp_path / "stdin.png"), "-"], stdin=io.BytesIO(data))
    assert [work.name for work in works] == ["-", str(tmp_path / "stdin.png")]
    outcomes = list(segment_files(works, tmp_path / "out", SMALL))
    assert kinds(outcomes) == ["done", "done"]
    assert files_below(tmp_path / "out/masks") == ["stdin.png", "stdin1.png"]
    assert outcomes[0].record["sha256"] == outcomes[1].record["sha256"]
    with pytest.raises(ValueError, match="expected a binary file"):
        list_work(["-"])


def test_stream_is_segmented_without_writing(tmp_path):
    data = picture(tmp_path / "a.png").read_bytes()
    solution = segment_stream(Work("-", io.BytesIO(data), Path("stdin")), SMALL)
    assert solution.mask.shape == (1, 1, 30, 40)
    with pytest.raises(ImageError):
        segment_stream(Work("-", io.BytesIO(b"nonsense"), Path("stdin")), SMALL)


def test_pixel_limit(tmp_path):
    (outcome,) = run([picture(tmp_path / "a.png")], tmp_path / "out", Batch(max_pixels=1000))
    assert "40 x 30 pixels are more than the limit" in outcome.error


def test_wrong_settings_are_refused_before_any_work():
    with pytest.raises(ValueError, match="preset: expected one of"):
        Batch(preset="fancy")
    with pytest.raises(ValueError, match="size: expected a whole number of at least 8"):
        Batch(size=7)


def test_devices(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == "cpu"
    with pytest.raises(ValueError, match="PyTorch finds none; use cpu"):
        choose_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert [choose_device(name) for name in ("auto", "cuda", "cpu")] == ["cuda", "cuda", "cpu"]
    with pytest.raises(ValueError, match="expected one of auto, cpu, cuda"):
        choose_device("tpu")


def test_what_was_transparent_stays_so_in_the_cutout(tmp_path):
    path = picture(tmp_path / "in/a.png")
    with Image.open(path) as opaque:
        layered = opaque.convert("RGBA")
    layered.putalpha(Image.fromarray(np.where(np.arange(40) < 20, 0, 255).astype(np.uint8)[None].repeat(30, 0)))
    layered.save(path)
    run([path], tmp_path / "out")
    alpha = np.asarray(opened(tmp_path / "out/cutouts/a.png"))[..., 3]
    mask = np.asarray(opened(tmp_path / "out/masks/a.png"))
    assert not alpha[:, :20].any()
    assert (alpha[:, 20:] == mask[:, 20:]).all()
    assert mask[:, 20:].any()
