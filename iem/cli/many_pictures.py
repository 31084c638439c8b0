"""What commands over many pictures share: the folder of their results, a line per picture, and the sum at the end."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iem.cli.interruption import Interrupted
from iem.cli.progress import Display
from iem.cli.streams import UsageError, say, write_json_line

if TYPE_CHECKING:  # these import PyTorch, for which --help should not have to wait
    from iem.runner.inputs import Outcome
    from iem.runner.work import Work


def prepared_folder(folder: Path, inputs: list[str]) -> Path:
    """The folder for results, made if need be, and free of what killed runs left half-written.

    Raises:
        UsageError: it cannot be written to, or is an input itself.
    """
    from iem.images import remove_stale
    from iem.images.errors import printable, writing_reason

    name = printable(str(folder))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(each != "-" and os.path.exists(each) and folder.samefile(each) for each in inputs):  # noqa: PTH110
            raise UsageError(f"the output folder {name} is an input too; choose another")
        remove_stale(folder)
    except OSError as error:
        reason = "it is a file, not a folder" if folder.is_file() else writing_reason(error)
        raise UsageError(f"cannot write to {name}: {reason}") from error
    return folder


def work_through(
    works: list["Work"],
    outcomes: Callable[[Display], Iterator["Outcome"]],
    display: Display,
    *,
    folder: Path,
    as_json: bool,
    row: Callable[["Outcome"], dict[str, Any]],
    done: str = "segmented",
    found: Callable[[list["Outcome"]], str] = lambda outcomes: "",
) -> int:
    """Do all pictures, showing each as it is done; returns the exit code.

    Args:
        works: the pictures.
        outcomes: given the display, what becomes of each, in order, as soon as it is known.
        display: shows the progress.
        folder: of the results.
        as_json: lines of JSON on stdout instead of words.
        row: what such a line says of a picture that did not fail.
        done: what was done to the pictures.
        found: of those done or skipped, what to say in the last line; empty for nothing.
    """
    begun = time.perf_counter()
    counts = {"done": 0, "skipped": 0, "failed": 0}
    whole: list[Outcome] = []
    stopped: Interrupted | None = None
    try:
        with display:
            results = outcomes(display)
            for work in works:
                display.begin(work)
                outcome = next(results)
                counts[outcome.kind] += 1
                display.end(outcome)
                if outcome.error is None:
                    whole.append(outcome)
                if as_json:
                    write_json_line(_as_row(outcome, row))
    except Interrupted as signal:
        stopped = signal
    seconds = time.perf_counter() - begun
    if as_json:
        interrupted = stopped is not None
        summary = {**counts, "total": len(works), "seconds": round(seconds, 3), "interrupted": interrupted}
        write_json_line({"summary": summary, "output": str(folder)})
    if stopped is not None:
        finished = len(whole)
        say(
            f"interrupted: {finished} of {count_pictures(len(works))} {'is' if finished == 1 else 'are'} done and "
            "whole; the same command does the rest"
        )
        return stopped.exit_code
    if not as_json:
        say(_summary(counts, seconds, folder, done, found(whole)))
    return 2 if counts["failed"] else 0


def count_pictures(number: int) -> str:
    """How many, in words.

    >>> count_pictures(1), count_pictures(2)
    ('1 picture', '2 pictures')
    """
    return f"{number} picture{'' if number == 1 else 's'}"


def _summary(counts: dict[str, int], seconds: float, folder: Path, done: str, found: str) -> str:
    from iem.images.errors import printable

    parts = [f"{count_pictures(counts['done'])} {done} in {seconds:.1f} s"]
    if counts["skipped"]:
        parts.append(f"{counts['skipped']} skipped (done already, --overwrite does them anew)")
    if counts["failed"]:
        parts.append(f"{counts['failed']} failed")
    return "; ".join(filter(None, [", ".join(parts), found, f"results in {printable(str(folder))}"]))


def _as_row(outcome: "Outcome", row: Callable[["Outcome"], dict[str, Any]]) -> dict[str, Any]:
    named: dict[str, Any] = {"input": outcome.work.name, "outcome": outcome.kind}
    return {**named, **({"error": outcome.error} if outcome.error is not None else row(outcome))}
