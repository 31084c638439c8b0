"""The network of DeepFillv2: a coarse painter, and a fine one that also borrows patches from what is known."""

from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from jaxtyping import Float
from torch import Tensor, nn

from iem.inpainters.deepfill.attention import contextual_attention

Maps = Float[Tensor, "1 c h w"]
Picture = Float[Tensor, "1 3 h w"]
Hole = Float[Tensor, "1 1 h w"]
Activation = Literal["elu", "relu", "none"]

#: The two sets of published weights were trained with different borders and different subsampling.
Convention = Literal["pytorch", "tensorflow"]

_DILATIONS = (2, 4, 8, 16)


class GatedConvolution(nn.Module):
    """``ELU(a) * sigmoid(b)`` of one convolution's two halves: each pixel says how far it is to be believed.

    Yu et al., ICCV 2019, equation 2. The layer that makes RGB has no gate (``activation="none"``).

    Args:
        inputs: channels that come in.
        outputs: channels that go out.
        kernel: odd.
        stride: 1, or 2 for an even size to halve.
        dilation: distance of the taps.
        enlarge: repeat every pixel 2 x 2 times before.
        activation: of the first half.
        convention: with stride 2, "pytorch" pads both sides by one, "tensorflow" the right and the bottom alone.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        kernel: int = 3,
        stride: int = 1,
        dilation: int = 1,
        enlarge: bool = False,
        activation: Activation = "elu",
        convention: Convention = "pytorch",
    ) -> None:
        super().__init__()
        channels = outputs if activation == "none" else 2 * outputs
        self.conv = nn.Conv2d(inputs, channels, kernel, stride=stride, dilation=dilation)
        self.enlarge = enlarge
        self.activation = activation
        after = dilation * (kernel - 1) // 2
        before = after - 1 if stride == 2 and convention == "tensorflow" else after
        self.padding = (before, after, before, after)

    def forward(self, maps: Maps) -> Float[Tensor, "1 outputs h2 w2"]:
        """Maps of ``outputs`` channels."""
        if self.enlarge:
            maps = F.interpolate(maps, scale_factor=2, mode="nearest")
        found: Tensor = self.conv(F.pad(maps, self.padding))
        if self.activation == "none":
            return found
        value, gate = found.chunk(2, dim=1)
        return (F.elu(value) if self.activation == "elu" else F.relu(value)) * gate.sigmoid()


class DeepFillNetwork(nn.Module):
    """The generator of Yu et al., *Free-form image inpainting with gated convolution*, ICCV 2019 (arXiv 1806.03589).

    Args:
        width: channels at half resolution, a multiple of 4; the published weights have 48.
        convention: which of the two published sets of weights it is for. They differ in the borders of the strided
            convolutions, in the pixels that subsampling keeps, and in whether the attention's scores are propagated.
    """

    def __init__(self, width: int = 48, convention: Convention = "pytorch") -> None:
        super().__init__()
        self.width = width
        self.convention = convention
        half, twice = width // 2, 2 * width
        self.coarse = nn.Sequential(
            self._layer(5, half, kernel=5),
            self._layer(half, width, stride=2),
            self._layer(width, width),
            self._layer(width, twice, stride=2),
            self._layer(twice, twice),
            self._layer(twice, twice),
            *(self._layer(twice, twice, dilation=dilation) for dilation in _DILATIONS),
            self._layer(twice, twice),
            self._layer(twice, twice),
            *self._up_to_rgb(),
        )
        self.imagine = nn.Sequential(
            *self._down(width),
            self._layer(twice, twice),
            *(self._layer(twice, twice, dilation=dilation) for dilation in _DILATIONS),
        )
        self.before_attention = nn.Sequential(*self._down(twice), self._layer(twice, twice, activation="relu"))
        self.after_attention = nn.Sequential(self._layer(twice, twice), self._layer(twice, twice))
        self.unite = nn.Sequential(self._layer(2 * twice, twice), self._layer(twice, twice), *self._up_to_rgb())

    def forward(self, image: Picture, hole: Hole) -> Picture:
        """The whole picture as the network sees it, hole or not.

        Args:
            image: in [-1, 1], 0 where hidden; both sides a multiple of 8.
            hole: in [0, 1], 1 = hidden.
        """
        coarse = self.coarse(torch.cat([image, torch.ones_like(hole), hole], dim=1)).tanh()
        # The picture is already 0 in the hole; the factor matters where the hole is soft.
        pasted = coarse * hole + image * (1 - hole)
        borrowed = contextual_attention(self.before_attention(pasted), hole, self.convention)
        fine: Tensor = self.unite(torch.cat([self.imagine(pasted), self.after_attention(borrowed)], dim=1))
        return fine.tanh()

    def _layer(
        self,
        inputs: int,
        outputs: int,
        *,
        kernel: int = 3,
        stride: int = 1,
        dilation: int = 1,
        enlarge: bool = False,
        activation: Activation = "elu",
    ) -> GatedConvolution:
        return GatedConvolution(
            inputs,
            outputs,
            kernel=kernel,
            stride=stride,
            dilation=dilation,
            enlarge=enlarge,
            activation=activation,
            convention=self.convention,
        )

    def _down(self, middle: int) -> tuple[GatedConvolution, ...]:
        """RGB to a quarter of the resolution, with ``middle`` channels before the last layer."""
        half, width = self.width // 2, self.width
        return (
            self._layer(3, half, kernel=5),
            self._layer(half, half, stride=2),
            self._layer(half, width),
            self._layer(width, middle, stride=2),
            self._layer(middle, 2 * width),
        )

    def _up_to_rgb(self) -> tuple[GatedConvolution, ...]:
        half, width = self.width // 2, self.width
        return (
            self._layer(2 * width, width, enlarge=True),
            self._layer(width, width),
            self._layer(width, half, enlarge=True),
            self._layer(half, width // 4),
            self._layer(width // 4, 3, activation="none"),
        )
