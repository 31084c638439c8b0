"""Mask2Former: the instances of a picture, and of these the one that a prompt means."""

import re
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any, final

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor

from iem.checks import check_number
from iem.interfaces import Image, Prompt, Proposal
from iem.prompts import Box, CoarseMask, Points, Scribble, Text
from iem.segmenters.everything import bounding_boxes, box_iou, suppress
from iem.segmenters.marks import Marks, check_kinds
from iem.segmenters.networks import PerDevice, check_picture, check_source, fitting, inference, load, seen

_KINDS = {"mask2former": "Mask2Former"}


@final
@dataclass(frozen=True)
class Mask2Former:
    """All instances of the kinds that a network knows, of which the prompts choose (Cheng et al., CVPR 2022).

    Instance segmentation runs once, whatever is asked; then every prompt keeps the instances that suit it:

    * clicks: those whose mask holds every click on the object and none of those beside it;
    * a stroke: those that hold the places along it;
    * a box: those whose own bounding box has an IoU of at least ``agreement`` with it;
    * a rough mask: those whose mask has;
    * words: those of the kind of that name; other words are refused, for the network knows nothing else.

    So the instance that holds the click is found, or none is, which an empty list says. The score is the network's
    confidence (class probability times the mean probability of the mask's pixels), times the IoUs, if any. The code is
    under the MIT licence; the weights that its authors published are for non-commercial use (CC BY-NC 4.0).

    Args:
        model: a folder that ``save_pretrained`` wrote, or a name that ``iem models get`` has fetched.
        threshold: least confidence of an instance.
        agreement: see above.
        overlap: IoU with a better instance above which one is left out.
        size: short side of the picture that the network sees, its long side within 5/3 of that.
        device: where the network runs, such as "cuda"; None: where the picture is.

    Raises:
        ValueError: no such folder, a number out of its range; at the first picture, weights that are not here.
        ImportError: the extra ``features`` is not installed.

    >>> Mask2Former(threshold=2)
    Traceback (most recent call last):
    ...
    ValueError: threshold: expected a finite number from 0 to 1, got 2
    """

    model: Path | str = "mask2former-swin-tiny"
    _: KW_ONLY
    threshold: float = 0.5
    agreement: float = 0.5
    overlap: float = 0.8
    size: int = 800
    device: str | None = None
    _networks: PerDevice = field(default_factory=PerDevice, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_source(self.model, "model", "Mask2Former")
        for name in ("threshold", "agreement", "overlap"):
            check_number(getattr(self, name), name, low=0, high=1)
        check_number(self.size, "size", low=32, integer=True)

    @property
    def answers(self) -> tuple[type, ...]:
        """All kinds of prompts; words only if they name a kind of thing that the network knows."""
        return (Points, Box, Scribble, CoarseMask, Text)

    def load(self, device: torch.device | str = "cpu") -> None:
        """Load the network now, so that what is wrong with it is known before any other work.

        Args:
            device: of the pictures to come.
        """
        self._network(torch.device(device))

    def prepare(self, image: Image) -> "PreparedInstances":
        """The same segmenter for this picture alone, ``[1, 3, h, w]`` in [0, 1], its instances found once."""
        check_picture(image)
        network = self._network(image.device)
        size = (int(image.shape[2]), int(image.shape[3]))
        pixels = seen(image, fitting(size, self.size, self.size * 5 // 3, grid=32), network.device)
        with inference(network.device):
            found = network(pixel_values=pixels)
        logits, classes = found.masks_queries_logits[0].float(), found.class_queries_logits[0].float()
        masks, scores, kinds = instances(logits, classes, size, self.threshold)
        chosen = suppress(masks, scores, self.overlap)
        labels = [network.config.id2label.get(int(kind), "") for kind in kinds[chosen]]
        known = tuple(network.config.id2label.values())
        return PreparedInstances(self, masks[chosen].to(image.device), tuple(scores[chosen].tolist()), labels, known)

    def __call__(self, image: Image, prompts: Sequence[Prompt]) -> list[Proposal]:
        """The instances that suit all prompts, the best first; without prompts, all of them.

        Args:
            image: ``[1, 3, h, w]`` in [0, 1].
            prompts: of any kind, in pixels (x, y) of ``image``.

        Raises:
            TypeError: not a floating-point tensor.
            ValueError: another shape, values outside [0, 1], prompts beyond the picture, words that name no kind.
        """
        check_picture(image)
        check_kinds(prompts, self.answers, "Mask2Former")
        Marks.of(prompts, (int(image.shape[2]), int(image.shape[3])), along=1)  # before any work
        return self.prepare(image)(image, prompts)

    def _network(self, device: torch.device) -> Any:
        device = device if self.device is None else torch.device(self.device)
        return self._networks.get(
            device,
            lambda device: load(
                self.model,
                "model",
                device,
                kinds=_KINDS,
                wanted="mask2former-swin-tiny",
                architecture="Mask2FormerForUniversalSegmentation",
            ),
        )


@final
@dataclass(frozen=True, eq=False)
class PreparedInstances:
    """``Mask2Former`` for one picture; see ``Mask2Former.prepare``.

    Attributes:
        segmenter: whose settings hold.
        masks: ``bool[n, h, w]``, the best first.
        scores: the network's confidence in each.
        labels: what each is.
        known: all labels that there are.
    """

    segmenter: Mask2Former
    masks: Tensor
    scores: tuple[float, ...]
    labels: Sequence[str]
    known: tuple[str, ...]

    @property
    def answers(self) -> tuple[type, ...]:
        """All kinds of prompts."""
        return self.segmenter.answers

    def __call__(self, image: Image, prompts: Sequence[Prompt]) -> list[Proposal]:
        """See ``Mask2Former.__call__``; ``image`` is the picture that this was prepared for."""
        check_kinds(prompts, self.answers, "Mask2Former")
        size = (int(self.masks.shape[1]), int(self.masks.shape[2]))
        if tuple(image.shape) != (1, 3, *size):
            raise ValueError(
                f"image: expected the picture that this was prepared for, [1, 3, {size[0]}, {size[1]}], got "
                f"{list(image.shape)}; prepare it anew"
            )
        marks = Marks.of(prompts, size, along=5)
        names = [self._kind(prompt.text) for prompt in prompts if isinstance(prompt, Text)]
        proposals = []
        for mask, score, label in zip(self.masks, self.scores, self.labels, strict=True):
            fit = self._agreement(mask, marks)
            if fit > 0 and all(label == name for name in names):
                proposals.append(Proposal(mask[None, None].to(image.dtype), score * fit, label))
        return sorted(proposals, key=lambda proposal: -proposal.score)

    def _agreement(self, mask: Tensor, marks: Marks) -> float:
        """The product of the IoUs with box and rough mask; 0 if the instance is not meant."""
        for (x, y), positive in zip(marks.points, marks.positive, strict=True):
            if bool(mask[int(y), int(x)]) != positive:
                return 0.0
        fit = 1.0
        if marks.box is not None:
            box = torch.tensor([marks.box.left, marks.box.top, marks.box.right, marks.box.bottom])
            iou = float(box_iou(box.float().to(mask.device), bounding_boxes(mask[None])))
            fit *= iou if iou >= self.segmenter.agreement else 0.0
        if marks.coarse is not None:
            coarse = marks.coarse[0, 0].to(mask.device) >= 0.5
            iou = float((mask & coarse).sum() / (mask | coarse).sum())
            fit *= iou if iou >= self.segmenter.agreement else 0.0
        return fit

    def _kind(self, words: str) -> str:
        wanted = re.sub(r"^(a|an|the) ", "", words.lower().strip(" ."))
        for label in self.known:
            if label.lower() == wanted:
                return label
        some = ", ".join(self.known[:5]) + (f" and {len(self.known) - 5} more" if len(self.known) > 5 else "")
        raise ValueError(
            f"text: expected a kind of thing that this network knows ({some}), got {words}; for other words take "
            "clipseg, which `iem models get clipseg` downloads"
        )


def instances(
    logits: Tensor, classes: Tensor, size: tuple[int, int], threshold: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Masks ``bool[n, h, w]``, confidences ``[n]`` and kinds ``int[n]`` of a network's answers, one for each query.

    Args:
        logits: ``[queries, low_h, low_w]`` of the masks.
        classes: ``[queries, kinds + 1]``, logits of the kinds and of "nothing".
        size: (height, width) of the masks to return.
        threshold: least confidence.
    """
    probability, kinds = classes.softmax(-1)[:, :-1].max(-1)
    inside = (logits > 0).flatten(1)
    mean = (logits.sigmoid().flatten(1) * inside).sum(1) / inside.sum(1).clamp(min=1)
    confidence = probability * mean
    sure = confidence >= threshold
    fine = F.interpolate(logits[sure][None], size=size, mode="bilinear", align_corners=False)[0] > 0
    there = fine.flatten(1).any(1)
    return fine[there], confidence[sure][there], kinds[sure][there]
