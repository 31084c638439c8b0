"""Any network that fills holes, MAT for one, as an inpainter."""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, final

import torch
from torch import Tensor

from iem.checks import check_choice, check_image, check_mask, check_number
from iem.images import resize
from iem.inpainters.external_answer import check_answer, check_flow, drawing_from
from iem.inpainters.external_network import ExternalNetwork, Source, check_source, first_line, load_network
from iem.inpainters.resampling import resample
from iem.interfaces import Image, Mask

LAYOUTS = ("image, mask", "mask, image", "image+mask", "mask+image")
FILLS = ("zero", "grey", "mean")


@final
@dataclass(frozen=True)
class External:
    """A network of your own that fills holes; say what it takes, and the rest is as with every painter.

    It is shown one picture at a time, mirrored at its right and lower border to the size that it takes. What is hidden
    never reaches it: there, and where a picture is not finite, it sees ``fill``. What it answers is cut off at the ends
    of its range, and only what is hidden is taken from it; a soft hole blends. Random numbers that it draws from
    PyTorch start anew from ``seed`` for each picture, and nothing else notices.

    A file of either kind, and any function, is code: take only what you trust, as with any program. Files of weights
    alone, such as ``.pth`` and ``.safetensors``, need a function that makes their network.

    Args:
        source: one of

            * a file of ``torch.jit.save`` (TorchScript) or ``torch.export.save``, or a name of ``iem models list``;
              one that was exported for one size only is asked at that size;
            * "package.module:function" or "file.py:function", or a function itself: it takes the picture and the mask,
              and returns a picture. One without parameters is called once, and what it returns is asked: there a
              network is made and its weights are read.
        sha256: refuse a file with another checksum.
        layout: what it takes: "image, mask" or "mask, image", two tensors in that order; "image+mask" or "mask+image",
            one of four channels.
        hole_is: what marks the hole in that mask, 1 or 0.
        image_range: what black and white are to it, such as (0, 1), (-1, 1) or (0, 255).
        output_range: what they are in its answer; None for the same.
        output: which of its answers is the picture, where it returns several: a number or a key; None for a single one.
        fill: what it sees in the hole: "zero", the number 0 in its own range; "grey", the middle of the range; "mean",
            the mean of what is known.
        multiple: what sides have to be a multiple of.
        size: the only size it takes, (height, width), or one number for both; None for any. The picture is scaled to
            fit, and what was painted is brought back.
        longest_side: where it takes any size: a larger picture is painted at this one; None for never.
        differentiable: whether gradients flow through it, to the picture and to a soft hole, which it then is shown as
            it is. It is held to that: a gradient is refused if it does not. If False, what is hidden at all is hidden
            to it wholly, and no gradient flows.
        seed: of PyTorch's random numbers.
        device: where it runs, such as "cuda"; None: where the picture is. A function is given tensors that lie there,
            and a network that it returned when loading is moved there.
        notice: what whoever uses it has to be told, such as a licence.

    Raises:
        ValueError: a setting makes no sense, or no such source; when it is loaded or asked, that it fails, or does not
            answer with a picture of the size and range it was said to. One sentence that names it.

    >>> painter = External(lambda image, mask: image + mask, image_range=(-1, 1))
    >>> painter(torch.zeros(1, 3, 1, 4), torch.tensor([[[[0.0, 1.0, 0.5, 0.0]]]]))[0, 0, 0]
    tensor([0.0000, 1.0000, 0.5000, 0.0000])
    """

    source: Source
    sha256: str | None = None
    _: KW_ONLY
    layout: str = "image, mask"
    hole_is: int = 1
    image_range: Sequence[float] = (0.0, 1.0)
    output_range: Sequence[float] | None = None
    output: int | str | None = None
    fill: str = "zero"
    multiple: int = 8
    size: int | Sequence[int] | None = None
    longest_side: int | None = 1024
    differentiable: bool = False
    seed: int = 0
    device: str | None = None
    notice: str = field(default="", repr=False, compare=False)
    _networks: dict[torch.device, ExternalNetwork] = field(default_factory=dict, init=False, repr=False, compare=False)
    _proven: list[ExternalNetwork] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_choice(self.layout, "layout", LAYOUTS)
        check_choice(self.fill, "fill", FILLS)
        check_number(self.hole_is, "hole_is", low=0, high=1, integer=True)
        object.__setattr__(self, "image_range", _range(self.image_range, "image_range"))
        if self.output_range is not None:
            object.__setattr__(self, "output_range", _range(self.output_range, "output_range"))
        check_number(self.multiple, "multiple", low=1, integer=True)
        if self.size is not None:
            object.__setattr__(self, "size", _size(self.size))
        if self.longest_side is not None:
            check_number(self.longest_side, "longest_side", low=1, integer=True)
        if not isinstance(self.differentiable, bool):
            raise ValueError(f"differentiable: expected true or false, got {self.differentiable!r}")
        check_number(self.seed, "seed", low=0, high=2**63 - 1, integer=True)
        check_source(self.source)

    def __getstate__(self) -> Mapping[str, Any]:
        """Copies load the network themselves."""
        return {**self.__dict__, "_networks": {}, "_proven": []}

    def load(self, device: torch.device | str = "cpu") -> None:
        """Load the network now, so that what is wrong with it is known before any other work.

        Args:
            device: of the pictures to come.
        """
        self._network(torch.device(device))

    def __call__(self, image: Image, hole: Mask) -> Image:
        """Paint ``[b, 3, h, w]`` where ``hole`` is 1; a soft hole blends, an empty one asks nobody."""
        check_image(image)
        check_mask(hole, like=image, name="hole")
        if not image.numel():
            return image
        if not self.differentiable:
            image, hole = image.detach(), hole.detach()
        return torch.cat([self._paint(*pair) for pair in zip(image.split(1), hole.split(1), strict=True)])

    def _paint(self, image: Image, hole: Mask) -> Image:
        """One picture, composited."""
        if not hole.requires_grad and not bool(hole.any()):
            return image
        network = self._network(image.device)
        place = self._place(image.device)
        finite = image.isfinite().all(1, keepdim=True)
        hidden = torch.where(finite, hole if self.differentiable else (hole > 0).to(hole.dtype), 1.0)
        paint = self._fill(image.where(hidden < 1, 0).to(place).float(), hidden.to(place).float(), network)
        return image.where(hole < 1, 0) * (1 - hole) + paint.to(image.device, image.dtype) * hole

    def _fill(self, visible: Image, hidden: Mask, network: ExternalNetwork) -> Image:
        """One picture in [0, 1] as the network imagines it, what is known included; 0 where it is hidden."""
        size = (int(visible.shape[2]), int(visible.shape[3]))
        frame, inner = self._sizes(size, network)
        small, small_hidden = resample(visible, hidden, inner)
        shown = small + self._hidden_colour(small, small_hidden) * small_hidden
        answer = self._ask(_mirrored(shown, frame), _mirrored(small_hidden, frame), network)
        paint = answer[:, :, : inner[0], : inner[1]]
        if inner == size:
            return paint
        # Brought back together with the known pixels around it, so that the hole's edge joins on to them.
        return resize(small + paint * small_hidden, size, mode="bicubic")

    def _sizes(self, size: tuple[int, int], network: ExternalNetwork) -> tuple[tuple[int, int], tuple[int, int]]:
        """The size that the network is asked at, and that of the picture in its upper left corner."""
        given = (self.size[0], self.size[1]) if isinstance(self.size, tuple) else None
        if given is not None and network.size is not None and given != network.size:
            raise ValueError(
                f"size: expected {network.size[0]} x {network.size[1]} or none, the only size of {network.name}, "
                f"got {given[0]} x {given[1]}"
            )
        frame = network.size or given
        if frame is not None:
            scale = min(frame[0] / size[0], frame[1] / size[1])
            return frame, (_scaled(size[0], scale, frame[0]), _scaled(size[1], scale, frame[1]))
        scale = 1.0 if self.longest_side is None else min(1.0, self.longest_side / max(size))
        inner = (_scaled(size[0], scale, size[0]), _scaled(size[1], scale, size[1]))
        height, width = (-(-side // self.multiple) * self.multiple for side in inner)
        return (height, width), inner

    def _hidden_colour(self, visible: Image, hidden: Mask) -> Tensor | float:
        """In [0, 1]; ``visible`` is the picture times (1 - hidden)."""
        if self.fill == "grey":
            return 0.5
        if self.fill == "zero":
            low, high = self.image_range
            return -low / (high - low)
        known = (1 - hidden).sum((2, 3), keepdim=True)
        mean = visible.sum((2, 3), keepdim=True) / known.clamp_min(1e-6)
        return torch.where(known > 0, mean, 0.5)

    def _ask(self, image: Image, hidden: Mask, network: ExternalNetwork) -> Image:
        """What the network says to a picture in [0, 1], in [0, 1]."""
        low, high = self.image_range
        shown = (low + (high - low) * image).to(network.dtype)
        marks = (hidden if self.hole_is else 1 - hidden).to(network.dtype).clone()
        pair = (shown, marks) if self.layout.startswith("image") else (marks, shown)
        inputs = (torch.cat(pair, 1),) if "+" in self.layout else pair
        flows = self.differentiable and torch.is_grad_enabled() and (shown.requires_grad or marks.requires_grad)
        try:
            with drawing_from(self.seed, shown.device), torch.set_grad_enabled(flows):
                answer = network.ask(*inputs)
                if self.output is not None:
                    answer = answer[self.output]
        except Exception as error:  # whatever another's code may raise
            height, width = image.shape[2:]
            raise ValueError(
                f"{network.name}: expected a picture for one of {height} x {width} pixels, but it failed with "
                f"{first_line(error)}; look at layout, size and multiple"
            ) from error
        least, most = self.output_range or self.image_range
        check_answer(answer, network.name, shape=shown.shape, low=least, high=most)
        if flows and network not in self._proven:
            check_flow(answer, inputs, network.name)
            self._proven.append(network)
        found: Tensor = ((answer.to(image.dtype) - least) / (most - least)).clamp(0, 1)
        return found

    def _place(self, device: torch.device) -> torch.device:
        return torch.device(self.device) if self.device is not None else device

    def _network(self, device: torch.device) -> ExternalNetwork:
        place = self._place(device)
        if place not in self._networks:
            inputs = 1 if "+" in self.layout else 2
            self._networks[place] = load_network(self.source, place, inputs, self.sha256)
        return self._networks[place]


def _mirrored(fields: Tensor, size: tuple[int, int]) -> Tensor:
    """Continued to the right and below, the border repeated, as often as it takes."""
    for axis, wanted in zip((2, 3), size, strict=True):
        side = fields.shape[axis]
        if wanted != side:
            place = torch.arange(wanted, device=fields.device) % (2 * side)
            fields = fields.index_select(axis, torch.minimum(place, 2 * side - 1 - place))
    return fields


def _scaled(side: int, scale: float, most: int) -> int:
    return min(most, max(1, round(side * scale)))


def _range(given: Sequence[float], name: str) -> tuple[float, float]:
    try:
        low, high = (float(each) for each in given)
    except (TypeError, ValueError):
        low, high = 0.0, 0.0
    if not low < high < float("inf") or low == -float("inf"):
        raise ValueError(f"{name}: expected two numbers, of black and of white, such as [-1, 1], got {given!r}")
    return low, high


def _size(given: int | Sequence[int]) -> tuple[int, int]:
    try:
        sides = (given, given) if isinstance(given, int) else tuple(given)
    except TypeError:
        sides = ()
    if len(sides) != 2:
        raise ValueError(f"size: expected one number or two, height and width, got {given!r}")
    for side in sides:
        check_number(side, "size", low=1, integer=True)
    return sides[0], sides[1]
