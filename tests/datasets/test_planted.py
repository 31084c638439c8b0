"""Scenes of which everything that is promised can be counted."""

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from scipy import ndimage
from skimage.color import rgb2lab

from iem.datasets import Planted
from iem.datasets.planted_layouts import neighbours
from iem.datasets.planted_textures import TEXTURES
from iem.interfaces import Dataset

CONF = Path(__file__).resolve().parents[2] / "conf" / "dataset" / "planted.yaml"
every_layout = pytest.mark.parametrize("layout", ["objects", "tiles"])


def mean_colours(sample):
    picture = sample.image[0].permute(1, 2, 0).double().numpy()
    labels = sample.labels.numpy()
    return np.stack([picture[labels == region].mean(0) for region in range(labels.max() + 1)])


def apart(colours):
    lab = rgb2lab(colours)
    return {
        pair: float(np.linalg.norm(lab[pair[0]] - lab[pair[1]])) for pair in itertools.combinations(range(len(lab)), 2)
    }


@every_layout
@pytest.mark.parametrize("style", ["flat", "textured", "mixed"])
def test_every_region_can_be_seen(style, layout):
    scenes = Planted(count=12, style=style, layout=layout, seed=1)
    counts = set()
    for sample in scenes:
        labels = sample.labels.numpy()
        sizes = np.bincount(labels.ravel())
        counts.add(len(sizes))
        assert sizes.min() >= 0.03 * labels.size
        assert all(ndimage.label(labels == region)[1] == 1 for region in range(len(sizes)))
        assert sample.image.shape == (1, 3, 128, 128)
        assert sample.image.dtype == sample.truth.dtype == torch.float32
        assert sample.image.min() >= 0
        assert sample.image.max() <= 1
        assert torch.equal(sample.truth[0, 0] == 1, sample.labels > 0)
        assert sample.ignore is None
    assert counts <= set(range(2, 7))
    assert len(counts) > 2


@every_layout
def test_flat_regions_have_one_colour_each_far_from_all_others(layout):
    for sample in Planted(count=8, layout=layout, noise=0.0, contrast=25.0):
        colours = mean_colours(sample)
        picture = sample.image[0].permute(1, 2, 0).numpy()
        assert np.abs(picture - colours[sample.labels.numpy()]).max() < 1e-5
        assert min(apart(colours).values()) >= 24.9


def test_noise_is_as_wide_as_it_says():
    quiet, loud = (Planted(count=3, noise=noise)[2].image for noise in (0.0, 0.05))
    assert (loud - quiet).std().item() == pytest.approx(0.05, rel=0.03)


def test_textured_regions_share_a_colour_only_with_a_neighbour_and_only_if_asked():
    def close(alike):
        pairs = 0
        for sample in Planted(count=10, regions=(4, 6), style="textured", layout="tiles", noise=0.0, alike=alike):
            touching = set(neighbours(sample.labels.numpy()))
            for pair, distance in apart(mean_colours(sample)).items():
                if distance < 12:  # a texture that is cut off by its region's border moves the mean a little
                    pairs += 1
                    assert pair in touching
        return pairs

    assert close(0.0) == 0
    assert close(1.0) >= 10


def test_textures_have_no_colour_of_their_own_and_all_differ():
    drawn = {name: texture((64, 64), 1.0, np.random.default_rng(0)) for name, texture in TEXTURES.items()}
    for field in drawn.values():
        assert abs(field.mean()) < 0.1
        assert np.abs(field).max() <= 2
        assert field.std() > 0.3
    for one, other in itertools.combinations(drawn.values(), 2):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.2


def test_a_scene_depends_on_seed_and_index_alone():
    def same(one, other):
        return torch.equal(one.image, other.image) and torch.equal(one.labels, other.labels)

    scenes = Planted(count=5, style="mixed", layout="mixed")
    assert same(scenes[3], scenes[3])
    assert same(scenes[3], Planted(count=50, style="mixed", layout="mixed")[3])
    assert same(scenes[-1], scenes[4])
    assert not same(scenes[3], scenes[2])
    assert not same(scenes[3], dataclasses.replace(scenes, seed=1)[3])
    louder = dataclasses.replace(scenes, noise=0.1)[3]
    assert torch.equal(louder.labels, scenes[3].labels)


@every_layout
def test_at_another_size_it_is_the_same_scene(layout):
    small, large = (Planted(count=4, layout=layout, size=size)[3] for size in (96, 384))
    assert (large.labels[2::4, 2::4] == small.labels).float().mean() > 0.98
    # The picture is larger, and the colours of the regions are the same.
    assert np.abs(mean_colours(large) - mean_colours(small)).max() < 0.01
    wide = Planted(count=2, layout=layout, size=(64, 160))[1]
    assert wide.image.shape[2:] == wide.labels.shape == (64, 160)


def test_an_empty_scene_has_no_region():
    scenes = Planted(count=9, style="empty", noise=0.0)
    assert all(not sample.truth.any() and not sample.labels.any() for sample in scenes)
    spread = [scenes[index].image.flatten(2).std(2).max().item() for index in range(9)]
    assert spread[0] == spread[3] == spread[6] == pytest.approx(0, abs=1e-6)
    assert min(spread[1::3] + spread[2::3]) > 0.01
    for sample in list(scenes)[2::3]:
        steps = [sample.image.diff(dim=axis).abs().max().item() for axis in (2, 3)]
        assert max(steps) < 0.02, "light that changes at once would be an edge"


def test_it_is_a_dataset():
    scenes = Planted(count=3)
    assert isinstance(scenes, Dataset)
    assert len(scenes) == 3
    assert [sample.name for sample in scenes] == list(scenes.names) == ["planted-0000", "planted-0001", "planted-0002"]
    with pytest.raises(IndexError):
        scenes[3]


def test_the_yaml_names_every_setting_with_its_default():
    settings = OmegaConf.load(CONF)
    fields = {field.name for field in dataclasses.fields(Planted)}
    assert set(settings) - {"_target_"} == fields
    assert instantiate(settings) == Planted()
    assert instantiate(settings, size=[64, 96], regions=[3, 3])[0].image.shape == (1, 3, 64, 96)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"count": 0}, "count: expected a whole number of at least 1, got 0"),
        ({"regions": (1, 3)}, "regions: expected a whole number from 2 to 12, got 1"),
        ({"regions": (4, 3)}, "regions: expected a whole number from 4 to 12, got 3"),
        ({"regions": (3,)}, "regions: expected the fewest and the most, got (3,)"),
        ({"regions": 3}, "regions: expected the fewest and the most, got 3"),
        ({"size": "12"}, "size: expected one number, or height and width, got '12'"),
        ({"size": 16}, "size: expected a whole number of at least 32, got 16"),
        ({"style": "plain"}, "style: expected one of flat, textured, mixed, empty, got 'plain'"),
        ({"layout": "grid"}, "layout: expected one of objects, tiles, mixed, got 'grid'"),
        ({"noise": -1}, "noise: expected a finite number from 0 to 1, got -1"),
        ({"seed": -1}, "seed: expected a whole number of at least 0, got -1"),
        ({"alike": 2}, "alike: expected a finite number from 0 to 1, got 2"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(ValueError) as error:  # noqa: PT011  the whole message is compared
        Planted(**settings)
    assert str(error.value).startswith(message)


def test_what_cannot_be_drawn_is_said():
    with pytest.raises(
        ValueError, match=r"^regions: expected a count that fits the picture, got 4 regions of at least"
    ):
        Planted(count=1, regions=(4, 4), layout="tiles", least_area=0.24)[0]
    with pytest.raises(ValueError, match=r"^contrast: expected room for 12 colours, got 40 between any two"):
        Planted(count=1, regions=(12, 12), contrast=40, layout="tiles", least_area=0.001)[0]
