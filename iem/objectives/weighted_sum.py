"""Several objectives as one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from iem.checks import check_number
from iem.interfaces import Image, Objective, Regions, Scores


@final
@dataclass(frozen=True)
class WeightedSum:
    """``sum_i weight_i term_i``.

    Args:
        terms: name -> objective.
        weights: name -> weight, for the same names.

    Raises:
        ValueError: names that differ, no term, or a weight that is not finite.

    >>> import torch
    >>> from iem.objectives import Diversity
    >>> objective = WeightedSum(terms={"diversity": Diversity()}, weights={"diversity": 2.0})
    >>> image, mask = torch.rand(1, 3, 8, 8), torch.ones(1, 1, 8, 8)
    >>> bool((objective(image, mask) == 2 * Diversity()(image, mask)).all())
    True
    """

    terms: Mapping[str, Objective]
    weights: Mapping[str, float]

    def __post_init__(self) -> None:
        if not self.terms or set(self.terms) != set(self.weights):
            raise ValueError(
                f"weights: expected one for each term ({', '.join(self.terms) or 'there is none'}), "
                f"got {', '.join(self.weights) or 'none'}"
            )
        for name, weight in self.weights.items():
            check_number(weight, f"weight of {name}")

    def prepare(self, image: Image) -> "WeightedSum":
        """The same sum of the prepared terms."""
        return WeightedSum({name: term.prepare(image) for name, term in self.terms.items()}, self.weights)

    def values(self, image: Image, mask: Regions) -> dict[str, Scores]:
        """Each term, ``[b]``, without its weight."""
        return {name: term(image, mask) for name, term in self.terms.items()}

    def __call__(self, image: Image, mask: Regions) -> Scores:
        """The weighted sum, ``[b]``."""
        score = image.new_zeros(len(image))
        for name, value in self.values(image, mask).items():
            score = score + self.weights[name] * value
        return score

    def terms_and_gradient(self, image: Image, mask: Regions) -> tuple[dict[str, Scores], Scores, Regions]:
        """Each term without its weight, ``[b]``; the weighted sum of them, and that of their gradients."""
        score, gradient = image.new_zeros(len(image)), mask.new_zeros(mask.shape)
        values = {}
        for name, term in self.terms.items():
            values[name], slope = term.value_and_gradient(image, mask)
            score = score.add(values[name], alpha=self.weights[name])
            gradient.add_(slope, alpha=self.weights[name])
        return values, score, gradient

    def value_and_gradient(self, image: Image, mask: Regions) -> tuple[Scores, Regions]:
        """The weighted sums of the terms' values and gradients."""
        _, score, gradient = self.terms_and_gradient(image, mask)
        return score, gradient
