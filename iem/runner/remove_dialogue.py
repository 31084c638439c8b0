"""Choosing what to remove by questions and answers: a line of text each way, so that it works through a pipe, too."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from iem.images import ImageError, write_image
from iem.images.errors import printable
from iem.interfaces import Proposal
from iem.runner.remove_objects import PictureFinder
from iem.runner.remove_picture import Marked
from iem.runner.remove_products import RemovalProducts, shown_objects
from iem.runner.remove_request import KINDS, ObjectRequest, said
from iem.runner.work import Work

HELP = """\
  keep             what is shown is to be removed; discard: it is not
  next             show the next of the masks that were proposed; next 2: the second
  another          keep what is shown, and go on with another object
  click X,Y        on an object; while one is shown, not X,Y and further clicks, box L,T,R,B
                   and scribble X,Y X,Y ... correct it
  text WORDS       what to look for
  find             show what stands out, one thing after the other with next
  undo             forget what was kept last
  done             remove what was kept; skip: leave this picture as it is
  Ctrl-C           ends everything; nothing is written of this picture"""


@dataclass(frozen=True)
class Dialogue:
    """Asks what is to be removed.

    Attributes:
        ask: shows a question and returns the answer; raises ``EOFError`` if there is none any more.
        say: shows a line.
        requests: objects to begin with.
        auto: whether to begin with what stands out.
    """

    ask: Callable[[str], str]
    say: Callable[[str], None]
    requests: tuple[ObjectRequest, ...] = ()
    auto: bool = False

    def __call__(
        self, work: Work, finder: PictureFinder, marked: list[Marked], products: RemovalProducts
    ) -> list[Marked] | None:
        """What is to be removed from one picture; None to leave it as it is.

        Raises:
            ImageError: the answers ended before "done".
        """
        height, width = finder.size
        self.say(f"{printable(work.name)}: {width} x {height} pixels")
        choice = _Choice(self, finder, products, list(marked))
        waiting = iter(self.requests)
        if self.auto:
            choice.attempt(lambda: choice.find())
        while True:
            if choice.shown is None and (request := next(waiting, None)) is not None:
                choice.attempt(lambda request=request: choice.look(request))  # type: ignore[misc]
                continue
            answer = self._answer(work, choice.question)
            if answer == "skip":
                return None
            if answer == "done":
                if choice.shown is not None:
                    self.say("keep or discard what is shown first")
                elif not choice.kept:
                    self.say("nothing is kept yet: point at something, or skip")
                else:
                    return choice.kept
                continue
            choice.attempt(lambda answer=answer: choice.follow(answer))  # type: ignore[misc]

    def _answer(self, work: Work, question: str) -> str:
        try:
            return self.ask(question).strip()
        except EOFError:
            raise ImageError(
                work.name, 'the answers ended before "done", so nothing was removed; end them with done, or with skip'
            ) from None


@dataclass
class _Choice:
    """What was kept so far, and what is shown."""

    dialogue: Dialogue
    finder: PictureFinder
    products: RemovalProducts
    kept: list[Marked]
    request: ObjectRequest | None = None
    proposals: list[Proposal] = field(default_factory=list)
    index: int = 0

    @property
    def shown(self) -> Proposal | None:
        return self.proposals[self.index] if self.proposals else None

    @property
    def question(self) -> str:
        if self.shown is not None:
            more = ", next" if len(self.proposals) > 1 else ""
            return f"keep, discard{more}, another, or correct it by click or not (help)? "
        if self.kept:
            return "done, another object (click, box, scribble, text, find), undo or skip (help)? "
        return "what should vanish: click X,Y, box L,T,R,B, text WORDS, find (help)? "

    def attempt(self, action: Callable[[], None]) -> None:
        """What cannot be done is said, and asked again."""
        try:
            action()
        except (ValueError, ImportError) as error:
            self.dialogue.say(str(error))

    def follow(self, answer: str) -> None:
        word, _, rest = answer.partition(" ")
        word = _whole(word.lower())
        if word in KINDS:
            new = said(word, rest)
            refined = self.request is not None and self.shown is not None and word != "text"
            self.look(self.request.also(new) if refined and self.request is not None else ObjectRequest((new,)))
        elif word in ("keep", "another"):
            self.keep()
        elif word == "discard":
            self._require_shown()
            self._forget()
        elif word == "next":
            self.turn(rest.strip())
        elif word == "find":
            self.find()
        elif word == "undo":
            self.undo()
        elif word == "help":
            self.dialogue.say(HELP)
        else:
            raise ValueError(f'"{printable(answer)}" is no answer; help shows all')

    def look(self, request: ObjectRequest) -> None:
        """Show what a request finds; what is shown stays if it finds nothing."""
        proposals = self.finder.candidates(request)
        if not proposals:
            raise ValueError(f"{request}: nothing was found there; point at another place")
        self.request, self.proposals, self.index = request, proposals, 0
        self.show()

    def find(self) -> None:
        regions = self.finder.regions()
        if not regions:
            raise ValueError("nothing stands out; point at something")
        self.request, self.proposals, self.index = None, regions, 0
        self.show()

    def keep(self) -> None:
        shown = self._require_shown()
        words = str(self.request) if self.request is not None else f"auto {shown.label}"
        self.kept.append(Marked(shown.mask, words, shown.score))
        self._forget()
        self.dialogue.say(f"kept, {_count(len(self.kept))} so far")

    def turn(self, number: str) -> None:
        self._require_shown()
        count = len(self.proposals)
        if number and not (number.isdecimal() and 1 <= int(number) <= count):
            raise ValueError(f"next {printable(number)}: expected a number from 1 to {count}")
        if count == 1:
            raise ValueError("there is no other mask; correct this one by click or not")
        self.index = int(number) - 1 if number else (self.index + 1) % count
        self.show()

    def undo(self) -> None:
        if not self.kept:
            raise ValueError("nothing was kept that could be forgotten")
        self.dialogue.say(f"forgotten: {printable(self.kept.pop().said)}")

    def show(self) -> None:
        """Write the picture with what was kept and what is shown, and say where."""
        shown = self._require_shown()
        masks = [*(each.mask for each in self.kept), shown.mask]
        write_image(self.products.preview, shown_objects(self.finder.image, masks))
        share = 100 * float(shown.mask.double().mean())
        label = f"{shown.label}, " if shown.label else ""
        which = f", {self.index + 1} of {len(self.proposals)}" if len(self.proposals) > 1 else ""
        self.dialogue.say(
            f"object {len(self.kept) + 1}: {label}{share:.1f} % of the picture, score {shown.score:.3g}{which}; "
            f"see {printable(str(self.products.preview))}"
        )

    def _require_shown(self) -> Proposal:
        if self.shown is None:
            raise ValueError("nothing is shown; point at something first")
        return self.shown

    def _forget(self) -> None:
        self.request, self.proposals, self.index = None, [], 0


def _whole(word: str) -> str:
    """The command that a word, or its beginning, means."""
    known = (*KINDS, "keep", "discard", "next", "another", "find", "undo", "help")
    if word == "?":
        return "help"
    fitting: Iterator[str] = (each for each in known if word and each.startswith(word))
    found = list(fitting)
    return found[0] if len(found) == 1 else word


def _count(number: int) -> str:
    return f"{number} object{'' if number == 1 else 's'}"
