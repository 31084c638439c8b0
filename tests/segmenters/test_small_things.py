"""What is in a small box is searched in the part of the picture around it."""

import torch

from iem.prompts import Box, Points
from iem.segmenters import PromptedIEM


def thin_scene():
    """A line of three pixels on 480 x 640, of which nothing is left at a short side of 128."""
    image = torch.full((1, 3, 480, 640), 0.3)
    image += 0.02 * torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    truth = torch.zeros(1, 1, 480, 640, dtype=torch.bool)
    truth[..., 120:200, 300:308] = True
    image[:, :2] = torch.where(truth, 0.9, image[:, :2])
    return image.clamp(0, 1), truth


def test_a_thin_thing_in_its_box_is_found_where_it_is():
    image, truth = thin_scene()
    box = Box(294, 114, 314, 206)
    for prompts in ([box], [box, Points([(304, 160)])]):
        mask = PromptedIEM()(image, prompts)[0].mask > 0.5
        assert mask.shape == truth.shape
        assert (mask & truth).sum() / (mask | truth).sum() > 0.8


def test_the_film_shows_the_window_where_it_lies():
    image, _ = thin_scene()
    shown = []
    PromptedIEM()(image, [Box(294, 114, 314, 206)], callback=lambda progress: shown.append(progress.mask))
    assert shown[-1].shape == (1, 1, 128, 171)
    rows, columns = shown[-1][0, 0].nonzero().T
    assert rows.min() >= 28
    assert rows.max() <= 56
    assert columns.min() >= 76
    assert columns.max() <= 86
