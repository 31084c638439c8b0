import numpy as np
import pytest
import torch
from PIL import Image
from references.dataset_trees import colours
from references.published_loader import resize_and_crop

from iem import images
from iem.datasets import EvaluationProtocol, get_protocol


def as_tensor(values):
    return torch.from_numpy(np.array(values)).permute(2, 0, 1)[None].float() / 255


@pytest.mark.parametrize(
    "size", [(500, 591), (591, 500), (500, 751), (333, 500), (128, 128), (129, 131), (60, 41), (500, 667), (97, 388)]
)
def test_paper_takes_the_pixels_of_the_published_loader(size):
    picture = colours(*size, seed=size[1])
    expected = as_tensor(resize_and_crop(Image.fromarray(picture), 128))
    protocol = get_protocol("paper")
    assert torch.equal(protocol.fit(as_tensor(picture)), expected)
    assert torch.equal(protocol.fit_mask(as_tensor(picture)[:, :1]), expected[:, :1])


def test_paper_is_not_the_antialiased_square():
    picture = as_tensor(colours(60, 90))
    assert not torch.allclose(get_protocol("paper").fit(picture, 16), images.square(picture, 16), atol=0.1)


def test_fixed_keeps_the_whole_picture():
    picture, protocol = as_tensor(colours(60, 90)), get_protocol("fixed")
    assert protocol.fit(picture) is picture
    assert protocol.fit(picture, 20).shape == protocol.fit_mask(picture[:, :1], 20).expand(1, 3, -1, -1).shape
    assert torch.equal(protocol.fit(picture, 20), images.resize(picture, (20, 30)))
    assert protocol.polarity == "fixed"


def test_square_is_what_the_images_package_calls_it():
    picture, protocol = as_tensor(colours(60, 90)), get_protocol("square")
    assert torch.equal(protocol.fit(picture, 16), images.square(picture, 16))
    assert torch.equal(protocol.fit_mask(picture, 16), images.square_mask(picture, 16))
    assert protocol.fit(picture) is picture


def test_a_protocol_of_ones_own():
    own = EvaluationProtocol("mine", size=10, crop=False, resampling="nearest")
    assert get_protocol(own) is own
    assert own.fit(as_tensor(colours(20, 40))).shape == (1, 3, 10, 20)


@pytest.mark.parametrize("setting", [{"size": 0}, {"resampling": "cubic"}, {"polarity": "best"}])
def test_wrong_settings_are_refused(setting):
    with pytest.raises(ValueError, match="expected"):
        EvaluationProtocol("mine", **setting)
