"""Networks of the library ``transformers`` behind segmenters: checked early, loaded late, kept per device."""

import contextlib
import importlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, final

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from jaxtyping import Float
from torch import Tensor

from iem.checks import check_image, check_range
from iem.features.pretrained import check_model, load_network
from iem.inpainters.quiet import quiet
from iem.interfaces import Image
from iem.weights import find_folder

#: Of the photographs of ImageNet, by which all networks here were trained to see.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

_VOCABULARIES = ("tokenizer.json", "vocab.json", "vocab.txt")


@final
class PerDevice:
    """Remembers what was made for each device; a copy, in another process or not, begins anew.

    >>> kept = PerDevice()
    >>> kept.get("cpu", lambda device: [device]) is kept.get("cpu", lambda device: [device])
    True
    """

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type["PerDevice"], tuple[()]]:
        return PerDevice, ()

    def get(self, device: torch.device | str, make: Callable[[torch.device], Any]) -> Any:
        """What the first ``make`` for that device returned; two threads do not make it twice."""
        with self._lock:
            if str(device) not in self._made:
                self._made[str(device)] = make(torch.device(device))
            return self._made[str(device)]


def check_source(source: Path | str, key: str, owner: str) -> None:
    """Require what can be seen of a network without opening it.

    Raises:
        ValueError: no such folder, or one without a network.
        ImportError: the extra ``features`` is not installed.

    >>> check_source("./nowhere", "detector", "GroundedSAM")
    Traceback (most recent call last):
    ...
    ValueError: detector: expected a folder with a checkpoint, found no folder ./nowhere; check the name
    """
    if isinstance(source, Path) and not source.expanduser().is_dir():
        raise ValueError(f"{key}: expected a folder with a checkpoint, found no folder {source}; check the name")
    with _named(key):
        check_model(str(source), owner)


def load(
    source: Path | str, key: str, device: torch.device, *, kinds: Mapping[str, str], wanted: str, architecture: str
) -> Any:
    """A frozen network on a device; see ``iem.features.pretrained.load_network``."""
    with _named(key):
        network = load_network(str(source), kinds=kinds, wanted=wanted, architecture=architecture)
    return network.to(device)


def load_tokenizer(source: Path | str, key: str, wanted: str) -> Any:
    """What cuts a network's words into tokens, from the network's folder."""
    folder = find_folder(source, key=key, wanted=wanted)
    remedy = "give a complete checkpoint"
    if not any((folder / name).is_file() for name in _VOCABULARIES):  # the library would make one up, without words
        raise ValueError(
            f"{key}: expected {wanted} with its tokenizer, found none of {', '.join(_VOCABULARIES)} in {source}; "
            f"{remedy}"
        )
    transformers: Any = importlib.import_module("transformers")
    try:
        with quiet():
            return transformers.AutoTokenizer.from_pretrained(
                str(folder), local_files_only=True, trust_remote_code=False
            )
    except Exception as error:  # of many kinds, from three libraries
        words = " ".join(str(error).split()).split(". ")[0][:200].rstrip(".") or type(error).__name__
        raise ValueError(
            f"{key}: expected {wanted} with its tokenizer, but {source} has none that can be loaded ({words}); {remedy}"
        ) from None


def tokens(tokenizer: Any, texts: Sequence[str], longest: int, device: torch.device) -> dict[str, Tensor]:
    """Texts as a network reads them, padded to the longest.

    Raises:
        ValueError: more tokens than the network was made for.
    """
    with quiet():
        cut = tokenizer(list(texts), padding=True, return_tensors="pt", verbose=False)
    if (count := cut["input_ids"].shape[1]) > longest:
        raise ValueError(
            f"text: expected at most {longest} tokens, about as many words, got {count}; say it more briefly"
        )
    return {name: values.to(device) for name, values in cut.items()}


@contextlib.contextmanager
def inference(device: torch.device, *, gradients: bool = False) -> Iterator[None]:
    """Without gradients, unless they are asked for; in half precision where a GPU has it."""
    with torch.set_grad_enabled(gradients), torch.autocast(device.type, torch.float16, enabled=device.type == "cuda"):
        yield


def check_picture(image: Image) -> None:
    """Require one picture.

    Raises:
        TypeError: not a floating-point tensor.
        ValueError: another shape, several pictures, or values outside [0, 1].
    """
    check_image(image)
    if len(image) != 1:
        raise ValueError(f"image: expected one picture, [1, 3, h, w], got {list(image.shape)}; give them one by one")
    check_range(image, 0, 1, "image")


def seen(image: Image, size: tuple[int, int], device: torch.device) -> Float[Tensor, "b 3 new_h new_w"]:
    """A picture as networks see it: antialiased to ``size``, (height, width), and normalised. Gradients flow."""
    pixels = image.to(device, torch.float32)
    if tuple(pixels.shape[2:]) != size:
        pixels = F.interpolate(pixels, size=size, mode="bilinear", antialias=True)
    mean, std = (pixels.new_tensor(values)[:, None, None] for values in (MEAN, STD))
    return (pixels - mean) / std


def fitting(size: tuple[int, int], short: int, long: int, grid: int = 1) -> tuple[int, int]:
    """The size with the short side ``short``, or with the long side ``long`` if that is less, in multiples of ``grid``.

    >>> fitting((480, 640), 800, 1333), fitting((100, 1000), 800, 1333, grid=32)
    ((800, 1067), (128, 1344))
    """
    factor = min(short / min(size), long / max(size))
    height, width = (max(1, round(side * factor / grid)) * grid for side in size)
    return height, width


@contextlib.contextmanager
def _named(key: str) -> Iterator[None]:
    """Messages about a ``model`` name the setting that it is."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{key}{str(error).removeprefix('model')}") from None
