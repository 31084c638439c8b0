"""From people's answers to the table of a study: means and sigmas over persons, per method."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from iem.runner.study_build import FORMAT
from iem.runner.study_pictures import StudyError

MEASURES = ("q1", "q2", "q3", "q3_given_q1", "q1_and_not_q2")
KIND = "iem study answers"
_MOST = 50_000_000  #: bytes of a file of answers


@dataclass(frozen=True)
class Answer:
    """What one person said of one result."""

    removed: bool
    altered: bool
    harmony: int


@dataclass(frozen=True)
class Person:
    """The answers of one person.

    Attributes:
        file: where they are from.
        id: drawn by the page.
        saved: when, as the page wrote it; the later of two savings counts.
        answers: by the result's identifier, whole ones alone.
        partial: how many results lack an answer, or a part of one.
    """

    file: str
    id: str
    saved: str
    answers: Mapping[str, Answer]
    partial: int


@dataclass(frozen=True)
class Statistic:
    """Over persons: the mean of each one's mean, its standard deviation (n - 1), and how many there are."""

    mean: float
    sigma: float
    persons: int


@dataclass(frozen=True)
class Collected:
    """The table of a study.

    Attributes:
        methods: in the order of the key.
        table: method -> measure of ``MEASURES`` -> statistic.
        answers: method -> results that were judged, over all persons.
        companions: method -> what was counted.
        persons: how many.
        problems: files that are not counted and why, a sentence each.
        notes: what is worth knowing of those that are.
    """

    methods: Sequence[str]
    table: Mapping[str, Mapping[str, Statistic]]
    answers: Mapping[str, int]
    companions: Mapping[str, Mapping[str, float]]
    persons: int
    problems: Sequence[str]
    notes: Sequence[str] = field(default_factory=tuple)

    def as_dict(self) -> dict[str, Any]:
        """As plain containers, for JSON."""
        return {
            "persons": self.persons,
            "methods": {
                name: {
                    **{measure: _plain(self.table[name][measure]) for measure in MEASURES},
                    "answers": self.answers[name],
                    **({"companions": dict(self.companions[name])} if name in self.companions else {}),
                }
                for name in self.methods
            },
            "problems": list(self.problems),
            "notes": list(self.notes),
        }


def collect(files: Iterable[Path], key: Path) -> Collected:
    """The table of a study, from files that its page has saved.

    The published table (Rehman, *Paint from noise*, 2023) gives a sigma beside each mean. Its 0.06 beside a mean of
    0.95 fits the means of persons who judged sixteen pictures each, and no single answers: so sigmas are over persons::

        Q1 and not Q2 = mean_persons mean_results [removed and not altered]
        Q3 given Q1 = mean_persons mean_(results that were removed) harmony

    A person to whom a measure is not known, such as harmony given removal where nothing was removed, is not in it.

    Args:
        files: of answers, or folders of such.
        key: that ``build_study`` wrote.

    Raises:
        StudyError: a key that cannot be read.
    """
    told = _read_key(key)
    problems: list[str] = []
    notes: list[str] = []
    persons: dict[str, Person] = {}
    for file in _listed(files, key, problems):
        try:
            person = read_answers(file, told)
        except StudyError as error:
            problems.append(str(error))
            continue
        other = persons.get(person.id)
        if other is not None:
            later, earlier = (person, other) if person.saved > other.saved else (other, person)
            same = person.answers == other.answers
            problems.append(
                f"{earlier.file}: the same person's answers as {later.file}, "
                f"{'word for word' if same else 'saved earlier'}; not counted twice"
            )
            persons[person.id] = later
            continue
        persons[person.id] = person
    for person in persons.values():
        if person.partial:
            notes.append(f"{person.file}: {person.partial} of {len(told['items'])} results not or not wholly judged")
    methods: list[str] = told["methods"]
    owner = {item: about["method"] for item, about in told["items"].items()}
    return Collected(
        methods=methods,
        table={name: _statistics(persons.values(), name, owner) for name in methods},
        answers={
            name: sum(owner[item] == name for person in persons.values() for item in person.answers) for name in methods
        },
        companions=told.get("companions", {}),
        persons=len(persons),
        problems=tuple(problems),
        notes=tuple(notes),
    )


def read_answers(file: Path, key: Mapping[str, Any]) -> Person:
    """One person's answers.

    Raises:
        StudyError: not a file of answers, of another study, or with values that the page does not give.
    """
    name = file.name
    content = _json(file, "answers of a study")
    if not isinstance(content, dict) or content.get("kind") != KIND or content.get("format") != FORMAT:
        raise StudyError(f"{name}: expected the answers of a study, got something else; it is not counted")
    if content.get("study") != key["study"]:
        raise StudyError(f"{name}: the answers of another study than this key's; they are not counted")
    person, saved, given = content.get("person"), content.get("saved"), content.get("answers")
    if not (isinstance(person, str) and person and isinstance(saved, str) and isinstance(given, dict)):
        raise StudyError(f"{name}: expected who answered and what, found a part of it missing; it is not counted")
    answers = {}
    for item, said in given.items():
        if item not in key["items"] or not isinstance(said, dict):
            raise StudyError(f"{name}: answers about a result that is not in the study; they are not counted")
        removed, altered, harmony = (said.get(each) for each in ("removed", "altered", "harmony"))
        if not (_is(removed, bool) and _is(altered, bool) and _is(harmony, int)):
            raise StudyError(
                f"{name}: expected yes, no and a whole number for {item}, got {str(said)[:80]}; not counted"
            )
        if harmony is not None and not 0 <= harmony <= 10:
            raise StudyError(f"{name}: expected a harmony from 0 to 10 for {item}, got {harmony}; not counted")
        if removed is not None and altered is not None and harmony is not None:
            answers[item] = Answer(removed, altered, harmony)
    if not answers:
        raise StudyError(f"{name}: not one result is wholly judged; it is not counted")
    return Person(name, person, saved, answers, len(key["items"]) - len(answers))


def _statistics(persons: Iterable[Person], method: str, owner: Mapping[str, str]) -> dict[str, Statistic]:
    means: dict[str, list[float]] = {measure: [] for measure in MEASURES}
    for person in persons:
        own = [answer for item, answer in person.answers.items() if owner[item] == method]
        values = {
            "q1": [float(each.removed) for each in own],
            "q2": [float(each.altered) for each in own],
            "q3": [float(each.harmony) for each in own],
            "q3_given_q1": [float(each.harmony) for each in own if each.removed],
            "q1_and_not_q2": [float(each.removed and not each.altered) for each in own],
        }
        for measure, found in values.items():
            if found:
                means[measure].append(math.fsum(found) / len(found))
    return {measure: _over_persons(found) for measure, found in means.items()}


def _over_persons(values: Sequence[float]) -> Statistic:
    """NaN for what is not known: the mean of none, the sigma of one."""
    count = len(values)
    mean = math.fsum(values) / count if count else math.nan
    spread = math.fsum((value - mean) ** 2 for value in values)
    return Statistic(mean, math.sqrt(spread / (count - 1)) if count > 1 else math.nan, count)


def _plain(statistic: Statistic) -> dict[str, float | int | None]:
    known = {"mean": statistic.mean, "sigma": statistic.sigma}
    return {
        **{name: None if math.isnan(value) else value for name, value in known.items()},
        "persons": statistic.persons,
    }


def _listed(files: Iterable[Path], key: Path, problems: list[str]) -> list[Path]:
    found: dict[Path, Path] = {}
    for each in files:
        if each.is_dir():
            inside = [path for path in sorted(each.glob("*.json")) if path.resolve() != key.resolve()]
            if not inside:
                problems.append(f"{each}: expected files of answers in this folder, found no *.json")
        else:
            inside = [each]
        for path in inside:
            found.setdefault(path.resolve(), path)
    return list(found.values())


def _read_key(key: Path) -> dict[str, Any]:
    if key.is_dir():
        raise StudyError(f"--key: expected the file key.json, got the folder {key}; give {key / 'key.json'}")
    told = _json(key, "the key of a study", where="--key: ")
    try:
        items, methods = told["items"], told["methods"]
        right = told["format"] == FORMAT and isinstance(told["study"], str) and bool(items)
        right = right and all(each["method"] in methods for each in items.values())
    except (TypeError, KeyError, AttributeError):
        right = False
    if not right:
        raise StudyError(f"--key: expected the key.json that iem study build wrote, got something else: {key}")
    return dict(told)


def _json(file: Path, expected: str, where: str = "") -> Any:
    try:
        if file.stat().st_size > _MOST:
            raise StudyError(f"{where}{file.name}: expected {expected}, got a file of more than 50 MB")
        return json.loads(file.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise StudyError(f"{where}{file}: there is no such file; check the path") from None
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, StudyError):
            raise
        reason = " ".join(str(error).split())[:100]
        raise StudyError(f"{where}{file.name}: expected {expected}, got a damaged file ({reason})") from error


def _is(value: object, kind: type) -> bool:
    """Of that kind, or not yet answered; for Python, yes and no are whole numbers, too."""
    return value is None or (isinstance(value, kind) and (kind is bool or not isinstance(value, bool)))
