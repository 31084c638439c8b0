"""Folders of small pictures written with Pillow; numbers by numpy."""

import json
import math

import jaxtyping
import numpy as np
import pytest
import sklearn.metrics
from PIL import Image

from iem.metrics.evaluation import evaluate_folders


def write(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((np.asarray(values) * 255).astype(np.uint8)).save(path)


def random_mask(seed, shape=(6, 8)):
    return np.random.default_rng(seed).random(shape) < 0.5


@pytest.fixture
def folders(tmp_path):
    for seed, name in enumerate(["a", "birds/b", "ünï c"]):
        write(tmp_path / "truth" / f"{name}.png", random_mask(seed))
        write(tmp_path / "found" / f"{name}.bmp", random_mask(seed + 10))
    return tmp_path / "found", tmp_path / "truth"


def row(evaluation, name):
    return next(each for each in evaluation.pictures if each.name == name)


def test_scores_equal_scikit_learn(folders):
    evaluation = evaluate_folders(*folders)
    assert [each.name for each in evaluation.pictures] == ["a", "birds/b", "ünï c"]
    assert evaluation.complete
    for seed, each in enumerate(evaluation.pictures):
        t, p = random_mask(seed).ravel(), random_mask(seed + 10).ravel()
        fixed, turned = sklearn.metrics.jaccard_score(t, p), sklearn.metrics.jaccard_score(t, ~p)
        background, turned_background = sklearn.metrics.jaccard_score(~t, ~p), sklearn.metrics.jaccard_score(~t, p)
        expected = {
            "iou_fixed": fixed,
            "iou_oracle": max(fixed, turned),
            "dice_fixed": sklearn.metrics.f1_score(t, p),
            "dice_oracle": max(sklearn.metrics.f1_score(t, p), sklearn.metrics.f1_score(t, ~p)),
            "accuracy_fixed": (t == p).mean(),
            "accuracy_oracle": max((t == p).mean(), (t != p).mean()),
            "miou_fixed": (fixed + background) / 2,
            "miou_oracle": (max(fixed, turned) + max(background, turned_background)) / 2,
        }
        assert {name: getattr(each, name) for name in expected} == pytest.approx(expected, abs=1e-12)
    for name in expected:
        mean = np.mean([getattr(each, name) for each in evaluation.pictures])
        assert evaluation.means[name] == pytest.approx(mean, abs=1e-12)


def test_missing_extra_and_mismatched_are_listed(folders):
    found, truth = folders
    (found / "a.bmp").unlink()
    write(found / "surplus.png", random_mask(0))
    write(found / "ünï c.bmp", random_mask(0, (3, 4)))
    write(truth / "broken.png", random_mask(0))
    (found / "broken.png").write_bytes(b"")
    (found / "notes.txt").write_text("not a picture")
    write(found / ".hidden.png", random_mask(0))
    evaluation = evaluate_folders(found, truth)
    assert evaluation.missing == ("a",)
    assert evaluation.extra == ("surplus",)
    assert [each.name for each in evaluation.mismatched] == ["broken", "ünï c"]
    assert "empty" in evaluation.mismatched[0].reason
    assert "4 x 3 pixels, the true mask 8 x 6" in evaluation.mismatched[1].reason
    assert [each.name for each in evaluation.pictures] == ["birds/b"]
    assert not evaluation.complete


def test_two_files_of_one_name_are_not_chosen_between(folders):
    found, truth = folders
    write(found / "a.png", random_mask(0))
    evaluation = evaluate_folders(found, truth)
    assert evaluation.mismatched[0].name == "a"
    assert "a.bmp, a.png" in evaluation.mismatched[0].reason


def test_accents_are_the_same_however_they_are_stored(tmp_path):
    write(tmp_path / "found/e\u0301.png", np.eye(2))
    write(tmp_path / "truth/\u00e9.png", np.eye(2))
    assert evaluate_folders(tmp_path / "found", tmp_path / "truth").pictures[0].name == "\u00e9"


def test_resize_brings_predictions_to_the_truth(tmp_path):
    small = random_mask(1, (3, 4))
    write(tmp_path / "found/a.png", small)
    write(tmp_path / "truth/a.png", small.repeat(2, 0).repeat(2, 1))
    assert evaluate_folders(tmp_path / "found", tmp_path / "truth").mismatched
    evaluation = evaluate_folders(tmp_path / "found", tmp_path / "truth", resize=True)
    assert evaluation.means["iou_fixed"] == 1
    assert evaluation.resized


def test_data_set_root_brings_its_ignore_maps(tmp_path):
    truth, found = np.array([[1, 1, 0, 0]]), np.array([[1, 0, 0, 1]])
    write(tmp_path / "set/masks/a.png", truth)
    write(tmp_path / "set/masks/b.png", truth)
    write(tmp_path / "set/images/a.png", np.zeros((1, 4)))
    write(tmp_path / "set/ignore/a.png", np.array([[0, 1, 0, 0]]))
    write(tmp_path / "found/a.png", found)
    write(tmp_path / "found/b.png", found)

    excluded = evaluate_folders(tmp_path / "found", tmp_path / "set")
    assert row(excluded, "a").iou_fixed == pytest.approx(1 / 2)
    assert row(excluded, "a").ignored == 1
    assert row(excluded, "b").iou_fixed == pytest.approx(1 / 3)
    assert row(excluded, "b").ignored == 0
    assert excluded.ignore == tmp_path / "set/ignore"

    background = evaluate_folders(tmp_path / "found", tmp_path / "set", ignore_rule="background")
    assert row(background, "a").accuracy_fixed == pytest.approx(3 / 4)
    assert row(excluded, "a").accuracy_fixed == pytest.approx(2 / 3)

    without = evaluate_folders(tmp_path / "found", tmp_path / "set/masks")
    assert row(without, "a").iou_fixed == pytest.approx(1 / 3)
    assert without.ignore is None
    named = evaluate_folders(tmp_path / "found", tmp_path / "set/masks", ignore=tmp_path / "set/ignore")
    assert named.pictures == excluded.pictures


def test_an_ignore_map_of_another_size_is_a_mismatch(folders):
    found, truth = folders
    write(truth.parent / "ignore/a.png", random_mask(0, (2, 2)))
    evaluation = evaluate_folders(found, truth, ignore=truth.parent / "ignore", resize=True)
    assert evaluation.mismatched[0].reason.startswith("ignore map is 2 x 2 pixels")


def test_masks_with_an_ending_are_found_when_no_name_agrees(folders):
    found, truth = folders
    for path in [*found.rglob("*.bmp")]:
        write(path.with_name(path.stem + "_overlay.png"), random_mask(0))
        path.rename(path.with_name(path.stem + "_mask.bmp"))
    evaluation = evaluate_folders(found, truth)
    assert len(evaluation.pictures) == 3
    assert evaluation.extra == ()


def test_undefined_scores_are_counted_and_null_in_json(tmp_path):
    for folder in ("found", "truth"):
        write(tmp_path / folder / "empty.png", np.zeros((2, 2)))
        write(tmp_path / folder / "half.png", np.eye(2))
    evaluation = evaluate_folders(tmp_path / "found", tmp_path / "truth")
    assert math.isnan(row(evaluation, "empty").iou_fixed)
    assert evaluation.means["iou_fixed"] == 1
    assert evaluation.undefined["iou_fixed"] == 1
    assert evaluation.undefined["accuracy_fixed"] == 0
    read_back = json.loads(json.dumps(evaluation.as_dict(), allow_nan=False))
    assert read_back["pictures"][0]["iou_fixed"] is None
    assert read_back["pictures"][1]["iou_fixed"] == 1
    assert read_back["truth"] == str(tmp_path / "truth")
    assert read_back["scored"] == 2


def test_folders_that_cannot_be_compared_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    write(tmp_path / "found/x.png", np.eye(2))
    write(tmp_path / "truth/y.png", np.eye(2))
    (tmp_path / "none").mkdir()
    found, truth, none = (tmp_path / name for name in ("found", "truth", "none"))
    with pytest.raises(ValueError, match="such as 'y', got 'x'"):
        evaluate_folders(found, truth)
    with pytest.raises(ValueError, match="truth: expected pictures"):
        evaluate_folders(found, none)
    with pytest.raises(ValueError, match="predictions: expected pictures"):
        evaluate_folders(none, truth)
    with pytest.raises(ValueError, match="which is a file"):
        evaluate_folders(found / "x.png", truth)
    with pytest.raises(ValueError, match="ignore: expected a folder"):
        evaluate_folders(found, truth, ignore=none / "ignore")
    with pytest.raises(ValueError, match="ignore_rule: expected one of"):
        evaluate_folders(found, truth, ignore_rule="skip")
