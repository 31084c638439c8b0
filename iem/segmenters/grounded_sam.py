"""A referring phrase to boxes by Grounding DINO, and boxes to masks by Segment Anything."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor

from iem.checks import check_number
from iem.interfaces import Image, Prompt, Proposal, Segmenter
from iem.prompts import Box, Text
from iem.segmenters.everything import box_iou
from iem.segmenters.marks import check_kinds
from iem.segmenters.networks import (
    PerDevice,
    check_picture,
    check_source,
    fitting,
    inference,
    load,
    load_tokenizer,
    seen,
    tokens,
)
from iem.segmenters.sam import SAM

_KINDS = {"grounding-dino": "Grounding DINO", "mm-grounding-dino": "MM Grounding DINO"}
_ARCHITECTURES = "AutoModelForZeroShotObjectDetection"


@final
@dataclass(frozen=True)
class Detection:
    """A box that a phrase was found in.

    Attributes:
        box: in pixels of the picture.
        score: the probability of the word that suits it best.
        label: the words that suit it.
    """

    box: Box
    score: float
    label: str


@final
@dataclass(frozen=True)
class GroundedSAM:
    """What a phrase refers to: "the boy on the left".

    Grounding DINO (Liu et al., ECCV 2024, arXiv 2303.05499; Apache-2.0) finds boxes whose contents suit the words,
    and of each box ``SAM`` makes the mask that it has most confidence in. The score is the box's, the label the words
    that suit it, or the whole phrase if none of them is above ``text_threshold`` by itself. Several texts are looked
    for together. Words are put in lower case and end with a full stop, as the network expects.

    Args:
        detector: a folder that ``save_pretrained`` wrote, or a name that ``iem models get`` has fetched.
        segmenter: such a folder or name, of Segment Anything; or any segmenter that answers boxes.
        threshold: least score of a box.
        text_threshold: least probability of a word that is to stand in the label.
        overlap: IoU with a better box above which a box is left out.
        most: boxes at most.
        size: short side of the picture that the detector sees, its long side within 5/3 of that.
        device: where the networks run, such as "cuda"; None: where the picture is.

    Raises:
        ValueError: no such folder, a number out of its range; at the first picture, weights that are not here.
        ImportError: the extra ``features`` is not installed.

    >>> GroundedSAM("./nowhere")
    Traceback (most recent call last):
    ...
    ValueError: detector: expected a folder with a checkpoint, found no folder ./nowhere; check the name
    """

    detector: Path | str = "grounding-dino-tiny"
    segmenter: Path | str | Segmenter = "sam-vit-base"
    _: KW_ONLY
    threshold: float = 0.25
    text_threshold: float = 0.25
    overlap: float = 0.7
    most: int = 20
    size: int = 800
    device: str | None = None
    _networks: PerDevice = field(default_factory=PerDevice, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_source(self.detector, "detector", "GroundedSAM")
        if isinstance(self.segmenter, Path | str):
            check_source(self.segmenter, "segmenter", "GroundedSAM")
            object.__setattr__(self, "segmenter", SAM(self.segmenter, device=self.device))
        elif not isinstance(self.segmenter, Segmenter) or Box not in self.segmenter.answers:
            raise ValueError(
                f"segmenter: expected one that answers boxes, got {type(self.segmenter).__name__}; take SAM or SAMHQ"
            )
        for name in ("threshold", "text_threshold", "overlap"):
            check_number(getattr(self, name), name, low=0, high=1)
        check_number(self.most, "most", low=1, integer=True)
        check_number(self.size, "size", low=32, integer=True)

    @property
    def answers(self) -> tuple[type, ...]:
        """Words."""
        return (Text,)

    def load(self, device: torch.device | str = "cpu") -> None:
        """Load both networks now, so that what is wrong with them is known before any other work.

        Args:
            device: of the pictures to come.
        """
        self._parts(torch.device(device))
        if isinstance(self.segmenter, SAM):
            self.segmenter.load(device)

    def detect(self, image: Image, prompts: Sequence[Prompt]) -> list[Detection]:
        """The boxes alone, the best first: what a person may look at before masks are made of them.

        Args:
            image: ``[1, 3, h, w]`` in [0, 1].
            prompts: ``Text``, at least one.
        """
        check_picture(image)
        check_kinds(prompts, self.answers, "GroundedSAM")
        if not prompts:
            raise ValueError("prompts: expected words, got none; say what to look for, or take sam for everything")
        phrases = [prompt.text.lower().strip(" .") for prompt in prompts if isinstance(prompt, Text)]
        network, tokenizer = self._parts(image.device)
        words = tokens(tokenizer, [". ".join(phrases) + "."], network.config.max_text_len, network.device)
        height, width = int(image.shape[2]), int(image.shape[3])
        pixels = seen(image, fitting((height, width), self.size, self.size * 5 // 3), network.device)
        with inference(network.device):
            found = network(pixel_values=pixels, **words)
        probability = found.logits[0].float().sigmoid()
        score = probability.amax(-1)
        corners = corners_of(found.pred_boxes[0].float(), width, height)
        chosen = [int(i) for i in score.argsort(descending=True, stable=True) if score[i] > self.threshold]
        kept: list[int] = []
        for i in chosen:
            x0, y0, x1, y1 = corners[i]
            apart = not kept or float(box_iou(corners[i], corners[kept]).max()) <= self.overlap
            if apart and x1 - x0 >= 1 and y1 - y0 >= 1 and len(kept) < self.most:
                kept.append(i)
        ids = words["input_ids"][0]
        return [
            Detection(
                Box(*corners[i].tolist()),
                float(score[i]),
                _words(tokenizer, ids, probability[i] > self.text_threshold) or ". ".join(phrases),
            )
            for i in kept
        ]

    def __call__(self, image: Image, prompts: Sequence[Prompt]) -> list[Proposal]:
        """A mask for each box that the words were found in, the best first; none is an honest answer.

        Args:
            image: ``[1, 3, h, w]`` in [0, 1].
            prompts: ``Text``, at least one.

        Raises:
            TypeError: not a floating-point tensor.
            ValueError: another shape, values outside [0, 1], other prompts or none.
        """
        found = self.detect(image, prompts)
        if not found:
            return []
        assert not isinstance(self.segmenter, Path | str)
        prepare = getattr(self.segmenter, "prepare", None)
        segmenter: Segmenter = self.segmenter if prepare is None else prepare(image)
        proposals = []
        for each in found:
            masks = segmenter(image, [each.box])
            if masks:
                proposals.append(Proposal(masks[0].mask, each.score, each.label))
        return proposals

    def _parts(self, device: torch.device) -> tuple[Any, Any]:
        device = device if self.device is None else torch.device(self.device)

        def make(device: torch.device) -> tuple[Any, Any]:
            network = load(
                self.detector,
                "detector",
                device,
                kinds=_KINDS,
                wanted="grounding-dino-tiny",
                architecture=_ARCHITECTURES,
            )
            return network, load_tokenizer(self.detector, "detector", "Grounding DINO")

        parts: tuple[Any, Any] = self._networks.get(device, make)
        return parts


def corners_of(boxes: Tensor, width: int, height: int) -> Tensor:
    """Left, top, right and bottom in pixels, cut to the picture, of centres and sizes as shares of the picture.

    >>> corners_of(torch.tensor([[0.5, 0.5, 0.5, 1.0], [0.0, 0.5, 0.5, 0.5]]), 8, 4)
    tensor([[2., 0., 6., 4.],
            [0., 1., 2., 3.]])
    """
    centre, half = boxes[:, :2], boxes[:, 2:] / 2
    corners = torch.cat([centre - half, centre + half], dim=1).clamp(0, 1)
    return corners * corners.new_tensor([width, height, width, height])


def _words(tokenizer: Any, ids: Tensor, suits: Tensor) -> str:
    """The words of which a token suits, whole; the first and the last token and full stops are no words."""
    words: list[str] = []
    chosen: list[bool] = []
    for token, suit in zip(tokenizer.convert_ids_to_tokens(ids.tolist())[1:-1], suits.tolist()[1:], strict=False):
        if token.startswith("##") and words:
            words[-1] += token[2:]
            chosen[-1] |= suit
        else:
            words.append(token)
            chosen.append(suit)
    return " ".join(word for word, suit in zip(words, chosen, strict=True) if suit and word != ".")
