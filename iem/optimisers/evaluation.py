"""What an optimiser asks of an objective at each step."""

from collections.abc import Mapping

from iem.interfaces import Decomposed, Image, Objective, Regions, Scores


def evaluate(objective: Objective, image: Image, mask: Regions) -> tuple[Mapping[str, Scores], Scores, Regions]:
    """Terms by name (none if the objective has no named terms), score and gradient, at the price of the latter two."""
    if isinstance(objective, Decomposed):
        return objective.terms_and_gradient(image, mask)
    return {}, *objective.value_and_gradient(image, mask)
