"""The report of a sweep: what varied, what came out, which masks are best and worst, in HTML and in Markdown."""

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import PIL.Image
import yaml  # type: ignore[import-untyped]

from iem.images import ImageError, read, write_atomic
from iem.runner.pages import template
from iem.runner.sweeps.charts import numeric_columns, progress_chart, setting_chart
from iem.runner.sweeps.comparison import SMALLER_IS_BETTER, Comparison, Finished, compare, number, quality, shown
from iem.runner.sweeps.jobs import STATES, Job, Sweep
from iem.visualise import legible
from iem.visualise.contact_sheets import to_bytes

METRICS = {
    "iou_oracle": "IoU oracle",
    "iou_fixed": "IoU fixed",
    "dice_oracle": "Dice oracle",
    "accuracy_oracle": "Accuracy oracle",
    "max_f_fixed": "max-F fixed",
    "mae_fixed": "MAE fixed",
    "iou": "IoU of the first region",
    "best_iou": "Best-match IoU",
    "covering": "Covering",
    "ari": "ARI",
    "regions": "Regions",
}
NONE = "\N{EN DASH}"
_EXTREMES, _CONTESTED, _CHARTS = 4, 6, 3
_MOST_SIDE = 420


@dataclass(frozen=True)
class Line:
    """One job in the table: every number a string."""

    label: str
    settings: tuple[str, ...]
    numbers: tuple[str, ...]
    marks: tuple[bool, ...]  #: which of the numbers are the best of their column
    difference: str
    pictures: str
    seconds: str
    share: float  #: of the ranking mean among all jobs, in per cent, for a bar
    best: bool


@dataclass(frozen=True)
class Card:
    """One mask of one picture by one job."""

    name: str
    label: str
    iou: str
    uri: str | None


def write_sweep_report(sweep: Sweep, folder: Path, *, by: str | None = None, title: str | None = None) -> list[Path]:
    """Write ``report.html``, one file that needs no network, and ``report.md``.

    Args:
        sweep: its jobs; those that are not done are listed with the command that reruns them.
        folder: where both files go.
        by: the mean that ranks the jobs; None for the usual one.
        title: of the report; None names the sweep's folder.

    Returns:
        The files.

    Raises:
        ValueError: ``by`` is no mean of these jobs.
        ImageError: a file cannot be written.
    """
    comparison = compare(sweep, by=by)
    headings = [heading for metric, heading in _metrics(comparison).items()]
    lines = _lines(comparison)
    rest = [job for job in sweep.jobs if job.state != "done"]
    heading = title or legible(sweep.folder.resolve().name)
    folder.mkdir(parents=True, exist_ok=True)
    page = _page(sweep, comparison, heading, headings, lines, rest)
    text = _markdown(sweep, comparison, heading, headings, lines, rest)
    written = {folder / "report.html": page, folder / "report.md": text}
    for path, content in written.items():
        write_atomic(path, content.encode("utf-8", "replace"))
    return list(written)


def _metrics(comparison: Comparison) -> dict[str, str]:
    """The metric that ranks first, then the usual ones that these jobs have."""
    usual = [comparison.by, *(metric for metric in METRICS if metric != comparison.by)]
    known = [m for m in usual if any(math.isfinite(each.mean(m)) for each in comparison.finished)]
    return {metric: METRICS.get(metric, metric.replace("_", " ")) for metric in known}


def _lines(comparison: Comparison) -> list[Line]:
    metrics, by = _metrics(comparison), comparison.by
    best = {m: max((quality(each.mean(m), m) for each in comparison.finished), default=math.nan) for m in metrics}
    lines = []
    for rank, each in enumerate(comparison.finished):
        gap, error = comparison.difference(each)
        lines.append(
            Line(
                label=legible(each.label),
                settings=tuple(legible(shown(each.values[key])) for key in comparison.columns) or (each.job.name,),
                numbers=tuple(_number(each.mean(m)) for m in metrics),
                marks=tuple(quality(each.mean(m), m) == best[m] for m in metrics),
                difference="" if rank == 0 else _difference(gap, error),
                pictures=f"{len(each.rows)}" + (f" ({each.job.failures} unreadable)" if each.job.failures else ""),
                seconds=f"{each.seconds / len(each.rows):.2f}" if each.rows else NONE,
                share=100 * min(1.0, max(0.0, number(each.mean(by), 0.0))),
                best=rank == 0,
            )
        )
    return lines


def _page(
    sweep: Sweep,
    comparison: Comparison,
    title: str,
    headings: Sequence[str],
    lines: Sequence[Line],
    rest: Sequence[Job],
) -> str:
    charts = {}
    if (progress := progress_chart(comparison)) is not None:
        charts["Curves of the mean overlap at every step, a line for each job."] = _uri(progress, "image/png")
    for column in numeric_columns(comparison)[:_CHARTS]:
        if (chart := setting_chart(comparison, column)) is not None:
            charts[f"The mean against {column}."] = _uri(chart, "image/png")
    winner = comparison.finished[0] if comparison.finished else None
    high, low = comparison.extremes(_EXTREMES) if winner else ([], [])
    contested = [
        (legible(name), _card(name, better, comparison.by), _card(name, worse, comparison.by))
        for name, better, worse in (comparison.contested(_CONTESTED) if winner else [])
    ]
    return template("sweeps/report.html").render(
        title=title,
        by=_metrics(comparison).get(comparison.by, comparison.by),
        smaller=comparison.by.startswith(SMALLER_IS_BETTER),
        columns=[legible(column) for column in comparison.columns] or ["job"],
        headings=headings,
        lines=lines,
        same_pictures=comparison.same_pictures,
        done=sweep.count("done"),
        jobs=len(sweep.jobs),
        open_ended=sweep.plan is not None and sweep.plan.jobs is None,
        total=_duration(sum(each.seconds for each in comparison.finished)),
        charts=charts,
        highest=[_card(name, winner, comparison.by) for name in high] if winner else [],
        lowest=[_card(name, winner, comparison.by) for name in low] if winner else [],
        contested=contested,
        rest=[(legible(job.name), job.state, legible(job.error or ""), job.command) for job in rest],
        command=None if sweep.plan is None else sweep.plan.command,
        shared=yaml.safe_dump(dict(comparison.shared), sort_keys=False, allow_unicode=True) if winner else "",
        versions={legible(k): legible(str(v)) for k, v in (winner.versions if winner else {}).items()},
        several_versions=len({tuple(sorted(each.versions.items())) for each in comparison.finished}) > 1,
    )


def _markdown(
    sweep: Sweep,
    comparison: Comparison,
    title: str,
    headings: Sequence[str],
    lines: Sequence[Line],
    rest: Sequence[Job],
) -> str:
    counts = ", ".join(f"{count} {state}" for state in STATES if (count := sweep.count(state)))
    found = [f"# {_cell(title)}", "", f"{len(sweep.jobs)} jobs: {counts}.", ""]
    if lines:
        columns = [_cell(legible(column)) for column in comparison.columns] or ["job"]
        head = [*columns, *headings[:1], "against the best", *headings[1:], "pictures", "s per picture"]
        found += [_row(head), _row([*(["---"] * len(columns)), *(["---:"] * (len(head) - len(columns)))])]
        for line in lines:
            numbers = [f"**{value}**" if mark else value for value, mark in zip(line.numbers, line.marks, strict=True)]
            settings = [_cell(value) for value in line.settings]
            found.append(_row([*settings, *numbers[:1], line.difference, *numbers[1:], line.pictures, line.seconds]))
        found += ["", _NOTE]
        if not comparison.same_pictures:
            found += ["", _UNLIKE]
    if rest:
        found += ["", "## Not done", ""]
        for job in rest:
            reason = f": {legible(job.error)}" if job.error else ""
            found.append(f"- {job.state}: `{legible(job.name)}`{reason}")
            if job.command and job.folder is not None:
                found += ["", f"      {job.command}", ""]
    if sweep.plan is not None:
        found += ["", "## How this was made", "", f"    {sweep.plan.command}"]
    return "\n".join(found) + "\n"


_NOTE = (
    "Means over pictures; the best of each column is bold. Fixed polarity takes each mask as it is; oracle polarity "
    "takes the better of the mask and its complement, which needs the truth. Differences to the best job are over the "
    "pictures that both have, ± 1.96 standard errors: one that does not reach past its ± may be chance."
)
_UNLIKE = "The jobs were not measured on the same pictures: their means cannot be compared, the differences can."


def _card(name: str, finished: Finished, by: str) -> Card:
    row = finished.rows[name]
    return Card(legible(name), legible(finished.label), _number(number(row.get(by))), _picture(finished, row))


def _picture(finished: Finished, row: Mapping[str, object]) -> str | None:
    """The overlay, else the mask, small; None if neither was written."""
    for kind in ("overlay", "mask"):
        if finished.job.folder is None or not row.get(kind):
            continue
        try:
            picture = read(finished.job.folder / str(row[kind]))
        except ImageError:
            continue
        small = PIL.Image.fromarray(to_bytes(picture.image))
        small.thumbnail((_MOST_SIDE, _MOST_SIDE), PIL.Image.Resampling.LANCZOS)
        buffer = BytesIO()
        small.save(buffer, "WEBP", quality=80, method=4)
        return _uri(buffer.getvalue(), "image/webp")
    return None


def _uri(data: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _number(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else NONE


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _difference(gap: float, error: float) -> str:
    if math.isnan(gap):
        return NONE
    doubt = "" if math.isnan(error) else f" ± {1.96 * error:.3f}"
    return f"{gap:+.3f}{doubt}".replace("-", "\N{MINUS SIGN}")


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cell(text: str) -> str:
    """Text that Markdown shows as it is."""
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]<>#|" else letter for letter in text)
