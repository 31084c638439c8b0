"""CLIPSeg: words to a soft mask, through which gradients flow."""

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any, final

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)

from iem.checks import check_image, check_number
from iem.interfaces import FeatureMap, Image, Mask, Prompt, Proposal
from iem.prompts import Text
from iem.segmenters.marks import check_kinds
from iem.segmenters.networks import (
    PerDevice,
    check_picture,
    check_source,
    inference,
    load,
    load_tokenizer,
    seen,
    tokens,
)


@final
@dataclass(frozen=True)
class CLIPSeg:
    """How well each pixel suits the words (Lüddecke and Ecker, CVPR 2022, arXiv 2112.10003).

    CLIP's picture tower, frozen, and a small decoder that the words steer. The picture is seen as a square, whatever
    its shape, as in training; the answer is smooth at that scale and fits no edges: see ``iem.refiners``. ``soft`` is
    the mask itself, with gradients to the picture; as a segmenter, a proposal's mask is that one with ``threshold``
    brought to one half::

        mask = sigmoid(logits - log(threshold / (1 - threshold)))

    Its score is the mean probability of the pixels above the threshold; words that suit no pixel so well have no
    proposal. Several texts are several proposals, each labelled with its own. Code and weights: see `iem models list`.

    Args:
        model: a folder that ``save_pretrained`` wrote, or a name that ``iem models get`` has fetched.
        threshold: probability above which a pixel belongs to the object.
        size: side of the square that the network sees, in pixels; it was trained with 352.
        device: where the network runs, such as "cuda"; None: where the picture is.

    Raises:
        ValueError: no such folder, a number out of its range; at the first picture, weights that are not here.
        ImportError: the extra ``features`` is not installed.

    >>> CLIPSeg().answers
    (<class 'iem.prompts.Text'>,)
    """

    model: Path | str = "clipseg"
    _: KW_ONLY
    threshold: float = 0.4
    size: int = 352
    device: str | None = None
    _networks: PerDevice = field(default_factory=PerDevice, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_source(self.model, "model", "CLIPSeg")
        check_number(self.threshold, "threshold", low=0.01, high=0.99)
        check_number(self.size, "size", low=1, integer=True)

    @property
    def answers(self) -> tuple[type, ...]:
        """Words."""
        return (Text,)

    def load(self, device: torch.device | str = "cpu") -> None:
        """Load the network now, so that what is wrong with it is known before any other work.

        Args:
            device: of the pictures to come.
        """
        self._parts(torch.device(device))

    def soft(self, image: Image, text: str) -> Mask:
        """The probability that a pixel suits the words; gradients flow to the picture.

        Args:
            image: ``[b, 3, h, w]`` in [0, 1].
            text: what to look for.

        Returns:
            ``[b, 1, h, w]`` in [0, 1].

        Raises:
            ValueError: more words than the network can read.
        """
        check_image(image)
        return self._logits(image, Text(text).text, gradients=torch.is_grad_enabled()).sigmoid().to(image)

    def __call__(self, image: Image, prompts: Sequence[Prompt]) -> list[Proposal]:
        """A soft mask for each text, the best first; none for words that no pixel suits.

        Args:
            image: ``[1, 3, h, w]`` in [0, 1].
            prompts: ``Text``, at least one.

        Raises:
            TypeError: not a floating-point tensor.
            ValueError: another shape, values outside [0, 1], other prompts or none.
        """
        check_picture(image)
        check_kinds(prompts, self.answers, "CLIPSeg")
        if not prompts:
            raise ValueError("prompts: expected words, got none; say what to look for, or take sam for everything")
        proposals = []
        for text in dict.fromkeys(prompt.text for prompt in prompts if isinstance(prompt, Text)):
            logits = self._logits(image, text, gradients=False)
            probability = logits.sigmoid()
            inside = probability >= self.threshold
            if bool(inside.any()):
                mask = (logits - math.log(self.threshold / (1 - self.threshold))).sigmoid()
                proposals.append(Proposal(mask.to(image), float(probability[inside].mean()), text))
        return sorted(proposals, key=lambda proposal: -proposal.score)

    def _logits(self, image: Image, text: str, *, gradients: bool) -> FeatureMap:
        """``[b, 1, h, w]``, where the network runs. Its own ``forward`` would stop gradients at the picture tower."""
        network, tokenizer = self._parts(image.device)
        patch = network.config.vision_config.patch_size
        side = max(1, round(self.size / patch)) * patch
        words = tokens(tokenizer, [text], network.config.text_config.max_position_embeddings, network.device)
        with inference(network.device):
            condition = network.get_conditional_embeddings(
                batch_size=1, input_ids=words["input_ids"], attention_mask=words["attention_mask"]
            )
        with inference(network.device, gradients=gradients):
            tower = network.clip.vision_model(
                pixel_values=seen(image, (side, side), network.device),
                interpolate_pos_encoding=True,
                output_hidden_states=True,
            )
            layers = [tower.hidden_states[i + 1] for i in network.extract_layers]
            logits = network.decoder(layers, condition.expand(len(image), -1)).logits.float()
            logits = logits.reshape(len(image), 1, *logits.shape[-2:])
            size = (int(image.shape[2]), int(image.shape[3]))
            return F.interpolate(logits, size=size, mode="bilinear", align_corners=False)

    def _parts(self, device: torch.device) -> tuple[Any, Any]:
        device = device if self.device is None else torch.device(self.device)

        def make(device: torch.device) -> tuple[Any, Any]:
            network = load(
                self.model,
                "model",
                device,
                kinds={"clipseg": "CLIPSeg"},
                wanted="clipseg",
                architecture="CLIPSegForImageSegmentation",
            )
            return network, load_tokenizer(self.model, "model", "CLIPSeg")

        parts: tuple[Any, Any] = self._networks.get(device, make)
        return parts


@final
@dataclass(frozen=True)
class TextMask:
    """What ``CLIPSeg`` makes of fixed words, for whatever asks for a map of a picture: ``(image) -> mask``.

    So words can start a search (``iem.initialisers.Guided``) or be a part of what is maximised
    (``iem.objectives.Agreement``). Gradients flow to the picture.

    Args:
        text: what to look for.
        segmenter: the network.

    Raises:
        ValueError: no words, or too many.

    >>> TextMask("a dog").segmenter.model
    'clipseg'
    """

    text: str
    segmenter: CLIPSeg = field(default_factory=CLIPSeg)

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", Text(self.text).text)

    def __call__(self, image: Image) -> Mask:
        """``[b, 1, h, w]``, probabilities."""
        return self.segmenter.soft(image, self.text)
