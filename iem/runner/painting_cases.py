"""What painters are tried on: kinds of holes, their sizes, their edges, and how far they are grown."""

import hashlib
import itertools
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch

from iem.datasets.damage import Damage, Kind, damage
from iem.interfaces import Dataset, Mask, Sample
from iem.masks.holes import soften
from iem.refiners import Grow
from iem.runner.measuring import Row

AXES = ("kind", "share", "rim_blur", "grow", "edge_blur")


@dataclass(frozen=True)
class Case:
    """One way to damage a picture, and one way to make the hole that is painted.

    Attributes:
        kind: of what covers the picture, see ``iem.datasets.damage``.
        share: of the picture that it covers.
        rim_blur: sigma of the blur of its edge, as by a camera, in pixels.
        grow: how far the hole reaches beyond it, in pixels.
        edge_blur: sigma of the blur of the hole's edge, in pixels; 0 for a hard one.
    """

    kind: Kind
    share: float
    rim_blur: float = 0.0
    grow: float = 0.0
    edge_blur: float = 0.0

    @property
    def damaging(self) -> tuple[Kind, float, float]:
        """What the damage alone depends on."""
        return self.kind, self.share, self.rim_blur

    @property
    def reach(self) -> int:
        """How many pixels beyond what covers the picture may be painted or be spoilt."""
        return math.ceil(max(self.grow + 3 * self.edge_blur, 3 * self.rim_blur))

    def hole(self, mask: Mask) -> Mask:
        """The hole for what covers the picture."""
        return soften(self.grown(mask, self.grow), self.edge_blur)

    @staticmethod
    def grown(mask: Mask, radius: float) -> Mask:
        """The mask and all that is within ``radius`` pixels of it."""
        return Grow(radius, unit="pixels")(mask.expand(-1, 3, -1, -1), mask) if radius else mask

    def describe(self) -> str:
        """In words.

        >>> Case("object", 0.25, grow=4.0, edge_blur=2.0).describe()
        'object 25 %, grown 4 px, soft 2 px'
        """
        words = [f"{self.kind} {100 * self.share:g} %"]
        words += [f"{word} {value:g} px" for word, value in (("rim", self.rim_blur), ("grown", self.grow)) if value]
        return ", ".join([*words, *([f"soft {self.edge_blur:g} px"] if self.edge_blur else [])])

    def as_row(self) -> dict[str, Any]:
        """By name, for logs and tables."""
        return asdict(self)


def cases(settings: Mapping[str, Any]) -> tuple[Case, ...]:
    """All combinations of the settings ``kinds``, ``shares``, ``rim_blurs``, ``grows`` and ``edge_blurs``.

    >>> found = cases({"kinds": ["box"], "shares": [0.1, 0.2], "rim_blurs": [0], "grows": [0], "edge_blurs": [0]})
    >>> [case.describe() for case in found]
    ['box 10 %', 'box 20 %']
    """
    kinds: list[Kind] = settings["kinds"]
    numbers = [[float(value) for value in settings[f"{axis}s"]] for axis in AXES[1:]]
    return tuple(Case(kind, *rest) for kind, rest in itertools.product(kinds, itertools.product(*numbers)))


def case_of(row: Row) -> Case:
    """The case that a row of a log is of."""
    return Case(**{axis: row[axis] for axis in AXES})


class Damager:
    """Damages the pictures of a data set with parts of its other pictures.

    Which picture and where depends on the picture's name, the kind and the seed alone: the pictures of a data set are
    damaged in the same way whichever painters and shares are asked for.

    Args:
        dataset: with at least one picture; a single one gets parts of its own mirror image.
        seed: for other damage.
    """

    def __init__(self, dataset: Dataset, seed: int) -> None:
        self._dataset, self._seed = dataset, seed

    def __call__(self, sample: Sample, kind: Kind, share: float, rim_blur: float) -> Damage:
        """One picture, damaged.

        Raises:
            ImageError: the other picture cannot be read.
            ValueError: no picture has an object.
        """
        digest = hashlib.sha256(f"{self._seed} {kind} {sample.name}".encode("utf-8", "surrogatepass")).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
        other = self._other(sample, kind, generator)
        return damage(
            sample.image, other.image, other.truth, kind=kind, share=share, rim_blur=rim_blur, generator=generator
        )

    def _other(self, sample: Sample, kind: Kind, generator: torch.Generator) -> Sample:
        indices = torch.randperm(len(self._dataset), generator=generator).tolist()
        for index in indices:
            if self._dataset.names[index] == sample.name:
                continue
            other = self._dataset[index]
            if kind != "object" or (other.truth > 0.5).any():
                return other
        if kind == "object" and not (sample.truth > 0.5).any():
            raise ValueError("kinds: expected pictures with objects for the kind object, got none; choose other kinds")
        return Sample(sample.name, sample.image.flip(-1), sample.truth.flip(-1))
