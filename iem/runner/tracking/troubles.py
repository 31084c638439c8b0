"""A tracker's own troubles: said once, and never the run's."""

import contextlib
import sys
from collections.abc import Iterator


class Troubles:
    """Catches what goes wrong inside a tracker, says it in one sentence, and remembers it.

    After the first trouble ``broken`` is true, and the tracker is to leave things alone.

    Args:
        name: of the tracker, heads each sentence.
        remedy: ends the sentence; says where the numbers are all the same.

    >>> troubles = Troubles("W&B", "metrics.jsonl has all rows")
    >>> with troubles.caught("log a row"):
    ...     raise OSError("no space left")
    >>> troubles.broken
    True
    """

    def __init__(self, name: str, remedy: str) -> None:
        self.broken = False
        self._name, self._remedy = name, remedy

    @contextlib.contextmanager
    def caught(self, purpose: str) -> Iterator[None]:
        """In this block errors are said instead of raised; interruptions pass."""
        try:
            yield
        except Exception as error:
            if not self.broken:
                self.say(f"could not {purpose} ({reason(error)}), and is left alone from here on; {self._remedy}")
            self.broken = True

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
