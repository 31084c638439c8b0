"""The painters by name, as all commands know them: how each is made, what it needs, and whether that is here."""

import enum
import importlib
import importlib.util
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # these import PyTorch, for which --help should not have to wait
    from iem.interfaces import Inpainter


class PainterName(str, enum.Enum):
    """All painters, in the order in which they are listed."""

    harmonic = "harmonic"
    biharmonic = "biharmonic"
    telea = "telea"
    navier_stokes = "navier_stokes"
    nearest = "nearest"
    mean = "mean"
    gaussian = "gaussian"
    deepfill = "deepfill"
    lama = "lama"
    mat = "mat"
    stable_diffusion = "stable_diffusion"
    controlnet = "controlnet"
    repaint = "repaint"
    external = "external"


@dataclass(frozen=True)
class PainterKind:
    """What is known of a painter without importing it.

    Attributes:
        factory: name of the class, or of the function that makes it, in ``iem.inpainters``.
        about: what it does, in a few words.
        packages: what it needs beyond iem's own needs.
        extra: of the installation, which brings the packages.
        weights: names of ``iem models list`` that it takes by default.
        file: what the user has to bring, where no name of the list will do; empty where one does.
        options: its keyword arguments that the commands offer, beside the weights.
        tells_steps: whether it takes an ``on_step``.
    """

    factory: str
    about: str
    packages: tuple[str, ...] = ()
    extra: str = ""
    weights: tuple[str, ...] = ()
    file: str = ""
    options: tuple[str, ...] = ()
    tells_steps: bool = False

    @property
    def takes_weights(self) -> bool:
        """Whether it is a network."""
        return bool(self.weights or self.file)


@dataclass(frozen=True)
class Readiness:
    """Whether a painter can paint here and now.

    Attributes:
        ready: whether nothing is missing.
        needs: what is, in one sentence that says what to do; empty if nothing is.
    """

    ready: bool
    needs: str = ""


_DIFFUSION = ("diffusers", "transformers", "accelerate")
_SAMPLER = ("steps", "seed")
_PROMPTED = ("prompt", "negative_prompt", "steps", "guidance", "seed")

KINDS: Mapping[PainterName, PainterKind] = {
    PainterName.harmonic: PainterKind("Harmonic", "smoothest fill, at once at any size"),
    PainterName.biharmonic: PainterKind("Biharmonic", "smooth, slopes continued (scikit-image)"),
    PainterName.telea: PainterKind("Telea", "marches inwards (OpenCV)", ("cv2",), "opencv"),
    PainterName.navier_stokes: PainterKind("NavierStokes", "continues edges (OpenCV)", ("cv2",), "opencv"),
    PainterName.nearest: PainterKind("Nearest", "the nearest known pixel"),
    PainterName.mean: PainterKind("Mean", "the mean colour"),
    PainterName.gaussian: PainterKind("GaussianInpainter", "a blur of what is known, that of the search"),
    PainterName.deepfill: PainterKind("DeepFill", "DeepFillv2", weights=("deepfillv2-places2",)),
    PainterName.lama: PainterKind(
        "Lama",
        "LaMa, strong at textures and large holes",
        weights=("big-lama",),
        options=("refine_steps",),
        tells_steps=True,
    ),
    PainterName.mat: PainterKind(
        "mat",
        "MAT, for large holes",
        file="a function that runs MAT (CC BY-NC 4.0), such as mat_painter.py:load, or MAT as TorchScript",
        options=("seed",),
    ),
    PainterName.stable_diffusion: PainterKind(
        "StableDiffusion",
        "Stable Diffusion, by a prompt",
        _DIFFUSION,
        "diffusion",
        weights=("stable-diffusion-inpainting",),
        options=_PROMPTED,
        tells_steps=True,
    ),
    PainterName.controlnet: PainterKind(
        "ControlNet",
        "Stable Diffusion with a ControlNet",
        _DIFFUSION,
        "diffusion",
        weights=("stable-diffusion-v1-5", "controlnet-inpaint"),
        options=_PROMPTED,
        tells_steps=True,
    ),
    PainterName.repaint: PainterKind(
        "RePaint",
        "a DDPM, which knows faces",
        _DIFFUSION,
        "diffusion",
        weights=("ddpm-celebahq-256",),
        options=_SAMPLER,
        tells_steps=True,
    ),
    PainterName.external: PainterKind(
        "External",
        "a network of your own",
        file="a network of yours, as file.py:function, TorchScript or torch.export",
        options=("seed",),
    ),
}

#: What the commands offer, by the names of the keyword arguments.
OPTIONS = ("prompt", "negative_prompt", "steps", "guidance", "seed", "refine_steps")


def make_painter(name: str, weights: Path | str | None = None, **options: Any) -> "Inpainter":
    """The painter of that name; networks that load lazily are not loaded yet.

    Args:
        name: one of ``PainterName``.
        weights: a file, a folder, or a name of ``iem models list``; None for the painter's own. Of "controlnet", a
            folder that holds base/ and controlnet/.
        options: keyword arguments of the painter's class.

    Raises:
        ValueError: an unknown name, weights that are not there or of another kind; one sentence.
        ImportError: an extra is not installed.

    >>> make_painter("harmonic", tolerance=0.01)
    Harmonic(tolerance=0.01)
    >>> make_painter("harmonic", weights="big-lama")
    Traceback (most recent call last):
    ...
    ValueError: weights: the painter harmonic has none, got big-lama; leave them out, or take one of deepfill, ...
    """
    kind = kind_of(name)
    if weights is not None and not kind.takes_weights:
        networks = ", ".join(each.value for each in PainterName if KINDS[each].takes_weights)
        raise ValueError(
            f"weights: the painter {name} has none, got {weights}; leave them out, or take one of {networks}"
        )
    if kind.file and weights is None:
        raise ValueError(f"weights: the painter {name} needs {kind.file}, got none; give it with --weights")
    if (missing := missing_packages(kind)) is not None:
        raise ImportError(f"{name}: {missing}")
    maker = getattr(importlib.import_module("iem.inpainters"), kind.factory)
    made: Inpainter = maker(*_sources(kind, weights), **options)
    return made


def kind_of(name: str) -> PainterKind:
    """What is known of the painter of that name.

    Raises:
        ValueError: there is none.
    """
    try:
        return KINDS[PainterName(name)]
    except ValueError:
        known = ", ".join(each.value for each in PainterName)
        raise ValueError(f"painter: expected one of {known}, got {name}; check the spelling") from None


def readiness(name: str) -> Readiness:
    """Whether a painter could paint now; looks for packages and files without opening them.

    >>> readiness("harmonic")
    Readiness(ready=True, needs='')
    """
    kind = kind_of(name)
    if (missing := missing_packages(kind)) is not None:
        return Readiness(False, missing)
    if kind.file:
        return Readiness(False, f"needs {kind.file}; give it with --weights")
    absent = [each for each in kind.weights if not _is_ready(each)]
    if absent:
        return Readiness(False, f"needs weights: iem models get {' '.join(absent)}")
    return Readiness(True)


def missing_packages(kind: PainterKind) -> str | None:
    """What to install, as a clause; None if all is there."""
    absent = [each for each in kind.packages if not _is_installed(each)]
    if not absent:
        return None
    return f'needs {_listed(absent)}: pip install "iem[{kind.extra}]"'


def ignored_options(name: str, given: Iterable[str]) -> list[str]:
    """Those of the options that would change nothing for that painter.

    >>> ignored_options("repaint", ["steps", "prompt"])
    ['prompt']
    """
    return [each for each in given if each not in kind_of(name).options]


def painters_with(option: str) -> str:
    """The painters that an option is for, as a list in words.

    >>> painters_with("prompt")
    'stable_diffusion or controlnet'
    """
    return _listed([name.value for name, kind in KINDS.items() if option in kind.options], "or")


def _sources(kind: PainterKind, weights: Path | str | None) -> tuple[Path | str, ...]:
    if weights is None:
        return kind.weights
    return (Path(weights) / "base", Path(weights) / "controlnet") if len(kind.weights) == 2 else (weights,)


def _is_installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):  # half-removed
        return False


def _is_ready(name: str) -> bool:
    from iem.weights import is_ready

    return is_ready(name)


def _listed(words: list[str], last: str = "and") -> str:
    return f" {last} ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
