import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from references.pictures import noise
from sklearn.decomposition import PCA

from iem.features import RGB, Lab, Palette, Principal, Stack, Texture, Upsampled

MANY = Stack((RGB(), Lab(), Texture(1)))


@pytest.mark.parametrize("components", [1, 3, 7])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_they_are_those_of_scikit_learn(components, dtype):
    image = noise(1, 2, 3, 9, 11, dtype=dtype)
    found = Principal(MANY, components)(image)
    assert (found.shape, found.dtype) == ((2, components, 9, 11), dtype)
    for picture, features in zip(found, MANY(image), strict=True):
        points = features.flatten(1).mT.double().numpy()
        pca = PCA(components, svd_solver="full").fit(points)
        expected = torch.from_numpy(pca.transform(points))
        expected = expected / expected[:, 0].std(correction=0)
        ours = picture.flatten(1).mT.double()
        # Up to the sign of each.
        sign = (expected * ours).sum(0).sign()
        torch.testing.assert_close(ours, expected * sign, rtol=1e-3, atol=2e-4)
        axes = torch.from_numpy(pca.components_) * sign[:, None]
        assert bool((axes.gather(1, axes.abs().argmax(1, keepdim=True)) > 0).all())


def test_the_first_has_variance_one_and_scale_does_not_matter():
    image = noise(2, 1, 3, 8, 8)
    found = Principal(RGB(), 3)(image)
    variance = found.flatten(2).var(2, correction=0)[0]
    assert variance[0].item() == pytest.approx(1)
    assert (variance.diff() <= 0).all()
    torch.testing.assert_close(Principal(RGB(0, 40), 3)(image), found, rtol=1e-4, atol=1e-4)


def test_a_picture_of_few_pixels_has_zeros_for_the_rest():
    found = Principal(MANY, 5)(noise(3, 1, 3, 1, 2))
    assert found.isfinite().all()
    assert (found[:, 2:] == 0).all()
    assert found[0, 0].abs().max().item() == pytest.approx(1)


@pytest.mark.parametrize("colour", [0.0, 0.3, 1.0])
def test_rounding_in_a_flat_picture_is_not_blown_up(colour):
    def shaky(image):
        return image + 1e-7 * noise(4, *image.shape, dtype=image.dtype)

    assert Principal(shaky, 2)(torch.full((1, 3, 8, 8), colour) + 0.5).abs().max() < 0.1
    assert (Principal(RGB(), 2)(torch.full((1, 3, 8, 8), colour)).abs() < 1e-3).all()


def test_pictures_do_not_influence_each_other():
    image = noise(5, 3, 3, 8, 8)
    found = Principal(MANY, 4)(image)
    assert (found == torch.cat([Principal(MANY, 4)(picture) for picture in image.split(1)])).all()
    image[1, 0, 0, 0] = torch.nan
    with_nan = Principal(MANY, 4)(image)
    assert (with_nan[[0, 2]] == found[[0, 2]]).all()
    assert with_nan[1].isnan().all()


def test_gradients_flow_along_the_axes():
    image = noise(6, 1, 3, 8, 8).requires_grad_()
    Principal(RGB(), 2)(image)[0, 1, 3, 4].backward()
    assert image.grad.isfinite().all()
    assert image.grad[0, :, 3, 4].abs().max() > 0


def test_coarse_features_make_a_palette_of_the_pictures_size():
    image = torch.zeros(1, 3, 16, 16)
    image[:, 0, :, 8:] = 1.0
    reduced = Principal(lambda picture: F.avg_pool2d(picture, 4), 1)
    shares = Palette(Upsampled(reduced), colours=2, width=0.1, radius=0, spread=0.0)(image)
    assert shares.shape == (1, 2, 16, 16)
    assert (shares[0, 0, :, :8] != shares[0, 0, :, 8:].flip(1)).all()


def test_more_than_there_are_is_refused():
    with pytest.raises(ValueError, match=r"^components: expected at most the 3 channels, got 4; lower it"):
        Principal(RGB(), 4)(noise(7, 1, 3, 4, 4))


def test_less_than_one_is_refused(unchecked):
    with pytest.raises(ValueError, match=r"^components: expected a whole number of at least 1, got 0"):
        unchecked("iem.features").Principal(RGB(), 0)
