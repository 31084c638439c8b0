"""A run that takes scenes apart: each is peeled, held against its truth if it has one, written down and shown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iem.images import ImageError
from iem.interfaces import RunIdentity, Tracker
from iem.metrics.confusion import IgnoreRule
from iem.runner.claims import claim
from iem.runner.peel_measuring import METRICS, Baseline, Row, mean_rows, peel_and_measure
from iem.runner.peel_report import write_peel_report
from iem.runner.peeler import Peeler
from iem.runner.provenance import Provenance
from iem.runner.results import EventLog, plain, read_events, read_json, write_failure, write_json
from iem.runner.scenes import Scenes
from iem.runner.settings import fingerprint
from iem.runner.versions import versions


@dataclass(frozen=True)
class PeelResult:
    """What a run found.

    Attributes:
        rows: one per picture, in the order of the scenes.
        means: see ``mean_rows``.
        kept: how many of the rows an earlier run into the same folder had finished.
        failures: what could not be read, and why; the means are without them.
        report: the HTML page.
    """

    rows: list[Row]
    means: dict[str, float]
    kept: int
    failures: list[str]
    report: Path


@dataclass(frozen=True)
class PeelRun:
    """How to take scenes apart into a folder.

    Attributes:
        folder: of this run alone. One that was written with other ``settings`` is refused.
        settings: plain containers that say what this run is; kept with the results.
        peeler: what takes them apart.
        device: where to search.
        ignore_rule: what happens to pixels that the dataset says to ignore.
        baseline: makes a mask of each labelled picture, whose IoU is held beside the first region's; or None.
        write_pictures: whether there are files beside the numbers.
        skip_finished: False forgets what an earlier run into the folder found.
        title: heads the report.
        tracker: shows the run while it goes on.
        identity: what the tracker calls it.
        on_row: called with each row and the number of pictures, as soon as the row is on disk.
        on_wait: called with the name of another process that holds the folder, once.
    """

    folder: Path
    settings: Mapping[str, Any]
    peeler: Peeler
    device: str = "cpu"
    ignore_rule: IgnoreRule = "exclude"
    baseline: Baseline | None = None
    write_pictures: bool = True
    skip_finished: bool = True
    title: str = "Scenes taken apart"
    tracker: Tracker | None = None
    identity: RunIdentity | None = None
    on_row: Callable[[Row, int], None] | None = None
    on_wait: Callable[[str], None] | None = None

    @property
    def log(self) -> Path:
        """A line per event: one per round, and one per picture."""
        return self.folder / "metrics.jsonl"

    @property
    def report(self) -> Path:
        """The page."""
        return self.folder / "report.html"

    def __call__(self, scenes: Scenes) -> PeelResult:
        """Do all scenes that an earlier, interrupted run into the folder has not finished.

        Written: ``metrics.jsonl``, for each picture a folder in ``scenes/`` (see ``RegionProducts``), ``report.html``
        and, last, ``result.json``; a folder that has one is done, and only shows it again. If an error stops the run,
        ``failure.json`` says which.

        Raises:
            ValueError: the folder belongs to a run with other settings.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with claim(self.folder / "run.lock", {"pictures": len(scenes.names)}, on_wait=self.on_wait):
            path = self.folder / "settings.json"
            if path.exists() and read_json(path) != plain(self.settings):
                raise ValueError(
                    f"folder: {self.folder} holds a run with other settings; choose another folder or remove it"
                )
            if self.skip_finished and (found := self._finished(scenes)):
                return found
            write_json(path, self.settings)
            for name in ("failure.json", *(() if self.skip_finished else ("result.json", "metrics.jsonl"))):
                (self.folder / name).unlink(missing_ok=True)
            if self.tracker is not None:
                name = self.folder.name
                self.tracker.start(self.identity or RunIdentity(fingerprint(self.settings), name, self.folder))
            try:
                return self._run(scenes)
            except BaseException as error:
                if self.tracker is not None:
                    self.tracker.finish({}, failed=True)
                if isinstance(error, Exception):
                    write_failure(self.folder, error)
                raise

    def _run(self, scenes: Scenes) -> PeelResult:
        provenance = Provenance()
        earlier = (event for event in read_events(self.log) if event["event"] == "picture" and self._is_whole(event))
        rows: dict[str, Row] = {event["name"]: event for event in earlier if event["name"] in set(scenes.names)}
        kept, failures = len(rows), list[str]()
        for row in rows.values():
            self._tell(row, len(scenes.names))
        with EventLog(self.log) as events:
            for index, name in enumerate(scenes.names):
                if name in rows:
                    continue
                try:
                    scene = scenes.read(index)
                except ImageError as error:
                    failures.append(str(error))
                    continue
                peeled = peel_and_measure(
                    scene,
                    self.peeler,
                    folder=self.folder,
                    device=self.device,
                    ignore_rule=self.ignore_rule,
                    write_pictures=self.write_pictures,
                    baseline=self.baseline,
                )
                events.append(*peeled.rounds, peeled.row)
                rows[name] = peeled.row
                self._tell(peeled.row, len(scenes.names))
                self._track(list(rows.values()))
        ordered = [plain(rows[name]) for name in scenes.names if name in rows]
        result = PeelResult(ordered, mean_rows(ordered), kept, failures, self.report)
        self._write(result, provenance)
        if self.tracker is not None:
            self.tracker.table("pictures", [{key: row.get(key) for key in _COLUMNS} for row in ordered])
            self.tracker.finish({**result.means, "pictures": float(len(ordered))})
        return result

    def _write(self, result: PeelResult, provenance: Provenance) -> None:
        names = {row["name"] for row in result.rows}
        rounds: dict[str, dict[int, Row]] = {name: {} for name in names}
        for event in read_events(self.log):  # of a picture that was begun twice the last time counts
            if event["event"] == "round" and event["name"] in names:
                if event["number"] == 1:
                    rounds[event["name"]] = {}
                rounds[event["name"]][event["number"]] = event
        write_peel_report(
            self.report,
            title=self.title,
            settings=self.settings,
            rows=result.rows,
            rounds={name: list(found.values()) for name, found in rounds.items()},
            means=result.means,
            folder=self.folder,
        )
        write_json(
            self.folder / "result.json",
            {
                "means": result.means,
                "rows": result.rows,
                "failures": result.failures,
                "settings": self.settings,
                "versions": versions(),
                "provenance": provenance.describe({**self.settings, "device": self.device}, result.rows),
            },
        )

    def _finished(self, scenes: Scenes) -> PeelResult | None:
        """What is in the folder, if it is a whole result; one that lacks pictures is not."""
        content = read_json(self.folder / "result.json")
        if content is None or [row["name"] for row in content["rows"]] != list(scenes.names):
            return None
        rows: list[Row] = content["rows"]
        if not self.report.exists() or not all(map(self._is_whole, rows)):
            return None
        for row in rows:
            self._tell(row, len(rows))
        return PeelResult(rows, mean_rows(rows), len(rows), content["failures"], self.report)

    def _is_whole(self, row: Row) -> bool:
        """Whether an earlier run left all that is asked for now: its pictures, too, if they are."""
        return not self.write_pictures or (
            "folder" in row and all((self.folder / row["folder"] / name).is_file() for name in row["files"])
        )

    def _tell(self, row: Row, count: int) -> None:
        if self.on_row is not None:
            self.on_row(row, count)

    def _track(self, rows: list[Row]) -> None:
        if self.tracker is not None:
            running = {f"data/{key}": value for key, value in mean_rows(rows).items()}
            self.tracker.log(len(rows), running, axis="data/pictures")


_COLUMNS = ("name", "regions", "reason", *METRICS, "rounds", "seconds")
