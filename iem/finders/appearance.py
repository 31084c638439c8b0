"""What a picture looks like, in a palette of its own colours and textures."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from iem.features import Gradients, Kuwahara, Lab, Mean, Stack, Texture
from iem.features.palette import assign, k_means
from iem.features.whitening import whiten, whitening
from iem.interfaces import FeatureMap, Features, Image

RADIUS = 5  # of the windows whose colours and textures are compared: 11 pixels of a short side of 128


def surface(radius: int = RADIUS) -> Features:
    """Colour, contrast and direction of the texture, averaged over windows that do not reach across edges."""
    return Kuwahara(Stack([Mean(Lab(), radius), Texture(radius), Gradients(radius)]), radius)


@dataclass(frozen=True)
class Appearance:
    """A palette made of one picture, and what any picture holds of it.

    A region that is looked at by itself is told in the palette of the whole picture: differences that are slight there
    stay slight, however small the region.

    Attributes:
        features: what is compared.
        mean: of the features over the picture.
        matrix: whitens them.
        entries: of the palette.
        width: distance over which two entries are much the same.
    """

    features: Features
    mean: Float[Tensor, "1 c 1"]
    matrix: Float[Tensor, "1 c c"]
    entries: Float[Tensor, "1 k c"]
    width: float

    @classmethod
    def of(
        cls,
        image: Image,
        features: Features | None = None,
        *,
        colours: int = 32,
        width: float = 0.8,
        floor: float = 0.03,
    ) -> "Appearance":
        """The palette of one picture.

        Args:
            image: ``[1, 3, h, w]`` in [0, 1].
            features: what to compare; None takes ``surface()``.
            colours: entries.
            width: in whitened features.
            floor: standard deviation, in the features' units, below which a difference is noise.

        >>> import torch
        >>> image = torch.rand(1, 3, 24, 24)
        >>> appearance = Appearance.of(image, colours=8)
        >>> appearance.shares(appearance.describe(image)).shape
        torch.Size([1, 8, 24, 24])
        """
        features = surface() if features is None else features
        seen = features(image)
        mean, matrix = whitening(seen, floor)
        few = functional.avg_pool2d(whiten(seen, mean, matrix), 2, ceil_mode=True).flatten(2).mT
        return cls(features, mean, matrix, k_means(few, colours, 6), width)

    def describe(self, image: Image) -> FeatureMap:
        """The whitened features of a picture, ``[1, c, h, w]``."""
        return whiten(self.features(image), self.mean, self.matrix)

    def shares(self, described: FeatureMap) -> Float[Tensor, "1 k h w"]:
        """How much of each entry there is at every pixel of what ``describe`` gave; sums to one."""
        return assign(described, self.entries, self.width)
