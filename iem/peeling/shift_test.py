"""Whether a region could be there by chance: its score against those of the same mask, shifted."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from iem.checks import check_image, check_mask, check_number
from iem.finders.appearance import Appearance
from iem.finders.contrast import bands, boundary_information, information
from iem.finders.views import alone
from iem.images import resize, short_side
from iem.interfaces import FeatureMap, Image, Mask, SignificanceTest, Verdict

_APART = 0.3  # how much more of one shifted band than of the other may lie on the mask: it is the same boundary still
_INSIDE = 0.5  # of each band that a shift must leave in the region


@final
@dataclass(frozen=True)
class ShiftTest:
    """Accept a region if its boundary is clear, and clearer than nearly all boundaries of its shape elsewhere.

    The score is the ``boundary_information`` of the mask. Under the null hypothesis the region that was looked at is
    alike everywhere, so that the mask might as well lie elsewhere in it: the null are the scores of all its cyclic
    shifts by whole pixels, at once by the fast Fourier transform. Left out are shifts that move a half of either band
    out of the region, and those that part the mask from the rest, too, wholly or in some places. The p-value is the
    share of the null that scores as well, itself included.

    A mask that was searched for fits the noise better than a shifted one, so the p-value alone would be too kind.
    ``margin`` answers for that: of a hundred empty scenes of ``iem.datasets.Planted`` (noise, one texture, uneven
    light) none has a mask that scores above it (``experiments/README.md``), of photographs' objects few score below.

    Args:
        alpha: false-alarm rate: the largest p-value that is significant. Where fewer than 1 / ``alpha`` shifts fit
            into the region, none of them may score as well.
        margin: least score, in nats; at most log 2.
        certain: score from which on no shift is asked, in nats: a region that holds several others has many boundaries
            as clear as this one, and that is no reason to leave it whole.
        size: short side at which the sides are compared, in pixels; nothing is enlarged.

    >>> image = torch.full((1, 3, 48, 48), 0.2); image[..., 12:36, 10:30] = 0.9
    >>> image = image + 0.05 * torch.randn(image.shape, generator=torch.Generator().manual_seed(0)).clamp(-2, 2)
    >>> everything = torch.ones(1, 1, 48, 48)
    >>> square = torch.zeros(1, 1, 48, 48); square[..., 12:36, 10:30] = 1
    >>> [ShiftTest()(image, mask, everything).significant for mask in (square, square.roll(20, -1))]
    [True, False]
    """

    alpha: float = 0.05
    margin: float = 0.09
    certain: float = 0.35
    size: int = 128

    def __post_init__(self) -> None:
        check_number(self.alpha, "alpha", low=0, high=1)
        check_number(self.margin, "margin", low=0)
        check_number(self.certain, "certain", low=0)
        check_number(self.size, "size", low=8, integer=True)

    def prepare(self, image: Image) -> SignificanceTest:
        """The same test, for this picture alone, with the picture's appearance computed once."""
        check_image(image)
        reduced = short_side(image, self.size, enlarge=False)
        return _InPicture(self, reduced, Appearance.of(reduced))

    def __call__(self, image: Image, mask: Mask, within: Mask) -> Verdict:
        """Judge one proposal."""
        return self.prepare(image)(image, mask, within)


@dataclass(frozen=True)
class _InPicture:
    """``ShiftTest`` for one picture."""

    settings: ShiftTest
    reduced: Image
    appearance: Appearance

    def __call__(self, image: Image, mask: Mask, within: Mask) -> Verdict:
        check_mask(mask, like=image)
        check_mask(within, like=image, name="within")
        size = (self.reduced.shape[-2], self.reduced.shape[-1])
        where = (resize(within, size) >= 0.5).to(image.dtype)
        inside = (resize(mask, size) >= 0.5).to(image.dtype) * where
        if not bool(inside.any()) or bool((inside == where).all()):
            return Verdict(0.0, 1.0, significant=False)
        shares = self.appearance.shares(self.appearance.describe(alone(self.reduced, where)))
        score = boundary_information(shares, inside, where - inside)
        null = _shifted_scores(shares, inside, where)
        as_good = int((null >= score - 1e-6).sum())  # the transform leaves rounding noise
        p_value = (1 + as_good) / (1 + len(null))
        # With few shifts, none of them may score as well.
        rare = p_value <= max(self.settings.alpha, 1 / (1 + len(null)))
        clear = score >= self.settings.margin
        return Verdict(score, p_value, significant=clear and (rare or score >= self.settings.certain))


def _shifted_scores(shares: FeatureMap, mask: Mask, within: Mask) -> Float[Tensor, " n"]:
    """The boundary information of the mask at every shift that says something."""
    rest = within - mask
    own, other = bands(mask, rest)
    fields = torch.cat([shares * within, within, mask], dim=1)[0]
    spectrum = torch.fft.rfft2(fields)
    counts = torch.stack(
        [
            torch.fft.irfft2(spectrum * torch.fft.rfft2(band[0]).conj(), s=(fields.shape[-2], fields.shape[-1]))
            for band in (own, other)
        ]
    )
    held = counts[:, -2]
    whole = torch.stack([own.sum(), other.sum()])[:, None, None]
    on_mask = counts[:, -1] / held.clamp_min(1)  # of the two bands, where they have been shifted to
    apt = (held >= _INSIDE * whole).all(0) & ((on_mask[0] - on_mask[1]).abs() < _APART)
    scores: Tensor = information(counts[:, :-2].clamp_min(0))[apt]
    return scores
