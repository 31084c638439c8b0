"""The loop: a mask is moved by an optimiser to maximise an objective."""

import torch
from torch import Tensor

from iem.checks import check_image, check_mask, check_number
from iem.interfaces import Callback, Image, Objective, Optimiser, Progress, Regions, Solution, State, StateT, Status


def maximise(
    objective: Objective,
    optimiser: Optimiser[StateT],
    image: Image,
    mask: Regions,
    *,
    max_steps: int = 150,
    callback: Callback | None = None,
) -> Solution:
    """Move ``mask`` uphill on ``objective``, each picture for itself.

    The answer is that of exactly ``max_steps`` steps. A picture leaves the batch as soon as the rest is known: when a
    step leaves its mask as it was, or when its mask runs in a cycle, at the step that ``max_steps`` ends on.

    Args:
        objective: what to maximise.
        optimiser: how to move.
        image: ``[b, 3, h, w]`` in [0, 1].
        mask: the start, ``[b, 1, h, w]``, or ``[b, k, h, w]`` for k regions.
        max_steps: steps allowed, at least 1.
        callback: called with a ``Progress`` after each step; what it raises ends the search.

    Returns:
        One entry per picture. Constant and non-finite pictures get an empty mask, the score 0 and a status that says
        so, without a step.

    Raises:
        TypeError: a tensor of another kind.
        ValueError: another shape, or ``max_steps`` below 1.

    >>> import iem
    >>> from iem.initialisers import Square
    >>> image = torch.zeros(1, 3, 32, 32); image[..., 10:22, 6:20] = 1.0
    >>> preset = iem.presets.paper()
    >>> solution = maximise(preset.objective, preset.optimiser, image, Square()(image))
    >>> solution.status[0], bool((solution.mask == image[:, :1]).float().mean() > 0.95)
    (<Status.CONVERGED: 'converged'>, True)
    """
    check_image(image)
    check_mask(mask, like=image)
    check_number(max_steps, "max_steps", low=1, integer=True)

    result = _Result(mask, max_steps)
    status = _unusable(image)
    active = torch.tensor([i for i, s in enumerate(status) if s is None], device=image.device, dtype=torch.long)
    for i in (i for i, s in enumerate(status) if s is not None):
        result.clear(i)

    # The pictures at work are `active`; among them, those whose result stands already stay until it is worth
    # gathering the others anew.
    state = optimiser.init(mask[active]) if len(active) else None
    pictures = image[active]
    prepared = objective.prepare(pictures) if len(active) else objective
    done = torch.zeros(len(active), dtype=torch.bool, device=image.device)
    for step in range(1, max_steps + 1):
        if state is None or bool(done.all()):
            break
        state = optimiser.step(prepared, pictures, state)
        settled = (state.period > 0) & ((max_steps - step) % state.period.clamp_min(1) == 0)
        result.record(step, active, state, ~done)
        fresh = settled & ~done
        for row in fresh.nonzero().flatten().tolist():
            status[int(active[row])] = Status.CONVERGED if int(state.period[row]) == 1 else Status.CYCLING
        if callback is not None or step == max_steps:
            fresh = ~done
        if bool(fresh.any()):
            result.mask[active[fresh]] = state.mask[fresh]
        done |= settled
        if callback is not None:
            # Copies, so that a callback may keep what it is shown.
            shown = (result.mask.clone(), result.last_score.clone(), result.last_moved.clone())
            callback(Progress(step, max_steps, *shown))
        if int(done.sum()) * 8 > len(active):
            keep = (~done).nonzero().flatten()
            active, pictures, state, done = active[keep], pictures[keep], state.select(keep), done[keep]
            if len(active):
                prepared = objective.prepare(pictures)
    return result.solution(objective, image, status)


def judge(objective: Objective, image: Image, mask: Regions) -> Solution:
    """The solution that ``mask`` is as it stands, without a step: its score, and a status.

    Args:
        objective: what scores it.
        image: ``[b, 3, h, w]`` in [0, 1].
        mask: ``[b, 1, h, w]``, or ``[b, k, h, w]`` for k regions.

    >>> from iem.objectives import Diversity
    >>> mask = torch.zeros(1, 1, 8, 8); mask[..., :4] = 1
    >>> judge(Diversity(), torch.rand(1, 3, 8, 8), mask).status[0].value
    'converged'
    """
    check_image(image)
    check_mask(mask, like=image)
    result, status = _Result(mask, 0), _unusable(image)
    for i in (i for i, known in enumerate(status) if known is not None):
        result.clear(i)
    return result.solution(objective, image, [known or Status.CONVERGED for known in status])


def _unusable(image: Image) -> list[Status | None]:
    """NONFINITE or CONSTANT for the pictures that there is nothing to do with."""
    finite = image.isfinite().flatten(1).all(1)
    constant = (image.flatten(2).amax(2) == image.flatten(2).amin(2)).all(1)
    return [
        Status.NONFINITE if not ok else Status.CONSTANT if flat else None
        for ok, flat in zip(finite.tolist(), constant.tolist(), strict=True)
    ]


class _Result:
    """The whole batch's masks and histories, filled in by row."""

    def __init__(self, mask: Regions, max_steps: int) -> None:
        self.mask = mask.clone()
        self.steps = torch.zeros(len(mask), dtype=torch.long, device=mask.device)
        self.last_score = mask.new_full((len(mask),), torch.nan)
        self.last_moved = torch.zeros(len(mask), dtype=torch.long, device=mask.device)
        self.scores = mask.new_full((max_steps, len(mask)), torch.nan)
        self.moved = mask.new_full((max_steps, len(mask)), torch.nan)
        self.terms: dict[str, Tensor] = {}

    def clear(self, picture: int) -> None:
        """No mask; of k regions, which sum to one, the first one takes the picture."""
        self.mask[picture] = 0
        if self.mask.shape[1] > 1:
            self.mask[picture, 0] = 1

    def record(self, step: int, active: Tensor, state: State, fresh: Tensor) -> None:
        rows = active[fresh]
        self.steps[rows] = step
        self.last_score[rows] = self.scores[step - 1, rows] = state.score[fresh]
        self.last_moved[active] = state.moved * fresh
        self.moved[step - 1, rows] = state.moved[fresh].to(self.moved.dtype)
        for name, value in state.terms.items():
            values = self.terms.setdefault(name, torch.full_like(self.scores, torch.nan))
            values[step - 1, rows] = value[fresh]

    def solution(self, objective: Objective, image: Image, status: list[Status | None]) -> Solution:
        usable = torch.tensor([s not in (Status.NONFINITE, Status.CONSTANT) for s in status], device=image.device)
        score = torch.zeros_like(self.last_score)
        if bool(usable.any()):
            score[usable] = objective(image[usable], self.mask[usable])
        area = self.mask.flatten(2).sum(2)
        size = self.mask.shape[-2] * self.mask.shape[-1]
        final: list[Status] = []
        for i, known in enumerate(status):
            if known in (Status.NONFINITE, Status.CONSTANT):
                final.append(known)
            elif not bool(score[i].isfinite()):
                final.append(Status.NONFINITE)
                score[i] = 0
                self.clear(i)
            elif float(area[i].min()) == 0:
                final.append(Status.EMPTY)
            elif float(area[i].max()) == size:
                final.append(Status.FULL)
            else:
                final.append(known or Status.MAX_STEPS)
        ran = int(self.steps.max()) if len(self.steps) else 0
        terms = {f"term/{name}": values[:ran] for name, values in self.terms.items()}
        history = {"score": self.scores[:ran], "moved": self.moved[:ran], **terms}
        return Solution(self.mask, score, self.steps, tuple(final), history)
