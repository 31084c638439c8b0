"""A tracker's own troubles: said once, and never the run's."""

import contextlib
import sys
from collections.abc import Callable


class Troubles:
    """Tries what a tracker is to do; the first time that something goes wrong, it says so in one sentence.

    What has failed once is not tried again, what is something else is.

    Args:
        name: of the tracker, heads each sentence.
        remedy: ends the sentence; says where the numbers are all the same.

    >>> troubles = Troubles("W&B", "metrics.jsonl has all rows")
    >>> troubles.attempt("log a row", lambda: 1 / 0)
    False
    >>> troubles.attempt("end", lambda: None)
    True
    """

    def __init__(self, name: str, remedy: str) -> None:
        self._name, self._remedy = name, remedy
        self._failed: set[str] = set()

    def attempt(self, purpose: str, action: Callable[[], None]) -> bool:
        """Whether it went well; interruptions pass.

        Args:
            purpose: completes "could not".
            action: that may raise.
        """
        if purpose in self._failed:
            return False
        try:
            action()
        except Exception as error:
            if not self._failed:
                self.say(f"could not {purpose} ({reason(error)}); {self._remedy}")
            self._failed.add(purpose)
            return False
        return True

    def say(self, sentence: str) -> None:
        """Write one line to standard error, if there is one."""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            sys.stderr.write(f"{self._name}: {sentence}\n")
            sys.stderr.flush()


def reason(error: BaseException) -> str:
    """The first line of what an error says, or its kind.

    >>> reason(ValueError("a bad thing." + chr(10) + "see also")), reason(KeyError())
    ('a bad thing', 'KeyError')
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".:") if lines else type(error).__name__
