"""CLIP's picture tower, as a tiny random network that is read back from a folder."""

import copy
import pickle

import numpy as np
import pytest
import torch
import transformers
from references.pictures import noise as noise_of
from references.tiny_models import tiny_clip, tiny_vit
from references.transformer_by_hand import by_hand

from iem.features import CLIP

MEAN, STD = torch.tensor([0.48145466, 0.4578275, 0.40821073]), torch.tensor([0.26862954, 0.26130258, 0.27577711])
FACETS = ["key", "query", "value", "token", "projected"]
every_facet = pytest.mark.parametrize("facet", FACETS)


def noise(seed, *shape):
    return noise_of(seed, *shape, dtype=torch.float32)


@pytest.fixture(scope="module")
def both_towers(tmp_path_factory):
    return tiny_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def one_tower(both_towers, tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip_vision")
    transformers.CLIPVisionModel.from_pretrained(both_towers).save_pretrained(folder)
    return folder


@every_facet
@pytest.mark.parametrize("shape", [(4, 4), (2, 5), (1, 3)])
def test_facets_are_those_worked_out_by_hand(both_towers, facet, shape):
    image = noise(1, 2, 3, shape[0] * 8, shape[1] * 8)
    found = CLIP(both_towers, facet=facet)(image)
    normalised = (image - MEAN.view(3, 1, 1)) / STD.view(3, 1, 1)
    expected = np.stack([by_hand(both_towers, picture.double().numpy())[facet] for picture in normalised])
    assert found.shape == (2, 16 if facet == "projected" else 32, *shape)
    torch.testing.assert_close(found, torch.from_numpy(expected).float(), rtol=1e-4, atol=1e-5)


@every_facet
def test_any_size_gradients_and_batches(both_towers, facet):
    clip = CLIP(both_towers, facet=facet, size=24)
    image = noise(2, 2, 3, 30, 47)
    assert clip(image).shape[2:] == (3, 5)
    assert (clip(image) == torch.cat([clip(picture) for picture in image.split(1)])).all()
    image.requires_grad_()
    clip(image).square().sum().backward()
    assert bool((image.grad.abs().amax(1) > 0).all())
    assert clip(image.detach().double()).dtype == torch.float64


def test_it_is_compared_copied_and_pickled_without_its_network(both_towers):
    used = CLIP(both_towers)
    size = len(pickle.dumps(used))
    image = noise(3, 1, 3, 16, 16)
    expected = used(image)
    assert used == CLIP(str(both_towers))
    assert repr(used) == f"CLIP(model='{both_towers}', facet='token', size=None)"
    assert len(pickle.dumps(used)) == size
    for other in (pickle.loads(pickle.dumps(used)), copy.deepcopy(used)):
        assert (other(image) == expected).all()


def test_loading_is_silent_although_the_words_tower_is_left_out(both_towers, capfd):
    CLIP(both_towers)(noise(4, 1, 3, 16, 16))
    assert capfd.readouterr() == ("", "")


@every_facet
def test_the_pictures_tower_alone_will_do_unless_it_is_to_be_projected(both_towers, one_tower, facet):
    image = noise(5, 1, 3, 16, 24)
    if facet == "projected":
        with pytest.raises(
            ValueError, match=r"^model: expected CLIP with all its weights, found none for visual_\w+\.weight in"
        ):
            CLIP(one_tower, facet=facet)(image)
    else:
        assert (CLIP(one_tower, facet=facet)(image) == CLIP(both_towers, facet=facet)(image)).all()


def test_what_cannot_be_is_refused(tmp_path, unchecked):
    plain = unchecked("iem.features").CLIP
    with pytest.raises(ValueError, match=r"^facet: expected one of key, .*, token, projected, got 'words'"):
        plain(facet="words")
    with pytest.raises(ValueError, match=r"^size: expected a whole number of at least 1, got 1.5"):
        plain(size=1.5)
    with pytest.raises(ValueError, match=r"^model: expected a folder with a checkpoint, found no folder ./nowhere"):
        plain("./nowhere")
    with pytest.raises(ValueError, match=r"^image: expected shape \[b, 3, h, w\], got \[1, 1, 8, 8\]"):
        plain(tiny_clip(tmp_path / "clip"))(torch.zeros(1, 1, 8, 8))
    with pytest.raises(ValueError, match=r"^model: expected CLIP, got a model of the type vit in .*; give a folder or"):
        CLIP(tiny_vit(tmp_path / "vit"))(noise(6, 1, 3, 16, 16))
