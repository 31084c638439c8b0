"""Against plain convolutions: values, borders, far field, blocks, adjoint and derivatives."""

import pytest
import torch
from references.blurring import PlainInpainter
from references.pictures import hard_mask, noise, soft_mask

from iem.inpainters import GaussianInpainter, gaussian

SIZES = [(17, 23), (1, 1), (1, 9), (30, 4), (64, 41)]
SETTINGS = [
    {},
    {"sigma": 2.5, "kernel_size": 7, "scale_factor": 2},
    {"sigma": 1.5, "kernel_size": 3, "passes": 3, "scale_factor": 3},
    {"sigma": 2.0, "kernel_size": 1, "passes": 1},
]


@pytest.fixture
def largest_dense(monkeypatch):
    """Sets the size up to which the blur is one matrix; beyond, it is cut into blocks of eight rows."""

    def change(size):
        monkeypatch.setattr(gaussian, "_LARGEST_DENSE", size)
        monkeypatch.setattr(gaussian, "_BLOCK", 8)
        gaussian._blur_blocks.cache_clear()

    yield change
    gaussian._blur_blocks.cache_clear()


@pytest.mark.parametrize("far_field", ["region_mean", "zero"])
@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("size", SIZES)
def test_equals_plain_convolutions_up_to_the_border(size, setting, far_field):
    image = noise(1, 2, 5, *size)
    for hole in (soft_mask(2, 2, 1, *size), (noise(3, 2, 1, *size) > 0.3).double()):
        if (hole == 1).flatten(1).all(1).any():
            continue  # nothing known: the convolutions give 0/0
        painted = GaussianInpainter(**setting, far_field=far_field)(image, hole)
        expected = PlainInpainter(**setting, far_field=far_field)(image, hole)
        torch.testing.assert_close(painted, expected, rtol=1e-10, atol=1e-10)


def test_float32_is_near_float64():
    image, hole = noise(1, 2, 3, 60, 60), hard_mask(2, 2, 60, 60)
    painted = GaussianInpainter()(image.float(), hole.float())
    torch.testing.assert_close(painted.double(), GaussianInpainter()(image, hole), rtol=0, atol=1e-5)


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("adjoint", [False, True])
def test_blocks_give_what_the_whole_matrix_gives(setting, adjoint, largest_dense):
    fields = noise(1, 2, 4, 61, 90)
    results = []
    for largest, blocks in ((90, 1), (0, 12)):
        largest_dense(largest)
        inpainter = GaussianInpainter(**setting)
        results.append(inpainter.smooth_adjoint(fields) if adjoint else inpainter.smooth(fields))
        assert len(gaussian._blur_blocks(90, 5.0, 11, 2, 1, adjoint, fields.dtype, fields.device)) == blocks
    torch.testing.assert_close(*results, rtol=1e-12, atol=1e-12)


def test_large_pictures_are_cut_into_blocks():
    """The default limits, against the convolutions."""
    image, hole = noise(1, 1, 1, 20, 230), (noise(2, 1, 1, 20, 230) > 0.7).double()
    assert len(gaussian._blur_blocks(230, 5.0, 11, 2, 1, False, image.dtype, image.device)) > 1
    torch.testing.assert_close(GaussianInpainter()(image, hole), PlainInpainter()(image, hole), rtol=1e-10, atol=0)


@pytest.mark.parametrize("far_field", ["region_mean", "zero"])
@pytest.mark.parametrize("setting", SETTINGS)
def test_adjoint_is_the_transpose(setting, far_field):
    inpainter = GaussianInpainter(**setting, far_field=far_field)
    left, right = noise(1, 2, 3, 17, 23), noise(2, 2, 3, 17, 23)
    torch.testing.assert_close((inpainter.smooth(left) * right).sum(), (left * inpainter.smooth_adjoint(right)).sum())


def test_out_of_reach_the_mean_of_what_is_known_or_zero():
    image, hole = noise(1, 1, 3, 80, 80), torch.zeros(1, 1, 80, 80).double()
    hole[..., 10:70, 10:70] = 1
    far = (..., slice(20, 60), slice(20, 60))  # ten pixels are in reach
    mean = (image * (1 - hole)).sum((2, 3), keepdim=True) / (1 - hole).sum()
    painted = GaussianInpainter(far_field="region_mean")(image, hole)[far]
    torch.testing.assert_close(painted, mean.expand_as(painted), rtol=1e-12, atol=0)
    assert (GaussianInpainter(far_field="zero")(image, hole)[far] == 0).all()
    near = GaussianInpainter(far_field="region_mean")(image, hole)[..., 19, 20:60]
    assert not torch.allclose(near, mean[..., 0].expand_as(near), rtol=1e-6)


@pytest.mark.parametrize("scale_factor", [1, 2, 3])
@pytest.mark.parametrize("far_field", ["region_mean", "zero"])
@pytest.mark.parametrize(("channels", "size"), [(1, (7, 5)), (3, (5, 6))])
def test_derivatives(scale_factor, far_field, channels, size):
    inpainter = GaussianInpainter(2.0, 5, 2, scale_factor, far_field)
    image, hole = noise(1, 2, channels, *size), soft_mask(2, 2, 1, *size)
    assert torch.autograd.gradcheck(inpainter, (image.requires_grad_(), hole.requires_grad_()))


def test_a_full_hole_has_finite_derivatives():
    image, hole = noise(1, 1, 3, 9, 9), torch.ones(1, 1, 9, 9).double().requires_grad_()
    (gradient,) = torch.autograd.grad((GaussianInpainter()(image, hole) * 0).sum(), hole)
    assert gradient.isfinite().all()


def test_taps_are_a_truncated_gaussian():
    taps = gaussian.gaussian_kernel(11, 5.0)
    torch.testing.assert_close(taps[0] / taps[5], torch.tensor(-0.5).double().exp())  # radius 5 is one sigma
    torch.testing.assert_close(taps.sum(), torch.tensor(1.0).double())
    assert (taps == taps.flip(0)).all()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"sigma": 0}, "sigma: expected a finite number of at least 0.001, got 0"),
        ({"kernel_size": 10}, "kernel_size: expected an odd whole number of at least 1, got 10"),
        ({"passes": 0}, "passes: expected a whole number of at least 1, got 0"),
        ({"scale_factor": 1.5}, "scale_factor: expected a whole number of at least 1, got 1.5"),
        ({"far_field": "grey"}, "far_field: expected one of region_mean, zero, got 'grey'"),
    ],
)
def test_wrong_settings_are_named(setting, message, unchecked):
    with pytest.raises(ValueError, match=f"^{message}$"):
        unchecked("iem.inpainters").GaussianInpainter(**setting)


def test_a_hole_of_another_size_is_refused(unchecked):
    with pytest.raises(ValueError, match=r"^hole: expected shape \[1, k, 8, 8\], got \[1, 1, 4, 4\]; resize it"):
        unchecked("iem.inpainters").GaussianInpainter()(torch.zeros(1, 3, 8, 8), torch.zeros(1, 1, 4, 4))
