"""AMCP against a plain account of the published program, and each of its rules alone."""

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import pytest
import torch
from references.painting_by_hand import amcp, grow, shrink
from references.pictures import noise, smooth

from iem.inpainters import Mean
from iem.interfaces import Optimiser, State, Status
from iem.maximise import maximise
from iem.objectives import Contrast, Diversity
from iem.optimisers import AlternatingPainting
from iem.refiners import GuidedFilter

SIZE = (40, 48)


@dataclass(frozen=True)
class Oracle:
    """Knows what to paint: the same picture every time."""

    painting: torch.Tensor
    seen: list = field(default_factory=list)
    differentiable: ClassVar[bool] = False

    def __call__(self, image, hole):
        self.seen.append((image.clone(), hole.clone()))
        return torch.where(hole > 0, self.painting.to(image).expand_as(image), image)


@dataclass(frozen=True)
class Dreamer:
    """Paints another picture for each seed."""

    paintings: torch.Tensor  # [n, 3, h, w]
    seed: int = 0
    seen: list = field(default_factory=list)
    differentiable: ClassVar[bool] = False

    def __call__(self, image, hole):
        self.seen.append(self.seed)
        return torch.where(hole > 0, self.paintings[self.seed % len(self.paintings)].expand_as(image), image)


def rectangle(top, bottom, left, right, size=SIZE):
    mask = torch.zeros(1, 1, *size)
    mask[..., top:bottom, left:right] = 1
    return mask


def published(prompt="coarse", **settings):
    """At the size that its pixels are stated for."""
    return AlternatingPainting(prompt, reference=max(SIZE), **settings)


def run(objective, optimiser, image, mask, steps):
    states = [optimiser.init(mask)]
    for _ in range(steps):
        states.append(optimiser.step(objective, image, states[-1]))
    return states


def smoothed(mask, side=5):
    """Without corners that a cross does not fit into."""
    plain = mask[0, 0].numpy() > 0.5
    plain = shrink(grow(grow(shrink(plain, side), side), side), side)
    return torch.from_numpy(plain)[None, None].to(torch.float32)


def levels(seed, *shape):
    """Blobs of a few grey levels, so that there are few different distances and no ties."""
    steps = torch.tensor([0.0, 0.15, 0.37, 0.7, 1.0], dtype=torch.float64)
    return steps[(smooth(seed, *shape, scale=20) * 4.99).long()]


@pytest.mark.parametrize("prompt", ["coarse", "box", "scribble", "point"])
@pytest.mark.parametrize("shift", [0, 4])
def test_five_steps_are_those_of_the_published_program(prompt, shift):
    reached = []
    for seed in range(4 if prompt != "point" or not shift else 1):
        image, inside, outside = (levels(3 * seed + k, 1, 1, *SIZE).expand(-1, 3, -1, -1).clone() for k in range(3))
        start = rectangle(9, 30, 12, 36).double()
        points = []
        if prompt == "point":
            start = (rectangle(11, 14, 20, 23) + rectangle(25, 26, 30, 34)).double()
            points = [(12, 21), (25, 31.5)]
        states = run(Contrast(Oracle(inside), Oracle(outside)), published(prompt, shift=shift), image, start, 5)
        shifts = [
            torch.randint(-4, 4, (5,), generator=torch.Generator().manual_seed(turn)).tolist() if shift else [0] * 5
            for turn in range(5)
        ]
        expected = amcp(
            image[0].numpy(),
            np.stack([inside[0].numpy()] * 5),
            np.stack([outside[0].numpy()] * 5),
            start[0, 0].numpy() > 0.5,
            prompt=prompt,
            steps=5,
            shifts=shifts,
            points=points,
        )
        reached.append(len(expected))
        for state, mask in zip(states[1:], expected, strict=False):
            np.testing.assert_array_equal(state.mask[0, 0].numpy() > 0.5, mask)
    assert max(reached) == 5


def test_one_step_with_a_perfect_painter_finds_the_object_in_a_loose_box():
    background = 0.1 + 0.2 * smooth(1, 1, 3, 96, 128).float()
    rows, columns = torch.meshgrid(torch.arange(96.0), torch.arange(128.0), indexing="ij")
    truth = smoothed((((rows - 44) / 22) ** 2 + ((columns - 60) / 30) ** 2 < 1)[None, None].float(), side=3)
    image = torch.where(truth > 0, 1 - 0.2 * background, background)
    loose = rectangle(12, 76, 20, 104, (96, 128))
    for prompt in ("coarse", "scribble"):
        solution = maximise(Contrast(Oracle(background)), AlternatingPainting(prompt), image, loose, max_steps=1)
        assert torch.equal(solution.mask, truth)
    # Three clusters part an object of several colours, so that from a box it has one.
    flat = torch.where(truth > 0, background + 0.4, background)
    solution = maximise(Contrast(Oracle(background)), AlternatingPainting("box"), flat, loose, max_steps=1)
    assert torch.equal(solution.mask, truth)


def test_painters_see_the_original_and_the_published_holes():
    image = levels(1, 1, 3, *SIZE)
    inside, outside = Oracle(levels(2, 1, 3, *SIZE)), Oracle(levels(3, 1, 3, *SIZE))
    states = run(Contrast(inside, outside), published(score=False), image, rectangle(9, 30, 12, 36).double(), 4)
    assert len(inside.seen) == len(outside.seen) == 2
    for turn, state in enumerate(states[:4]):
        seen, hole = (inside, outside)[turn % 2].seen[turn // 2]
        mask = state.mask[0, 0].numpy() > 0.5
        assert torch.equal(seen, image)
        expected = grow(mask, 3, 4) if turn % 2 == 0 else grow(mask, 15) & ~mask
        np.testing.assert_array_equal(hole[0, 0].numpy() > 0, expected)


def test_inside_only_shrinks_and_outside_only_grows_within_the_valid_box():
    start = rectangle(10, 30, 14, 34)
    white, black = torch.ones(1, 3, *SIZE), torch.zeros(1, 3, *SIZE)
    contrary = levels(5, 1, 3, *SIZE).float()
    # Nothing can be painted: the mask may only get the slack.
    shrunk = run(Contrast(Oracle(1 - contrary.round())), published(), contrary.round(), start, 1)[1].mask
    assert (shrunk <= torch.from_numpy(grow(start[0, 0].numpy() > 0.5, 5, 4)).float()).all()
    # All can be painted: the mask grows by the narrow ring at every other step, until the valid box ends it.
    image = torch.where(start > 0, white, 0.3 * white + 0.1 * noise(1, 1, 3, *SIZE).float())
    mask = start
    for turn, state in enumerate(run(Contrast(Oracle(black), Oracle(image)), published(), image, start, 6)[1:]):
        if turn % 2:
            assert (state.mask >= mask).all()
            assert state.mask.sum() > mask.sum()
        assert (state.mask <= rectangle(7, 33, 11, 37)).all()  # 20 pixels times 1.25, to whole ones
        mask = state.mask


def test_growing_keeps_the_mask_wherever_the_points_pull():
    """Close to the point the difference falls below that of the mask itself."""
    image = levels(3, 1, 3, *SIZE).float()
    painting = image.clone()
    painting[..., 34:, 40:] = 1 - painting[..., 34:, 40:].round()
    optimiser, mask = published("point", score=False), smoothed(rectangle(5, 15, 26, 40))
    state = replace(optimiser.init(rectangle(30, 33, 6, 9)), mask=mask, turn=1)
    assert (optimiser.step(Contrast(Oracle(painting)), image, state).mask >= mask).all()


def test_three_clusters_for_the_first_step_from_a_box_and_the_first_three_from_points():
    """Object and shadow both differ from the painting, the object more."""
    image = torch.zeros(1, 3, *SIZE)
    image[..., 14:26, 16:30], image[..., 26:33, 16:30] = 0.9, 0.7
    both, one = image[:, :1] > 0.5, image[:, :1] > 0.8
    start = rectangle(10, 36, 12, 36)
    expected = {"coarse": both, "scribble": both, "box": one}
    for prompt, plain in expected.items():
        mask = smoothed(plain.float()) > 0.5
        state = run(Contrast(Oracle(torch.zeros_like(image))), published(prompt), image, start, 1)[1]
        assert torch.equal(state.mask > 0.5, mask), prompt
    assert [published("point")._clusters(turn) for turn in range(4)] == [3, 3, 3, 2]
    assert [published("box")._clusters(turn) for turn in range(2)] == [3, 2]


def test_most_paintings_decide_and_each_has_a_seed_of_its_own():
    image = torch.zeros(1, 3, *SIZE)
    image[..., 12:28, 12:36] = 0.8
    # The left part is painted right by two of five, the right part by three.
    paintings = torch.zeros(5, 3, *SIZE)
    paintings[:2, :, :, :24], paintings[:3, :, :, 24:] = 0.8, 0.8
    paintings[..., :12, :] = paintings[..., 28:, :] = paintings[..., :12] = paintings[..., 36:] = 0
    painter = Dreamer(paintings, seed=5)
    objective, start = Contrast(painter, Oracle(image)), rectangle(12, 28, 12, 36)
    states = run(objective, published(shift=0, score=False), image, start, 3)
    assert torch.equal(states[1].mask, smoothed(rectangle(12, 28, 12, 24)))
    assert painter.seen == [5, 6, 7, 8, 9, 15, 16, 17, 18, 19]
    assert painter.seed == 5
    once = Oracle(torch.zeros_like(image))
    run(Contrast(once), published(score=False), image, start, 2)
    assert len(once.seen) == 2


def test_sizes_are_those_of_the_picture():
    mask = rectangle(20, 60, 24, 72, (80, 96))
    painter = Oracle(torch.zeros(1, 3, 80, 96))
    image = mask.expand(-1, 3, -1, -1).clone()
    run(Contrast(painter), AlternatingPainting(reference=192, score=False), image, mask, 2)
    reaches = [int((hole[0, 0, 20 + 19] - mask[0, 0, 39]).clamp_min(0).sum()) // 2 for _, hole in painter.seen]
    assert reaches == [2, 4]  # 4 pixels and 7, halved


def test_a_batch_equals_a_loop_and_states_can_be_selected():
    images = levels(7, 3, 3, *SIZE)
    masks = torch.cat([rectangle(9, 30, 12, 36), rectangle(5, 20, 5, 25), rectangle(0, 0, 0, 0)]).double()
    objective = Contrast(Mean(), Oracle(levels(8, 1, 3, *SIZE)))
    optimiser = published()
    whole = run(objective, optimiser, images, masks, 5)
    assert isinstance(optimiser, Optimiser)
    assert isinstance(whole[0], State)
    assert whole[0].score.isnan().all()
    for i in range(3):
        alone = run(objective, optimiser, images[i : i + 1], masks[i : i + 1], 5)
        assert torch.equal(alone[-1].mask, whole[-1].mask[i : i + 1])
    state = whole[2].select(torch.tensor([1, 0]))
    for _ in range(3):
        state = optimiser.step(objective, images[[1, 0]], state)
    assert torch.equal(state.mask, whole[-1].mask[[1, 0]])
    torch.testing.assert_close(whole[3].score, objective(images, whole[2].mask))
    assert (whole[3].moved == (whole[3].mask != whole[2].mask).flatten(1).sum(1)).all()


def test_empty_and_full_masks_have_a_status():
    image = levels(1, 3, 3, *SIZE)
    masks = torch.cat([torch.zeros(1, 1, *SIZE), torch.ones(1, 1, *SIZE), rectangle(9, 30, 12, 36)]).double()
    for prompt in ("coarse", "box", "scribble", "point"):
        solution = maximise(Contrast(Mean()), published(prompt), image, masks, max_steps=5)
        assert solution.status[0] is Status.EMPTY
        assert solution.steps[0] == 1
        assert solution.score.isfinite().all()
    # What the painter paints all right is lost.
    flat = torch.full((1, 3, *SIZE), 0.5)
    flat[..., 20, 20] = 0.6
    gone = maximise(Contrast(Oracle(flat * 0.5 + 0.25)), published(), flat, masks[2:].float(), max_steps=5)
    assert gone.status == (Status.EMPTY,)


def test_a_painter_without_finite_answers_chooses_nothing():
    image = levels(1, 1, 3, *SIZE)
    broken = Oracle(torch.full_like(image, torch.nan))
    solution = maximise(Contrast(broken), published(), image, rectangle(9, 30, 12, 36).double(), max_steps=2)
    assert not solution.mask.any()


def test_a_refiner_of_the_mask_has_its_share():
    """With all the weight it decides alone."""
    image = torch.where(rectangle(12, 28, 14, 34) > 0, 0.8, 0.2 * torch.ones(1, 3, *SIZE))
    start = rectangle(10, 30, 12, 36)
    painters = [Oracle(levels(seed, 1, 3, *SIZE).float()) for seed in (1, 2)]

    def masks(**settings):
        return [run(Contrast(painter), published(**settings), image, start, 1)[1].mask for painter in painters]

    plain, alone = masks(), masks(refiner=GuidedFilter(), refine_weight=1.0)
    assert not torch.equal(*plain)
    assert torch.equal(*alone)
    assert (alone[0] * rectangle(12, 28, 14, 34)).sum() > 300
    for one, other in zip(masks(refiner=GuidedFilter(), refine_weight=0.0), plain, strict=True):
        assert torch.equal(one, other)


def test_the_score_can_be_left_out():
    image, painter = levels(1, 1, 3, *SIZE), Oracle(levels(2, 1, 3, *SIZE))
    states = run(Contrast(painter), published(score=False), image, rectangle(9, 30, 12, 36).double(), 2)
    assert states[-1].score.isnan().all()
    assert len(painter.seen) == 2


def test_refusals(unchecked):
    image, mask = levels(1, 1, 3, *SIZE), rectangle(9, 30, 12, 36).double()
    with pytest.raises(TypeError, match=r"^objective: expected one that paints, got Diversity; use iem\.objectives"):
        maximise(Diversity(), published(), image, mask, max_steps=1)
    with pytest.raises(ValueError, match=r"^mask: expected one channel, got 2; paint regions one by one"):
        unchecked("iem.optimisers").AlternatingPainting().init(mask.repeat(1, 2, 1, 1))
    plain = unchecked("iem.optimisers").AlternatingPainting
    with pytest.raises(ValueError, match=r"^prompt: expected one of coarse, box, scribble, point, got 'circle'"):
        plain("circle")
    for wrong in ({"crops": 0}, {"shift": -1}, {"refine_weight": 2}, {"reference": 1}, {"seed": -1}):
        with pytest.raises(ValueError, match=rf"^{next(iter(wrong))}: expected"):
            plain(**wrong)
