"""Boundaries disturbed on purpose come back; labels keep their numbers; nothing is lost."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from sklearn.metrics import adjusted_rand_score

from iem.datasets import Planted
from iem.peeling.joint import refine_jointly


def jagged(labels, seed, reach):
    """Every pixel takes its label from a place about ``reach`` pixels away, neighbours from places near each other."""
    random = np.random.default_rng(seed)
    fields = [ndimage.gaussian_filter(random.standard_normal(labels.shape), 1.5 * reach) for _ in range(2)]
    moves = [np.rint(field / field.std() * reach + random.normal(0, 1, labels.shape)).astype(int) for field in fields]
    rows, columns = np.indices(labels.shape)
    height, width = labels.shape
    return labels[np.clip(rows + moves[0], 0, height - 1), np.clip(columns + moves[1], 0, width - 1)]


def agreement(labels, truth):
    return adjusted_rand_score(truth.flatten(), labels.flatten())


@pytest.mark.parametrize(("style", "least"), [("flat", 0.985), ("textured", 0.93)])
def test_disturbed_boundaries_come_back(style, least):
    before, after = [], []
    for index, sample in enumerate(Planted(count=6, style=style, layout="mixed", seed=3)):
        start = torch.from_numpy(jagged(sample.labels.numpy(), index, 3.0))
        before.append(agreement(start, sample.labels))
        after.append(agreement(refine_jointly(sample.image, start), sample.labels))
    assert np.mean(before) < 0.92
    assert np.mean(after) > least
    assert all(new > old for old, new in zip(before, after, strict=True))


def test_boundaries_follow_the_edges_of_a_larger_picture():
    sample = Planted(count=1, regions=(4, 4), size=(300, 400), seed=5)[0]
    start = torch.from_numpy(jagged(sample.labels.numpy(), 0, 8.0))
    assert agreement(start, sample.labels) < 0.9
    assert agreement(refine_jointly(sample.image, start), sample.labels) > 0.985


def halves(size=64):
    image = torch.full((1, 3, size, size), 0.2)
    image[..., size // 2 :] = 0.8
    labels = torch.zeros(size, size, dtype=torch.long)
    labels[:, size // 2 + 4 :] = 1
    return image, labels


def test_labels_keep_their_numbers_and_kind():
    image, labels = halves()
    numbers = torch.tensor([900, 7], dtype=torch.int32)
    refined = refine_jointly(image, numbers[labels])
    assert refined.dtype == torch.int32
    assert torch.equal(refined == 7, image[0, 0] > 0.5)
    assert torch.equal(refined == 900, image[0, 0] < 0.5)


def test_arguments_are_not_written_to():
    image, labels = halves()
    copies = image.clone(), labels.clone()
    refine_jointly(image, labels)
    assert torch.equal(image, copies[0])
    assert torch.equal(labels, copies[1])


def test_a_region_too_small_to_be_seen_keeps_its_pixels():
    image, labels = halves(128)
    labels *= 9
    labels[10:12, 20:22] = 5
    refined = refine_jointly(image, labels, size=16)
    assert torch.equal(refined == 5, labels == 5)
    assert ((refined == 9) == (image[0, 0] > 0.5)).float().mean() > 0.99


def test_a_region_that_the_picture_does_not_show_is_not_lost():
    """Its pixels look like all around them."""
    image, labels = halves()
    labels[20:26, 10:16] = 2
    refined = refine_jointly(image, labels)
    assert set(refined.unique().tolist()) == {0, 1, 2}


def test_what_leaves_nothing_to_move_comes_back_as_it_was():
    image, labels = halves()
    assert torch.equal(refine_jointly(image, labels * 0 + 3), labels * 0 + 3)
    assert torch.equal(refine_jointly(torch.full_like(image, 0.5), labels), labels)
    image[0, 0, 3, 3] = torch.nan
    assert torch.equal(refine_jointly(image, labels), labels)


def test_only_a_band_along_the_boundaries_is_decided_anew():
    """A refiner that answers nonsense spoils nothing far from them."""
    image, labels = halves(128)
    refined = refine_jointly(image, labels, refiner=lambda image, mask: 1 - mask, size=128)
    assert torch.equal(refined[:, :60], torch.zeros(128, 60, dtype=torch.long))
    assert torch.equal(refined[:, 68:], torch.ones(128, 60, dtype=torch.long))
    assert (refined[:, 60:68] != (image[0, 0, :, 60:68] > 0.5)).any()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"labels": torch.zeros(3, 3, dtype=torch.long)}, ValueError, r"^labels: expected shape \[64, 64\]"),
        ({"labels": torch.zeros(64, 64)}, TypeError, r"^labels: expected whole numbers, got torch.float32"),
        ({"image": torch.zeros(2, 3, 64, 64)}, ValueError, r"^image: expected one picture, got 2"),
        ({"image": torch.zeros(1, 1, 64, 64)}, ValueError, r"^image: expected shape \[b, 3, h, w\]"),
        ({"image": torch.rand(1, 3, 64, 64) * 255}, ValueError, r"^image: expected values in \[0, 1\]"),
        ({"size": 4}, ValueError, r"^size: expected a whole number of at least 8, got 4"),
        ({"max_steps": 0}, ValueError, r"^max_steps: expected"),
    ],
)
def test_wrong_input_is_refused(change, error, message):
    image, labels = halves()
    with pytest.raises(error, match=message):
        refine_jointly(**{"image": image, "labels": labels, **change})
