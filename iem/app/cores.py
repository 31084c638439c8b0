"""How many threads a piece of work uses."""

import contextlib
from collections.abc import Iterator

import torch

from iem.runner.threads import usable_cores


@contextlib.contextmanager
def cores(*, network: bool) -> Iterator[None]:
    """In this block: all for a network, one for anything else.

    A search is hundreds of steps of a millisecond. Divided among cores that others use, too, each step waits for the
    slowest: a click of 0.7 seconds has been seen to take 30.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(usable_cores() if network else 1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
