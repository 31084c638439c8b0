"""Small pictures with a bright square, and masks of it."""

import pytest
import torch

from iem.interfaces import Sample, Solution, Status
from iem.segnet import Augmentation, Confidence, Lessons, Recipe


class Squares:
    """Eight pictures whose truth must not be looked at."""

    def __init__(self, count=8, size=16):
        self.count, self.size = count, size
        self.names = tuple(f"picture{i}" for i in range(count))

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        chance = torch.Generator().manual_seed(index)
        image = torch.rand(1, 3, self.size, self.size, generator=chance) * 0.2
        image[..., 4:12, 3 + index % 3 : 11] += 0.7
        return Guarded(self.names[index], image)


class Guarded(Sample):
    """A sample that reports whoever asks for its truth."""

    def __init__(self, name, image):
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "image", image)

    def __getattribute__(self, name):
        if name in ("truth", "ignore"):
            raise AssertionError("the training looked at the truth")
        return object.__getattribute__(self, name)


def bright(image):
    """A teacher: what is brighter than one half."""
    mask = (image.mean(1, keepdim=True) > 0.5).float()
    count = len(image)
    score = mask.flatten(1).mean(1)
    return Solution(mask, score, torch.ones(count, dtype=torch.long), (Status.CONVERGED,) * count)


@pytest.fixture
def squares():
    return Squares()


@pytest.fixture
def teacher():
    return bright


@pytest.fixture
def lessons(squares):
    images = torch.cat([squares[i].image for i in range(len(squares))])
    solution = bright(images)
    return Lessons(
        squares.names,
        (images * 255).round().byte(),
        (solution.mask * 255).byte(),
        solution.score.double(),
        torch.ones(len(squares), dtype=torch.bool),
    )


@pytest.fixture
def recipe():
    return Recipe(
        width=4,
        levels=2,
        epochs=4,
        batch_size=3,
        rate=0.02,
        patience=4,
        tolerance=0.0,
        average=0.5,
        held_back=0.25,
        augmentation=Augmentation(turn=5),
        confidence=Confidence(keep=1, max_area=1.0, min_area=0.0),
    )
