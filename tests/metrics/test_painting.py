"""Scores inside a hole, held against scikit-image's."""

import math

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torchmetrics import MetricCollection

from iem.metrics import HoleBoundaryError, HoleL1, HolePSNR, HoleSSIM
from iem.metrics.painting import boundary_error, l1, psnr, ssim


@pytest.fixture
def pictures():
    generator = torch.Generator().manual_seed(0)
    truth = torch.rand(2, 3, 40, 33, generator=generator)
    painted = (truth + 0.2 * torch.randn(2, 3, 40, 33, generator=generator)).clamp(0, 1)
    hole = torch.zeros(2, 1, 40, 33)
    hole[0, :, 10:25, 8:20] = 1
    hole[1, :, 12:20, 15:26] = 1
    return painted, truth, hole


def numpy_of(picture):
    return picture.permute(1, 2, 0).double().numpy()


def test_whole_pictures_are_scored_as_by_scikit_image(pictures):
    painted, truth, _ = pictures
    for i in range(2):
        ours, theirs = numpy_of(painted[i]), numpy_of(truth[i])
        assert psnr(painted, truth)[i].item() == pytest.approx(peak_signal_noise_ratio(theirs, ours, data_range=1))
        assert l1(painted, truth)[i].item() == pytest.approx(np.abs(ours - theirs).mean())


def test_holes_are_scored_as_by_scikit_image(pictures):
    painted, truth, hole = pictures
    for i in range(2):
        ours, theirs, inside = numpy_of(painted[i]), numpy_of(truth[i]), hole[i, 0].numpy() > 0.5
        expected = peak_signal_noise_ratio(theirs[inside], ours[inside], data_range=1)
        assert psnr(painted, truth, hole)[i].item() == pytest.approx(expected)
        _, similarities = structural_similarity(
            theirs, ours, data_range=1, channel_axis=-1, gaussian_weights=True, sigma=1.5,
            use_sample_covariance=False, full=True,
        )  # fmt: skip
        assert ssim(painted, truth, hole)[i].item() == pytest.approx(similarities[inside].mean(), abs=1e-9)


def test_what_is_outside_the_hole_counts_for_nothing_but_ssim(pictures):
    painted, truth, hole = pictures
    other = torch.where(hole > 0.5, painted, 0.5)
    for score in (psnr, l1):
        assert torch.equal(score(other, truth, hole), score(painted, truth, hole))


def test_boundary_error_pair_by_pair(pictures):
    painted, truth, hole = (each[:1, :, :12, 5:14] for each in pictures)
    steps = []
    error, inside = (painted - truth)[0].double(), hole[0, 0] > 0.5
    for y in range(12):
        for x in range(9):
            for v, u in ((y + 1, x), (y, x + 1)):
                if v < 12 and u < 9 and inside[y, x] != inside[v, u]:
                    steps.append((error[:, y, x] - error[:, v, u]).abs().mean().item())
    assert len(steps) > 5
    assert boundary_error(painted, truth, hole).item() == pytest.approx(np.mean(steps))


def test_a_seam_that_the_true_picture_has_is_none():
    truth = torch.zeros(1, 3, 4, 8)
    truth[..., 4:] = 1
    hole = truth[:, :1].clone()
    assert boundary_error(truth, truth, hole).item() == 0
    assert boundary_error(truth * 0.5, truth, hole).item() == 0.5


def test_undefined_is_nan_and_perfect_infinite(pictures):
    painted, truth, hole = pictures
    for score in (psnr, ssim, l1, boundary_error):
        assert score(painted, truth, 0 * hole).isnan().all()
    assert boundary_error(painted, truth, 0 * hole + 1).isnan().all()
    assert psnr(truth, truth, hole).tolist() == [math.inf, math.inf]
    assert ssim(painted[..., :10], truth[..., :10]).isnan().all()


def test_means_of_a_collection_count_each_case_apart(pictures):
    painted, truth, hole = pictures
    metrics = MetricCollection([HolePSNR(), HoleSSIM(), HoleL1(), HoleBoundaryError()])
    metrics.update(truth, truth, hole)
    metrics.update(painted, truth, hole)
    metrics.update(painted, truth, 0 * hole)
    found = {key.partition("_")[2]: value for key, value in metrics.compute().items()}  # "HolePSNR_psnr_image_mean"
    assert found["psnr_image_mean"].item() == pytest.approx(psnr(painted, truth, hole).mean().item())
    assert (found["psnr_perfect"], found["psnr_undefined"], found["pictures"]) == (2, 2, 6)
    assert found["l1_image_mean"].item() == pytest.approx(l1(painted, truth, hole).mean().item() / 2)
    assert (found["l1_perfect"], found["l1_undefined"]) == (0, 2)
    assert found["ssim_image_mean"].item() == pytest.approx((1 + ssim(painted, truth, hole).mean().item()) / 2)
    assert found["boundary_undefined"] == 2
    metrics.reset()
    assert metrics["HolePSNR"].compute()["psnr_image_mean"].isnan()


@pytest.mark.parametrize("metric", [HolePSNR, HoleSSIM, HoleL1, HoleBoundaryError])
def test_wrong_pictures_are_refused(metric, pictures):
    painted, truth, hole = pictures
    with pytest.raises(ValueError, match=r"painted: expected shape \[2, 3, 40, 33\] like the truth, got"):
        metric()(painted[..., :-1], truth, hole)
    with pytest.raises(ValueError, match=r"hole: expected shape \[2, 1, 40, 33\]"):
        metric()(painted, truth, hole[:1])
    with pytest.raises(ValueError, match=r"painted: expected values in \[0, 1\]"):
        metric()(255 * painted, truth, hole)
    with pytest.raises(ValueError, match="painted: expected finite values"):
        metric()(painted / 0, truth, hole)
