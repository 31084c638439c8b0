"""One page that shows a run of peeling: what was seen, found and painted, and how well it agrees with the truth."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iem.images import write_atomic
from iem.runner.endings import FIRST, UNITED, WORDS, count_regions
from iem.runner.page_contents import NONE, as_yaml, duration, number, picture_uri
from iem.runner.pages import template
from iem.runner.region_products import RegionProducts
from iem.runner.versions import versions
from iem.visualise import legible

#: Column -> heading, for those that a truth is needed for.
MEASURES = {
    "iou": "IoU of the first",
    "iou_segment": "IoU of segment",
    "best_iou": "best-match IoU",
    "covering": "covering",
    "ari": "ARI",
    "right_number": "right number",
}
_OVERVIEW_SIDE = 1400  # pixels
_ROUND_SIDE = 300
_MOST_ROUNDS = 12  # of each picture are shown


@dataclass(frozen=True)
class Card:
    """One picture, ready to be shown: every number a string, every picture a data URI."""

    name: str
    anchor: str
    regions: str
    ending: str
    numbers: Mapping[str, str]
    overview: str | None
    film: str | None
    rounds: Sequence[Mapping[str, Any]]
    shown: bool


def write_peel_report(
    path: Path,
    *,
    title: str,
    settings: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    rounds: Mapping[str, Sequence[Mapping[str, Any]]],
    means: Mapping[str, float],
    folder: Path,
    most_cards: int = 40,
) -> None:
    """Write one self-contained HTML file: means, table, a card per picture, settings and versions.

    Args:
        path: the file to write, whole or not at all.
        title: of the page.
        settings: of the run.
        rows: one per picture, as the run's log has them.
        rounds: picture -> its rounds, likewise.
        means: of the numbers.
        folder: of the run, where the pictures are.
        most_cards: so many pictures are shown; the table has them all.

    Raises:
        ImageError: the page cannot be written.
    """
    measured = [key for key in MEASURES if any(not math.isnan(number(row.get(key))) for row in rows)]
    cards = [
        _card(row, i, rounds.get(str(row["name"]), ()), folder, measured, shown=i < most_cards)
        for i, row in enumerate(rows)
    ]
    page = template("peel_report.html").render(
        title=legible(title),
        measures={key: MEASURES[key] for key in measured},
        cards=cards,
        means={key: _shown(means.get(key)) for key in MEASURES} | {"regions": _shown(means.get("regions"), 1)},
        total=duration([number(row.get("seconds")) for row in rows]),
        settings=as_yaml(settings),
        versions={legible(key): legible(value) for key, value in versions().items()},
    )
    write_atomic(path, page.encode("utf-8", "replace"))


def _card(
    row: Mapping[str, Any],
    place: int,
    rounds: Sequence[Mapping[str, Any]],
    folder: Path,
    measured: Sequence[str],
    *,
    shown: bool,
) -> Card:
    overview = film = None
    strips: list[Mapping[str, Any]] = []
    if shown and "folder" in row:
        products = RegionProducts(folder / row["folder"])
        overview = picture_uri(products.overview, "overview", _OVERVIEW_SIDE)
        film = picture_uri(products.film, "film")
        strips = [_strip(each, products) for each in rounds if each["kind"] == "paint"][:_MOST_ROUNDS]
    found = int(row["regions"])
    return Card(
        name=legible(str(row["name"])),
        anchor=f"scene-{place + 1}",
        regions=count_regions(found),
        ending=(WORDS if found else FIRST)[str(row["reason"])],
        numbers={**{key: _shown(row.get(key)) for key in measured}, "seconds": _shown(row.get("seconds"), 2)},
        overview=overview,
        film=film,
        rounds=strips,
        shown=shown,
    )


def _strip(tried: Mapping[str, Any], products: RegionProducts) -> Mapping[str, Any]:
    """What was seen, found and painted in one round."""
    count = int(tried["number"])
    if tried["region"] is not None:
        verdict = f"region {tried['region']}, {100 * tried['share']:.1f} % of the picture"
    else:
        verdict = UNITED if tried["reason"] is None else WORDS[tried["reason"]]
    if tried["p_value"] is not None:
        verdict += f", p = {tried['p_value']:.3f}"
    kinds = {"picture": "seen", "mask": "mask", "overlay": "found", "painted": "painted"}
    pictures = {caption: picture_uri(products.round(count, kind), kind, _ROUND_SIDE) for kind, caption in kinds.items()}
    return {"number": count, "verdict": verdict, "pictures": {key: uri for key, uri in pictures.items() if uri}}


def _shown(value: object, digits: int = 3) -> str:
    found = number(value)
    return NONE if math.isnan(found) else f"{found:.{digits}f}"
