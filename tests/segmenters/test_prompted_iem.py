"""Prompts are held to, combined, and answered as promised; what cannot be answered is refused in one sentence."""

import numpy as np
import pytest
import torch
from references.pictures import smooth

import iem
from iem import presets
from iem.interfaces import Segmenter
from iem.prompts import Box, CoarseMask, Points, Scribble, Text
from iem.segmenters import PromptedIEM

SIZE = (96, 128)
QUICK = PromptedIEM(size=64)


def square(top, bottom, left, right):
    mask = torch.zeros(1, 1, *SIZE)
    mask[..., top:bottom, left:right] = 1
    return mask


RED, BLUE = square(16, 56, 12, 52), square(40, 84, 76, 112)


@pytest.fixture(scope="module")
def scene():
    """A red and a blue square on a cloudy ground."""
    image = 0.3 + 0.2 * smooth(1, 1, 3, *SIZE).float()
    for mask, colour in ((RED, (0.9, 0.2, 0.2)), (BLUE, (0.2, 0.3, 0.9))):
        image = torch.where(mask > 0.5, torch.tensor(colour).view(1, 3, 1, 1), image)
    return image


@pytest.fixture(scope="module")
def prepared(scene):
    return QUICK.prepare(scene)


def iou(mask, truth):
    mask, truth = mask.numpy() > 0.5, truth.numpy() > 0.5
    return np.logical_and(mask, truth).sum() / np.logical_or(mask, truth).sum()


def test_without_prompts_it_is_segments_mask(scene, prepared):
    (only,) = prepared(scene, [])
    found = iem.segment(scene, size=64)
    assert (only.mask == found.mask).all()
    assert only.score == pytest.approx(float(found.score[0]), abs=1e-6)
    assert isinstance(QUICK, Segmenter)
    assert isinstance(prepared, Segmenter)


@pytest.mark.parametrize(("truth", "box"), [(RED, Box(10, 14, 54, 58)), (BLUE, Box(74, 38, 114, 86))])
def test_a_box_finds_what_is_in_it_and_nothing_beyond(scene, prepared, truth, box):
    proposals = prepared(scene, [box])
    assert iou(proposals[0].mask, truth) > 0.95
    for proposal in proposals:
        assert float((proposal.mask * (1 - box.to_mask(SIZE))).max()) == 0


def test_a_click_beside_the_object_tells_it_from_another(scene, prepared):
    click = Points([(30, 35), (94, 60)], [True, False])
    proposals = prepared(scene, [click])
    assert iou(proposals[0].mask, RED) > 0.9
    for proposal in proposals:
        assert (proposal.mask[0, 0, 35, 30], proposal.mask[0, 0, 60, 94]) == (1, 0)
    # The same in two prompts, and the other way round.
    apart = prepared(scene, [Points([(30, 35)]), Points([(94, 60)], [False])])
    assert all((one.mask == other.mask).all() for one, other in zip(proposals, apart, strict=True))
    assert iou(prepared(scene, [Points([(30, 35), (94, 60)], [False, True])])[0].mask, BLUE) > 0.9


def test_only_clicks_beside_the_object_correct_the_unprompted_mask(scene, prepared):
    mask = prepared(scene, [Points([(94, 60)], [False])])[0].mask
    assert mask[0, 0, 60, 94] == 0
    assert iou(mask, RED) > 0.9


def test_strokes_stay_in_and_combine_with_boxes_and_clicks(scene, prepared):
    stroke = Scribble([(20, 20), (45, 50)], 5)
    proposals = prepared(scene, [stroke, Box(5, 5, 60, 64), Points([(58, 60)], [False])])
    assert iou(proposals[0].mask, RED) > 0.9
    for proposal in proposals:
        assert float(proposal.mask[stroke.to_mask(SIZE) > 0.5].min()) == 1
        assert float(proposal.mask[..., 64:, :].max()) == float(proposal.mask[..., 60:].max()) == 0
        assert proposal.mask[0, 0, 60, 58] == 0


def test_a_coarse_mask_is_refined(scene, prepared):
    coarse = square(34, 78, 84, 120)
    assert iou(coarse, BLUE) < 0.7
    assert iou(prepared(scene, [CoarseMask(coarse)])[0].mask, BLUE) > 0.9


def test_proposals_are_few_different_and_sorted(scene, prepared):
    everything = PromptedIEM(size=64, most=20).prepare(scene)(scene, [Points([(30, 35)])])
    some = prepared(scene, [Points([(30, 35)])])
    assert [each.score for each in everything] == sorted((each.score for each in everything), reverse=True)
    assert [each.score for each in some] == [each.score for each in everything][:3]
    for proposal in everything:
        assert proposal.mask.shape == (1, 1, *SIZE)
        assert float(proposal.mask.min()) >= 0
        assert float(proposal.mask.max()) <= 1
        assert proposal.mask.dtype == torch.float32


def test_a_prepared_picture_answers_alike_and_no_other(scene, prepared):
    prompts = [Points([(94, 60)])]
    direct = QUICK(scene, prompts)
    kept = prepared(scene, prompts)
    assert len(direct) == len(kept)
    assert all((a.mask == b.mask).all() and a.score == b.score for a, b in zip(direct, kept, strict=True))
    with pytest.raises(
        ValueError, match="image: expected the picture of 96 x 128 pixels that it was prepared for, got"
    ):
        prepared(scene[..., :100], prompts)


def test_prompts_are_in_pixels_of_the_picture(scene):
    """At twice the size, twice the coordinates give the same mask but for its edges."""
    large = torch.nn.functional.interpolate(scene, scale_factor=2, mode="nearest")
    small_mask = QUICK(scene, [Points([(94, 60), (30, 35)], [True, False])])[0].mask
    large_mask = QUICK(large, [Points([(188, 120), (60, 70)], [True, False])])[0].mask
    assert large_mask.shape == (1, 1, 192, 256)
    assert iou(large_mask[..., ::2, ::2], small_mask) > 0.95


def test_the_callback_sees_the_leader_and_can_stop(scene, prepared):
    seen = []
    shown = prepared(scene, [Points([(30, 35)])], callback=seen.append)
    silent = prepared(scene, [Points([(30, 35)])])
    assert all((a.mask == b.mask).all() for a, b in zip(shown, silent, strict=True))
    assert [each.step for each in seen] == list(range(1, len(seen) + 1))
    assert all(each.mask.shape == (1, 1, 64, 85) for each in seen)
    seen.clear()
    QUICK.prepare(scene, callback=seen.append)
    assert seen

    def stop(progress):
        if progress.step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepared(scene, [Points([(30, 35)])], callback=stop)


def test_nothing_is_proposed_of_a_flat_picture():
    image = torch.full((1, 3, 40, 50), 0.4)
    for prompts in ([], [Points([(3, 3)])], [Box(1, 1, 20, 30)]):
        assert QUICK(image, prompts) == []


def test_the_published_objective_answers_too(scene):
    assert iou(PromptedIEM("paper", size=48)(scene, [Box(10, 14, 54, 58)])[0].mask, RED) > 0.8


@pytest.mark.parametrize(
    ("prompts", "message"),
    [
        ([Text("a cat")], "prompts: expected Points, Box, Scribble or CoarseMask, got Text, which IEM does not"),
        ([Points([(128, 3)])], r"xy\[0\]: expected a point in the picture, 0 <= x < 128 and 0 <= y < 96, got \(128, 3"),
        ([Points([(5, 96)], [False])], r"xy\[0\]: expected a point in the picture"),
        ([Box(0, 0, 129, 5)], "box: expected it within the picture, 0 <= x <= 128"),
        ([Scribble([(3, 3), (3, 200)])], r"points\[1\]: expected a point in the picture"),
        ([CoarseMask(torch.ones(1, 1, 5, 5))], "mask: expected the picture's size, 96 x 128, got 5 x 5"),
        ([Box(0, 0, 9, 9), Box(20, 20, 30, 30)], "box: expected boxes that overlap, for they are about one object"),
        ([Box(0, 0, 9, 9), Points([(50, 50)])], "points: expected the object's clicks and strokes in its box, got all"),
    ],
)
def test_refuses_what_it_cannot_answer(prompts, message):
    def no_search(progress):
        raise AssertionError("refused too late")

    with pytest.raises(ValueError, match=message):
        QUICK(smooth(2, 1, 3, *SIZE).float(), prompts, callback=no_search)


def test_refuses_other_pictures_and_settings(scene):
    with pytest.raises(ValueError, match=r"image: expected one picture, \[1, 3, h, w\], got \[2, 3, 96, 128\]"):
        QUICK(torch.cat([scene, scene]), [])
    with pytest.raises(ValueError, match=r"image: expected values in \[0, 1\], got .*; divide by 255"):
        QUICK(scene * 255, [])
    with pytest.raises(ValueError, match="preset: expected one of best, paper, got 'bets'"):
        PromptedIEM("bets")
    alone = presets.Preset("square_alone", presets.paper().initialiser, presets.paper().objective, None)
    with pytest.raises(ValueError, match="preset: expected one that moves its mask by BoundaryAscent, got 'square_al"):
        PromptedIEM(alone)
    for settings in ({"size": 4}, {"most": 0}, {"touch": -1}, {"discs": (2.0,)}, {"frame_weight": -1.0}):
        with pytest.raises(ValueError, match=f"{next(iter(settings))}: expected"):
            PromptedIEM(**settings)


def test_what_looks_alike_elsewhere_is_not_meant():
    """Two discs of one colour; a click on one, and one on each."""
    image = torch.full((1, 3, 96, 128), 0.2)
    y, x = torch.meshgrid(torch.arange(96.0), torch.arange(128.0), indexing="ij")
    one, other = ((y - 48) ** 2 + (x - middle) ** 2 <= 18**2 for middle in (30, 98))
    image[:, :, one | other] = 0.9
    alone = PromptedIEM()(image, [Points([(30, 48)])])[0].mask[0, 0] > 0.5
    assert overlap(alone, one) > 0.9
    assert not (alone & other).any()
    both = PromptedIEM()(image, [Points([(30, 48), (98, 48)])])[0].mask[0, 0] > 0.5
    assert overlap(both, one | other) > 0.9
    loose = PromptedIEM(connected=False)(image, [Points([(30, 48)])])[0].mask[0, 0] > 0.5
    assert (loose & other).any()


def overlap(one, other):
    return float((one & other).sum() / (one | other).sum())
