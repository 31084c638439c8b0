"""The network of LaMa: a residual network whose convolutions see a neighbourhood and, by Fourier transform, everything.

Attributes have the names of the published weights.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from iem.interfaces import Image, Mask

Maps = Float[Tensor, "b c h w"]
#: Local maps, and global ones; the layers before the last halving have no global ones.
Pair = tuple[Tensor, Tensor | None]
#: From there on.
Both = tuple[Float[Tensor, "b local h w"], Float[Tensor, "b spectral h w"]]


class FourierUnit(nn.Module):
    """A convolution of 1 x 1 on the spectrum: every output pixel depends on every input pixel.

    Chi, Jiang and Mu, *Fast Fourier convolution*, NeurIPS 2020, section 3.3. Real and imaginary part of a channel are
    neighbouring channels.

    >>> FourierUnit(2).eval()(torch.rand(1, 2, 5, 7)).shape
    torch.Size([1, 2, 5, 7])
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_layer = nn.Conv2d(2 * channels, 2 * channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(2 * channels)

    def forward(self, maps: Maps) -> Maps:
        """Maps of the same shape, of any size, odd ones too."""
        spectrum = torch.fft.rfft2(maps, norm="ortho")
        parts = torch.stack([spectrum.real, spectrum.imag], dim=2).flatten(1, 2)
        changed = self.bn(self.conv_layer(parts)).relu().unflatten(1, (-1, 2))
        found: Tensor = torch.fft.irfft2(
            torch.complex(changed[:, :, 0], changed[:, :, 1]), maps.shape[-2:], norm="ortho"
        )
        return found


class SpectralTransform(nn.Module):
    """``conv2(x + fourier(x))`` with ``x = relu(bn(conv1(maps)))`` of half as many channels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(
            nn.Conv2d(inputs, outputs // 2, 1, bias=False), nn.BatchNorm2d(outputs // 2), nn.ReLU()
        )
        self.fu = FourierUnit(outputs // 2)
        self.conv2 = nn.Conv2d(outputs // 2, outputs, 1, bias=False)

    def forward(self, maps: Maps) -> Float[Tensor, "b outputs h w"]:
        """Maps of ``outputs`` channels."""
        narrow = self.conv1(maps)
        found: Tensor = self.conv2(narrow + self.fu(narrow))
        return found


class FourierConvolution(nn.Module):
    """Convolutions between local and global maps; from global to global by the spectrum.

    Args:
        inputs: local and global channels that come in.
        outputs: local and global channels that go out; global inputs without global outputs do not occur.
        kernel: odd.
        stride: 1 or 2.
        padding: reflected pixels on each side.
    """

    def __init__(
        self, inputs: tuple[int, int], outputs: tuple[int, int], *, kernel: int, stride: int = 1, padding: int = 0
    ) -> None:
        super().__init__()

        def convolution(before: int, after: int) -> nn.Conv2d:
            return nn.Conv2d(before, after, kernel, stride, padding, bias=False, padding_mode="reflect")

        self.convl2l = convolution(inputs[0], outputs[0])
        self.convl2g = convolution(inputs[0], outputs[1]) if outputs[1] else None
        self.convg2l = convolution(inputs[1], outputs[0]) if inputs[1] else None
        self.convg2g = SpectralTransform(inputs[1], outputs[1]) if inputs[1] else None

    def forward(self, maps: Pair) -> Pair:
        """Local and global maps."""
        nearby, everywhere = maps
        to_local: Tensor = self.convl2l(nearby)
        to_global: Tensor | None = self.convl2g(nearby) if self.convl2g is not None else None
        if everywhere is None or self.convg2l is None or self.convg2g is None:
            return to_local, to_global
        return to_local + self.convg2l(everywhere), to_global + self.convg2g(everywhere)


class FourierLayer(nn.Module):
    """``relu(bn(convolution))``, local and global maps each with their own statistics. Takes what its parts take."""

    def __init__(
        self, inputs: tuple[int, int], outputs: tuple[int, int], *, kernel: int, stride: int = 1, padding: int = 0
    ) -> None:
        super().__init__()
        self.ffc = FourierConvolution(inputs, outputs, kernel=kernel, stride=stride, padding=padding)
        self.bn_l = nn.BatchNorm2d(outputs[0])
        self.bn_g = nn.BatchNorm2d(outputs[1]) if outputs[1] else None

    def forward(self, maps: Maps | Pair) -> Pair:
        """Local and global maps; a single tensor is taken as local."""
        nearby, everywhere = self.ffc(maps if isinstance(maps, tuple) else (maps, None))
        if self.bn_g is not None:
            everywhere = self.bn_g(everywhere).relu()
        return self.bn_l(nearby).relu(), everywhere


class FourierBlock(nn.Module):
    """Two layers, added to what came in."""

    def __init__(self, channels: tuple[int, int]) -> None:
        super().__init__()
        self.conv1 = FourierLayer(channels, channels, kernel=3, padding=1)
        self.conv2 = FourierLayer(channels, channels, kernel=3, padding=1)

    def forward(self, maps: Both) -> Both:
        """Maps of the same shapes."""
        nearby, everywhere = self.conv2(self.conv1(maps))
        return maps[0] + nearby, maps[1] + everywhere


class Join(nn.Module):
    """Local and global maps in one tensor."""

    def forward(self, maps: Both) -> Maps:
        """Local channels first."""
        return torch.cat(maps, dim=1)


class LamaNetwork(nn.Module):
    """The generator of Suvorov et al., *Resolution-robust large mask inpainting*, WACV 2022 (arXiv 2109.07161).

    Args:
        width: channels at full resolution; each halving doubles them.
        blocks: residual blocks at the lowest resolution; the published ``big-lama`` has 18, ``lama-fourier`` 9.
        halvings: of the resolution.
        spectral: global channels at the lowest resolution, even, fewer than all; None for three quarters.

    >>> sum(len(value.flatten()) for value in LamaNetwork(8, blocks=2).state_dict().values())
    137035
    """

    def __init__(self, width: int = 64, *, blocks: int = 18, halvings: int = 3, spectral: int | None = None) -> None:
        super().__init__()
        most = width << halvings
        spectral = most * 3 // 4 if spectral is None else spectral
        self.width, self.blocks, self.halvings, self.spectral = width, blocks, halvings, spectral
        lowest = (most - spectral, spectral)
        self.model = nn.Sequential(
            nn.ReflectionPad2d(3),
            FourierLayer((4, 0), (width, 0), kernel=7),
            *(
                FourierLayer(
                    (width << step, 0),
                    lowest if step + 1 == halvings else (width << step + 1, 0),
                    kernel=3,
                    stride=2,
                    padding=1,
                )
                for step in range(halvings)
            ),
            *(FourierBlock(lowest) for _ in range(blocks)),
            Join(),
            *(layer for step in range(halvings) for layer in _doubling(most >> step)),
            nn.ReflectionPad2d(3),
            nn.Conv2d(width, 3, 7),
            nn.Sigmoid(),
        )

    @property
    def grid(self) -> int:
        """What both sides of a picture must be a multiple of; one multiple is too small."""
        return 1 << self.halvings

    def forward(self, image: Image, hole: Mask) -> Image:
        """The picture with its hole filled: known pixels as they are, a soft hole blended.

        Args:
            image: in [0, 1], finite; what it is where the hole is 1 does not matter.
            hole: in [0, 1], 1 = hidden.
        """
        return image * (1 - hole) + self.decode(self.encode(image, hole)) * hole

    def encode(self, image: Image, hole: Mask) -> tuple[Tensor, Tensor]:
        """Local and global features at the lowest resolution, before the residual blocks."""
        found: tuple[Tensor, Tensor] = self.model[: 2 + self.halvings](torch.cat([image * (1 - hole), hole], dim=1))
        return found

    def decode(self, features: tuple[Tensor, Tensor]) -> Image:
        """The whole picture as the network sees it, hole or not, in [0, 1]."""
        found: Tensor = self.model[2 + self.halvings :](features)
        return found


def _doubling(channels: int) -> tuple[nn.Module, nn.Module, nn.Module]:
    """Twice the resolution, half the channels."""
    return (
        nn.ConvTranspose2d(channels, channels // 2, 3, stride=2, padding=1, output_padding=1),
        nn.BatchNorm2d(channels // 2),
        nn.ReLU(),
    )
