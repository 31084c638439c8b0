import shutil

import pytest
import torch
from torch.nn import functional

from iem import segment
from iem.interfaces import Initialiser
from iem.runner.settings import describe, fingerprint
from iem.segnet import CheckpointError, SegNet, UNet, save_checkpoint, segnet_preset


@pytest.fixture
def checkpoint(tmp_path):
    torch.manual_seed(3)
    path = tmp_path / "net.safetensors"
    save_checkpoint(path, UNet(4, 2), size=16, threshold=0.5, card={})
    return path


def test_it_is_an_initialiser(checkpoint):
    network = SegNet(checkpoint)
    assert isinstance(network, Initialiser)
    mask = network(torch.rand(3, 3, 30, 50))
    assert mask.shape == (3, 1, 30, 50)
    assert mask.min() >= 0
    assert mask.max() <= 1


def test_at_its_own_size_it_is_the_network(checkpoint):
    torch.manual_seed(3)
    network = UNet(4, 2)
    image = torch.rand(1, 3, 16, 16)
    logits = (network(image) + network(image.flip(3)).flip(3)) / 2
    expected = (logits - torch.logit(torch.tensor(0.5))).sigmoid()
    middle = 0.5 if expected.min() <= 0.5 < expected.max() else (expected.min() + expected.max()) / 2
    torch.testing.assert_close(SegNet(checkpoint)(image), (expected + 0.5 - middle).detach())
    alone = SegNet(checkpoint, mirror=False)(image)
    assert not torch.allclose(alone, SegNet(checkpoint)(image))


def test_mirror_makes_it_symmetric(checkpoint):
    image = torch.rand(1, 3, 16, 16)
    network = SegNet(checkpoint)
    torch.testing.assert_close(network(image.flip(3)), network(image).flip(3))


def test_larger_pictures_are_reduced(checkpoint):
    image = torch.rand(1, 3, 4, 4)
    large = functional.interpolate(image, size=(64, 64), mode="nearest")
    mask = SegNet(checkpoint)(large)
    assert mask.shape == (1, 1, 64, 64)
    small = SegNet(checkpoint)(functional.interpolate(large, size=(16, 16), mode="bilinear", antialias=True))
    torch.testing.assert_close(functional.adaptive_avg_pool2d(mask, 16), small, atol=0.02, rtol=0)


def test_higher_threshold_smaller_mask(checkpoint):
    image = torch.rand(1, 3, 16, 16)
    said = SegNet(checkpoint, threshold=0.5)(image)
    low, high = said.quantile(0.3).item(), said.quantile(0.7).item()
    areas = [(SegNet(checkpoint, threshold=t)(image) > 0.5).float().mean().item() for t in (low, high)]
    assert areas == pytest.approx([0.7, 0.3], abs=0.02)


@pytest.mark.parametrize("threshold", [0.01, 0.99])
def test_neither_empty_nor_full(threshold, checkpoint):
    mask = SegNet(checkpoint, threshold=threshold)(torch.rand(2, 3, 16, 16)) > 0.5
    assert mask.flatten(1).any(1).all()
    assert not mask.flatten(1).all(1).any()


def test_fingerprint_is_of_the_content(checkpoint, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for file in (checkpoint, checkpoint.with_suffix(".json")):
        shutil.copy(file, elsewhere / file.name)
    first, moved = SegNet(checkpoint), SegNet(elsewhere / checkpoint.name)
    assert first == moved
    assert describe(first) == describe(moved)
    assert str(tmp_path) not in str(describe(first))
    before = fingerprint(describe(first))
    save_checkpoint(checkpoint, UNet(4, 2), size=16, threshold=0.5, card={})
    assert fingerprint(describe(SegNet(checkpoint))) != before


def test_pinned(checkpoint):
    digest = SegNet(checkpoint).sha256
    assert SegNet(checkpoint, sha256=digest).sha256 == digest
    with pytest.raises(CheckpointError, match=r"expected the sha256 0000.*, got .*; .* has changed"):
        SegNet(checkpoint, sha256="0" * 64)


def test_as_a_preset(checkpoint):
    image = torch.rand(2, 3, 40, 30)
    solution = segment(image, segnet_preset(checkpoint), size=24)
    assert solution.mask.shape == (2, 1, 40, 30)
    assert solution.steps.tolist() == [0, 0]
    assert [status.value for status in solution.status] == ["converged"] * 2
    flat = segment(torch.full((1, 3, 20, 20), 0.3), segnet_preset(checkpoint))
    assert flat.status[0].value == "constant"
    assert flat.mask.max() == 0
