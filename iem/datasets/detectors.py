"""Instance segmenters that make masks for pictures without: any function, or a checkpoint of transformers."""

import contextlib
import importlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from iem.interfaces import Image, Mask
from iem.weights import find_folder

_FUNCTION = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


@dataclass(frozen=True, eq=False)
class Instance:
    """One object that a segmenter found.

    Attributes:
        label: its class, in words.
        score: confidence in [0, 1].
        mask: ``[1, 1, h, w]`` of the picture's size, 0 or 1.
    """

    label: str
    score: float
    mask: Mask


#: ``(image float[1, 3, h, w] in [0, 1]) -> instances``, in any order.
Detector = Callable[[Image], Sequence[Instance]]


def load_detector(specification: str, *, device: str = "cpu") -> Detector:
    """The segmenter that a text names.

    Args:
        specification: ``"package.module:function"``, a function that takes ``float[1, 3, h, w]`` in [0, 1] and returns
            objects (or mappings) with ``label``, ``score`` and ``mask``; or a folder with a checkpoint of transformers
            for instance segmentation (Mask2Former, MaskFormer, OneFormer-like), or its name on the Hugging Face hub
            that ``iem models get`` has fetched.
        device: where a checkpoint computes.

    Raises:
        ValueError: nothing of that name, or not a segmenter.
        ModuleNotFoundError: the extra ``detector`` is not installed.
    """
    if _FUNCTION.fullmatch(specification):
        return FunctionDetector(_find_function(specification), specification)
    if not specification.strip():
        raise ValueError("detector: expected package.module:function, a folder or a name on the hub, got nothing")
    return _load_checkpoint(specification, device)


@final
@dataclass(frozen=True)
class FunctionDetector:
    """A function of the user's, with its answers checked."""

    function: Callable[[Image], Any]
    name: str

    def __call__(self, image: Image) -> list[Instance]:
        """The function's instances.

        Raises:
            ValueError: it answered with something else.
        """
        answer = self.function(image)
        if not isinstance(answer, Sequence) or isinstance(answer, str | bytes):
            raise ValueError(f"{self.name}: expected a list of instances, got {type(answer).__name__}; return a list")
        return [self._instance(each, image) for each in answer]

    def _instance(self, found: object, image: Image) -> Instance:
        values = {}
        for name in ("label", "score", "mask"):
            try:
                values[name] = found[name] if isinstance(found, Mapping) else getattr(found, name)
            except (KeyError, AttributeError):
                raise ValueError(
                    f"{self.name}: expected instances with label, score and mask, got {type(found).__name__} without "
                    f"{name}; add it"
                ) from None
        mask = torch.as_tensor(values["mask"]).float()
        if mask.shape[-2:] != image.shape[-2:] or mask.numel() != image.shape[-2] * image.shape[-1]:
            height, width = image.shape[-2:]
            raise ValueError(
                f"{self.name}: expected a mask of shape [{height}, {width}], got {list(mask.shape)}; "
                "resize it to the picture"
            )
        mask = (mask.reshape(1, 1, *image.shape[-2:]) >= 0.5).float()
        return Instance(str(values["label"]), float(values["score"]), mask)


@final
@dataclass(frozen=True)
class CheckpointDetector:
    """A universal segmentation model of transformers, asked for instances."""

    model: Any
    processor: Any
    device: str

    def __call__(self, image: Image) -> list[Instance]:
        """The model's instances with any score, overlapping where it says so."""
        size = (int(image.shape[2]), int(image.shape[3]))
        picture = (image[0].clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
        with torch.inference_mode():
            inputs = self.processor(images=picture, return_tensors="pt").to(self.device)
            output = self.model(**inputs)
            answer = self.processor.post_process_instance_segmentation(
                output, threshold=0.0, target_sizes=[size], return_binary_maps=True
            )[0]
        found = answer["segments_info"]
        if not found:
            return []
        masks: Tensor = torch.as_tensor(answer["segmentation"]).reshape(len(found), 1, 1, *size).float().cpu()
        names = self.model.config.id2label
        return [
            Instance(str(names.get(each["label_id"], each["label_id"])), float(each["score"]), (mask > 0.5).float())
            for each, mask in zip(found, masks, strict=True)
        ]


def _find_function(specification: str) -> Callable[[Image], Any]:
    module, _, name = specification.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(
            f"detector: expected a function {specification}, but it cannot be imported ({error}); "
            "check the name and PYTHONPATH"
        ) from error
    if not callable(found):
        raise ValueError(f"detector: expected {specification} to be a function, got {type(found).__name__}")
    function: Callable[[Image], Any] = found
    return function


def _load_checkpoint(name: str, device: str) -> CheckpointDetector:
    try:
        transformers: Any = importlib.import_module("transformers")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "detector: a checkpoint needs transformers; install it with: pip install 'iem[detector]'"
        ) from error
    source = str(find_folder(name, key="detector", wanted="a checkpoint for instance segmentation"))
    try:
        with _quiet():
            processor = transformers.AutoImageProcessor.from_pretrained(source, local_files_only=True)
            model = transformers.AutoModelForUniversalSegmentation.from_pretrained(
                source, use_safetensors=True, local_files_only=True
            )
    except (OSError, ValueError, KeyError, ImportError) as error:
        words = " ".join(str(error).split())
        raise ValueError(
            f"detector: expected a checkpoint for instance segmentation in {name}, but it cannot be loaded "
            f"({words[:160]}); give a folder or a hub name such as facebook/mask2former-swin-tiny-coco-instance"
        ) from error
    if not hasattr(processor, "post_process_instance_segmentation"):
        raise ValueError(
            f"detector: expected a model for instance segmentation, got {type(model).__name__} in {name}; "
            "take a Mask2Former or MaskFormer"
        )
    return CheckpointDetector(model.eval().to(device), processor, device)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the bars that transformers draws while it loads."""
    logging: Any = importlib.import_module("transformers.utils.logging")
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
