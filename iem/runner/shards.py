"""A part of a data set, so that several jobs can share one."""

from dataclasses import dataclass

from iem.checks import check_number


@dataclass(frozen=True)
class Shard:
    """Pictures ``index``, ``index + count``, ``index + 2 count``, ... of a data set.

    Args:
        index: which part, from 0.
        count: how many parts there are.

    >>> Shard(1, 3).indices(8)
    range(1, 8, 3)
    """

    index: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        check_number(self.count, "shard.count", low=1, integer=True)
        check_number(self.index, "shard.index", low=0, high=self.count - 1, integer=True)

    def indices(self, length: int) -> range:
        """Those of ``length`` pictures that belong to this part."""
        return range(self.index, length, self.count)
