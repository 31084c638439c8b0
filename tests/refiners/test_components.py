import numpy as np
import pytest
import torch
from references.pictures import hard_mask, noise, smooth
from skimage import measure, morphology

from iem.refiners import Cleaned, LargestComponent


def picture(mask: torch.Tensor) -> torch.Tensor:
    return torch.zeros(len(mask), 3, *mask.shape[2:]).to(mask)


@pytest.mark.parametrize("connectivity", [4, 8])
def test_the_largest_piece_is_scikit_image_s(connectivity):
    for seed in range(5):
        mask = (noise(seed, 1, 1, 30, 41) > 0.55).double()
        labels = measure.label(mask[0, 0].numpy(), connectivity=connectivity // 4)
        areas = np.bincount(labels.ravel())[1:]
        kept = LargestComponent(connectivity)(picture(mask), mask)[0, 0].numpy() > 0
        assert kept.sum() == areas.max()
        assert len(np.unique(labels[kept])) == 1


def test_more_than_half_of_the_picture_is_no_background():
    mask = torch.ones(1, 1, 10, 10)
    mask[..., :3, :] = 0
    mask[..., 0, 0] = 1
    kept = LargestComponent()(picture(mask), mask)
    assert kept.sum() == 70
    assert kept[0, 0, 0, 0] == 0


def test_a_fringe_goes_with_the_piece_that_is_nearest():
    soft = torch.tensor([[0.1, 0.7, 0.4, 0.3, 0.0, 0.3, 0.5, 0.9, 0.8, 0.5]])[None, None].double()
    kept = LargestComponent()(picture(soft), soft)
    assert (kept == torch.where(torch.arange(10) < 4, 0, soft)).all()
    faint = 0.5 * noise(1, 1, 1, 5, 6)
    assert (LargestComponent()(picture(faint), faint) == faint).all()


@pytest.mark.parametrize("connectivity", [4, 8])
def test_crumbs_and_holes_are_those_of_scikit_image(connectivity):
    for seed in range(5):
        mask = (smooth(seed, 1, 1, 60, 80, scale=5) > 0.5).double()
        min_area = 0.01
        pixels = round(0.01 * 60 * 80)
        hard = mask[0, 0].numpy() > 0
        labels = measure.label(hard, connectivity=connectivity // 4)
        areas = np.bincount(labels.ravel())
        stays = np.isin(labels, [n for n in range(1, len(areas)) if areas[n] >= pixels or areas[n] == areas[1:].max()])
        # Background that reaches the frame is no hole, so it is made too large to be one.
        framed = np.pad(stays, 50)
        expected = morphology.remove_small_holes(framed, max_size=pixels - 1, connectivity=(12 - connectivity) // 4)[
            50:-50, 50:-50
        ]
        cleaned = Cleaned(min_area, connectivity)(picture(mask), mask)
        assert (cleaned[0, 0].numpy() == expected).all()
        assert cleaned.sum() != mask.sum()


def test_the_largest_piece_stays_however_small():
    mask = torch.zeros(1, 1, 50, 50)
    mask[..., 3, 4:6] = 1
    mask[..., 30, 30] = 1
    cleaned = Cleaned(min_area=0.1)(picture(mask), mask)
    assert cleaned.sum() == 2
    assert cleaned[0, 0, 3, 4:6].all()


def test_a_soft_mask_keeps_its_values_where_nothing_is_cleaned():
    soft = 0.6 + 0.4 * noise(0, 1, 1, 20, 20)
    soft[..., 5:7, 5:7] = 0.2
    soft[..., 15:, :] = 0.3
    cleaned = Cleaned(min_area=0.02)(picture(soft), soft)
    assert (cleaned[..., 5:7, 5:7] == 1).all()
    cleaned[..., 5:7, 5:7] = 0.2
    assert (cleaned == soft).all()
    faint = 0.5 * noise(1, 1, 1, 5, 6)
    assert (Cleaned()(picture(faint), faint) == faint).all()


def test_nothing_is_done_to_what_is_clean():
    mask = torch.zeros(1, 1, 30, 30)
    mask[..., 5:20, 5:20] = 1
    assert (Cleaned()(picture(mask), mask) == mask).all()
    assert (Cleaned(0.0)(picture(mask), hard := hard_mask(2, 1, 30, 30, dtype=torch.float32)) == hard).all()


def test_settings_out_of_range_are_refused(unchecked):
    plain = unchecked("iem.refiners")
    with pytest.raises(ValueError, match=r"^connectivity: expected 4 or 8, got 6"):
        plain.LargestComponent(6)
    with pytest.raises(ValueError, match=r"^connectivity: expected 4 or 8, got 1"):
        plain.Cleaned(connectivity=1)
    with pytest.raises(ValueError, match=r"^min_area: expected a finite number from 0 to 1, got 20"):
        plain.Cleaned(min_area=20)
