"""What the page may send, as types: anything else is refused with the name of the field."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from iem import prompts
from iem.app.refusals import Refused
from iem.app.states import Action
from iem.interfaces import Prompt
from iem.runner.segmenters import check_answers, kind_of

_MOST_PROMPTS = 64
_MOST_PIXELS = 1000

Place = tuple[float, float]


class _Payload(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class PointsPayload(_Payload):
    """Clicks."""

    type: Literal["points"]
    xy: list[Place] = Field(max_length=10_000)
    positive: list[Annotated[bool, Field(strict=True)]] = Field(default=[], max_length=10_000)

    def prompt(self) -> Prompt:
        """As the segmenters know them."""
        return prompts.Points(self.xy, self.positive)


class BoxPayload(_Payload):
    """A rectangle."""

    type: Literal["box"]
    left: float
    top: float
    right: float
    bottom: float

    def prompt(self) -> Prompt:
        """As the segmenters know it."""
        return prompts.Box(self.left, self.top, self.right, self.bottom)


class ScribblePayload(_Payload):
    """A stroke."""

    type: Literal["scribble"]
    points: list[Place] = Field(max_length=10_000)
    width: float = 15.0

    def prompt(self) -> Prompt:
        """As the segmenters know it."""
        return prompts.Scribble(self.points, self.width)


class TextPayload(_Payload):
    """Words."""

    type: Literal["text"]
    text: str

    def prompt(self) -> Prompt:
        """As the segmenters know them."""
        return prompts.Text(self.text)


AnyPrompt = Annotated[PointsPayload | BoxPayload | ScribblePayload | TextPayload, Field(discriminator="type")]


class ProposePayload(_Payload):
    """What to look for, and who is to look."""

    prompts: list[AnyPrompt] = Field(max_length=_MOST_PROMPTS)
    segmenter: str = Field(default="iem", max_length=40)


class FindPayload(_Payload):
    """Nothing: everything is looked for."""


class RemovePayload(_Payload):
    """How to paint; None is what suits the photo's size."""

    painter: str = Field(default="harmonic", max_length=40)
    grow: int | None = Field(default=None, ge=0, le=_MOST_PIXELS)
    feather: int | None = Field(default=None, ge=0, le=_MOST_PIXELS)


class ActionPayload(_Payload):
    """What to do with the proposal; ``pixels`` None is what suits the photo's size."""

    action: Action
    pixels: int | None = Field(default=None, ge=1, le=_MOST_PIXELS)
    index: int = Field(default=0, ge=0)


class SwitchPayload(_Payload):
    """Whether an object is to be removed."""

    on: Annotated[bool, Field(strict=True)]


def checked_prompts(payload: ProposePayload, width: int, height: int) -> Sequence[Prompt]:
    """The prompts, all of which the segmenter understands, within the photo.

    Raises:
        Refused: one that is not, with the field that is wrong.
    """
    try:
        kind = kind_of(payload.segmenter)
        if not payload.prompts and not kind.everything:
            raise Refused(422, f"prompts: {payload.segmenter} needs one of {', '.join(kind.prompts)}", field="prompts")
        found = []
        for each in payload.prompts:
            check_answers(payload.segmenter, each.type)
            prompt = each.prompt()
            _check_inside(prompt, (height, width))
            found.append(prompt)
    except ValueError as error:
        raise Refused.of(error) from error
    return found


def _check_inside(prompt: Prompt, size: tuple[int, int]) -> None:
    if isinstance(prompt, prompts.Points):
        prompts.Points(prompt.xy).to_mask(size, radius=0)  # those beside the object, too
    elif isinstance(prompt, prompts.Box | prompts.Scribble):
        prompt.to_mask(size)


def sentence_of(errors: Sequence[Any]) -> tuple[str, str | None]:
    """What pydantic found, as one sentence, and the field."""
    if not errors:
        return "the request is not what was expected; reload the page", None
    first = errors[0]
    if first.get("type") == "json_invalid":
        return "the request is not JSON; reload the page", None
    place = [each for each in first.get("loc", ()) if each not in ("body", "points", "box", "scribble", "text")]
    name = ""
    for each in place:
        name += f"[{each}]" if isinstance(each, int) else f".{each}" if name else str(each)
    words = str(first.get("msg", "it is wrong"))
    return f"{name or 'request'}: {words[:1].lower()}{words[1:]}", name or None
