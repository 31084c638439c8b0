"""CLIPSeg: the same numbers as its library gives, with gradients that the library stops."""

import math

import pytest
import torch
from references.tiny_segmenters import clip_tokenizer, network_of, tiny_clipseg

from iem.initialisers import Guided
from iem.objectives import Agreement
from iem.prompts import Points, Text
from iem.segmenters import CLIPSeg, TextMask
from iem.segmenters.networks import MEAN, STD


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_clipseg(tmp_path_factory.mktemp("clipseg"))


@pytest.fixture(scope="module")
def segmenter(folder):
    return CLIPSeg(folder, size=32)


def pictures(batch, height=32, width=32):
    return torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("side", [32, 48])
def test_probabilities_are_those_of_the_library(folder, side):
    images, words = pictures(2, side, side), ["a cat", "a cat"]
    network = network_of(folder, "CLIPSegForImageSegmentation")
    pixels = (images - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    with torch.no_grad():
        logits = network(pixel_values=pixels, **clip_tokenizer()(words, return_tensors="pt")).logits
    found = CLIPSeg(folder, size=side).soft(images, "a cat")
    torch.testing.assert_close(found[:, 0], logits.sigmoid(), rtol=1e-4, atol=1e-5)


def test_gradients_reach_the_picture(segmenter):
    image = pictures(1, 20, 30).requires_grad_()
    segmenter.soft(image, "a dog")[0, 0, 9, 12].backward()
    assert image.grad.abs().sum() > 0
    place = (0, 1, 10, 14)
    moved = []
    for step in (1e-2, -1e-2):
        other = image.detach().clone()
        other[place] += step
        moved.append(float(segmenter.soft(other, "a dog")[0, 0, 9, 12]))
    slope = (moved[0] - moved[1]) / 2e-2
    assert float(image.grad[place]) == pytest.approx(slope, rel=0.05, abs=1e-4)
    with torch.no_grad():
        assert not segmenter.soft(image, "a dog").requires_grad
    assert not segmenter(image.detach(), [Text("a dog")])[0].mask.requires_grad


@pytest.mark.parametrize("size", [(32, 32), (7, 90), (1, 1), (50, 20)])
def test_a_batch_equals_a_loop_at_any_shape(segmenter, size):
    images = pictures(3, *size).double()
    found = segmenter.soft(images, "a dog")
    assert found.shape == (3, 1, *size)
    assert found.dtype == torch.float64
    one_by_one = torch.cat([segmenter.soft(one, "a dog") for one in images.split(1)])
    torch.testing.assert_close(found, one_by_one, rtol=1e-5, atol=1e-6)  # the network has 32 bits


def test_words_matter(segmenter):
    assert not torch.equal(segmenter.soft(pictures(1), "a dog"), segmenter.soft(pictures(1), "zzz"))


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.6])
def test_the_threshold_is_brought_to_one_half(folder, threshold):
    image = pictures(1, 30, 40)
    segmenter = CLIPSeg(folder, threshold=threshold, size=32)
    probability = segmenter.soft(image, "a dog")
    (proposal,) = segmenter(image, [Text("a dog")])
    inside = probability >= threshold
    assert ((proposal.mask >= 0.5) == inside).float().mean() > 0.999
    assert 0 < inside.sum() < inside.numel()
    assert proposal.score == pytest.approx(float(probability[inside].mean()))
    odds = threshold / (1 - threshold)
    expected = probability / (probability + odds * (1 - probability))
    torch.testing.assert_close(proposal.mask, expected, rtol=1e-4, atol=1e-5)
    assert math.isclose(float(proposal.mask.min()), float(expected.min()), abs_tol=1e-5)


def test_each_text_is_a_proposal_once(segmenter):
    found = segmenter(pictures(1), [Text("a dog"), Text("cat"), Text("a dog")])
    assert sorted(proposal.label for proposal in found) == ["a dog", "cat"]
    assert found[0].score >= found[1].score


def test_words_that_suit_nothing_have_no_proposal(folder):
    image = pictures(1)
    peak = float(CLIPSeg(folder, size=32).soft(image, "a dog").max())
    if peak < 0.99:
        assert CLIPSeg(folder, size=32, threshold=0.99)(image, [Text("a dog")]) == []
    calm = CLIPSeg(folder, size=32, threshold=0.99)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CLIPSeg, "_logits", lambda *_, **__: torch.full((1, 1, 32, 32), -2.0))
        assert calm(image, [Text("a dog")]) == []


def test_wrong_questions_are_one_sentence(segmenter):
    with pytest.raises(
        ValueError, match=r"^prompts: expected Text, got Points, which CLIPSeg does not understand; for p"
    ):
        segmenter(pictures(1), [Points([(1, 1)])])
    with pytest.raises(ValueError, match=r"^prompts: expected words, got none; say what to look for"):
        segmenter(pictures(1), [])
    with pytest.raises(
        ValueError, match=r"^text: expected at most 16 tokens, about as many words, got \d+; say it more"
    ):
        segmenter(pictures(1), [Text("a very long sentence about a dog")])
    with pytest.raises(ValueError, match=r"^text: expected words"):
        segmenter.soft(pictures(1), " ")


def test_a_folder_without_a_tokenizer_is_named(folder, tmp_path):
    """The library would make one up that knows no words."""
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).symlink_to(folder / name)
    with pytest.raises(
        ValueError, match=r"^model: expected CLIPSeg with its tokenizer, found none of tokenizer\.json, "
    ):
        CLIPSeg(tmp_path).load()
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(
        ValueError, match=r"^model: expected CLIPSeg with its tokenizer, but .* has none that can be loa"
    ):
        CLIPSeg(tmp_path).load()


def test_words_start_a_search_and_are_a_part_of_what_is_maximised(segmenter):
    images = pictures(2, 24, 36)
    guide = TextMask(" a dog ", segmenter)
    probability = segmenter.soft(images, "a dog")
    torch.testing.assert_close(guide(images), probability)
    start = Guided(guide, threshold=0.5)(images)
    assert (start == (probability >= 0.5)).all()
    score, gradient = Agreement(guide).value_and_gradient(images, start)
    assert (gradient > 0).equal(probability > 0.5)
    assert (score > Agreement(guide)(images, 1 - start)).all()
