"""The segmenters by name, as all commands and the page know them: what each answers, needs, and how it is made."""

import enum
import importlib
import importlib.util
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iem.runner.painters import Readiness

if TYPE_CHECKING:  # these import PyTorch, for which --help should not have to wait
    from iem.interfaces import Segmenter


class SegmenterName(str, enum.Enum):
    """All segmenters, in the order in which they are listed."""

    iem = "iem"
    sam = "sam"
    sam_hq = "sam_hq"
    mask2former = "mask2former"
    clipseg = "clipseg"
    grounded_sam = "grounded_sam"
    segclip = "segclip"
    diffedit = "diffedit"


@dataclass(frozen=True)
class SegmenterKind:
    """What is known of a segmenter without importing it.

    Attributes:
        factory: name of its class in ``iem.segmenters``.
        about: what it does, in a few words.
        prompts: what it understands: "points", "box", "scribble", "mask" (a coarse one), "text".
        everything: whether it answers without any prompt, too, by all that it finds.
        packages: what it needs beyond iem's own needs.
        extra: of the installation, which brings the packages.
        weights: its keyword arguments that are networks, and what of ``iem models list`` they take by default.
    """

    factory: str
    about: str
    prompts: tuple[str, ...]
    everything: bool = False
    packages: tuple[str, ...] = ()
    extra: str = ""
    weights: Mapping[str, str] = field(default_factory=dict)

    @property
    def takes_weights(self) -> bool:
        """Whether it is a network."""
        return bool(self.weights)


_PLACES = ("points", "box", "scribble", "mask")
_DIFFUSION = ("diffusers", "transformers", "accelerate")

KINDS: Mapping[SegmenterName, SegmenterKind] = {
    SegmenterName.iem: SegmenterKind("PromptedIEM", "mutual inpainting error, held to the prompts", _PLACES, True),
    SegmenterName.sam: SegmenterKind(
        "SAM", "Segment Anything", _PLACES, True, ("transformers",), "features", {"model": "sam-vit-base"}
    ),
    SegmenterName.sam_hq: SegmenterKind(
        "SAMHQ",
        "Segment Anything with crisper edges",
        _PLACES,
        True,
        ("transformers",),
        "features",
        {"model": "sam-hq-vit-base"},
    ),
    SegmenterName.mask2former: SegmenterKind(
        "Mask2Former",
        "instances of known kinds; takes the one that is clicked on",
        (*_PLACES, "text"),
        True,
        ("transformers",),
        "features",
        {"model": "mask2former-swin-tiny"},
    ),
    SegmenterName.clipseg: SegmenterKind(
        "CLIPSeg", "words to a soft mask", ("text",), False, ("transformers",), "features", {"model": "clipseg"}
    ),
    SegmenterName.grounded_sam: SegmenterKind(
        "GroundedSAM",
        "a phrase to boxes by Grounding DINO, boxes to masks by Segment Anything",
        ("text",),
        False,
        ("transformers",),
        "features",
        {"detector": "grounding-dino-tiny", "segmenter": "sam-vit-base"},
    ),
    SegmenterName.segclip: SegmenterKind(
        "SegCLIP",
        "everything that Segment Anything finds, ranked by CLIP",
        ("text",),
        False,
        ("transformers",),
        "features",
        {"segmenter": "sam-vit-base", "ranker": "clip-vit-base-patch16"},
    ),
    SegmenterName.diffedit: SegmenterKind(
        "DiffEdit",
        "where the noise that a diffusion model sees depends on the words",
        ("text",),
        False,
        _DIFFUSION,
        "diffusion",
        {"model": "stable-diffusion-v1-5"},
    ),
}


def make_segmenter(name: str, weights: Path | str | None = None, **options: Any) -> "Segmenter":
    """The segmenter of that name; networks are not loaded yet.

    Args:
        name: one of ``SegmenterName``.
        weights: a folder, or a name of ``iem models list``; None for the segmenter's own. Of those with two networks, a
            folder that holds one folder for each, called as in ``SegmenterKind.weights``.
        options: keyword arguments of the segmenter's class.

    Raises:
        ValueError: an unknown name or option, a setting out of its range, weights that cannot be; one sentence.
        ImportError: an extra is not installed.

    >>> make_segmenter("iem", size=96).size
    96
    >>> make_segmenter("iem", weights="clipseg")
    Traceback (most recent call last):
    ...
    ValueError: weights: the segmenter iem has none, got clipseg; leave them out, or take one of sam, sam_hq, ...
    """
    kind = kind_of(name)
    if weights is not None and not kind.takes_weights:
        networks = ", ".join(each.value for each in SegmenterName if KINDS[each].takes_weights)
        raise ValueError(
            f"weights: the segmenter {name} has none, got {weights}; leave them out, or take one of {networks}"
        )
    if (missing := _missing_packages(kind)) is not None:
        raise ImportError(f"{name}: {missing}")
    maker = getattr(importlib.import_module("iem.segmenters"), kind.factory)
    known = [each for each in inspect.signature(maker).parameters if each not in kind.weights]
    for option in options:
        if option not in known:
            raise ValueError(f"{option}: expected a setting of {name}, which are {', '.join(known)}; check the name")
    made: Segmenter = maker(**_sources(kind, weights), **options)
    return made


def kind_of(name: str) -> SegmenterKind:
    """What is known of the segmenter of that name.

    Raises:
        ValueError: there is none.
    """
    try:
        return KINDS[SegmenterName(name)]
    except ValueError:
        known = ", ".join(each.value for each in SegmenterName)
        raise ValueError(f"segmenter: expected one of {known}, got {name}; check the spelling") from None


def readiness(name: str) -> Readiness:
    """Whether a segmenter could answer now; looks for packages and files without opening them.

    >>> readiness("iem")
    Readiness(ready=True, needs='')
    """
    kind = kind_of(name)
    if (missing := _missing_packages(kind)) is not None:
        return Readiness(False, missing)
    absent = [each for each in kind.weights.values() if not _is_ready(each)]
    if absent:
        return Readiness(False, f"needs weights: iem models get {' '.join(absent)}")
    return Readiness(True)


def segmenters_for(prompt: str) -> tuple[SegmenterName, ...]:
    """The segmenters that understand a kind of prompt.

    Args:
        prompt: as in ``SegmenterKind.prompts``; "everything" for those that need none.

    >>> [name.value for name in segmenters_for("text")][:2]
    ['mask2former', 'clipseg']
    """

    def understands(kind: SegmenterKind) -> bool:
        return kind.everything if prompt == "everything" else prompt in kind.prompts

    return tuple(name for name, kind in KINDS.items() if understands(kind))


def check_answers(name: str, prompt: str) -> None:
    """Refuse a kind of prompt that a segmenter does not understand, before anything is loaded.

    Raises:
        ValueError: one sentence that says which segmenter does, and which command gets its weights.

    >>> check_answers("iem", "text")
    Traceback (most recent call last):
    ...
    ValueError: text: the segmenter iem does not understand words; take clipseg, whose ...
    """
    if prompt in kind_of(name).prompts:
        return
    if prompt == "text":
        raise ValueError(
            f"text: the segmenter {name} does not understand words; take clipseg, whose weights "
            "`iem models get clipseg` gets"
        )
    others = ", ".join(each.value for each in segmenters_for(prompt))
    raise ValueError(f"{prompt}: the segmenter {name} answers {', '.join(kind_of(name).prompts)} alone; take {others}")


def _sources(kind: SegmenterKind, weights: Path | str | None) -> dict[str, Path | str]:
    if weights is None:
        return dict(kind.weights)
    if len(kind.weights) == 1:
        return dict.fromkeys(kind.weights, weights)
    return {each: Path(weights) / each for each in kind.weights}


def _missing_packages(kind: SegmenterKind) -> str | None:
    absent = [each for each in kind.packages if not _is_installed(each)]
    if not absent:
        return None
    listed = " and ".join(filter(None, [", ".join(absent[:-1]), absent[-1]]))
    return f'needs {listed}: pip install "iem[{kind.extra}]"'


def _is_installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):  # half-removed
        return False


def _is_ready(name: str) -> bool:
    from iem.weights import is_ready

    return is_ready(name)
