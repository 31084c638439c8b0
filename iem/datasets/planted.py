"""Scenes made for the purpose, whose regions are known to the pixel."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal, final

import numpy as np
import torch
from skimage.color import rgb2lab

from iem.checks import check_choice, check_number
from iem.datasets.planted_layouts import Labels, draw_layout, neighbours
from iem.datasets.planted_textures import TEXTURES
from iem.interfaces import Sample

Colours = np.ndarray[Any, np.dtype[np.float64]]

_EMPTY = ("flat", "texture", "light")  # the kinds of scenes without a region, one after the other


@final
@dataclass(frozen=True)
class Planted:
    """Pictures drawn at random from rules that leave no doubt what their regions are; needs no download.

    A scene depends on ``seed`` and its index alone, neither on ``count`` nor on the scenes before it. At another size
    it is the same scene, with coarser or finer texture, and other noise.

    What can be relied on: every region is one piece of at least ``least_area`` of the picture and nowhere merely thin;
    in the CIELAB space, the mean colours of any two regions are ``contrast`` apart, except that of a region that is
    told from one of its neighbours by its texture alone (``alike``). No edge is smoothed.

    Args:
        count: how many scenes.
        regions: fewest and most regions of a scene, the background among them; each number is equally likely.
        style: "flat": each region has one colour. "textured": each has a colour and a texture of light and dark:
            stripes, checks, dots or grain, 3 to 12 pixels from one to the next in a picture of 128 pixels. "mixed":
            each region is the one or the other. "empty": nothing to find: by turns one colour, one texture, and one
            colour under uneven light; ``regions`` and ``layout`` are not looked at.
        layout: "objects": discs, ellipses, rectangles and polygons on a background, which may hide parts of each other;
            region 0 is the background. "tiles": the frame is divided, nothing lies on anything. "mixed": either.
        size: height and width in pixels, or one number for both; at least 32.
        seed: for other scenes.
        noise: standard deviation of the Gaussian noise in every pixel and channel.
        contrast: least distance of two regions' colours in CIELAB (1976), at most 40; 2 can just be seen.
        texture_contrast: half the difference in brightness between light and dark, at most 0.25.
        alike: chance that a textured region has the colour of a neighbour whose texture is of another kind.
        least_area: share of the picture that every region covers.

    Raises:
        ValueError: a setting outside its range; when a scene is read, one that cannot be fitted to the settings.

    >>> scenes = Planted(count=10, regions=(3, 3))
    >>> sample = scenes[7]
    >>> sample.name, sample.labels.unique().tolist(), bool(((sample.labels > 0) == sample.truth[0, 0].bool()).all())
    ('planted-0007', [0, 1, 2], True)
    >>> bool(Planted(style="empty")[0].truth.any())
    False
    """

    count: int = 100
    _: KW_ONLY
    regions: tuple[int, int] = (2, 6)
    style: Literal["flat", "textured", "mixed", "empty"] = "flat"
    layout: Literal["objects", "tiles", "mixed"] = "objects"
    size: int | tuple[int, int] = 128
    seed: int = 0
    noise: float = 0.02
    contrast: float = 25.0
    texture_contrast: float = 0.15
    alike: float = 0.2
    least_area: float = 0.03

    def __post_init__(self) -> None:
        check_number(self.count, "count", low=1, integer=True)
        object.__setattr__(self, "regions", _pair(self.regions, "regions", "the fewest and the most"))
        if not isinstance(self.size, int):
            object.__setattr__(self, "size", _pair(self.size, "size", "one number, or height and width"))
        check_number(self.regions[0], "regions", low=2, high=12, integer=True)
        check_number(self.regions[1], "regions", low=self.regions[0], high=12, integer=True)
        check_choice(self.style, "style", ("flat", "textured", "mixed", "empty"))
        check_choice(self.layout, "layout", ("objects", "tiles", "mixed"))
        for length in self._size():
            check_number(length, "size", low=32, integer=True)
        check_number(self.seed, "seed", low=0, integer=True)
        check_number(self.noise, "noise", low=0, high=1)
        check_number(self.contrast, "contrast", low=0, high=40)
        check_number(self.texture_contrast, "texture_contrast", low=0, high=0.25)
        check_number(self.alike, "alike", low=0, high=1)
        check_number(self.least_area, "least_area", low=0, high=1 / self.regions[1])

    @property
    def names(self) -> Sequence[str]:
        """``planted-0000``, ``planted-0001``, ..."""
        return tuple(_name(index) for index in range(self.count))

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        """The scene at ``index``, drawn now."""
        index = range(self.count)[index]
        # Generators of their own, so that for example more noise does not change what is drawn after it.
        places, looks, noise = (np.random.default_rng([self.seed, index, part]) for part in range(3))
        size = self._size()
        if self.style == "empty":
            labels = np.zeros(size, dtype=np.int64)
            picture = self._nothing(index, looks)
        else:
            kind = str(places.choice(["objects", "tiles"])) if self.layout == "mixed" else self.layout
            regions = int(places.integers(self.regions[0], self.regions[1], endpoint=True))
            labels = draw_layout(kind, regions, size, self.least_area, places)[1]
            picture = self._paint(labels, regions, looks)
        picture = np.clip(picture + self.noise * noise.standard_normal(picture.shape), 0, 1)
        image = torch.from_numpy(picture).float().permute(2, 0, 1)[None].contiguous()
        regions_of_pixels = torch.from_numpy(labels)
        return Sample(_name(index), image, (regions_of_pixels > 0)[None, None].float(), labels=regions_of_pixels)

    def _size(self) -> tuple[int, int]:
        return (self.size, self.size) if isinstance(self.size, int) else self.size

    def _paint(self, labels: Labels, count: int, random: np.random.Generator) -> Colours:
        """``[h, w, 3]``, without noise."""
        colours = _draw_colours(count, self.contrast, random)
        textured = [self.style == "textured" or (self.style == "mixed" and random.random() < 0.5) for _ in range(count)]
        kinds = [str(random.choice(list(TEXTURES))) if has else "none" for has in textured]
        owners = list(range(count))
        for one, other in neighbours(labels):
            alone = owners.count(owners[one]) == owners.count(owners[other]) == 1
            drawn = random.random()
            if alone and "none" not in (kinds[one], kinds[other]) and kinds[one] != kinds[other] and drawn < self.alike:
                owners[other] = one
        picture = colours[owners][labels]
        for region, kind in enumerate(kinds):
            # Each texture draws from a generator of its own: grain takes as many numbers as there are pixels.
            own = np.random.default_rng(random.integers(2**63))
            if kind != "none":
                field = TEXTURES[kind](labels.shape, min(labels.shape) / 128, own)[..., None]
                picture = np.where((labels == region)[..., None], picture + self.texture_contrast * field, picture)
        return picture

    def _nothing(self, index: int, random: np.random.Generator) -> Colours:
        height, width = self._size()
        picture = np.broadcast_to(_draw_colours(1, 0.0, random), (height, width, 3))
        kind = _EMPTY[index % len(_EMPTY)]
        if kind == "texture":
            field = TEXTURES[str(random.choice(list(TEXTURES)))]((height, width), min(height, width) / 128, random)
            return picture + self.texture_contrast * field[..., None]
        if kind == "light":
            rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
            slope, bend = random.uniform(-0.25, 0.25, 2), random.uniform(-0.15, 0.15)
            light = 1 + slope[0] * rows + slope[1] * columns + bend * (rows**2 + columns**2 - 1)
            lit: Colours = picture * light[..., None]
            lit *= min(1.0, 0.95 / lit.max())  # or else light that is cut off would have an edge
            return lit
        return picture


def _pair(values: object, name: str, expected: str) -> tuple[int, int]:
    if not isinstance(values, Sequence) or isinstance(values, str) or len(values) != 2:
        raise ValueError(f"{name}: expected {expected}, got {values!r}; give two numbers")
    return values[0], values[1]


def _name(index: int) -> str:
    return f"planted-{index:04d}"


def _draw_colours(count: int, apart: float, random: np.random.Generator) -> Colours:
    """``[count, 3]`` RGB from 0.25 to 0.75, so that no texture is cut off, ``apart`` from each other in CIELAB.

    Raises:
        ValueError: there is no room for so many colours so far apart.
    """
    chosen = random.uniform(0.25, 0.75, (1, 3))
    for _ in range(2_000):
        if len(chosen) == count:
            return chosen
        new = random.uniform(0.25, 0.75, (1, 3))
        if np.linalg.norm(rgb2lab(chosen) - rgb2lab(new), axis=1).min() >= apart:
            chosen = np.concatenate([chosen, new])
    if len(chosen) == count:
        return chosen
    raise ValueError(
        f"contrast: expected room for {count} colours, got {apart:g} between any two; lower contrast or ask for fewer "
        "regions"
    )
