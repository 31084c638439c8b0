"""What is wrong with a setting, in one sentence."""

import difflib
from collections.abc import Iterable


class SettingError(ValueError):
    """One sentence: which setting, what was expected, what came, what to do."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a sentence that names what is most like ``word``; empty if nothing is.

    >>> did_you_mean("papr", ["best", "paper"])
    '; did you mean paper?'
    >>> did_you_mean("steps", ["max_steps", "size"])
    '; did you mean max_steps?'
    """
    choices = list(dict.fromkeys(known))
    close = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    if not close:  # the right word at another place: sigma, inpainter.sigma
        last = word.rsplit(".", 1)[-1]
        ends = {choice.rsplit(".", 1)[-1]: choice for choice in reversed(choices)}
        close = [ends[each] for each in difflib.get_close_matches(last, ends, n=1, cutoff=0.75)]
    close = close or [choice for choice in choices if len(word) > 3 and word in choice][:1]
    return f"; did you mean {close[0]}?" if close else ""
