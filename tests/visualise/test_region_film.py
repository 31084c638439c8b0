"""Frames of a scene whose pictures are flat colours."""

from dataclasses import replace
from itertools import pairwise

import PIL.Image
import pytest
import torch
from references.peeled_scene import PHOTOGRAPH, WITHOUT_ONE, WITHOUT_TWO, nothing_found, peeled_scene
from skimage.data import coffee

from iem.regions import Region, RegionTree, Round, StopReason
from iem.visualise import film, region_colours, region_film_frames


def corner(frame):
    """Of the scene, which no region covers."""
    return frame[0, :, 5, 5]


def near(colour, other):
    return torch.allclose(colour, torch.tensor(other), atol=0.01)


def test_the_scene_comes_apart_in_order_and_ends_as_a_whole():
    frames = region_film_frames(peeled_scene(), width=90)
    assert {frame.shape for frame in frames} == {(1, 3, 60, 90)}
    assert all(frame.min() >= 0 and frame.max() <= 1 for frame in frames)
    assert all(not torch.equal(*pair) for pair in pairwise(frames))
    assert torch.allclose(frames[0], peeled_scene().image)
    scenes = [corner(frame) for frame in frames]
    order = [
        next(i for i, scene in enumerate(scenes) if near(scene, c)) for c in (PHOTOGRAPH, WITHOUT_ONE, WITHOUT_TWO)
    ]
    assert order == sorted(order)
    # The first region lights up in its colour before it is painted away.
    orange = torch.tensor(region_colours(2)[1])
    inside = [(frame[0, :, 30, 18] - orange).norm() for frame in frames[: order[1]]]
    assert min(inside) < 0.3 < inside[0]
    # In the end all three have theirs.
    last = frames[-1][0]
    inside_all = torch.stack([last[:, 45, 12], last[:, 45, 50], last[:, 33, 58]])
    assert (inside_all[:, None] - inside_all[None]).norm(dim=2)[[0, 0, 1], [1, 2, 2]].min() > 0.1


def test_a_scene_without_regions_is_its_photograph():
    (frame,) = region_film_frames(nothing_found(StopReason.CONSTANT), width=90)
    assert near(corner(frame), PHOTOGRAPH)


def test_frames_that_show_nothing_new_are_dropped():
    tree = peeled_scene()
    unseen = replace(tree.rounds[0], proposal=torch.zeros(1, 1, 60, 90), painted=tree.image)
    frames = region_film_frames(replace(tree, rounds=(unseen, *tree.rounds)), width=90)
    assert all(not torch.equal(*pair) for pair in pairwise(frames))


def test_tall_pictures_do_not_make_giant_frames():
    assert region_film_frames(peeled_scene(400, 40), width=480)[0].shape == (1, 3, 960, 96)


def strips(image, count):
    h, w = image.shape[2:]
    owner = (torch.arange(w) * (count + 1) // w).expand(1, 1, h, w)
    regions = tuple(Region(i, 0 if i else None, (owner == i).float(), 0.5, 0.01, i) for i in range(count + 1))
    rounds = []
    picture = image
    for region in regions[1:]:
        painted = picture * (1 - region.mask) + picture.mean((2, 3), keepdim=True) * region.mask
        rounds.append(Round(region.id, "paint", 0, picture, region.mask, None, region.id, None, region.mask, painted))
        picture = painted
    return RegionTree(image, regions, tuple(rounds), StopReason.ROUND_LIMIT)


def test_films_are_short_and_small(tmp_path):
    image = torch.from_numpy(coffee() / 255).float().permute(2, 0, 1)[None, :, ::2, ::2]
    counts = [len(region_film_frames(strips(image, count), width=30)) for count in (1, 5, 8, 12, 24)]
    assert max(counts) <= 52
    frames = region_film_frames(strips(image, 5))
    film(frames, tmp_path / "peel.webp", seconds=len(frames) / 6, width=480)
    assert (tmp_path / "peel.webp").stat().st_size < 1_500_000
    with PIL.Image.open(tmp_path / "peel.webp") as picture:
        assert picture.n_frames == len(frames)


def test_wrong_widths_are_named():
    with pytest.raises(ValueError, match="width: expected a whole number from 16 to 8000, got 0"):
        region_film_frames(peeled_scene(), width=0)
