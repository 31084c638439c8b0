"""Gradient ascent on a soft mask, by any optimiser of ``torch.optim``."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, final

import torch
from jaxtyping import Int
from torch import Tensor

from iem.checks import check_mask, check_number
from iem.interfaces import Counts, Image, Objective, Parameterisation, Regions, Scores
from iem.masks import Logits
from iem.optimisers.evaluation import evaluate

OptimiserFactory = Callable[[Sequence[Tensor]], torch.optim.Optimizer]


@final
@dataclass(frozen=True)
class GradientAscent:
    """Maximise over the parameters of a soft mask, or of k regions, while the mask sharpens.

    Equation, at step t of ``anneal_steps`` T::

        theta <- torch.optim step along  dJ/dM * dM/dtheta,     M = to_mask(theta, sharpness_t)
        sharpness_t = first * (last / first)^(t / (T - 1)),     then last

    Args:
        parameterisation: parameters <-> mask.
        optimiser: makes a ``torch.optim`` optimiser from a list of tensors, e.g. ``partial(torch.optim.SGD, lr=10)``.
            Pictures of a batch are independent; L-BFGS, which would couple them, takes one picture at a time.
        sharpness: first and last; (1, 1) switches the annealing off.
        anneal_steps: T.
        tolerance: after the annealing, a mask whose largest change in a step is not above this stands still. 0 waits
            for the last step.

    >>> from iem.objectives import Diversity
    >>> image = torch.zeros(1, 3, 8, 8); image[..., 4:] = 1.0
    >>> ascent, mask = GradientAscent(), torch.full((1, 1, 8, 8), 0.4); mask[..., 5:] = 0.6
    >>> state = ascent.init(mask)
    >>> for _ in range(50):
    ...     state = ascent.step(Diversity(), image, state)
    >>> bool(((state.mask > 0.5) == (image[:, :1] > 0.5)).all())
    True
    """

    parameterisation: Parameterisation = field(default_factory=Logits)
    optimiser: OptimiserFactory = field(default_factory=lambda: partial(torch.optim.Adam, lr=0.1))
    sharpness: Sequence[float] = (1.0, 4.0)
    anneal_steps: int = 100
    tolerance: float = 0.0

    def __post_init__(self) -> None:
        if len(self.sharpness) != 2:
            raise ValueError(f"sharpness: expected two numbers, first and last, got {self.sharpness!r}")
        for value in self.sharpness:
            check_number(value, "sharpness", low=1e-3)
        check_number(self.anneal_steps, "anneal_steps", low=1, integer=True)
        check_number(self.tolerance, "tolerance", low=0)

    def init(self, mask: Regions) -> "SoftState":
        """Start from the parameters of ``mask``; the state's mask is what they stand for."""
        check_mask(mask)
        parameters = self.parameterisation.to_parameters(mask).detach()
        count = torch.zeros(len(mask), dtype=torch.long, device=mask.device)
        start = self.parameterisation.to_mask(parameters, _size(mask), self._sharpness(0))
        return SoftState(start, mask.new_full((len(mask),), torch.nan), count, count, parameters)

    def step(self, objective: Objective, image: Image, state: "SoftState") -> "SoftState":
        """One step of every picture."""
        # A tensor of its own for each picture: what the torch optimiser remembers can then be told apart.
        free = [row.clone().requires_grad_() for row in state.parameters.split(1)]
        optimiser = self.optimiser(free)
        if len(free) > 1 and isinstance(optimiser, torch.optim.LBFGS):
            raise ValueError(
                f"optimiser: L-BFGS couples the pictures of a batch, got {len(free)}; give it one at a time"
            )
        if state.memory:
            optimiser.load_state_dict(copy.deepcopy(state.memory))
        sharpness = self._sharpness(state.steps)
        evaluations: list[tuple[Mapping[str, Scores], Scores]] = []

        def closure() -> float:
            optimiser.zero_grad()
            with torch.enable_grad():
                mask = self.parameterisation.to_mask(torch.cat(free), _size(state.mask), sharpness)
            terms, score, gradient = evaluate(objective, image, mask.detach())
            mask.backward(-gradient)
            evaluations.append((terms, score))
            return float(-score.sum())

        optimiser.step(closure)
        parameters = torch.cat(free).detach()
        mask = self.parameterisation.to_mask(parameters, _size(state.mask), self._sharpness(state.steps + 1))
        moved = (_label(mask) != _label(state.mask)).flatten(1).sum(1)
        change = (mask - state.mask).abs().flatten(1).amax(1)
        settled = (change <= self.tolerance) & (self.tolerance > 0) & (state.steps + 1 >= self.anneal_steps)
        terms, score = evaluations[0]
        memory, steps = optimiser.state_dict(), state.steps + 1
        return SoftState(mask, score, moved, settled.long(), parameters, memory, steps, terms)

    def _sharpness(self, step: int) -> float:
        first, last = self.sharpness
        return float(first * (last / first) ** min(step / max(self.anneal_steps - 1, 1), 1.0))


@final
@dataclass(frozen=True)
class SoftState:
    """Where ``GradientAscent`` stands; see ``iem.interfaces.State``."""

    mask: Regions
    score: Scores
    moved: Counts
    period: Counts
    parameters: Tensor
    memory: dict[str, Any] = field(default_factory=dict)  #: the torch optimiser's ``state_dict``
    steps: int = 0
    terms: Mapping[str, Scores] = field(default_factory=dict)

    def select(self, index: Int[Tensor, " n"]) -> "SoftState":
        """The state of some of the pictures."""
        memory = self.memory
        if memory:
            rows = index.tolist()
            # Copies: a picture that is selected twice must not share what the torch optimiser writes to.
            kept = {new: copy.deepcopy(memory["state"][old]) for new, old in enumerate(rows) if old in memory["state"]}
            groups = [{**group, "params": list(range(len(rows)))} for group in memory["param_groups"]]
            memory = {"state": kept, "param_groups": groups}
        return SoftState(
            self.mask[index],
            self.score[index],
            self.moved[index],
            self.period[index],
            self.parameters[index],
            memory,
            self.steps,
            {name: value[index] for name, value in self.terms.items()},
        )


def _label(mask: Regions) -> Tensor:
    return mask >= 0.5 if mask.shape[1] == 1 else mask.argmax(1)


def _size(mask: Regions) -> tuple[int, int]:
    return mask.shape[-2], mask.shape[-1]
