import pytest
import torch
from matplotlib import colormaps

from iem.visualise import error_map, error_maps


@pytest.mark.parametrize("name", ["magma", "viridis"])
def test_colours_are_those_of_matplotlib(name):
    values = torch.linspace(0, 1, 256).view(1, 1, 16, 16)
    expected = torch.tensor(colormaps[name](values[0, 0].numpy())[..., :3]).float().permute(2, 0, 1)[None]
    torch.testing.assert_close(error_map(values, high=1.0, colours=name), expected, rtol=0, atol=0.005)


def test_larger_is_lighter_and_above_high_all_is_the_lightest():
    shown = error_map(torch.linspace(0, 2, 100).view(1, 1, 1, 100), high=1.0)[0]
    grey = (shown * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(0)[0]
    assert (grey[:50].diff() >= 0).all()
    assert (grey[51:] == grey[-1]).all()


def test_each_picture_has_its_own_scale_unless_told():
    values = torch.tensor([1.0, 10.0]).view(2, 1, 1, 1)
    own, common = error_map(values), error_map(values, high=10.0)
    assert torch.equal(own[0], own[1])
    assert not torch.equal(common[0], common[1])


def test_no_error_is_black_not_nan():
    assert error_map(torch.zeros(1, 1, 4, 4)).max() < 0.02


def test_maps_of_one_picture_share_a_scale():
    image = torch.full((1, 3, 4, 5), 0.5)
    small, large = error_maps(image, image + 0.1, image - 0.4)
    assert small.shape == large.shape == (1, 3, 4, 5)
    alone = error_map(torch.full((1, 1, 4, 5), 0.25), high=1.0)
    torch.testing.assert_close(small, alone)
    torch.testing.assert_close(large, error_map(torch.ones(1, 1, 4, 5)))
    assert error_maps(image) == ()


def test_wrong_input_is_named():
    with pytest.raises(ValueError, match=r"values: expected shape \[b, 1, h, w\], got \[1, 3, 4, 4\]"):
        error_map(torch.zeros(1, 3, 4, 4))
    with pytest.raises(ValueError, match="values: expected finite values"):
        error_map(torch.full((1, 1, 2, 2), float("nan")))
    with pytest.raises(ValueError, match="expected a colour map of matplotlib, got 'no such'"):
        error_map(torch.zeros(1, 1, 2, 2), colours="no such")
    with pytest.raises(ValueError, match=r"painted\[1\]: expected the picture's shape"):
        error_maps(torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 5))
