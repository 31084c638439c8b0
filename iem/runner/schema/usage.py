"""Which settings a run uses: one that nothing uses would be a change that changes nothing."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from iem.runner.schema.problems import SettingError

SHARED = ("features", "inpainter")  #: parts that do nothing by themselves: others refer to them
_REFERENCE = re.compile(r"\$\{\.*([A-Za-z_]\w*)[.\[}]")


def unused(settings: Mapping[str, Any]) -> dict[str, str]:
    """The keys of what this run does not use, and the part that it is up to.

    Args:
        settings: plain containers, interpolations not resolved.

    >>> run = {"objective": {"features": "${features}"}, "features": {}, "inpainter": {}, "optimiser": None}
    >>> unused({**run, "max_steps": 150})
    {'inpainter': 'objective', 'max_steps': 'optimiser'}
    """
    found = {key: "objective" for key in SHARED if key in settings and key not in _reached(settings)}
    if "max_steps" in settings and not settings.get("optimiser"):
        found["max_steps"] = "optimiser"
    if "watch" in settings and not settings.get("tracker"):
        found["watch"] = "tracker"
    if settings.get("mode") == "split":
        found |= dict.fromkeys(("painter", "grow", "repaint", "parts"), "mode")
    if settings.get("photos") and "finder" in settings:
        found |= dict.fromkeys(("dataset", "baseline", "ignore_rule", "metric"), "photos")
    if "finder" in settings and "size" not in _reached(settings):
        found["size"] = "finder"
    return found


def is_random(settings: Mapping[str, Any]) -> bool:
    """Whether a part takes the seed."""
    return "seed" in _reached({key: value for key, value in settings.items() if key != "seed"})


def check_used(
    given: Iterable[str], settings: Mapping[str, Any], choices: Mapping[str, str | None], folder: Path
) -> None:
    """Require that what was given on the command line, or is swept, changes something.

    Args:
        given: keys, such as ``inpainter.sigma`` or the group ``inpainter``.
        settings: of the run, interpolations not resolved.
        choices: group -> choice.
        folder: of the groups, to say which choices would use it.

    Raises:
        SettingError: one sentence.
    """
    idle = unused(settings)
    for key in given:
        owner = key.split(".", 1)[0]
        if owner not in idle:
            continue
        part = idle[owner]
        state = ", ".join(f"{group}={choices.get(group) or 'none'}" for group in ("preset", part) if group in choices)
        state = state or f"{part}={settings.get(part)}"
        others = [name for name in _choices_that_use(owner, folder / part) if name != choices.get(part)]
        remedy = f"choose {part}={others[0]}" if others else f"choose another {part}"
        if part == "objective" and "paper" in {path.stem for path in (folder / "preset").glob("*.yaml")}:
            remedy = f"choose preset=paper or {remedy.removeprefix('choose ')}"
        raise SettingError(f"{key}: nothing in this run uses {owner} ({state}); {remedy}, or leave it out")


def _choices_that_use(key: str, folder: Path) -> list[str]:
    preferred = ("boundary_ascent", "iem", "wandb_offline")
    files = sorted(folder.glob("*.yaml"), key=lambda path: (path.stem not in preferred, path.stem))
    wanted = "${" + key + "}" if key in SHARED else "_target_"
    return [path.stem for path in files if wanted in path.read_text(encoding="utf-8")]


def _reached(settings: Mapping[str, Any]) -> set[str]:
    """The keys that the run's own parts refer to, directly or through others."""
    reached: set[str] = set()
    waiting = [value for key, value in settings.items() if key not in SHARED]
    while waiting:
        for key in set(_references(waiting.pop())) - reached:
            reached.add(key)
            waiting.append(settings.get(key))
    return reached


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from _REFERENCE.findall(value)
    elif isinstance(value, Mapping):
        for entry in value.values():
            yield from _references(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _references(entry)
