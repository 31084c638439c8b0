"""Mask2Former: which instances there are, and which of them the prompts mean."""

import pytest
import torch
from references.tiny_segmenters import network_of, tiny_mask2former

from iem.prompts import Box, CoarseMask, Points, Scribble, Text
from iem.segmenters import Mask2Former
from iem.segmenters.mask2former import PreparedInstances, instances

KNOWN = ("cat", "dog", "dining table", "bus", "car", "train")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_mask2former(tmp_path_factory.mktemp("mask2former"))


@pytest.fixture
def scene(folder):
    """A cat on the left, a dog on the right, a table under both, over a picture of 20 x 40."""
    masks = torch.zeros(3, 20, 40, dtype=torch.bool)
    masks[0, 4:12, 2:14] = masks[1, 5:15, 24:36] = masks[2, 8:20, :] = True
    return PreparedInstances(Mask2Former(folder), masks, (0.9, 0.8, 0.6), ["cat", "dog", "dining table"], KNOWN)


IMAGE = torch.zeros(1, 3, 20, 40)


@pytest.mark.parametrize(
    ("prompts", "expected"),
    [
        ([], ["cat", "dog", "dining table"]),
        ([Points([(5, 5)])], ["cat"]),
        ([Points([(5, 10.9)])], ["cat", "dining table"]),
        ([Points([(5, 10), (30, 10)])], ["dining table"]),
        ([Points([(5, 10), (30, 18)], [True, False])], ["cat"]),
        ([Points([(0, 0)])], []),
        ([Scribble([(3, 6), (12, 6)], width=1)], ["cat"]),
        ([Scribble([(3, 6), (30, 6)], width=1)], []),
        ([Box(22, 4, 37, 16)], ["dog"]),
        ([Box(0, 7, 40, 20)], ["dining table"]),
        ([Box(0, 0, 40, 20), Points([(5, 5)])], []),
        ([Text("A Dog.")], ["dog"]),
        ([Text("the dining table"), Points([(30, 10)])], ["dining table"]),
        ([Text("bus")], []),
    ],
)
def test_prompts_choose_the_instances_they_mean(scene, prompts, expected):
    found = scene(IMAGE, prompts)
    assert [proposal.label for proposal in found] == expected
    for proposal in found:
        index = list(scene.labels).index(proposal.label)
        assert (proposal.mask[0, 0].bool() == scene.masks[index]).all()


def test_ious_with_a_box_and_a_rough_mask_weigh(scene):
    (boxed,) = scene(IMAGE, [Box(22, 4, 37, 16)])
    assert boxed.score == pytest.approx(0.8 * (12 * 10) / (15 * 12))
    rough = torch.zeros(1, 1, 20, 40)
    rough[..., 4:12, 2:10] = 1
    (covered,) = scene(IMAGE, [CoarseMask(rough)])
    assert (covered.label, covered.score) == ("cat", pytest.approx(0.9 * 8 / 12))


def test_words_that_name_no_kind_are_refused(scene):
    message = (
        r"^text: expected a kind of thing that this network knows \(cat, dog, dining table, bus, car and 1 more\), got "
        r"the red dog; for other words take clipseg, which `iem models get clipseg` downloads$"
    )
    with pytest.raises(ValueError, match=message):
        scene(IMAGE, [Text("the red dog")])


def test_instances_by_hand():
    generator = torch.Generator().manual_seed(0)
    logits, classes = torch.randn(7, 6, 8, generator=generator), 3 * torch.randn(7, 4, generator=generator)
    logits[2] = -1.0
    masks, scores, kinds = instances(logits, classes, (12, 16), 0.3)
    expected = []
    for query in range(7):
        probability = [float(torch.softmax(classes[query], 0)[kind]) for kind in range(3)]
        kind = max(range(3), key=lambda kind: probability[kind])
        inside = [1 / (1 + float(torch.exp(-value))) for value in logits[query].flatten() if value > 0]
        score = probability[kind] * sum(inside) / len(inside) if inside else 0.0
        if score >= 0.3:
            expected.append((kind, pytest.approx(score, rel=1e-5)))
    assert list(zip(kinds.tolist(), scores.tolist(), strict=True)) == expected
    assert masks.shape == (len(expected), 12, 16)
    assert 1 < len(expected) < 7


def test_the_scores_are_those_of_the_library(folder):
    """At the library's own size, of 384 pixels; it may name a query twice, for two kinds, we once."""
    from transformers.models.mask2former.image_processing_pil_mask2former import Mask2FormerImageProcessorPil

    network = network_of(folder, "Mask2FormerForUniversalSegmentation")
    with torch.no_grad():
        found = network(pixel_values=torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(0)))
    fine = torch.nn.functional.interpolate(found.masks_queries_logits, (384, 384), mode="bilinear", align_corners=False)
    theirs = Mask2FormerImageProcessorPil().post_process_instance_segmentation(
        found, threshold=0.0, target_sizes=[(384, 384)], return_binary_maps=True
    )[0]
    known = {(part["label_id"], part["score"]) for part in theirs["segments_info"]}
    masks, scores, kinds = instances(fine[0], found.class_queries_logits[0], (384, 384), 0.0)
    ours = {(int(kind), round(float(score), 6)) for kind, score in zip(kinds, scores, strict=True)}
    near = [any(k == kind and abs(s - score) < 2e-6 for k, s in known) for kind, score in ours]
    assert sum(near) >= 3
    assert len(masks) == len(ours)


def test_the_network_runs_once_and_any_shape_will_do(folder):
    segmenter = Mask2Former(folder, threshold=0.0, size=64, overlap=1.0)
    for size in [(50, 80), (31, 33), (1, 40)]:
        image = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0))
        prepared, counted = segmenter.prepare(image), []
        network = segmenter._network(torch.device("cpu"))
        hook = network.register_forward_hook(lambda *_, counted=counted: counted.append(1))
        everything = prepared(image, [])
        prepared(image, [Points([(0, 0)])])
        assert counted == []
        again = segmenter(image, [])
        hook.remove()
        assert counted == [1]
        assert [one.score for one in again] == [one.score for one in everything]
        assert len(everything) > 1
        assert all(one.mask.shape == (1, 1, *size) for one in everything)
        assert {one.label for one in everything} <= {"cat", "dog", "bus"}


def test_overlapping_instances_are_one(folder):
    image = torch.rand(1, 3, 50, 80, generator=torch.Generator().manual_seed(0))
    loose, strict = (Mask2Former(folder, threshold=0.0, size=64, overlap=overlap)(image, []) for overlap in (1.0, 0.0))
    assert len(strict) < len(loose)
    assert float(sum(one.mask for one in strict).max()) == 1
