"""Grounding DINO and SAM: boxes as the library decodes them, words as the network expects them, masks of the boxes."""

from types import SimpleNamespace

import pytest
import torch
from references.tiny_segmenters import bert_tokenizer, network_of, tiny_grounding_dino, tiny_sam

from iem.interfaces import Proposal
from iem.prompts import Box, Points, Text
from iem.segmenters import SAM, CLIPSeg, GroundedSAM
from iem.segmenters.networks import MEAN, STD

PHRASE = Text("The Boy on the left. ")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("grounded")
    return tiny_grounding_dino(root / "detector"), tiny_sam(root / "segmenter")


@pytest.fixture(scope="module")
def image():
    return torch.rand(1, 3, 96, 128, generator=torch.Generator().manual_seed(0))


class Filled:
    """Segments boxes by filling them, and remembers what it was asked."""

    answers = (Box,)

    def __init__(self):
        self.asked = []

    def __call__(self, image, prompts):
        self.asked.append(prompts)
        return [Proposal(prompts[0].to_mask(tuple(image.shape[2:])), 1.0)]


def words_of(letters, suits):
    """Every token is a letter: the words of which one suits; the library tells the letters alone."""
    places, start = [], 0
    for word in ["the", "boy", "on", "the", "left"]:
        if suits[start : start + len(word)].any():
            places.append(word)
        start += len(word)
    assert bool(places) == any(letter in letters for letter in "theboynlf")
    return " ".join(places) or "the boy on the left"


def test_boxes_scores_and_words_are_those_of_the_library(folders, image):
    from transformers.models.grounding_dino.processing_grounding_dino import GroundingDinoProcessor

    network, tokenizer = network_of(folders[0], "GroundingDinoForObjectDetection"), bert_tokenizer()
    words = tokenizer(["the boy on the left."], return_tensors="pt")
    pixels = (image - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    with torch.no_grad():
        found = network(pixel_values=pixels, **words)
    scores = found.logits[0].sigmoid().amax(-1)
    threshold = float(scores.sort().values[2:4].mean())
    probability = found.logits[0].sigmoid()[:, 1:16]  # the letters
    text_threshold = float(probability[scores.argmax()].sort().values[-4])
    suits = probability > text_threshold
    expected = GroundingDinoProcessor.post_process_grounded_object_detection(
        SimpleNamespace(batch_decode=tokenizer.batch_decode),
        found,
        words["input_ids"],
        threshold=threshold,
        text_threshold=text_threshold,
        target_sizes=[(96, 128)],
    )[0]
    detector = GroundedSAM(
        folders[0], Filled(), threshold=threshold, text_threshold=text_threshold, overlap=1.0, size=96
    )
    ours = detector.detect(image, [PHRASE])
    assert 2 < len(ours) <= len(expected["scores"])
    order = expected["scores"].argsort(descending=True).tolist()
    theirs = {round(float(expected["scores"][i]), 5): i for i in order}
    for each in ours:
        i = theirs[round(each.score, 5)]
        corners = expected["boxes"][i].clamp(min=0)
        corners = torch.minimum(corners, torch.tensor([128.0, 96.0, 128.0, 96.0]))
        assert [each.box.left, each.box.top, each.box.right, each.box.bottom] == pytest.approx(
            corners.tolist(), abs=1e-3
        )
        assert each.label == words_of(expected["text_labels"][i], suits[int((scores - each.score).abs().argmin())])
    assert [each.score for each in ours] == sorted((each.score for each in ours), reverse=True)
    assert len({each.label for each in ours}) > 1


def test_phrases_are_put_as_the_network_expects_them(folders, image, monkeypatch):
    read = []
    from iem.segmenters import grounded_sam

    tokens = grounded_sam.tokens
    monkeypatch.setattr(
        grounded_sam, "tokens", lambda tokenizer, texts, *rest: read.append(texts) or tokens(tokenizer, texts, *rest)
    )
    GroundedSAM(folders[0], Filled(), size=96).detect(image, [PHRASE, Text("Red Cars")])
    assert read == [["the boy on the left. red cars."]]


def test_masks_are_those_of_the_boxes(folders, image):
    settings = {"threshold": 0.0, "overlap": 1.0, "size": 96}
    filled = GroundedSAM(folders[0], Filled(), **settings)
    found, boxes = filled(image, [PHRASE]), filled.detect(image, [PHRASE])
    assert len(found) == len(boxes) > 2
    for proposal, each in zip(found, boxes, strict=True):
        assert (proposal.mask == each.box.to_mask((96, 128))).all()
        assert (proposal.score, proposal.label) == (each.score, each.label)
    sam = SAM(folders[1])
    whole = GroundedSAM(*folders, **settings)(image, [PHRASE])
    expected = [sam(image, [each.box]) for each in boxes]
    assert [one.score for one in whole] == [each.score for each, masks in zip(boxes, expected, strict=True) if masks]
    for one, masks in zip(whole, [masks for masks in expected if masks], strict=True):
        assert (one.mask == masks[0].mask).all()


def test_overlapping_boxes_are_one_and_there_are_not_too_many(folders, image):
    def corners(**settings):
        return GroundedSAM(folders[0], Filled(), threshold=0.0, size=96, **settings).detect(image, [PHRASE])

    everything, apart = corners(overlap=1.0), corners(overlap=0.0)
    assert len(apart) < len(everything)
    for i, one in enumerate(apart):
        for other in apart[:i]:
            wide = min(one.box.right, other.box.right) - max(one.box.left, other.box.left)
            high = min(one.box.bottom, other.box.bottom) - max(one.box.top, other.box.top)
            assert wide <= 0 or high <= 0
    assert corners(overlap=1.0, most=2) == everything[:2]


def test_nothing_found_is_an_honest_answer(folders, image):
    assert GroundedSAM(*folders, threshold=1.0, size=96)(image, [PHRASE]) == []


def test_wrong_parts_and_questions_are_one_sentence(folders, image):
    with pytest.raises(
        ValueError, match=r"^segmenter: expected one that answers boxes, got CLIPSeg; take SAM or SAMHQ$"
    ):
        GroundedSAM(folders[0], CLIPSeg())
    with pytest.raises(
        ValueError, match=r"^segmenter: expected a folder with a checkpoint, found no folder \./nowhere"
    ):
        GroundedSAM(folders[0], "./nowhere")
    with pytest.raises(ValueError, match=r"^detector: expected Grounding DINO .* got a model of the type sam in"):
        GroundedSAM(folders[1], Filled()).load()
    segmenter = GroundedSAM(*folders, size=96)
    with pytest.raises(ValueError, match=r"^prompts: expected Text, got Points, which GroundedSAM does not understand"):
        segmenter(image, [Points([(1, 1)])])
    with pytest.raises(ValueError, match=r"^prompts: expected words, got none"):
        segmenter(image, [])
    with pytest.raises(ValueError, match=r"^text: expected at most 64 tokens"):
        segmenter(image, [Text("dogs " * 30)])
