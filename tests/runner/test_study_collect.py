"""The table of a study against numpy, and answers that cannot be counted."""

import json
import math
import re

import numpy as np
import pytest
from references.study_run import answers, study_run

from iem.runner.study_build import build_study
from iem.runner.study_collect import collect
from iem.runner.study_pictures import StudyError

METHODS = ("iem", "sam", "clipseg")


@pytest.fixture
def study(tmp_path):
    built = build_study(study_run(tmp_path / "run", names=("street", "park", "shop")), tmp_path / "study")
    return built, json.loads(built.key.read_text())


def write(folder, name, content):
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_means_and_sigmas_over_persons(study, tmp_path):
    built, key = study
    draw, said = np.random.default_rng(1), {}
    for person in range(4):
        for method in METHODS:
            for picture in ("street", "park", "shop"):
                said[person, method, picture] = (
                    bool(draw.random() < 0.7),
                    bool(draw.random() < 0.4),
                    int(draw.integers(11)),
                )
        given = answers(key, lambda *about, person=person: said[(person, *about)], person=f"p{person}")
        write(tmp_path / "answers", f"{person}.json", given)
    found = collect([tmp_path / "answers"], built.key)
    assert (found.persons, list(found.methods), found.problems, found.notes) == (4, sorted(METHODS), (), ())
    for method in METHODS:
        values = np.array([[said[p, method, n] for n in ("street", "park", "shop")] for p in range(4)], dtype=float)
        removed, altered, harmony = np.moveaxis(values, 2, 0)
        good = [h[r == 1].mean() for h, r in zip(harmony, removed, strict=True) if r.any()]
        clean = (removed * (1 - altered)).mean(1)
        for measure, each in {
            "q1": removed.mean(1), "q2": altered.mean(1), "q3": harmony.mean(1), "q3_given_q1": np.array(good),
            "q1_and_not_q2": clean,
        }.items():  # fmt: skip
            statistic = found.table[method][measure]
            assert statistic.mean == pytest.approx(each.mean())
            assert statistic.sigma == pytest.approx(each.std(ddof=1))
            assert statistic.persons == len(each)
        assert found.answers[method] == 12


def test_what_is_not_known_is_nan(study, tmp_path):
    built, key = study
    file = write(tmp_path, "a.json", answers(key, lambda method, picture: (False, False, 3)))
    found = collect([file], built.key).table["iem"]
    assert (found["q1"].mean, found["q3"].mean, found["q3_given_q1"].persons) == (0, 3, 0)
    assert math.isnan(found["q3_given_q1"].mean)
    assert math.isnan(found["q3"].sigma)  # of one person


def test_unfinished_answers_count_as_far_as_they_go(study, tmp_path):
    built, key = study
    given = answers(key, lambda method, picture: (True, False, 7))
    first, second, third, *_ = given["answers"]
    del given["answers"][first]
    del given["answers"][second]["harmony"]
    given["answers"][third]["removed"] = None
    found = collect([write(tmp_path, "a.json", given)], built.key)
    assert found.notes == ("a.json: 3 of 9 results not or not wholly judged",)
    assert sum(found.answers.values()) == 6
    assert found.problems == ()


def test_doubled_answers_count_once_and_the_later_ones_count(study, tmp_path):
    built, key = study
    old = write(tmp_path, "old.json", answers(key, lambda *_: (False, True, 1), saved="2024-05-01T10:00:00.000Z"))
    new = write(tmp_path, "new.json", answers(key, lambda *_: (True, False, 9), saved="2024-05-01T11:00:00.000Z"))
    copy = write(tmp_path, "copy.json", new.read_text())
    for order in ([old, new], [new, old]):
        found = collect(order, built.key)
        assert found.table["sam"]["q3"].mean == 9
        assert found.problems == ("old.json: the same person's answers as new.json, saved earlier; not counted twice",)
    found = collect([new, copy], built.key)
    assert found.persons == 1
    assert found.problems == ("copy.json: the same person's answers as new.json, word for word; not counted twice",)
    assert collect([new, new], built.key).problems == ()  # named twice on the command line


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda given: "{", "bad.json: expected answers of a study, got a damaged file"),
        (lambda given: "[" * 100_000, "bad.json: expected answers of a study, got a damaged file"),
        (lambda given: [], "bad.json: expected the answers of a study, got something else"),
        (lambda given: {**given, "kind": "recipe"}, "got something else"),
        (lambda given: {**given, "study": "0" * 16}, "bad.json: the answers of another study than this key's"),
        (lambda given: {**given, "person": 3}, "found a part of it missing"),
        (lambda given: {**given, "answers": {"x": {}}}, "answers about a result that is not in the study"),
        (lambda given: {**given, "answers": {}}, "not one result is wholly judged"),
        (lambda given: changed(given, harmony=11), "expected a harmony from 0 to 10 for .*, got 11"),
        (lambda given: changed(given, harmony=True), "expected yes, no and a whole number"),
        (lambda given: changed(given, harmony=7.5), "expected yes, no and a whole number"),
        (lambda given: changed(given, removed=1), "expected yes, no and a whole number"),
    ],
)
def test_answers_that_cannot_be_counted_are_named_and_the_others_count(study, tmp_path, change, message):
    built, key = study
    good = write(tmp_path, "good.json", answers(key, lambda *_: (True, False, 9)))
    bad = write(tmp_path, "bad.json", change(answers(key, lambda *_: (True, False, 9), person="bb")))
    found = collect([bad, good], built.key)
    assert found.persons == 1
    (problem,) = found.problems
    assert re.search(message, problem)


def changed(given, **values):
    first = next(iter(given["answers"]))
    return {**given, "answers": {**given["answers"], first: {**given["answers"][first], **values}}}


def test_a_wrong_key_is_refused(study, tmp_path):
    built, key = study
    file = write(tmp_path, "a.json", answers(key, lambda *_: (True, False, 9)))
    for wrong, message in (
        (tmp_path / "none.json", "there is no such file"),
        (built.key.parent, "--key: expected the file key.json, got the folder"),
        (file, r"--key: expected the key.json that iem study build wrote"),
        (write(tmp_path, "text.json", "no"), "--key: text.json: expected the key of a study, got a damaged file"),
    ):
        with pytest.raises(StudyError, match=message):
            collect([file], wrong)
    missing = collect([tmp_path / "gone.json", file], built.key)
    assert "gone.json: there is no such file" in missing.problems[0]
