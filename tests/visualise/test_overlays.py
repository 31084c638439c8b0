"""Pixel-level properties: a disc has known inside, outside and contour."""

import math

import pytest
import torch

from iem.visualise import cutout, on_checkerboard, overlay
from iem.visualise.palette import BLUE


def disc(h=220, w=300, radius=60.0):
    rows, columns = torch.meshgrid(torch.arange(h) - h / 2, torch.arange(w) - w / 2, indexing="ij")
    distance = torch.sqrt(rows**2 + columns**2)
    return (distance < radius).float()[None, None], distance


def photo(h=220, w=300, seed=0):
    return torch.rand(1, 3, h, w, generator=torch.Generator().manual_seed(seed))


def test_far_inside_only_the_tint_changes_the_photo():
    mask, distance = disc()
    image = photo()
    inside = distance < 55
    assert torch.equal(overlay(image, mask, alpha=0)[..., inside], image[..., inside])
    tinted = overlay(image, mask, colour=BLUE, alpha=0.25)[..., inside]
    expected = 0.75 * image[..., inside] + 0.25 * torch.tensor(BLUE)[None, :, None]
    torch.testing.assert_close(tinted, expected)


def test_far_outside_is_darker_and_less_colourful():
    mask, distance = disc()
    image = photo()
    outside = distance > 66
    before, after = image[..., outside], overlay(image, mask)[..., outside]
    assert after.mean() < 0.6 * before.mean()
    assert after.std(dim=1).mean() < 0.4 * before.std(dim=1).mean()


@pytest.mark.parametrize("ground", [0.0, 0.5, 1.0])
def test_the_contour_shows_on_any_ground(ground):
    """On it the picture is white; just beside it, on both sides, there is something dark."""
    _, distance = disc()
    mask = (60.5 - distance).clamp(0, 1)[None, None]  # one half at exactly 60
    shown = overlay(torch.full((1, 3, 220, 300), ground), mask, alpha=0)[0, 0]
    assert shown[(distance - 60).abs() < 0.1].min() > 0.9
    for near in (58.8, 61.2):
        assert shown[(distance - near).abs() < 0.1].max() < 0.5


def test_the_contour_is_two_pixels_wide_at_a_short_side_of_440_and_grows():
    widths = []
    for scale in (2, 4):
        mask, _ = disc(220 * scale, 300 * scale, 60 * scale)
        row = overlay(torch.zeros(1, 3, 220 * scale, 300 * scale), mask, alpha=0)[0, 0, 110 * scale]
        widths.append(row[: 150 * scale].sum().item())  # the line is crossed once, at a right angle
    assert widths == pytest.approx([2, 4], abs=0.25)


def test_edges_of_the_line_are_antialiased():
    mask, _ = disc()
    values = overlay(torch.zeros(1, 3, 220, 300), mask, alpha=0)[0, 0].unique()
    assert len(values) > 50


def test_no_line_along_the_frame():
    mask = torch.ones(1, 1, 50, 60)
    image = photo(50, 60)
    torch.testing.assert_close(overlay(image, mask, alpha=0), image)
    mask[..., 30:] = 0
    shown = overlay(torch.zeros(1, 3, 50, 60), mask, alpha=0)[0, 0]
    assert shown[:, :26].max() == 0  # the border of the picture is no border of the region
    assert shown[0, 28:32].max() > 0.5  # but the region's own border reaches the frame


def test_truth_is_dashed_and_yellow():
    small, _ = disc(radius=40)
    large, distance = disc(radius=80)
    shown = overlay(torch.zeros(1, 3, 220, 300), small, truth=large, alpha=0)[0]
    on_line = shown[:, (distance > 79) & (distance < 80)]
    yellow = (on_line[0] > 0.5) & (on_line[2] < 0.5)
    assert 0.25 < yellow.float().mean() < 0.75
    # Twelve and more gaps, evenly around: every twelfth of the circle has ink and gaps.
    rows, columns = torch.meshgrid(torch.arange(220) - 110.0, torch.arange(300) - 150.0, indexing="ij")
    angle = torch.atan2(rows, columns)[(distance > 79) & (distance < 80)]
    for sector in range(12):
        here = yellow[((angle + math.pi) / (2 * math.pi) * 12).floor() == sector]
        assert 0.1 < here.float().mean() < 0.9


def test_a_batch_equals_a_loop_and_inputs_are_left_alone():
    masks = torch.cat([disc(radius=30)[0], torch.zeros(1, 1, 220, 300)])
    images = torch.cat([photo(seed=1), photo(seed=2)])
    copies = images.clone(), masks.clone()
    together = overlay(images, masks, truth=masks)
    alone = [overlay(images[i : i + 1], masks[i : i + 1], truth=masks[i : i + 1]) for i in range(2)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=0, atol=0)
    assert torch.equal(images, copies[0])
    assert torch.equal(masks, copies[1])
    assert together.min() >= 0
    assert together.max() <= 1


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 2), (3, 200)])
def test_tiny_pictures(size):
    mask = torch.zeros(1, 1, *size)
    mask[..., 0] = 1
    assert overlay(torch.rand(1, 3, *size), mask, truth=mask).shape == (1, 3, *size)


def test_double_precision_stays():
    assert overlay(torch.rand(1, 3, 9, 9).double(), torch.ones(1, 1, 9, 9).double()).dtype == torch.float64


def test_wrong_input_is_named():
    image, mask = photo(8, 8), torch.zeros(1, 1, 8, 8)
    with pytest.raises(ValueError, match=r"truth: expected shape \[1, k, 8, 8\]"):
        overlay(image, mask, truth=mask[..., :4])
    with pytest.raises(ValueError, match=r"image: expected values in \[0, 1\]"):
        overlay(image * 255, mask)
    with pytest.raises(ValueError, match="alpha: expected a finite number from 0 to 1"):
        overlay(image, mask, alpha=3)


def test_cutout_is_the_picture_with_the_mask_as_opacity():
    image, (mask, _) = photo(), disc()
    result = cutout(image, mask)
    assert torch.equal(result[:, :3], image)
    assert torch.equal(result[:, 3:], mask)


def test_checkerboard_shows_through_where_the_cutout_is_transparent():
    image, (mask, distance) = photo(), disc()
    shown = on_checkerboard(cutout(image, mask), squares=10)
    assert torch.equal(shown[..., distance < 60], image[..., distance < 60])
    board = shown[0, 0, :44, :44].reshape(2, 22, 2, 22).permute(0, 2, 1, 3).flatten(2)
    assert board.std(dim=2).max() == 0
    assert board[0, 0, 0] == board[1, 1, 0] == 1
    assert board[0, 1, 0] == board[1, 0, 0] < 1


def test_half_transparent_pixels_are_mixed():
    shown = on_checkerboard(torch.tensor([1.0, 0.0, 0.0, 0.5]).view(1, 4, 1, 1))
    assert shown.flatten().tolist() == [1.0, 0.5, 0.5]


def test_checkerboard_wants_four_channels():
    with pytest.raises(ValueError, match=r"cutout: expected shape \[b, 4, h, w\], got \[1, 3, 8, 8\]"):
        on_checkerboard(photo(8, 8))
