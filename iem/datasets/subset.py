"""A part of a data set that looks like the whole."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def evenly_spaced(items: Sequence[T], limit: int | None) -> tuple[T, ...]:
    """No more than ``limit`` of the items, evenly spaced, in order and always the same; all for None.

    >>> evenly_spaced("abcdefgh", 3)
    ('a', 'c', 'f')
    """
    if limit is None or limit >= len(items):
        return tuple(items)
    return tuple(items[index * len(items) // limit] for index in range(limit))
