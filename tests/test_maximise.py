"""The loop: stopping early, batches, statuses, histories, callbacks."""

from dataclasses import dataclass

import pytest
import torch
from references.pictures import hard_mask, noise, smooth

from iem import Status, maximise, presets
from iem.initialisers import Square, Strips
from iem.maximise import judge
from iem.objectives import Diversity
from iem.optimisers import BoundaryAscent, GradientAscent
from iem.optimisers.boundary_ascent import HardState

PAPER = presets.paper()


@dataclass(frozen=True)
class Unending:
    """The greedy rule, which never tells that a mask stands still or returns."""

    ascent: BoundaryAscent

    def init(self, mask):
        return self.ascent.init(mask)

    def step(self, objective, image, state):
        state = self.ascent.step(objective, image, state)
        return HardState(state.mask, state.score, state.moved, torch.zeros_like(state.period), state.earlier)


def search(image, mask=None, optimiser=PAPER.optimiser, objective=PAPER.objective, **options):
    return maximise(objective, optimiser, image, Square()(image) if mask is None else mask, **options)


@pytest.fixture(scope="module")
def pictures():
    """Twelve on which the search comes to rest, runs in circles or goes on, depending on the vote."""
    return torch.cat([noise(5, 8, 3, 24, 28), smooth(5, 4, 3, 24, 28, scale=2)])


@pytest.mark.parametrize("max_steps", [1, 2, 7, 30, 31, 60, 61])
@pytest.mark.parametrize("threshold", [0, 3, 4, 5])
def test_stopping_early_never_changes_the_answer(pictures, max_steps, threshold):
    """At odd and even ends: a mask that swings must stop on the side where the last step would have left it."""
    ascent = BoundaryAscent(threshold)
    early = search(pictures, optimiser=ascent, max_steps=max_steps)
    full = search(pictures, optimiser=Unending(ascent), max_steps=max_steps)
    assert (early.mask == full.mask).all()
    assert set(full.status) <= {Status.MAX_STEPS, Status.EMPTY, Status.FULL}
    torch.testing.assert_close(early.score, full.score, rtol=1e-12, atol=1e-12)
    if max_steps == 61:
        assert (early.steps < 61).any()
        assert Status.CONVERGED in early.status


def test_these_pictures_do_swing(pictures):
    """Or the test above would show nothing about cycles."""
    for max_steps in (60, 61):
        solution = search(pictures, optimiser=BoundaryAscent(3), max_steps=max_steps)
        swinging = [i for i, status in enumerate(solution.status) if status is Status.CYCLING]
        assert swinging
        assert (solution.steps[swinging] < max_steps).any()


@pytest.mark.parametrize("threshold", [3, 4])
def test_the_rest_of_the_batch_does_not_matter(pictures, threshold):
    order = torch.tensor([7, 2, 11, 0, 9, 4, 1, 10, 3, 6, 8, 5])
    ascent = BoundaryAscent(threshold)
    whole = search(pictures, optimiser=ascent, max_steps=50)
    mixed = search(pictures[order], optimiser=ascent, max_steps=50)
    assert (mixed.mask == whole.mask[order]).all()
    assert (mixed.steps == whole.steps[order]).all()
    assert mixed.status == tuple(whole.status[i] for i in order)
    for i, picture in enumerate(pictures.split(1)):
        alone = search(picture, optimiser=ascent, max_steps=50)
        assert (alone.mask == whole.mask[i : i + 1]).all()
        assert alone.status[0] is whole.status[i]
        assert alone.steps[0] == whole.steps[i]
        steps = int(alone.steps)
        for name in ("score", "moved"):
            torch.testing.assert_close(alone.history[name][:, 0], whole.history[name][:steps, i], equal_nan=True)
            assert whole.history[name][steps:, i].isnan().all()


def test_soft_masks_do_not_depend_on_the_batch_either():
    image, mask = smooth(1, 3, 3, 16, 20), 0.4 + 0.2 * hard_mask(2, 3, 16, 20)
    ascent = GradientAscent(anneal_steps=4, tolerance=0.05)
    whole = search(image, mask, ascent, max_steps=60)
    assert len(set(whole.steps.tolist())) > 1
    for i in range(3):
        alone = search(image[i : i + 1], mask[i : i + 1], ascent, max_steps=60)
        torch.testing.assert_close(alone.mask, whole.mask[i : i + 1], rtol=1e-7, atol=1e-9)
        assert alone.steps[0] == whole.steps[i]


def test_history_and_score_are_of_the_masks_on_the_way(pictures):
    masks = [Square()(pictures)]
    solution = search(pictures, max_steps=25, callback=lambda progress: masks.append(progress.mask.clone()))
    ran = int(solution.steps.max())
    assert len(masks) == ran + 1
    for name in ("score", "moved"):
        assert solution.history[name].shape == (ran, len(pictures))
    for step in range(ran):
        at_work = solution.steps > step
        score = PAPER.objective(pictures, masks[step])
        torch.testing.assert_close(solution.history["score"][step][at_work], score[at_work])
        moved = (masks[step] != masks[step + 1]).flatten(1).sum(1).double()
        assert (solution.history["moved"][step][at_work] == moved[at_work]).all()
    torch.testing.assert_close(solution.score, PAPER.objective(pictures, solution.mask))
    assert (masks[-1] == solution.mask).all()


def test_a_callback_sees_the_whole_batch_at_every_step(pictures):
    seen = []
    search(pictures, max_steps=25, callback=seen.append)
    assert [progress.step for progress in seen] == list(range(1, len(seen) + 1))
    assert all(progress.max_steps == 25 for progress in seen)
    assert all(progress.mask.shape == (12, 1, 24, 28) for progress in seen)
    assert all(progress.score.isfinite().all() for progress in seen)
    assert all(progress.moved.shape == (12,) for progress in seen)


def test_what_a_callback_keeps_stays_as_it_was(pictures):
    kept, copies = [], []

    def keep(progress):
        kept.append(progress)
        copies.append((progress.mask.clone(), progress.score.clone(), progress.moved.clone()))

    search(pictures, max_steps=12, callback=keep)
    for progress, copy in zip(kept, copies, strict=True):
        torch.testing.assert_close((progress.mask, progress.score, progress.moved), copy, rtol=0, atol=0)


def test_what_a_callback_raises_ends_the_search(pictures):
    def stop(progress):
        if progress.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(pictures, callback=stop)


def test_inputs_are_not_written_to(pictures):
    mask = Square()(pictures)
    copies = pictures.clone(), mask.clone()
    search(pictures, mask, max_steps=10)
    assert (pictures == copies[0]).all()
    assert (mask == copies[1]).all()


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_a_non_finite_picture_is_a_status_and_leaves_the_others_alone(pictures, bad):
    image = pictures[:3].clone()
    alone = search(image[[0, 2]], max_steps=40)
    image[1, 0, 5, 5] = bad
    solution = search(image, max_steps=40)
    assert solution.status[1] is Status.NONFINITE
    assert (solution.mask[1] == 0).all()
    assert solution.score[1] == 0
    assert solution.steps[1] == 0
    assert (solution.mask[[0, 2]] == alone.mask).all()
    assert (solution.score[[0, 2]] == alone.score).all()
    assert (solution.status[0], solution.status[2]) == alone.status
    assert solution.history["score"][:, 1].isnan().all()


def test_a_constant_picture_is_a_status(pictures):
    image = pictures[:2].clone()
    image[0] = torch.tensor([0.1, 0.5, 0.3]).view(3, 1, 1)
    solution = search(image, max_steps=10)
    assert solution.status[0] is Status.CONSTANT
    assert (solution.mask[0] == 0).all()
    assert solution.score[0] == 0
    assert solution.steps[0] == 0


def test_a_batch_of_nothing_but_unusable_pictures():
    solution = search(torch.stack([torch.zeros(3, 8, 8), torch.full((3, 8, 8), torch.nan)]))
    assert solution.status == (Status.CONSTANT, Status.NONFINITE)
    assert (solution.mask == 0).all()
    assert (solution.score == 0).all()
    assert solution.history["score"].shape == (0, 2)


def test_an_empty_batch_is_an_empty_solution():
    solution = search(torch.zeros(0, 3, 8, 8))
    assert solution.mask.shape == (0, 1, 8, 8)
    assert solution.status == ()


@dataclass(frozen=True)
class Slope:
    value: float

    def __call__(self, image, mask):
        return torch.full((len(mask),), self.value, dtype=mask.dtype)

    def value_and_gradient(self, image, mask):
        return self(image, mask), torch.full_like(mask, self.value)

    def prepare(self, image):
        return self


def test_an_empty_and_a_full_mask_are_statuses():
    image = noise(1, 2, 3, 16, 16)
    empty = search(image, objective=Slope(-1.0), max_steps=40)
    assert empty.status == (Status.EMPTY, Status.EMPTY)
    assert (empty.mask == 0).all()
    full = search(image, objective=Slope(1.0), optimiser=BoundaryAscent(1, "closed"), max_steps=8)
    assert full.status == (Status.FULL, Status.FULL)
    assert (full.mask == 1).all()


def test_an_empty_start_stays_empty_with_a_score(pictures):
    solution = search(pictures, torch.zeros_like(pictures[:, :1]), max_steps=5)
    assert set(solution.status) == {Status.EMPTY}
    assert (solution.mask == 0).all()
    assert solution.score.isfinite().all()


@dataclass(frozen=True)
class Broken:
    """Gives NaN to the pictures whose first pixel is dark."""

    def __call__(self, image, mask):
        return torch.where(image[:, 0, 0, 0] < 0.5, torch.nan, Diversity()(image, mask))

    def value_and_gradient(self, image, mask):
        return self(image, mask), Diversity().value_and_gradient(image, mask)[1]

    def prepare(self, image):
        return self


@pytest.mark.parametrize("regions", [1, 3])
def test_a_score_that_is_not_finite_is_a_status(pictures, regions):
    image = pictures[:2].clone()
    image[0, 0, 0, 0], image[1, 0, 0, 0] = 0, 1
    mask = Square()(image) if regions == 1 else Strips(3)(image)
    optimiser = BoundaryAscent() if regions == 1 else GradientAscent()
    solution = search(image, mask, optimiser, Broken(), max_steps=4)
    assert solution.status[0] is Status.NONFINITE
    assert solution.status[1] is not Status.NONFINITE
    assert solution.score.isfinite().all()
    expected = torch.zeros_like(mask[0])
    if regions == 3:
        expected[0] = 1  # regions still sum to one
    assert (solution.mask[0] == expected).all()


def test_unusable_pictures_of_k_regions_still_have_a_partition():
    image = torch.cat([torch.zeros(1, 3, 12, 12), noise(1, 1, 3, 12, 12).float()])
    solution = search(image, Strips(3)(image), GradientAscent(), max_steps=3)
    assert solution.status == (Status.CONSTANT, Status.MAX_STEPS)
    torch.testing.assert_close(solution.mask.sum(1), torch.ones(2, 12, 12))


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 2), (3, 3), (1, 40), (40, 2)])
def test_tiny_pictures_end_in_a_status(size):
    solution = search(noise(1, 2, 3, *size))
    assert len(solution.status) == 2
    assert solution.score.isfinite().all()
    assert solution.mask.isfinite().all()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"image": torch.zeros(3, 8, 8)}, ValueError, r"image: expected shape \[b, 3, h, w\], got \[3, 8, 8\]"),
        ({"image": torch.zeros(1, 3, 8, 8).int()}, TypeError, "image: expected a floating-point tensor, got torch.int"),
        ({"mask": torch.zeros(2, 1, 8, 8)}, ValueError, r"mask: expected shape \[1, k, 8, 8\], got \[2, 1, 8, 8\]"),
        ({"mask": torch.zeros(1, 1, 8, 8).double()}, TypeError, "mask: expected torch.float32 like the picture"),
        ({"max_steps": 0}, ValueError, "max_steps: expected a whole number of at least 1, got 0"),
        ({"max_steps": 1.5}, ValueError, "max_steps: expected a whole number of at least 1, got 1.5"),
    ],
)
def test_wrong_input_is_named(arguments, error, message, unchecked):
    maximise, presets = unchecked("iem.maximise").maximise, unchecked("iem.presets")
    usual = {"image": torch.zeros(1, 3, 8, 8), "mask": torch.zeros(1, 1, 8, 8), "max_steps": 3}
    usual |= arguments
    with pytest.raises(error, match=f"^{message}"):
        maximise(presets.paper().objective, presets.paper().optimiser, **usual)


def test_terms_of_a_sum_are_in_the_history_and_add_up_to_the_score():
    preset, image = presets.paper(), smooth(3, 2, 3, 32, 32).float()
    solution = maximise(preset.objective, preset.optimiser, image, Square()(image), max_steps=12)
    weighted = [weight * solution.history[f"term/{name}"] for name, weight in preset.objective.weights.items()]
    torch.testing.assert_close(sum(weighted), solution.history["score"], equal_nan=True)
    assert solution.history["score"].isfinite().any()


def test_judging_a_mask_takes_no_step():
    preset, image = presets.paper(), smooth(3, 2, 3, 32, 32).float()
    image[1] = 0.5
    mask = Square()(image)
    solution = judge(preset.objective, image, mask)
    assert solution.status == (Status.CONVERGED, Status.CONSTANT)
    assert solution.steps.tolist() == [0, 0]
    assert torch.equal(solution.mask[0], mask[0])
    assert solution.score[0] == preset.objective(image[:1], mask[:1])[0]
    assert solution.score[1] == 0
    assert solution.mask[1].sum() == 0
