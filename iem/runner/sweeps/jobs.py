"""How far each job of a sweep is, read from what it has left on the disk."""

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from iem.runner.claims import holder, is_held
from iem.runner.results import read_json
from iem.runner.sweeps.planning import PLAN_FILE, Plan, read_plan

State = Literal["done", "running", "failed", "interrupted", "waiting"]
STATES: tuple[State, ...] = ("done", "running", "failed", "interrupted", "waiting")
_BLOCK = 1 << 22
_PICTURE = b'"event": "picture"'


@dataclass(frozen=True)
class Job:
    """One job of a sweep, or one run.

    Attributes:
        name: of its folder; of a job that has none yet, its settings.
        state: "done": its result is there; "running": a process is at it; "failed": it ended with an error;
            "interrupted": it was killed; "waiting": it has not begun.
        folder: None if it has not begun.
        overrides: its settings, as one would type them.
        hydra_overrides: those that Hydra needs to find its settings.
        program: what runs it; None if unknown.
        pictures: how many are finished.
        total: how many there are; None if not known yet.
        host: where it runs or ran last.
        process: its number there.
        error: one sentence; of a failed job.
        means: of a finished job.
        failures: pictures that a finished job could not read.
    """

    name: str
    state: State
    folder: Path | None = None
    overrides: tuple[str, ...] = ()
    hydra_overrides: tuple[str, ...] = ()
    program: str | None = None
    pictures: int = 0
    total: int | None = None
    host: str | None = None
    process: int | None = None
    error: str | None = None
    means: Mapping[str, float | None] = field(default_factory=dict)
    failures: int = 0

    @property
    def command(self) -> str | None:
        """The command that reruns this job alone, into the same folder; None if it is not known."""
        if self.program is None:
            return None
        place = [] if self.folder is None else ["hydra.mode=RUN", f"hydra.run.dir={_quoted(self.folder)}"]
        return shlex.join(["python", self.program, *self.overrides, *self.hydra_overrides, *place])


@dataclass(frozen=True)
class Sweep:
    """All jobs of a sweep, or all runs in a folder.

    Attributes:
        folder: where they are.
        plan: what was asked for; None for a folder of runs that no sweep wrote.
        jobs: in the order of the plan; those that are in no plan come last, by name.
    """

    folder: Path
    plan: Plan | None
    jobs: tuple[Job, ...]

    def count(self, state: State) -> int:
        """How many jobs are so."""
        return sum(job.state == state for job in self.jobs)

    def labels(self) -> list[str]:
        """Of each job, what sets it apart among the overrides; its name where nothing does."""
        shared = set.intersection(*(set(job.overrides) for job in self.jobs)) if len(self.jobs) > 1 else set()
        apart = [" ".join(each for each in job.overrides if each not in shared) for job in self.jobs]
        return [label or job.name for label, job in zip(apart, self.jobs, strict=True)]

    @property
    def complete(self) -> bool:
        """Whether there is at least one job and all are done."""
        return bool(self.jobs) and all(job.state == "done" for job in self.jobs)


def read_sweep(folder: Path) -> Sweep:
    """The jobs in a sweep's folder, or in a folder of runs; a run's own folder is a sweep of one.

    Raises:
        ValueError: there is no such folder, or no run in it.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder}: expected the folder of a sweep or of runs, got none; see hydra.sweep.dir")
    if _is_run(folder):
        return Sweep(folder, None, (read_job(folder),))
    found = [read_job(entry) for entry in sorted(folder.iterdir()) if entry.is_dir() and _is_run(entry)]
    plan = read_plan(folder)
    if not found and (plan is None or not plan.jobs):
        raise ValueError(
            f"{folder}: expected the folder of a sweep or of runs, got one without {PLAN_FILE} and without runs; "
            "give outputs/segment, or one of the folders in outputs/sweeps"
        )
    return Sweep(folder, plan, tuple(found if plan is None or plan.jobs is None else _in_order(found, plan)))


def read_job(folder: Path) -> Job:
    """How far the run in ``folder`` is."""
    noted = read_json(folder / "command.json") or {}
    overrides = [str(each) for each in noted.get("overrides", ())]
    common: dict[str, Any] = {
        "name": folder.name,
        "folder": folder,
        "overrides": tuple(each for each in overrides if not each.startswith("hydra.")),
        # Where it is to write is known better from where it is now.
        "hydra_overrides": tuple(each for each in overrides if each.startswith("hydra.searchpath=")),
        "program": noted.get("program"),
    }
    result = read_json(folder / "result.json")
    if result is not None:
        rows, failures = len(result.get("rows", ())), len(result.get("failures", ()))
        means = result.get("means", {})
        return Job(**common, state="done", means=means, pictures=rows, total=rows + failures, failures=failures)
    lock = holder(folder / "run.lock")
    common |= {"pictures": _count_pictures(folder / "metrics.jsonl"), "total": lock.get("pictures")}
    common |= {"host": lock.get("host"), "process": lock.get("pid")}
    if is_held(folder / "run.lock"):
        return Job(**common, state="running")
    failed = read_json(folder / "failure.json")
    if failed is not None:
        return Job(**common, state="failed", error=str(failed.get("error", "no reason was noted")))
    return Job(**common, state="interrupted" if (folder / "settings.json").exists() else "waiting")


def _is_run(folder: Path) -> bool:
    return any((folder / name).exists() for name in ("settings.json", "run.lock", "failure.json", "result.json"))


def _in_order(found: Sequence[Job], plan: Plan) -> list[Job]:
    """A job for each planned one, then those that nobody planned."""
    by_overrides = {job.overrides: job for job in found if job.overrides}
    by_name = {job.name: job for job in found}
    planned = plan.jobs or ()
    names: list[str | None] = [None] * len(planned)
    if any(overrides not in by_overrides for overrides in planned) and found:
        # The same settings can be spelled in several ways: only the folder's name tells.
        names = plan.folder_names()
    ordered: dict[str, Job] = {}
    for overrides, name in zip(planned, names, strict=True):
        job = by_overrides.get(overrides) or by_name.get(name or "")
        job = job or Job(name or " ".join(overrides), "waiting", overrides=overrides, program=plan.program)
        ordered.setdefault(job.name, job)
    return [*ordered.values(), *(job for job in found if job.name not in ordered)]


def _count_pictures(log: Path) -> int:
    """Finished pictures in a log that may have millions of lines."""
    count, rest = 0, b""
    try:
        with log.open("rb") as file:
            while block := file.read(_BLOCK):
                lines, _, rest = (rest + block).rpartition(b"\n")
                count += lines.count(_PICTURE)
    except OSError:
        return 0
    return count


def _quoted(folder: Path) -> str:
    """A path as Hydra's overrides take it: quoted where it holds more than letters, digits and the like."""
    text = os.path.relpath(folder)
    text = text if not text.startswith("..") else str(folder.absolute())
    if all(letter.isalnum() or letter in "/._-" for letter in text):
        return text
    # Backslashes stand for themselves, but for those before a quotation mark.
    escaped = re.sub(r"(\\*)('|$)", lambda found: found[1] * 2 + ("\\'" if found[2] else ""), text)
    return f"'{escaped}'"
