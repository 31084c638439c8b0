"""SAM and SAM-HQ: where prompts land, what comes back, and that the network is asked as its library asks it."""

import copy

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from references.tiny_segmenters import SIDE, network_of, tiny_sam, tiny_sam_hq

from iem.prompts import Box, CoarseMask, Points, Scribble, Text
from iem.segmenters import SAM, SAMHQ, Everything
from iem.segmenters.marks import Marks, stroke_places
from iem.segmenters.networks import MEAN, STD
from iem.segmenters.padded_square import PaddedSquare

SHAPES = [(64, 64), (40, 100), (90, 31), (7, 200), (200, 1), (1, 1), (129, 130)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("sam")
    return {SAM: tiny_sam(root / "sam"), SAMHQ: tiny_sam_hq(root / "sam_hq")}


@pytest.fixture(scope="module", params=[SAM, SAMHQ])
def segmenter(request, folders):
    return request.param(folders[request.param])


def picture(height=40, width=100, seed=0):
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def reference(folder, architecture, image, **prompts):
    """Logits at the picture's size and scores, by the library's own way from pixels to masks, written out."""
    network = network_of(folder, architecture)
    height, width = image.shape[2:]
    factor = SIDE / max(height, width)
    inner = (int(height * factor + 0.5), int(width * factor + 0.5))
    small = torch.nn.functional.interpolate(image, size=inner, mode="bilinear", antialias=True)
    small = (small - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    square = torch.zeros(1, 3, SIDE, SIDE)
    square[..., : inner[0], : inner[1]] = small
    with torch.no_grad():
        found = network(pixel_values=square, **prompts)
    fine = torch.nn.functional.interpolate(found.pred_masks[0], (SIDE, SIDE), mode="bilinear", align_corners=False)
    fine = fine[..., : inner[0], : inner[1]]
    return torch.nn.functional.interpolate(fine, (height, width), mode="bilinear", align_corners=False)[
        0
    ], found.iou_scores[0, 0]


@pytest.mark.parametrize("size", [size for size in SHAPES if size != (200, 1)])  # which the library refuses
def test_the_square_is_that_of_the_library(size):
    from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil

    square = PaddedSquare(*size, SIDE)
    processor = SamImageProcessorPil(
        size={"longest_edge": SIDE}, pad_size={"height": SIDE, "width": SIDE}, mask_pad_size={"height": 32, "width": 32}
    )
    image = (picture(*size) * 255).round() / 255
    array = (image[0] * 255).round().byte().permute(1, 2, 0).numpy()
    expected = processor(Pillow.fromarray(array), return_tensors="pt")
    inner = tuple(int(side) for side in expected["reshaped_input_sizes"][0])
    assert square.inner == inner
    # The library's picture has 8 bits on the way.
    assert (square.pixels(image, torch.device("cpu")) - expected["pixel_values"]).abs().max() < 1.01 / 255 / min(STD)
    logits = torch.randn(3, 32, 32, generator=torch.Generator().manual_seed(1))
    masks = processor.post_process_masks([logits[None]], [size], [inner], binarize=False)[0][0]
    torch.testing.assert_close(square.back(logits), masks)


def test_a_place_lands_where_its_pixel_does():
    """Pictures of their own coordinates: what the network sees at a place is what lies there."""
    height, width = 150, 400
    square = PaddedSquare(height, width, SIDE)
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    ramps = torch.stack([x / width, y / height, x * 0])[None]
    pixels = square.pixels(ramps, torch.device("cpu")) * torch.tensor(STD)[:, None, None]
    pixels = pixels + torch.tensor(MEAN)[:, None, None]
    for place in [(200.0, 75.0), (31.25, 20.3), (390.0, 101.0)]:
        index = square.to_network(torch.tensor(place))
        grid = (2 * (index + 0.5) / SIDE - 1).view(1, 1, 1, 2)
        seen = torch.nn.functional.grid_sample(pixels, grid, align_corners=False)[0, :2, 0, 0]
        torch.testing.assert_close(seen * torch.tensor([width, height]), torch.tensor(place), rtol=0, atol=0.5)


def test_unpadded_cuts_none_of_the_picture():
    square = PaddedSquare(30, 100, SIDE)
    assert square.inner == (19, 64)
    assert square.unpadded(torch.zeros(2, 32, 32)).shape == (2, 10, 32)


def test_clicks_and_boxes_are_asked_as_the_library_asks(segmenter, folders):
    image = picture()
    folder, architecture = folders[type(segmenter)], segmenter.architecture
    factor = SIDE / 100
    asked = [
        ([Points([(20.5, 10.5), (70, 30)], [True, False])], {"points": [(20.5, 10.5), (70, 30)], "labels": [1, 0]}),
        ([Box(10, 5, 60, 35)], {"box": [10, 5, 60, 35]}),
        ([Box(10, 5, 60, 35), Points([(30, 20)])], {"box": [10, 5, 60, 35], "points": [(30, 20)], "labels": [1]}),
    ]
    inner = (int(40 * factor + 0.5) / 40, int(100 * factor + 0.5) / 100)
    for prompts, plain in asked:
        inputs = {}
        if "points" in plain:
            places = [[x * inner[1] - 0.5, y * inner[0] - 0.5] for x, y in plain["points"]]
            inputs |= {"input_points": torch.tensor([[places]]), "input_labels": torch.tensor([[plain["labels"]]])}
        if "box" in plain:
            left, top, right, bottom = plain["box"]
            corners = [left * inner[1] - 0.5, top * inner[0] - 0.5, right * inner[1] - 0.5, bottom * inner[0] - 0.5]
            inputs["input_boxes"] = torch.tensor([[corners]])
        logits, scores = reference(folder, architecture, image, **inputs)
        found = segmenter(image, prompts)
        order = [int(i) for i in scores.argsort(descending=True) if bool((logits[i] > 0).any())]
        assert [proposal.score for proposal in found] == pytest.approx(scores[order].tolist(), abs=1e-5)
        for proposal, i in zip(found, order, strict=True):
            differs = (proposal.mask[0, 0] > 0.5) != (logits[i] > 0)
            assert differs.float().mean() < 0.01  # rounding, where a logit is next to nothing
        assert len(found) > 1


def test_a_stroke_is_clicks_along_it(segmenter):
    image, stroke = picture(), Scribble([(10, 10), (80, 30)], width=4)
    places = stroke_places(stroke, 5)
    assert len(places) == 5
    clicks, drawn = segmenter(image, [Points(places)]), segmenter(image, [stroke])
    assert [each.score for each in clicks] == [each.score for each in drawn]
    assert len(stroke_places(Scribble([(1, 1), (3, 1)], width=9), 5)) == 1
    assert stroke_places(Scribble([(1, 2), (1, 2)]), 5) == [(1, 2)]


def test_a_rough_mask_is_its_box_and_an_earlier_answer(segmenter):
    image, mask = picture(), torch.zeros(1, 1, 40, 100)
    mask[..., 10:30, 20:50] = 1
    prepared = segmenter.prepare(image)
    asked = {}
    decode = type(prepared)._decode

    def spy(self, **prompts):
        asked.update(prompts)
        return decode(self, **prompts)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(prepared), "_decode", spy)
        assert prepared(image, [CoarseMask(mask)])
    assert asked["input_boxes"].flatten().tolist() == pytest.approx(
        [20 * 0.64 - 0.5, 10 * 26 / 40 - 0.5, 50 * 0.64 - 0.5, 30 * 26 / 40 - 0.5]
    )
    prompt = asked["input_masks"]
    assert prompt.shape == (1, 1, 32, 32)
    assert prompt[0, 0, 6, 11] == 8
    assert prompt[0, 0, 2, 11] == prompt[0, 0, 20, 11] == prompt[0, 0, 31, 31] == -8


def test_a_negative_click_changes_the_answer(segmenter):
    image = picture()
    prepared = segmenter.prepare(image)
    one = prepared.decode(Marks(((20.0, 20.0), (60.0, 20.0)), (True, True)))
    other = prepared.decode(Marks(((20.0, 20.0), (60.0, 20.0)), (True, False)))
    assert not torch.equal(one[0], other[0])


def test_a_second_click_does_not_look_again(segmenter):
    image, counted = picture(), []
    prepared = segmenter.prepare(image)
    hook = prepared.network.vision_encoder.register_forward_hook(lambda *_: counted.append(1))
    first = prepared(image, [Points([(20, 20)])])
    prepared(image, [Points([(20, 20), (30, 10)])])
    assert counted == []
    again = segmenter(image, [Points([(20, 20)])])
    hook.remove()
    assert counted == [1]
    assert [proposal.score for proposal in first] == [proposal.score for proposal in again]
    with pytest.raises(ValueError, match=r"^image: expected the picture that this was prepared for, \[1, 3, 40, 100\]"):
        prepared(picture(41), [Points([(2, 2)])])


@pytest.mark.parametrize("size", SHAPES)
def test_any_shape_and_dtype(segmenter, size):
    image = picture(*size).double()
    for prompts in ([Points([(size[1] - 0.5, size[0] - 0.5)])], [Box(0, 0, size[1], size[0])]):
        for proposal in segmenter(image, prompts):
            assert proposal.mask.shape == (1, 1, *size)
            assert proposal.mask.dtype == torch.float64
            assert ((proposal.mask == 0) | (proposal.mask == 1)).all()


def test_everything_by_batches_equals_one_by_one(segmenter, folders):
    image = picture()
    low = {"points_per_side": 4, "least_iou": 0.0, "least_stability": 0.0, "overlap": 0.9, "min_area": 0.001}
    found = []
    for batch in (1, 5, 64):
        steps = []
        everything = Everything(points_per_batch=batch, **low)
        told = type(segmenter)(
            folders[type(segmenter)],
            everything=everything,
            on_step=lambda step, of, steps=steps: steps.append((step, of)),
        )
        found.append(told(image, []))
        count = -(-16 // batch)
        assert steps == [(i + 1, count) for i in range(count)]
    assert len(found[0]) > 2
    for other in found[1:]:
        assert [each.score for each in other] == pytest.approx([each.score for each in found[0]], abs=1e-5)
        for one, two in zip(found[0], other, strict=True):
            assert (one.mask != two.mask).float().mean() < 0.01


def test_everything_may_be_nothing(folders):
    none = Everything(points_per_side=2, min_area=1.0, least_iou=1.0, least_stability=1.0)
    assert SAM(folders[SAM], everything=none)(picture(), []) == []


def test_what_on_step_raises_ends_the_search(folders):
    def stop(step, steps):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SAM(folders[SAM], everything=Everything(points_per_side=2), on_step=stop)(picture(), [])


@pytest.mark.parametrize(
    ("prompts", "message"),
    [
        ([Points([(100, 3)])], r"^xy\[0\]: expected a point in the picture"),
        ([Points([(5, 5)], [False])], r"^positive: expected a point on the object, got none; add one$"),
        ([Box(0, 0, 101, 10)], r"^box: expected it within the picture"),
        ([Box(0, 0, 10, 10), Box(20, 0, 30, 10)], r"^box: expected boxes that overlap"),
        ([Scribble([(5, 5), (5, 50)])], r"^points\[1\]: expected a point in the picture"),
        ([CoarseMask(torch.ones(1, 1, 5, 5))], r"^mask: expected the picture's size"),
        (
            [Text("a dog")],
            r"^prompts: expected Points, Box, Scribble or CoarseMask, got Text, .* `iem models get clipseg`",
        ),
    ],
)
def test_wrong_prompts_are_one_sentence_before_any_work(prompts, message, tmp_path):
    (tmp_path / "config.json").write_text("{}")  # a network that cannot be loaded is never asked for
    with pytest.raises(ValueError, match=message) as refused:
        SAM(tmp_path)(picture(), prompts)
    assert "\n" not in str(refused.value)


def test_wrong_pictures_are_one_sentence(segmenter):
    with pytest.raises(
        ValueError, match=r"^image: expected one picture, \[1, 3, h, w\], got \[2, 3, 4, 4\]; give them"
    ):
        segmenter(torch.zeros(2, 3, 4, 4), [])
    with pytest.raises(ValueError, match="finite values, got NaN"):
        segmenter(torch.full((1, 3, 4, 4), torch.nan), [])


def test_weights_that_are_not_here_or_of_another_kind(folders, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(
        ValueError, match=r"^model: expected Segment Anything \(SAM\), got sam-vit-base, which is not fe"
    ):
        SAM()(picture(), [Points([(1, 1)])])
    with pytest.raises(
        ValueError, match=r"^model: expected Segment Anything \(SAM\), got a model of the type sam_hq in"
    ):
        SAM(folders[SAMHQ]).load()
    with pytest.raises(ValueError, match=r"^model: .* found no folder nowhere/at/all; check the name$"):
        SAM(type(tmp_path)("nowhere/at/all"))


def test_copies_load_their_own(segmenter):
    segmenter.load()
    other = copy.deepcopy(segmenter)
    assert other == segmenter
    assert other._networks._made == {}
    assert segmenter._networks._made
    assert "PerDevice" not in repr(segmenter)


def test_masks_are_hard_and_nested_candidates_are_sorted(segmenter):
    found = segmenter(picture(seed=3), [Points([(50, 20)])])
    assert 1 < len(found) <= 3
    scores = np.array([each.score for each in found])
    assert (scores[:-1] >= scores[1:]).all()


@pytest.mark.gpu
@pytest.mark.parametrize("kind", [SAM, SAMHQ])
def test_on_a_gpu(folders, kind):
    image = picture()
    on_cpu = kind(folders[kind])(image, [Points([(20, 20)])])
    on_gpu = kind(folders[kind], device="cuda")(image, [Points([(20, 20)])])
    assert [each.score for each in on_gpu] == pytest.approx([each.score for each in on_cpu], abs=0.02)
    assert on_gpu[0].mask.device == image.device
