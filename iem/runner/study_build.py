"""A questionnaire as one page: methods blinded, their results in an order drawn by seed; and the key to it."""

import base64
import hashlib
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from iem.images import write_atomic
from iem.runner.pages import template
from iem.runner.results import write_json
from iem.runner.study_pictures import Run, StudyError, read_run

PAGE, KEY = "study.html", "key.json"
FORMAT = 1  #: of keys and answers


@dataclass(frozen=True)
class Study:
    """What was written.

    Attributes:
        page: to hand out.
        key: to keep.
        pictures: how many photographs.
        results: how many results in all.
        missing: what is not in it, a sentence each.
    """

    page: Path
    key: Path
    pictures: int
    results: int
    missing: tuple[str, ...]


def build_study(folder: Path, output: Path, *, seed: int = 0, title: str = "", quality: int = 92) -> Study:
    """Write ``study.html``, which tells nothing of the methods, and ``key.json``, which tells which is which.

    Args:
        folder: of a run, see ``read_run``.
        output: where to write.
        seed: of the order of the photographs and of the results of each.
        title: of the page; usual: "Was it removed?".
        quality: of the pictures, which are JPEGs.

    Raises:
        StudyError: nothing to judge, or a study with other contents is there already.
    """
    run = read_run(folder, quality=quality)
    told, key = blinded(run, seed)
    page, keys = output / PAGE, output / KEY
    known = _known(keys)
    if known is not None and known != key["study"]:
        raise StudyError(
            f"-o: expected a folder without another study, {output} has one, whose answers its key.json is needed for; "
            "give another folder"
        )
    output.mkdir(parents=True, exist_ok=True)
    shown = {
        "title": title.strip() or "Was it removed?",
        # As text of a script element: nothing in it may end that.
        "data": Markup(json.dumps(told, ensure_ascii=True).replace("<", "\\u003c").replace("&", "\\u0026")),
    }
    write_json(keys, {**key, "run": str(folder)})
    write_atomic(page, template("study_page.html").render(shown).encode())
    results = sum(len(each["results"]) for each in told["pictures"])
    return Study(page, keys, len(told["pictures"]), results, tuple(run.missing))


def blinded(run: Run, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the page is told, and the key.

    Identifiers are drawn, not made of names, and results are lettered in the order in which they are shown.
    """
    draw = random.Random(f"iem study {seed}")
    pictures = list(run.pictures)
    draw.shuffle(pictures)
    shown, items = [], {}
    for picture in pictures:
        order = [method for method in run.methods if method in picture.results]
        draw.shuffle(order)
        results = []
        for method in order:
            item = f"{draw.getrandbits(64):016x}"
            items[item] = {"picture": picture.name, "method": method}
            results.append({"id": item, "image": _as_uri(picture.results[method])})
        shown.append({"wanted": picture.wanted, "image": _as_uri(picture.photo), "results": results})
    content = json.dumps([items, shown], sort_keys=True).encode()
    study = hashlib.sha256(content).hexdigest()[:16]
    told = {"format": FORMAT, "study": study, "pictures": shown}
    key = {
        "format": FORMAT,
        "study": study,
        "seed": seed,
        "methods": list(run.methods),
        "items": items,
        "companions": dict(run.companions),
    }
    return told, key


def _known(keys: Path) -> str | None:
    """The study that a folder has the key of."""
    if not keys.exists():
        return None
    try:
        content: Mapping[str, Any] = json.loads(keys.read_bytes())
        return str(content["study"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StudyError(f"-o: expected a folder without another study, {keys} is in the way; give another") from error


def _as_uri(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
