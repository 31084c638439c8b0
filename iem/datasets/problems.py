"""What is wrong with a data set, listed before any work is done with it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One entry of a data set that cannot be used.

    Attributes:
        name: the entry's name, as its sample would have been called.
        reason: what is wrong with it, in one clause.
    """

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


class DatasetError(ValueError):
    """A data set, or some of its entries, cannot be used.

    Attributes:
        problems: every entry that cannot be used; empty where the whole data set cannot.
    """

    def __init__(self, message: str, problems: Sequence[Problem] = ()):
        super().__init__(message)
        self.problems = tuple(problems)


def list_problems(problems: Sequence[Problem], most: int = 20) -> str:
    """The first ``most`` problems, one on a line, and how many are left.

    >>> print(list_problems([Problem("a", "no mask"), Problem("b", "no mask"), Problem("c", "no mask")], most=2))
      a: no mask
      b: no mask
      ... and 1 more
    """
    lines = [f"  {problem}" for problem in problems[:most]]
    if len(problems) > most:
        lines.append(f"  ... and {len(problems) - most} more")
    return "\n".join(lines)
