import pytest
import torch

from iem.segnet import Augmentation

STILL = {"mirror": 0.0, "zoom": 0.0, "stretch": 0.0, "shift": 0.0, "turn": 0.0, "colour": 0.0}


def chance(seed=0):
    return torch.Generator().manual_seed(seed)


def picture(height=12, width=20):
    return torch.rand(2, 3, height, width, generator=chance(5)), torch.rand(2, 1, height, width, generator=chance(6))


def test_nothing_asked_for_changes_nothing():
    image, mask = picture()
    seen, taught = Augmentation(**STILL)(image, mask, chance())
    torch.testing.assert_close(seen, image, atol=1e-5, rtol=0)
    torch.testing.assert_close(taught, mask, atol=1e-5, rtol=0)


def test_mirror():
    image, mask = picture()
    seen, taught = Augmentation(**{**STILL, "mirror": 1.0})(image, mask, chance())
    torch.testing.assert_close(seen, image.flip(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(taught, mask.flip(3), atol=1e-5, rtol=0)


def test_a_disc_stays_a_disc_in_an_oblong_picture():
    y, x = torch.meshgrid(torch.arange(40.0) - 19.5, torch.arange(80.0) - 39.5, indexing="ij")
    bar = ((y.abs() < 3) & (x.abs() < 15)).float()[None, None]
    turned = Augmentation(**{**STILL, "turn": 180.0})(bar.expand(1, 3, -1, -1), bar, chance(3))[1][0, 0]
    moments = torch.stack([y, x])[:, turned > 0.5]
    lengths = torch.linalg.eigvalsh(moments @ moments.T / moments.shape[1]).sqrt()
    # A bar of 6 x 30 pixels has standard deviations of 6 / sqrt(12) and 30 / sqrt(12), however it is turned.
    torch.testing.assert_close(lengths, torch.tensor([6.0, 30.0]) / 12**0.5, atol=0.5, rtol=0)


def test_picture_and_mask_move_together():
    shape = torch.zeros(4, 1, 32, 32)
    shape[..., 8:20, 10:18] = 1
    move = Augmentation(colour=0.0, zoom=0.5, turn=30.0, shift=0.2)
    seen, taught = move(shape.expand(-1, 3, -1, -1), shape, chance())
    torch.testing.assert_close(seen[:, :1], taught)
    assert not torch.equal(taught[0], taught[1])


def test_colours_change_and_the_mask_does_not():
    image, mask = picture()
    seen, taught = Augmentation(**{**STILL, "colour": 1.0})(image, mask, chance())
    torch.testing.assert_close(taught, mask, atol=1e-5, rtol=0)
    assert (seen - image).abs().mean() > 0.01


def test_everything_stays_in_range():
    image, mask = picture()
    for seed in range(20):
        seen, taught = Augmentation(zoom=3, stretch=3, shift=0.5, turn=180, colour=2)(image, mask, chance(seed))
        for values in (seen, taught):
            assert values.min() >= 0
            assert values.max() <= 1


def test_the_generator_is_the_only_source_of_chance():
    image, mask = picture()
    torch.manual_seed(1)
    first = Augmentation()(image, mask, chance(7))
    torch.manual_seed(2)
    second = Augmentation()(image, mask, chance(7))
    assert torch.equal(first[0], second[0])
    assert not torch.equal(first[0], Augmentation()(image, mask, chance(8))[0])


@pytest.mark.parametrize(("name", "value"), [("mirror", 1.1), ("zoom", -1), ("turn", 181), ("colour", float("nan"))])
def test_ranges(name, value):
    with pytest.raises(ValueError, match=f"{name}: expected a finite number"):
        Augmentation(**{name: value})
