"""Photographs with what is to vanish from each: in words, by a click, by a box; with the truth where it is known."""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from iem.datasets import Samples
from iem.images import ImageError, read, read_mask
from iem.interfaces import Image, Mask, Prompt
from iem.prompts import Box, Points, Text
from iem.runner.schema.problems import did_you_mean
from iem.runner.simulated_prompts import interior_click, tight_box

FILES = ("prompts.json", "prompts.yaml", "prompts.yml")
KINDS = ("text", "click", "box")
_KEYS = (*KINDS, "truth")
_WORDS = {"rocket": "rocket", "flower": "flower", "coffee": "cup and saucer", "motorcycle": "motorcycle"}


class PairsError(ValueError):
    """A folder of pairs that cannot be used; one sentence."""


@dataclass(frozen=True)
class Pair:
    """One photograph and what is to vanish from it.

    Attributes:
        name: unique in its folder, fit to be a file's stem.
        prompts: by kind, "text", "click" and "box", in pixels of the photograph; at least one.
        read: ``() -> (image, truth)``; ``[1, 3, h, w]`` and ``[1, 1, h, w]``, or None where the truth is not known.
    """

    name: str
    prompts: Mapping[str, Prompt]
    read: Callable[[], tuple[Image, Mask | None]]


def open_pairs(root: str | Path | None) -> list[Pair]:
    """The pairs of a folder, or four of the built-in photographs for None.

    In the folder, or in its ``photos/``, lie the photographs; ``prompts.json`` (or ``.yaml``) says for each file's name
    what is to vanish: ``{"street.jpg": {"text": "green bin", "click": [310, 200], "box": [left, top, right, bottom],
    "truth": "masks/street.png"}}``. Not all are needed. A click may be a list of clicks; coordinates are pixels (x, y).

    Raises:
        PairsError: no such folder, no or a damaged file of prompts, a photograph that is not there, a prompt that
            cannot be.

    >>> pair = open_pairs(None)[0]
    >>> pair.name, pair.prompts["text"]
    ('rocket', Text(text='rocket'))
    """
    if root is None:
        return _built_in()
    folder = Path(root).expanduser()
    if not folder.is_dir():
        raise PairsError(f"pairs: expected a folder, found none called {root}; check the path")
    file = next((folder / name for name in FILES if (folder / name).is_file()), None)
    if file is None:
        raise PairsError(
            f"pairs: expected prompts.json or prompts.yaml in {root}, found neither; see the example in --help"
        )
    told = _told(file)
    pairs: dict[str, Pair] = {}
    for name, about in told.items():
        pair = _pair(folder, file.name, name, about)
        if pair.name in pairs:
            raise PairsError(f"{file.name}: expected names that differ in more than their ending, got {name} again")
        pairs[pair.name] = pair
    return list(pairs.values())


def about(prompts: Mapping[str, Prompt]) -> dict[str, Any]:
    """What ``prompts_of`` would make these prompts of."""
    told: dict[str, Any] = {}
    for kind, prompt in prompts.items():
        if isinstance(prompt, Text):
            told[kind] = prompt.text
        elif isinstance(prompt, Box):
            told[kind] = [prompt.left, prompt.top, prompt.right, prompt.bottom]
        elif isinstance(prompt, Points):
            told[kind] = [list(each) for each in prompt.xy]
    return told


def prompts_of(about: Mapping[str, Any]) -> dict[str, Prompt]:
    """The prompts of one photograph's entry in ``prompts.json``, by kind.

    Raises:
        TypeError: a value of another type.
        ValueError: a prompt that cannot be.

    >>> prompts_of({"text": "bin", "click": [3, 4]})
    {'text': Text(text='bin'), 'click': Points(xy=((3.0, 4.0),), positive=(True,))}
    """
    return {kind: _prompt(kind, about[kind]) for kind in KINDS if about.get(kind) is not None}


def _built_in() -> list[Pair]:
    samples, pairs = Samples(only=list(_WORDS)), []
    for i, name in enumerate(samples.names):
        truth = samples[i].truth
        prompts: dict[str, Prompt] = {
            "text": Text(_WORDS[name]),
            "click": interior_click(truth),
            "box": tight_box(truth),
        }

        def read_sample(i: int = i) -> tuple[Image, Mask]:
            return samples[i].image, samples[i].truth

        pairs.append(Pair(name, prompts, read_sample))
    return pairs


def _told(file: Path) -> Mapping[str, Any]:
    try:
        text = file.read_text(encoding="utf-8-sig")
        told = json.loads(text) if file.suffix == ".json" else yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())[:150]
        raise PairsError(f"{file.name}: expected prompts, got a file that cannot be read ({reason})") from error
    if not isinstance(told, dict) or not told:
        raise PairsError(f"{file.name}: expected a file name for each photograph with its prompts, got none")
    return told


def _pair(folder: Path, file: str, name: Any, entry: Any) -> Pair:
    where = f"{file}: {str(name)[:80]}"
    if not isinstance(name, str) or Path(name).name != name or not re.match(r"\w", name):
        raise PairsError(f"{where}: expected the name of a photograph in the folder, without a path")
    photo = next((each for each in (folder / "photos" / name, folder / name) if each.is_file()), None)
    if photo is None:
        raise PairsError(f"{where}: expected this photograph in the folder or in its photos/, found it in neither")
    if not isinstance(entry, dict):
        raise PairsError(f"{where}: expected text, click or box, got {type(entry).__name__}")
    for key in entry:
        if key not in _KEYS:
            raise PairsError(
                f"{where}: expected text, click, box or truth, got {key!s:.40}{did_you_mean(str(key), _KEYS)}"
            )
    try:
        prompts = prompts_of(entry)
    except (TypeError, ValueError) as error:
        raise PairsError(f"{where}: {error}") from error
    if not prompts:
        raise PairsError(f"{where}: expected at least one of text, click and box, got none")
    truth = entry.get("truth")
    mask = None if truth is None else folder / str(truth)
    if mask is not None and not (mask.is_file() and mask.resolve().is_relative_to(folder.resolve())):
        raise PairsError(f"{where}: truth: expected a mask below the folder, found no {truth}")

    def read_photo() -> tuple[Image, Mask | None]:
        image = read(photo).image
        size = (int(image.shape[2]), int(image.shape[3]))
        for kind, prompt in prompts.items():
            if isinstance(prompt, Points | Box):
                try:
                    prompt.to_mask(size)
                except ValueError as error:
                    raise ImageError(photo.name, f"its {kind} is not in it: {error}") from error
        return image, None if mask is None else read_mask(mask, size=size)

    return Pair(Path(name).stem, prompts, read_photo)


def _prompt(kind: str, value: Any) -> Prompt:
    if kind == "text":
        return Text(value)
    if not isinstance(value, list) or not value:
        raise ValueError(f"{kind}: expected a list of numbers, got {value!r:.60}")
    if kind == "click":
        clicks = value if isinstance(value[0], list) else [value]
        if not all(isinstance(each, list) and len(each) == 2 and all(map(_is_number, each)) for each in clicks):
            raise ValueError(f"click: expected [x, y] or a list of such, got {value!r:.60}")
        return Points([(float(x), float(y)) for x, y in clicks])
    if len(value) != 4 or not all(map(_is_number, value)):
        raise ValueError(f"box: expected [left, top, right, bottom], got {value!r:.60}")
    return Box(*map(float, value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
