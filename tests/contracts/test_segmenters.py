"""What all segmenters promise. Add new ones to the list; those with networks get tiny ones."""

import pytest
import torch
from references.tiny_segmenters import tiny_clipseg, tiny_grounding_dino, tiny_mask2former, tiny_sam, tiny_sam_hq

from iem.interfaces import Proposal, Segmenter
from iem.prompts import Box, CoarseMask, Points, Scribble, Text
from iem.segmenters import SAM, SAMHQ, CLIPSeg, Everything, GroundedSAM, Mask2Former, PromptedIEM

SIZE = (48, 64)
EVERYTHING = Everything(points_per_side=3, least_iou=0.0, least_stability=0.0)
MAKERS = {
    "iem": lambda root: PromptedIEM(size=32),
    "sam": lambda root: SAM(tiny_sam(root / "sam"), everything=EVERYTHING),
    "sam_hq": lambda root: SAMHQ(tiny_sam_hq(root / "sam_hq"), everything=EVERYTHING),
    "mask2former": lambda root: Mask2Former(tiny_mask2former(root / "mask2former"), threshold=0.0, size=64),
    "clipseg": lambda root: CLIPSeg(tiny_clipseg(root / "clipseg"), size=32),
    "grounded_sam": lambda root: GroundedSAM(
        tiny_grounding_dino(root / "detector"), tiny_sam(root / "sam"), threshold=0.0, size=96
    ),
}
PROMPTS = {
    Points: [Points([(20, 20)]), Points([(20, 20), (60, 5)], [True, False])],
    Box: [Box(8, 8, 40, 40)],
    Scribble: [Scribble([(12, 12), (34, 34)], width=3)],
    CoarseMask: [CoarseMask(torch.ones(1, 1, *SIZE).triu(10))],
    Text: [Text("cat")],
}


@pytest.fixture(scope="module", params=MAKERS)
def segmenter(request, tmp_path_factory):
    return MAKERS[request.param](tmp_path_factory.mktemp(request.param))


def scene(dtype=torch.float32):
    image = 0.3 + 0.05 * torch.rand(1, 3, *SIZE, generator=torch.Generator().manual_seed(0), dtype=dtype)
    image[:, 0, 10:38, 10:38] = 0.9
    return image


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_proposals_of_the_pictures_size_best_first(segmenter, dtype):
    assert isinstance(segmenter, Segmenter)
    image = scene(dtype)
    copy = image.clone()
    count = 0
    for kind in segmenter.answers:
        for prompt in PROMPTS[kind]:
            found = segmenter(image, [prompt])
            assert isinstance(found, list)
            scores = [proposal.score for proposal in found]
            assert scores == sorted(scores, reverse=True)
            for proposal in found:
                assert isinstance(proposal, Proposal)
                assert type(proposal.score) is float
                assert proposal.mask.shape == (1, 1, *SIZE)
                assert proposal.mask.dtype == dtype
                assert not proposal.mask.requires_grad
                assert proposal.mask.min() >= 0
                assert 0 < proposal.mask.max() <= 1
            count += len(found)
    assert count > 0
    assert (image == copy).all()


def test_the_same_question_has_the_same_answer(segmenter):
    prompt = PROMPTS[segmenter.answers[0]][0]
    first, again = segmenter(scene(), [prompt]), segmenter(scene(), [prompt])
    assert [proposal.score for proposal in first] == [proposal.score for proposal in again]
    assert all((one.mask == other.mask).all() for one, other in zip(first, again, strict=True))


def test_other_prompts_are_refused_in_one_sentence(segmenter):
    others = [prompts[0] for kind, prompts in PROMPTS.items() if kind not in segmenter.answers]
    for prompt in others:
        with pytest.raises(ValueError, match=rf"^prompts: expected .*, got {type(prompt).__name__}, ") as refused:
            segmenter(scene(), [prompt])
        assert "\n" not in str(refused.value)
        if isinstance(prompt, Text):
            assert "`iem models get clipseg`" in str(refused.value)


def test_other_pictures_are_refused_in_one_sentence(segmenter):
    prompt = PROMPTS[segmenter.answers[0]][0]
    with pytest.raises(ValueError, match=r"^image: expected shape \[b, 3, h, w\], got \[1, 1, 48, 64\]"):
        segmenter(torch.zeros(1, 1, *SIZE), [prompt])
    with pytest.raises(ValueError, match=r"^image: expected one picture, \[1, 3, h, w\], got \[2, 3, 48, 64\]"):
        segmenter(torch.zeros(2, 3, *SIZE), [prompt])
    with pytest.raises(ValueError, match=r"^image: expected values in \[0, 1\], got \[0, 255\]; divide by 255"):
        segmenter(255 * torch.ones(1, 3, *SIZE).triu(), [prompt])


def test_everything_or_one_sentence(segmenter):
    if Text in segmenter.answers and Points not in segmenter.answers:
        with pytest.raises(ValueError, match=r"^prompts: expected words, got none"):
            segmenter(scene(), [])
    else:
        assert segmenter(scene(), [])
