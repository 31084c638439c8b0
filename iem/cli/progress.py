"""What is being segmented, how long it will take, and what became of each picture."""

import os
import sys
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:  # these import PyTorch, for which --help should not have to wait
    from iem.interfaces import Progress as Step
    from iem.runner.inputs import Outcome
    from iem.runner.work import Work

_FEW = 20
_WIDEST_NAME = 36

#: What the statuses of iem.interfaces.Status mean to somebody who looks at the mask.
WORDS = {
    "converged": "converged after {steps}",
    "cycling": "the mask cycles after {steps}",
    "max_steps": "the mask still moved after {steps}",
    "empty": "the mask shrank to nothing: empty mask",
    "full": "the mask grew over everything: full mask",
    "constant": "flat picture: empty mask",
    "nonfinite": "the search met an infinite number: empty mask",
}
#: Statuses whose mask is empty or full.
DEGENERATE = ("empty", "full", "constant", "nonfinite")


def describe_outcome(outcome: "Outcome", describe: Callable[["Outcome"], str] | None = None) -> str:
    """One line about one picture, which names it first; ``describe`` says what was found in one that was done."""
    name = name_of(outcome.work)
    if outcome.kind == "failed":
        return f"{name}: failed: {outcome.error}"
    if outcome.kind == "skipped":
        return f"{name}: skipped, it is done already"
    return f"{name}: {(describe or describe_mask)(outcome)}"


def describe_mask(outcome: "Outcome") -> str:
    """What was found in a picture that was segmented, in words."""
    record = outcome.record
    words = describe_status(record["status"], record["steps"])
    if record["status"] not in DEGENERATE:
        words = f"{100 * record['foreground']:.1f} % foreground, {words}"
    notices = "".join(f"; {notice}" for notice in record["notices"])
    return f"{words}, {record['seconds']:.2f} s{notices}"


def describe_status(status: str, steps: int) -> str:
    """How a search ended, in words.

    >>> describe_status("converged", 1), describe_status("constant", 0)
    ('converged after 1 step', 'flat picture: empty mask')
    >>> describe_status("converged", 0)
    'found without a search'
    """
    if status == "converged" and steps == 0:  # a network's mask
        return "found without a search"
    return WORDS[status].format(steps=f"{steps} step{'' if steps == 1 else 's'}")


def name_of(work: "Work") -> str:
    """The picture's name, fit for any terminal."""
    from iem.images.errors import printable

    return "standard input" if work.name == "-" else printable(work.name)


class Display:
    """On stderr: a bar with the picture's name and the time left on a terminal, and a line for each picture.

    Where many pictures go by above a bar, and where ``quiet``, only what is worth a line gets one: failures, notices,
    and results that hold nothing, such as masks that are empty or full.

    Args:
        total: how many pictures there are.
        quiet: whether lines go elsewhere, too.
        describe: the line of a picture that was done.
        is_empty: whether the record of a picture that was done says that nothing was found.
    """

    def __init__(
        self,
        total: int,
        *,
        quiet: bool = False,
        describe: Callable[["Outcome"], str] | None = None,
        is_empty: Callable[[Mapping[str, Any]], bool] = lambda record: record["status"] in DEGENERATE,
    ) -> None:
        self._describe, self._is_empty = describe or describe_mask, is_empty
        self._console = Console(stderr=True)
        live = sys.stderr.isatty() and not self._console.is_dumb_terminal and not (quiet and sys.stdout.isatty())
        self._every_line = not quiet and (not live or total <= _FEW)
        self._digits = len(str(total))
        self._total, self._shown = total, 0
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("left"),
            TextColumn("{task.fields[step]}", markup=False, style="dim"),
            console=self._console,
            transient=True,
            disable=not live,
        )
        self._task = self._bar.add_task("", total=total, step="")

    def __enter__(self) -> "Display":
        self._bar.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.__exit__(kind, error, trace)

    def begin(self, work: "Work") -> None:
        """Name the picture that comes next."""
        name = os.path.basename(name_of(work))  # noqa: PTH119 (the name may be no valid path)
        short = name if len(name) <= _WIDEST_NAME else "\N{HORIZONTAL ELLIPSIS}" + name[1 - _WIDEST_NAME :]
        self._bar.update(self._task, description=short, step="")

    def step(self, work: "Work", step: "Step") -> None:
        """Show how far the search is."""
        self.tell(f"step {step.step} of at most {step.max_steps}")

    def tell(self, words: str) -> None:
        """Show how far the work on the present picture is, beside the bar."""
        self._bar.update(self._task, step=words)

    def end(self, outcome: "Outcome") -> None:
        """Show what became of the picture."""
        self._shown += 1
        noteworthy = outcome.kind == "failed" or (
            outcome.kind == "done" and (self._is_empty(outcome.record) or outcome.record["notices"])
        )
        if noteworthy or self._every_line:
            count = f"[{self._shown:{self._digits}}/{self._total}] "
            words = describe_outcome(outcome, self._describe)
            self._console.print(count + words, markup=False, highlight=False, soft_wrap=True)
        self._bar.update(self._task, advance=1)
