"""Kuwahara's filter against a slow loop over its windows."""

import numpy as np
import pytest
import torch
from references.pictures import noise, smooth
from skimage.draw import disk

from iem.features import RGB, Kuwahara, Lab, Mean


def slow(features, radius, floor):
    """Nine windows per pixel, one after the other; centres beyond the frame move to it, and windows are cut off."""
    channels, height, width = features.shape
    scale = features.var((1, 2)) + floor**2
    result = np.empty_like(features)
    for y, x in np.ndindex(height, width):
        windows = []
        for dy, dx in [(0, 0), *((dy, dx) for dy in (-radius, 0, radius) for dx in (-radius, 0, radius) if dy or dx)]:
            cy, cx = np.clip(y + dy, 0, height - 1), np.clip(x + dx, 0, width - 1)
            rows, columns = slice(max(0, cy - radius), cy + radius + 1), slice(max(0, cx - radius), cx + radius + 1)
            window = features[:, rows, columns].reshape(channels, -1)
            windows.append((float((window.var(1) / scale).sum()), window.mean(1)))
        result[:, y, x] = min(windows, key=lambda each: each[0])[1]
    return result


@pytest.mark.parametrize("radius", [1, 2, 5])
@pytest.mark.parametrize("features", [RGB(), Lab()], ids=str)
def test_it_equals_a_loop_over_nine_windows(features, radius):
    image = smooth(radius, 1, 3, 12, 15, scale=3)
    expected = slow(features(image)[0].numpy(), radius, 0.03)
    np.testing.assert_allclose(Kuwahara(features, radius)(image)[0], expected, atol=1e-9)


def test_a_disc_s_edge_stays_where_it_is():
    image = torch.full((1, 3, 48, 48), 0.3)
    image[(0, slice(None), *disk((24, 22), 15))] = 0.8
    noisy = (image + 0.02 * (noise(3, 1, 3, 48, 48, dtype=torch.float32) - 0.5)).clamp(0, 1)
    assert (Kuwahara(RGB(), 3)(noisy) - image).abs().mean() < 0.01 < (Mean(RGB(), 3)(noisy) - image).abs().mean()


def test_a_channel_below_the_floor_does_not_choose():
    """Of two channels, one is noise of a thousandth: whatever it is, the windows are those of the other."""
    image = smooth(4, 1, 3, 16, 16, scale=4)
    faint = 1e-4 * noise(5, 2, 1, 16, 16)
    chosen = [Kuwahara(lambda _, extra=extra: torch.cat([image, extra[None]], 1), 2)(image) for extra in faint]
    torch.testing.assert_close(chosen[0][:, :3], chosen[1][:, :3])
    loud = [
        Kuwahara(lambda _, extra=extra: torch.cat([image, extra[None]], 1), 2, floor=1e-6)(image) for extra in faint
    ]
    assert not torch.allclose(loud[0][:, :3], loud[1][:, :3])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"radius": 0}, "radius: expected a whole number of at least 1, got 0"),
        ({"floor": 0.0}, "floor: expected a finite number of at least 1e-06, got 0.0"),
    ],
)
def test_wrong_settings_are_named(options, message, unchecked):
    features = unchecked("iem.features")
    with pytest.raises(ValueError, match=f"^{message}$"):
        features.Kuwahara(features.RGB(), **options)
