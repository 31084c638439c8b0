"""Segment Anything: clicks, a box, a stroke or a rough mask in; three nested candidates out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, final

import torch
from torch import Tensor

from iem.checks import check_number
from iem.interfaces import Image, Prompt, Proposal
from iem.prompts import Box, CoarseMask, Points, Scribble
from iem.refiners import Cleaned
from iem.segmenters.everything import Everything
from iem.segmenters.marks import Marks, bounding_box, check_kinds
from iem.segmenters.networks import PerDevice, check_picture, check_source, inference, load
from iem.segmenters.padded_square import PaddedSquare

_SURE = 8.0  #: logit of a rough mask's pixels: the network was trained on logits of its own earlier answers


@final
@dataclass(frozen=True)
class SAM:
    """Segment Anything (Kirillov et al., ICCV 2023, arXiv 2304.02643; code and weights under Apache-2.0).

    Every question is answered by three candidates, as a rule a part, a larger part and the whole, sorted by the IoU
    with the truth that the network expects of each, which is the score. Prompts are about one object and hold
    together; a stroke counts as a few clicks along it, a rough mask as its bounding box and as the network's own
    earlier answer. Without prompts, all there is is asked for: see ``Everything``.

    The picture is seen at 1024 pixels and its embedding is what takes time; ``prepare`` computes it once, so that a
    second click is answered at once. The network is loaded at the first picture. Nothing is downloaded. On a GPU the
    embedding is computed in half precision.

    Args:
        model: a folder that ``save_pretrained`` wrote, or a name that ``iem models get`` has fetched.
        everything: how to find all there is.
        stroke_points: clicks at most that a stroke stands for.
        device: where the network runs, such as "cuda"; None: where the picture is.
        on_step: called with (step, steps) while everything is being found; what it raises ends the search.

    Raises:
        ValueError: no such folder; at the first picture, weights that are not here, or of another kind.
        ImportError: the extra ``features`` is not installed.

    >>> SAM("./nowhere")
    Traceback (most recent call last):
    ...
    ValueError: model: expected a folder with a checkpoint, found no folder ./nowhere; check the name
    """

    model: Path | str = "sam-vit-base"
    _: KW_ONLY
    everything: Everything = field(default_factory=Everything)
    stroke_points: int = 5
    device: str | None = None
    on_step: Callable[[int, int], None] | None = field(default=None, repr=False, compare=False)
    _networks: PerDevice = field(default_factory=PerDevice, init=False, repr=False, compare=False)

    kind: ClassVar[Mapping[str, str]] = {"sam": "Segment Anything (SAM)"}
    architecture: ClassVar[str] = "SamModel"
    example: ClassVar[str] = "sam-vit-base"

    def __post_init__(self) -> None:
        check_source(self.model, "model", "SAM")
        check_number(self.stroke_points, "stroke_points", low=1, high=64, integer=True)

    @property
    def answers(self) -> tuple[type, ...]:
        """All that says where the object is."""
        return (Points, Box, Scribble, CoarseMask)

    def load(self, device: torch.device | str = "cpu") -> None:
        """Load the network now, so that what is wrong with it is known before any other work.

        Args:
            device: of the pictures to come.
        """
        _network(self, torch.device(device))

    def prepare(self, image: Image) -> "PreparedSAM":
        """The same segmenter for this picture alone, ``[1, 3, h, w]`` in [0, 1], its embedding computed once."""
        return _prepare(self, image)

    def __call__(self, image: Image, prompts: Sequence[Prompt]) -> list[Proposal]:
        """Candidates for the object that the prompts are about, the best first; without prompts, all that is there.

        Args:
            image: ``[1, 3, h, w]`` in [0, 1].
            prompts: ``Points``, ``Box``, ``Scribble`` and ``CoarseMask``, in pixels (x, y) of ``image``.

        Raises:
            TypeError: not a floating-point tensor.
            ValueError: another shape, values outside [0, 1], prompts of another kind or beyond the picture.
        """
        return _answer(self, image, prompts)


@final
@dataclass(frozen=True)
class SAMHQ:
    """Segment Anything in High Quality (Ke et al., NeurIPS 2023, arXiv 2306.01567): as ``SAM``, with crisper edges.

    The published code is under Apache-2.0.

    Args:
        model: a folder that ``save_pretrained`` wrote, or a name that ``iem models get`` has fetched.
        everything: how to find all there is.
        stroke_points: clicks at most that a stroke stands for.
        device: where the network runs, such as "cuda"; None: where the picture is.
        on_step: called with (step, steps) while everything is being found; what it raises ends the search.

    Raises:
        ValueError: no such folder; at the first picture, weights that are not here, or of another kind.
        ImportError: the extra ``features`` is not installed.

    >>> SAMHQ().model  # nothing is loaded yet
    'sam-hq-vit-base'
    """

    model: Path | str = "sam-hq-vit-base"
    _: KW_ONLY
    everything: Everything = field(default_factory=Everything)
    stroke_points: int = 5
    device: str | None = None
    on_step: Callable[[int, int], None] | None = field(default=None, repr=False, compare=False)
    _networks: PerDevice = field(default_factory=PerDevice, init=False, repr=False, compare=False)

    kind: ClassVar[Mapping[str, str]] = {"sam_hq": "Segment Anything in High Quality (SAM-HQ)"}
    architecture: ClassVar[str] = "SamHQModel"
    example: ClassVar[str] = "sam-hq-vit-base"

    def __post_init__(self) -> None:
        check_source(self.model, "model", "SAMHQ")
        check_number(self.stroke_points, "stroke_points", low=1, high=64, integer=True)

    @property
    def answers(self) -> tuple[type, ...]:
        """All that says where the object is."""
        return (Points, Box, Scribble, CoarseMask)

    def load(self, device: torch.device | str = "cpu") -> None:
        """See ``SAM.load``."""
        _network(self, torch.device(device))

    def prepare(self, image: Image) -> "PreparedSAM":
        """See ``SAM.prepare``."""
        return _prepare(self, image)

    def __call__(self, image: Image, prompts: Sequence[Prompt]) -> list[Proposal]:
        """See ``SAM.__call__``."""
        return _answer(self, image, prompts)


@final
@dataclass(frozen=True, eq=False)
class PreparedSAM:
    """``SAM`` or ``SAMHQ`` for one picture; see ``SAM.prepare``.

    Attributes:
        segmenter: whose settings hold.
        square: where the picture lies in what the network sees.
        network: of transformers.
        embedding: of the picture, as keyword arguments of the network.
    """

    segmenter: SAM | SAMHQ
    square: PaddedSquare
    network: Any
    embedding: Mapping[str, Any]

    @property
    def answers(self) -> tuple[type, ...]:
        """All that says where the object is."""
        return self.segmenter.answers

    def __call__(self, image: Image, prompts: Sequence[Prompt]) -> list[Proposal]:
        """See ``SAM.__call__``; ``image`` is the picture that this was prepared for."""
        check_kinds(prompts, self.answers, type(self.segmenter).__name__)
        size = (self.square.height, self.square.width)
        if tuple(image.shape) != (1, 3, *size):
            raise ValueError(
                f"image: expected the picture that this was prepared for, [1, 3, {size[0]}, {size[1]}], got "
                f"{list(image.shape)}; prepare it anew"
            )
        if not prompts:
            return self._everything(image)
        logits, scores = self.decode(Marks.of(prompts, size, self.segmenter.stroke_points))
        masks = (self.square.back(logits) > 0).to(image.device)
        found = [
            Proposal(mask[None, None].to(image.dtype), float(score))
            for mask, score in zip(masks, scores, strict=True)
            if bool(mask.any())
        ]
        return sorted(found, key=lambda proposal: -proposal.score)

    def decode(self, marks: Marks) -> tuple[Tensor, Tensor]:
        """Logits ``[3, low, low]`` of the candidates in the network's square, and the IoU that it expects of each."""
        prompts: dict[str, Tensor] = {}
        box = marks.box
        if marks.coarse is not None:
            encoder = self.network.config.prompt_encoder_config
            low = 4 * encoder.image_size // encoder.patch_size
            prompts["input_masks"] = self.square.prompt(marks.coarse, low, _SURE)
            box = box or bounding_box(marks.coarse)
        if marks.points:
            prompts["input_points"] = self.square.to_network(torch.tensor([[marks.points]], dtype=torch.float32))
            prompts["input_labels"] = torch.tensor([[marks.positive]], dtype=torch.int64)
        if box is not None:
            corners = torch.tensor([[box.left, box.top], [box.right, box.bottom]], dtype=torch.float32)
            prompts["input_boxes"] = self.square.to_network(corners).view(1, 1, 4)
        logits, scores = self._decode(**prompts)
        return logits[0], scores[0]

    def clicked(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Candidates ``[n, 3, low, low]`` and scores ``[n, 3]`` for ``[n, 2]`` clicks, each about its own object."""
        places = self.square.to_network(points)[None, :, None]
        return self._decode(input_points=places, input_labels=torch.ones(places.shape[:3], dtype=torch.int64))

    def _decode(self, **prompts: Tensor) -> tuple[Tensor, Tensor]:
        device = self.network.device
        with torch.no_grad():
            found = self.network(
                **self.embedding,
                **{name: values.to(device) for name, values in prompts.items()},
                multimask_output=True,
            )
        return found.pred_masks[0].float(), found.iou_scores[0].float()

    def _everything(self, image: Image) -> list[Proposal]:
        settings = self.segmenter.everything
        logits, scores = settings.find(self.clicked, self.square, self.segmenter.on_step)
        cleaned, proposals = Cleaned(settings.min_area), []
        least = max(1.0, settings.min_area * self.square.height * self.square.width)
        for one, score in zip(logits, scores, strict=True):
            mask = (self.square.back(one[None]) > 0)[:, None].to(image)
            mask = cleaned(image, mask)
            if float(mask.sum()) >= least:
                proposals.append(Proposal(mask, float(score)))
        return proposals


def _network(segmenter: SAM | SAMHQ, device: torch.device) -> Any:
    device = device if segmenter.device is None else torch.device(segmenter.device)

    def make(device: torch.device) -> Any:
        return load(
            segmenter.model,
            "model",
            device,
            kinds=segmenter.kind,
            wanted=segmenter.example,
            architecture=segmenter.architecture,
        )

    return segmenter._networks.get(device, make)


def _prepare(segmenter: SAM | SAMHQ, image: Image) -> PreparedSAM:
    check_picture(image)
    network = _network(segmenter, image.device)
    square = PaddedSquare(int(image.shape[2]), int(image.shape[3]), int(network.config.vision_config.image_size))
    with inference(network.device):
        found = network.get_image_embeddings(square.pixels(image, network.device))
    if isinstance(found, Tensor):
        embedding: dict[str, Any] = {"image_embeddings": found.float()}
    else:  # SAM-HQ looks at what an early layer saw, too
        embedding = {"image_embeddings": found[0].float(), "intermediate_embeddings": [x.float() for x in found[1]]}
    return PreparedSAM(segmenter, square, network, embedding)


def _answer(segmenter: SAM | SAMHQ, image: Image, prompts: Sequence[Prompt]) -> list[Proposal]:
    check_picture(image)
    check_kinds(prompts, segmenter.answers, type(segmenter).__name__)
    Marks.of(prompts, (int(image.shape[2]), int(image.shape[3])), segmenter.stroke_points)  # before any work
    return segmenter.prepare(image)(image, prompts)
