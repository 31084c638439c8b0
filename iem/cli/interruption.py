"""Ctrl-C and SIGTERM end the work at once, with what is finished whole."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


class Interrupted(BaseException):
    """The user or the system wants the program to end.

    Not an ``Exception``: what lets one picture fail and goes on must not catch it.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number  #: what shells expect: 130 after Ctrl-C, 143 after SIGTERM


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """In this block the first SIGINT or SIGTERM raises ``Interrupted``; a second one does what it did before."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may say what signals do
        return
    earlier = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in earlier.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)

    def interrupt(number: int, frame: FrameType | None) -> None:
        restore()
        raise Interrupted(number)

    for number, handler in earlier.items():
        if handler is not signal.SIG_IGN:  # a shell's background job, or nohup: not to be interrupted
            signal.signal(number, interrupt)
    try:
        yield
    finally:
        restore()
