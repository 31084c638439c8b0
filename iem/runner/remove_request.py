"""What is to be removed, as a command line says it: words to prompts, and which of them are about one object."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from iem.interfaces import Prompt
from iem.prompts import Box, Points, Scribble, Size, Text

KINDS = ("click", "not", "box", "scribble", "text")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_EXAMPLES = {
    "click": "120,80",
    "not": "120,80",
    "box": "10,20,200,180, its left, top, right and bottom",
    "scribble": '"30,40 60,45 90,40"',
    "text": '"the red car"',
}


@dataclass(frozen=True)
class Said:
    """One prompt, and how it was said.

    Attributes:
        kind: of ``KINDS``; "not" is a click beside the object.
        words: as they were given.
        prompt: what they mean.
    """

    kind: str
    words: str
    prompt: Prompt

    def __str__(self) -> str:
        return f"{self.kind} {self.words}"

    def check(self, size: Size) -> None:
        """Refuse what is not in a picture of ``size``, (height, width).

        Raises:
            ValueError: one sentence that names it.
        """
        prompt, (height, width) = self.prompt, size
        try:
            if isinstance(prompt, Points):
                Points(prompt.xy).to_mask(size, radius=0)
            elif isinstance(prompt, Box | Scribble):
                prompt.to_mask(size)
        except ValueError as error:
            if isinstance(prompt, Scribble) and "wide" in str(error):
                raise
            raise ValueError(
                f"{self}: lies outside the picture, which is {width} pixels wide and {height} high; pixels count from "
                "0,0 at its upper left corner"
            ) from error


@dataclass(frozen=True)
class ObjectRequest:
    """All that was said of one object."""

    said: tuple[Said, ...]

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """What a segmenter is given: all clicks as one prompt, then the others."""
        clicks = [each.prompt for each in self.said if isinstance(each.prompt, Points)]
        others = [each.prompt for each in self.said if not isinstance(each.prompt, Points)]
        if not clicks:
            return tuple(others)
        xy, positive = zip(*((click.xy[0], click.positive[0]) for click in clicks), strict=True)
        return (Points(xy, positive), *others)

    @property
    def asks(self) -> tuple[str, ...]:
        """The kinds of prompts, as ``iem.runner.segmenters`` calls them."""
        return tuple(dict.fromkeys("points" if each.kind in ("click", "not") else each.kind for each in self.said))

    def also(self, *said: Said) -> "ObjectRequest":
        """The same object with more said of it."""
        return ObjectRequest((*self.said, *said))

    def check(self, size: Size) -> None:
        """Refuse what is not in a picture of ``size``, or does not say where the object is.

        Raises:
            ValueError: one sentence.
        """
        self.check_whole()
        for each in self.said:
            each.check(size)

    def check_whole(self) -> None:
        """Refuse an object of which it is only said where it is not.

        Raises:
            ValueError: one sentence.
        """
        if all(each.kind == "not" for each in self.said):
            raise ValueError(f"{self}: says where the object is not; add a click on it, a box or a stroke")

    def __str__(self) -> str:
        return "; ".join(map(str, self.said))


def said(kind: str, words: str) -> Said:
    """One prompt.

    Args:
        kind: of ``KINDS``.
        words: such as "120,80".

    Raises:
        ValueError: they mean nothing; one sentence.

    >>> said("box", "10,20,200,180").prompt
    Box(left=10.0, top=20.0, right=200.0, bottom=180.0)
    >>> said("click", "120")
    Traceback (most recent call last):
    ...
    ValueError: click 120: expected two numbers, X,Y; write it like 120,80
    """
    try:
        return Said(kind, words.strip(), _prompt(kind, words))
    except _UnclearError as error:
        raise ValueError(f"{kind} {words.strip()}: {error}; write it like {_EXAMPLES[kind]}") from error
    except ValueError as error:
        raise ValueError(f"{kind} {words.strip()}: {str(error).partition(': ')[2] or error}") from error


def one_object(words: str) -> ObjectRequest:
    """The object that ``--object`` is about: prompts with their kinds, parted by semicolons.

    Raises:
        ValueError: one sentence.

    >>> print(one_object("click 120,80; not 140,90"))
    click 120,80; not 140,90
    """
    found = []
    for part in filter(None, map(str.strip, words.split(";"))):
        kind, _, rest = part.partition(" ")
        if kind.lower() not in KINDS:
            raise ValueError(
                f'object "{part}": expected it to begin with {", ".join(KINDS[:-1])} or text; write it like '
                '"click 120,80; not 140,90"'
            )
        found.append(said(kind.lower(), rest))
    if not found:
        raise ValueError('object: expected what it is, got nothing; write it like "click 120,80; not 140,90"')
    request = ObjectRequest(tuple(found))
    request.check_whole()
    return request


def requested(given: Mapping[str, Sequence[str]], objects: Sequence[str] = ()) -> tuple[ObjectRequest, ...]:
    """The objects that the options of a command are about.

    Clicks and strokes are about one object, with the box or the text if one is given. Several boxes, or several texts,
    are an object each; then clicks could belong to any of them, and ``objects`` says which.

    Args:
        given: kind -> words of each time that it was given.
        objects: see ``one_object``; one each.

    Raises:
        ValueError: one sentence.

    >>> [str(each) for each in requested({"click": ["1,2", "3,4"]}, ["box 0,0,9,9"])]
    ['click 1,2; click 3,4', 'box 0,0,9,9']
    >>> [str(each) for each in requested({"box": ["0,0,9,9", "5,5,7,7"]})]
    ['box 0,0,9,9', 'box 5,5,7,7']
    """
    every = {kind: [said(kind, words) for words in given.get(kind, ())] for kind in KINDS}
    shared = [*every["click"], *every["not"], *every["scribble"]]
    single = [*every["box"], *every["text"]]
    many = len(every["box"]) > 1 or len(every["text"]) > 1
    if many and (shared or (every["box"] and every["text"])):
        raise ValueError(
            f"{(shared or every['text'])[0]}: belongs to which object, since there are several boxes or texts? Say it "
            'with --object, once for each, such as --object "box 10,20,200,180; click 120,80"'
        )
    groups = [(each,) for each in single] if many else [(*shared, *single)]
    found = [ObjectRequest(group) for group in groups if group]
    for request in found:
        request.check_whole()
    return (*found, *map(one_object, objects))


class _UnclearError(Exception):
    """What was said has not the form of its kind."""


def _prompt(kind: str, words: str) -> Prompt:
    if kind == "text":
        return Text(words)
    if kind == "scribble":
        corners = [tuple(_numbers(corner, 2, "X,Y")) for corner in words.split()]
        if len(corners) < 2:
            raise _UnclearError("expected the corners of a stroke, two X,Y at least")
        return Scribble([(x, y) for x, y in corners])
    if kind == "box":
        left, top, right, bottom = _numbers(words, 4, "L,T,R,B")
        return Box(left, top, right, bottom)
    x, y = _numbers(words, 2, "X,Y")
    return Points([(x, y)], [kind == "click"])


def _numbers(words: str, count: int, form: str) -> Iterator[float]:
    parts = [part.strip() for part in words.split(",")]
    if len(parts) != count or not all(map(_NUMBER.fullmatch, parts)):
        raise _UnclearError(f"expected {'two' if count == 2 else 'four'} numbers, {form}")
    return map(float, parts)
