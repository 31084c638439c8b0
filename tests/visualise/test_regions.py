"""Overlays of known label maps: what is tinted, outlined, numbered and left alone, pixel by pixel."""

import numpy as np
import pytest
import torch

from iem.regions import Region, RegionTree
from iem.visualise import region_colours, region_overlay
from iem.visualise.badges import badge, badge_size, place_numbers

COLOURS = [torch.tensor(colour) for colour in region_colours(30)]


def photo(h=220, w=300, seed=0):
    return torch.rand(1, 3, h, w, generator=torch.Generator().manual_seed(seed))


def two_squares(h=220, w=300):
    """Region 2 inside region 1, the scene around both."""
    labels = torch.zeros(h, w, dtype=torch.long)
    labels[30:190, 40:260] = 1
    labels[80:140, 120:180] = 2
    return labels


def as_tree(image, labels):
    masks = [(labels == i).float()[None, None] for i in range(3)]
    return RegionTree(image, tuple(Region(i, i - 1 if i else None, masks[i]) for i in range(3)))


def test_each_region_has_its_colour_and_the_scene_has_none():
    shown = region_overlay(torch.full((1, 3, 220, 300), 0.5), two_squares(), alpha=0.5, numbers=False)[0]
    for label, (row, column) in {1: (50, 60), 2: (110, 150)}.items():
        torch.testing.assert_close(shown[:, row, column], 0.25 + 0.5 * COLOURS[label])
    scene = shown[:, 10, 10]
    assert 0.25 < scene[0] < 0.45
    assert scene.std() < 1e-6


def test_without_a_tint_the_regions_are_the_photograph():
    image, labels = photo(), two_squares()
    shown = region_overlay(image, labels, alpha=0, numbers=False)
    deep_inside = torch.zeros(220, 300, dtype=torch.bool)
    deep_inside[36:74, 46:254] = deep_inside[86:134, 126:174] = True
    torch.testing.assert_close(shown[..., deep_inside], image[..., deep_inside])


@pytest.mark.parametrize("ground", [0.0, 0.5, 1.0])
def test_every_border_is_white_beside_dark_on_any_ground(ground):
    shown = region_overlay(torch.full((1, 3, 220, 300), ground), two_squares(), alpha=0, numbers=False)[0, 0]
    for row, column in ((30, 150), (190, 150), (80, 150), (140, 150)):  # the first row beyond each border
        across = shown[row - 4 : row + 4, column]
        assert across.max() > 0.8
        assert across.min() < 0.5


def test_a_border_of_two_regions_is_drawn_once():
    """As wide as one between a region and the scene: not once from either side."""
    labels = torch.zeros(220, 300, dtype=torch.long)
    labels[:, 100:200] = 1
    labels[:, 200:] = 2
    ink = region_overlay(torch.zeros(1, 3, 220, 300), labels, alpha=0, numbers=False)[0, 0, 110, :]
    assert ink[80:120].sum() == pytest.approx(ink[180:220].sum().item(), abs=1e-4)
    assert ink.sum() == pytest.approx(2 * 1.75, abs=0.1)


def test_a_tree_is_drawn_as_its_label_map():
    image, labels = photo(), two_squares()
    assert torch.equal(region_overlay(image, as_tree(image, labels)), region_overlay(image, labels))


def test_a_region_keeps_its_colour_when_another_is_found():
    image, labels = photo(), two_squares()
    fewer = labels.clone()
    fewer[labels == 2] = 0
    before, after = (region_overlay(image, each, numbers=False)[..., 35:70, 50:250] for each in (fewer, labels))
    assert torch.equal(before, after)


def test_numbers_change_only_what_lies_under_them():
    image, labels = photo(), two_squares()
    changed = (region_overlay(image, labels) != region_overlay(image, labels, numbers=False)).any(1)[0]
    rows, columns = changed[70:150, 110:190].nonzero().T
    assert abs(rows.float().mean() + 70 - 110) < 2  # the middle of region 2
    assert abs(columns.float().mean() + 110 - 150) < 2
    assert changed[:25].sum() == changed[195:].sum() == 0  # the scene has no number
    assert 100 < changed.sum() < 1500


def depth_of(mask, row, column):
    """Distance to the nearest pixel of another region or beyond the frame, by brute force."""
    around = np.pad(mask, 1)
    others = np.argwhere(~around)
    return np.hypot(*(others - (row + 1, column + 1)).T).min()


def test_a_number_stands_where_its_region_is_widest():
    rows, columns = np.mgrid[:120, :160]
    ring = (np.hypot(rows - 60, columns - 60) < 45) & (np.hypot(rows - 60, columns - 52) > 25)
    labels = np.where(ring, 1, 0)
    aim, place = place_numbers(labels, (8, 8))[1]
    assert aim == place
    deepest = max(depth_of(ring, row, column) for row, column in np.argwhere(ring)[::7])
    assert depth_of(ring, *aim) >= deepest


def test_numbers_overlap_neither_each_other_nor_the_frame():
    """Regions narrower than their numbers, some at the frame."""
    labels = np.zeros((120, 220), int)
    for i in range(20):
        labels[(i % 4) * 30 : (i % 4) * 30 + 30, 100 + 6 * i : 106 + 6 * i] = i + 1
    box = badge_size(2, 10)
    places = [place for _, place in place_numbers(labels, box).values()]
    assert len(places) == 20
    for i, (row, column) in enumerate(places):
        assert box[0] / 2 <= row <= 120 - box[0] / 2
        assert box[1] / 2 <= column <= 220 - box[1] / 2
        for other in places[:i]:
            assert abs(row - other[0]) >= box[0] or abs(column - other[1]) >= box[1]


def test_numbers_that_find_no_room_are_left_out():
    labels = np.arange(1, 401).reshape(20, 20).repeat(4, 0).repeat(4, 1)
    places = place_numbers(labels, (15, 24))
    assert 5 < len(places) < 40
    for aim, place in places.values():
        assert abs(aim[0] - place[0]) <= 45
        assert abs(aim[1] - place[1]) <= 72


@pytest.mark.parametrize("text", ["0", "7", "11", "24", "888", "65535"])
def test_badges_fit_the_room_that_is_kept_for_them(text):
    for letter in (10, 13, 21, 40):
        width, height = badge(text, (0.5, 0.5, 0.5), letter).size
        assert (height, width) <= badge_size(len(text), letter)
        assert width <= badge_size(len(text), letter)[1]


@pytest.mark.parametrize("colour", region_colours(25))
def test_digits_stand_out_from_their_badge(colour):
    """At least 4.5 to 1, as the Web Content Accessibility Guidelines ask of text."""
    picture = np.asarray(badge("8", colour, 40))[:, :, :3] / 255
    middle = picture[12:-12, 12:-12]

    def luminance(rgb):
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    values = np.sort(luminance(middle).ravel())
    low, high = values[len(values) // 20], values[-len(values) // 20]
    assert (high + 0.05) / (low + 0.05) > 4.5


def test_large_pictures_are_drawn_smaller():
    labels = two_squares().repeat_interleave(4, 0).repeat_interleave(4, 1)
    image = photo(880, 1200)
    assert region_overlay(image, labels).shape == (1, 3, 880, 1200)
    small = region_overlay(image, labels, max_side=300, numbers=False)
    assert small.shape == (1, 3, 220, 300)
    torch.testing.assert_close(
        small[..., 90:130, 130:170].mean((0, 2, 3)),
        region_overlay(image, labels, numbers=False)[..., 360:520, 520:680].mean((0, 2, 3)),
        atol=0.01,
        rtol=0,
    )
    tree = as_tree(image, labels)
    assert torch.equal(region_overlay(image, tree, max_side=300, numbers=False), small)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 2), (7, 3), (3, 200)])
@pytest.mark.parametrize("label", [0, 1, 300])
def test_tiny_pictures(size, label):
    labels = torch.full(size, label)
    labels[0, 0] = 0
    shown = region_overlay(torch.rand(1, 3, *size), labels)
    assert shown.shape == (1, 3, *size)
    assert torch.isfinite(shown).all()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.int64])
def test_any_kind_of_whole_numbers_and_inputs_left_alone(dtype):
    image, labels = photo().double(), two_squares().to(dtype)
    copies = image.clone(), labels.clone()
    shown = region_overlay(image, labels)
    assert shown.dtype == torch.float64
    assert 0 <= shown.min() <= shown.max() <= 1
    assert torch.equal(image, copies[0])
    assert torch.equal(labels, copies[1])
    torch.testing.assert_close(shown.float(), region_overlay(photo(), two_squares()), atol=1e-6, rtol=0)


def test_wrong_input_is_named():
    image, labels = photo(8, 9), torch.zeros(8, 9, dtype=torch.long)
    with pytest.raises(ValueError, match=r"image: expected one picture, \[1, 3, h, w\], got a batch of 2"):
        region_overlay(image.expand(2, -1, -1, -1), labels)
    with pytest.raises(ValueError, match=r"regions: expected the picture's size \[8, 9\], got \[9, 8\]"):
        region_overlay(image, labels.T)
    with pytest.raises(ValueError, match=r"regions: expected the picture's size \[8, 9\], got \[220, 300\]"):
        region_overlay(image, as_tree(photo(), two_squares()))
    with pytest.raises(ValueError, match="regions: expected labels from 0 to 65535, got -1 to -1"):
        region_overlay(image, labels - 1)
    for wrong, got in ((labels.float(), "torch.float32"), (labels > 0, "torch.bool"), (labels.numpy(), "ndarray")):
        with pytest.raises(TypeError, match=f"expected a RegionTree or a tensor of whole numbers, got {got}"):
            region_overlay(image, wrong)
    with pytest.raises(ValueError, match="alpha: expected a finite number from 0 to 1"):
        region_overlay(image, labels, alpha=2)
    with pytest.raises(ValueError, match="max_side: expected a whole number of at least 8"):
        region_overlay(image, labels, max_side=0)
    with pytest.raises(ValueError, match=r"image: expected values in \[0, 1\]"):
        region_overlay(image * 255, labels)
