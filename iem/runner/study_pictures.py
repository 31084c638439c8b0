"""A run's photographs and what each method made of them, for people to judge."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import PIL.Image

from iem.images import ImageError, read, short_side
from iem.interfaces import Image
from iem.prompts import Text
from iem.runner.pairs import Pair, PairsError, open_pairs
from iem.runner.prompt_experiment import drawn
from iem.runner.results import read_json
from iem.visualise.contact_sheets import to_bytes

COMPANIONS = ("iou", "left", "outside", "seconds")


class StudyError(ValueError):
    """A study that cannot be built or collected; one sentence."""


@dataclass(frozen=True)
class Judged:
    """One photograph and its results.

    Attributes:
        name: of the photograph.
        wanted: what was to vanish, in words; empty where it is drawn on the photograph.
        photo: as JPEG.
        results: method -> JPEG of the painted photograph.
    """

    name: str
    wanted: str
    photo: bytes
    results: Mapping[str, bytes]


@dataclass(frozen=True)
class Run:
    """What a study is about.

    Attributes:
        methods: in order.
        pictures: in order.
        companions: method -> mean of what was counted where the truth is known, and seconds.
        missing: results that are not there, a sentence each.
    """

    methods: Sequence[str]
    pictures: Sequence[Judged]
    companions: Mapping[str, Mapping[str, float]]
    missing: Sequence[str]


def read_run(folder: Path, *, quality: int = 92, longest: int = 1024) -> Run:
    """The pictures of a folder: ``photos/NAME.png``, ``prompts.json``, and ``painted/METHOD/NAME.png``.

    Args:
        folder: what ``experiments/mask_generators.py`` wrote, or one laid out alike.
        quality: of the JPEGs.
        longest: side of what is shown, in pixels.

    Raises:
        StudyError: not such a folder, or nothing in it to judge.
    """
    try:
        pairs = open_pairs(folder)
    except PairsError as error:
        raise StudyError(f"RUN: {str(error).removeprefix('pairs: ')}") from error
    told = read_json(folder / "result.json") or {}
    painted = folder / "painted"
    there = sorted(each.name for each in painted.iterdir() if each.is_dir()) if painted.is_dir() else []
    known = told.get("methods")
    methods = [each for each in known if each in there] if isinstance(known, list) else there
    if not methods:
        raise StudyError(f"RUN: expected painted/METHOD/NAME.png in {folder}, found no method; give a run's folder")
    rows = [row for row in told.get("rows", []) if isinstance(row, dict)]
    done = {(row.get("method"), row.get("name")) for row in rows} if rows else None
    pictures, missing = [], []
    for pair in pairs:
        try:
            photo, _ = pair.read()
        except ImageError as error:
            missing.append(str(error))
            continue
        results = {}
        for method in methods:
            file = painted / method / f"{pair.name}.png"
            try:
                if done is not None and (method, pair.name) not in done:
                    raise ImageError(file.name, "this run has no result of it")
                results[method] = _jpeg(_same_size(read(file).image, photo, file.name), quality, longest)
            except ImageError as error:
                missing.append(f"{method}: {error}")
        if results:
            text, shown = _pointed(pair, photo)
            pictures.append(Judged(pair.name, text, _jpeg(shown, quality, longest), results))
    if not pictures:
        raise StudyError(f"RUN: expected results to judge in {folder}, found none; {missing[0] if missing else ''}")
    return Run(methods, pictures, _companions(methods, rows), missing)


def _pointed(pair: Pair, photo: Image) -> tuple[str, Image]:
    """What was to vanish, in words; where there are none, drawn on the photograph."""
    text = pair.prompts.get("text")
    if isinstance(text, Text):
        return text.text, photo
    for prompt in pair.prompts.values():
        photo = drawn(photo, prompt)
    return "", photo


def _same_size(result: Image, photo: Image, name: str) -> Image:
    if result.shape != photo.shape:
        (height, width), (expected_height, expected_width) = result.shape[2:], photo.shape[2:]
        raise ImageError(
            name, f"expected {expected_width} x {expected_height} pixels like the photograph, got {width} x {height}"
        )
    return result


def _jpeg(image: Image, quality: int, longest: int) -> bytes:
    height, width = image.shape[2:]
    if max(height, width) > longest:
        image = short_side(image, max(1, round(min(height, width) * longest / max(height, width))))
    stream = io.BytesIO()
    PIL.Image.fromarray(to_bytes(image)).save(stream, "JPEG", quality=quality, subsampling=0)
    return stream.getvalue()


def _companions(methods: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for method in methods:
        means = {}
        for key in COMPANIONS:
            known = [row[key] for row in rows if row.get("method") == method and isinstance(row.get(key), int | float)]
            if known:
                means[key] = sum(known) / len(known)
        if means:
            found[method] = means
    return found
