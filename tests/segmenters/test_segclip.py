"""SegCLIP: the asked piece is chosen, all that fit are united, and CLIP's cosine is CLIP's."""

import copy
import pickle
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from references.pictures import noise
from references.tiny_segclip import by_colour, coloured_scene, tiny_whole_clip
from references.tiny_segmenters import clip_tokenizer, network_of, tiny_sam

from iem.interfaces import Segmenter
from iem.prompts import Points, Text
from iem.refiners import Grow
from iem.runner.segmenters import make_segmenter
from iem.segmenters import SAM, CLIPRanker, Everything, PromptedIEM, RegionsOf, SegCLIP
from iem.segmenters.crops import cut_out

pytest.importorskip("transformers")
IMAGE, MASKS = coloured_scene()
EVERYTHING = RegionsOf(lambda image: [*MASKS.values(), torch.ones(1, 1, 48, 64), torch.zeros(1, 1, 48, 64)])
PLAIN = {"grow": None, "blur": 0.0}


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return tiny_whole_clip(tmp_path_factory.mktemp("clip"))


@pytest.mark.parametrize("name", MASKS)
def test_the_asked_piece_is_chosen(name):
    found = SegCLIP(EVERYTHING, by_colour, **PLAIN)(IMAGE, [Text(name)])
    assert isinstance(SegCLIP(EVERYTHING, by_colour), Segmenter)
    assert len(found) == 3  # neither the whole picture nor nothing is a piece
    assert torch.equal(found[0].mask, MASKS[name])
    assert found[0].label == name
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)


def test_all_that_fit_are_united_and_proposed_one_by_one():
    score = {"red": 0.31, "green": 0.18, "blue": 0.30}
    ranker = lambda crops, text: torch.tensor(list(score.values()))  # noqa: E731
    both = torch.maximum(MASKS["red"], MASKS["blue"])
    for settings in ({"threshold": 0.25}, {"margin": 0.02}, {"threshold": 0.1, "margin": 0.02}):
        found = SegCLIP(EVERYTHING, ranker, **PLAIN, **settings)(IMAGE, [Text("things")])
        assert [each.score for each in found] == pytest.approx([0.31, 0.31, 0.30])
        assert torch.equal(found[0].mask, both)
        assert torch.equal(found[1].mask, MASKS["red"])
        assert torch.equal(found[2].mask, MASKS["blue"])
    alone = SegCLIP(EVERYTHING, ranker, **PLAIN, threshold=0.305)(IMAGE, [Text("things")])
    assert [each.score for each in alone] == pytest.approx([0.31])
    assert SegCLIP(EVERYTHING, ranker, **PLAIN, threshold=0.5)(IMAGE, [Text("things")]) == []
    one = SegCLIP(EVERYTHING, ranker, **PLAIN, margin=0.02, most=1)(IMAGE, [Text("things")])
    assert torch.equal(one[0].mask, both)
    assert len(one) == 2


def test_the_edge_is_grown_and_blurred():
    best = SegCLIP(EVERYTHING, by_colour, grow=Grow(2, unit="pixels"), blur=0)(IMAGE, [Text("green")])[0].mask
    assert torch.equal(best, Grow(2, unit="pixels")(IMAGE, MASKS["green"]))
    soft = SegCLIP(EVERYTHING, by_colour, grow=None, blur=1 / 48)(IMAGE, [Text("green")])[0].mask
    assert (soft >= MASKS["green"]).all()
    # A straight edge under a Gaussian of one pixel: the error function, half a pixel and one and a half beyond it.
    expected = [0.5 - 0.5 * torch.erf(torch.tensor(x / 2**0.5)) for x in (0.5, 1.5)]
    assert soft[0, 0, 32, 40:42].tolist() == pytest.approx([float(x) for x in expected], abs=0.03)
    assert soft[0, 0, 32, 46] == 0


def test_pieces_are_cut_out():
    crops = cut_out(IMAGE, [MASKS["red"], MASKS["blue"]], side=40, margin=0, background="grey")
    assert crops.shape == (2, 3, 40, 40)
    assert crops[0, :, 20, 20].tolist() == pytest.approx([0.9, 0.1, 0.1])
    assert crops[0, :, 2, 20].tolist() == pytest.approx([0.5] * 3)  # it is wide: there is grey above and below
    mean = cut_out(IMAGE, [MASKS["red"]], side=40, margin=0.5, background="mean")
    assert mean[0, :, 2, 2].tolist() == pytest.approx(IMAGE.mean((2, 3))[0].tolist())
    kept = cut_out(IMAGE, [MASKS["red"]], side=40, margin=0.5, background="keep")
    assert kept[0, :, 31, 15].tolist() == pytest.approx([0.3] * 3)  # in the picture, outside the mask
    assert kept[0, :, 1, 20].tolist() == pytest.approx([0.5] * 3)  # beyond the picture
    assert cut_out(IMAGE, [], side=4, margin=0, background="grey").shape == (0, 3, 4, 4)


def test_the_ranker_gives_the_cosine_of_clip(clip):
    crops, text = noise(1, 3, 3, 32, 32, dtype=torch.float32), "a green bin"
    network = network_of(clip, "CLIPModel")
    pixels = crops - torch.tensor([0.48145466, 0.4578275, 0.40821073])[:, None, None]
    pixels = pixels / torch.tensor([0.26862954, 0.26130258, 0.27577711])[:, None, None]
    cut = clip_tokenizer(77)([f"a photo of {text}"], return_tensors="pt")
    with torch.no_grad():
        whole = network(input_ids=cut["input_ids"], attention_mask=cut["attention_mask"], pixel_values=pixels)
    expected = whole.logits_per_image[:, 0] / network.logit_scale.exp()
    for batch in (1, 2, 32):
        torch.testing.assert_close(CLIPRanker(clip, batch=batch)(crops, text), expected.detach())
    assert not torch.allclose(CLIPRanker(clip, template="{}")(crops, text), expected, atol=1e-3)
    assert CLIPRanker(clip)(noise(1, 2, 3, 50, 40, dtype=torch.float32), text).shape == (2,)
    assert CLIPRanker(clip)(crops[:0], text).shape == (0,)


def test_end_to_end_from_folders(clip, tmp_path):
    steps = []
    sam = SAM(tiny_sam(tmp_path / "segmenter"), everything=Everything(3, least_iou=0, least_stability=0))
    find = SegCLIP(sam, clip, side=32, on_step=lambda step, steps_: steps.append((step, steps_)))
    find.load("cpu")
    found = find(IMAGE, [Text("red")])
    assert found
    assert all(each.mask.shape == (1, 1, 48, 64) and -1 <= each.score <= 1 for each in found)
    assert steps[-1] == (100, 100)
    assert [each.score for each in find.prepare(IMAGE)(IMAGE, [Text("red")])] == [each.score for each in found]
    for other in (copy.deepcopy(find), pickle.loads(pickle.dumps(SegCLIP(sam, clip, side=32)))):
        assert [each.score for each in other(IMAGE, [Text("red")])] == [each.score for each in found]


def test_networks_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "iem.segmenters.segclip.SAM",
        lambda model, **settings: SAM(model, everything=Everything(3, 2, least_iou=0, least_stability=0), **settings),
    )
    tiny_sam(tmp_path / "segmenter")
    tiny_whole_clip(tmp_path / "ranker")
    steps = []
    find = make_segmenter("segclip", weights=tmp_path, batch=1, on_step=lambda *step: steps.append(step))
    assert find(IMAGE, [Text("red")])
    assert steps[:5] == [(10, 100), (20, 100), (30, 100), (40, 100), (50, 100)]  # clicks, two at a time
    assert steps == sorted(steps)
    assert steps[-1] == (100, 100)


def test_cancelling_ends_it():
    def stop(step, steps):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SegCLIP(EVERYTHING, by_colour, on_step=stop)(IMAGE, [Text("red")])


def test_the_yaml_is_the_default():
    settings = OmegaConf.load(Path(__file__).resolve().parents[2] / "conf/segmenter/segclip.yaml")
    assert instantiate(settings) == SegCLIP()


def test_nothing_found_is_no_proposal():
    assert SegCLIP(RegionsOf(lambda image: []), by_colour)(IMAGE, [Text("red")]) == []


@pytest.mark.parametrize(
    ("make", "prompts", "message"),
    [
        (lambda: SegCLIP(EVERYTHING, by_colour), [], "prompts: expected one text .* got none; give"),
        (lambda: SegCLIP(EVERYTHING, by_colour), [Text("a"), Text("b")], "got 2; join them to one"),
        (lambda: SegCLIP(EVERYTHING, by_colour), [Points([(1, 1)])], "expected Text, got Points"),
        (lambda: SegCLIP(EVERYTHING, lambda *_: torch.zeros(2)), [Text("a")], r"expected 3 finite scores.*shape \[2\]"),
        (lambda: SegCLIP(EVERYTHING, lambda *_: torch.full((3,), torch.nan)), [Text("a")], "got NaN or infinity"),
        (lambda: SegCLIP("./nowhere"), [], "segmenter: expected a folder .* no folder ./nowhere"),
        (lambda: SegCLIP(EVERYTHING, "./nowhere"), [], "ranker: expected a folder .* no folder ./nowhere"),
        (
            lambda: SegCLIP(EVERYTHING, by_colour, background="white"),
            [],
            "background: expected one of grey, mean, keep",
        ),
        (lambda: SegCLIP(EVERYTHING, by_colour, margin=-1), [], "margin: expected a finite number of at least 0"),
        (lambda: EVERYTHING, [Text("a")], "prompts: expected none, got Text"),
        (
            lambda: RegionsOf(lambda image: [torch.zeros(1, 1, 2, 2)]),
            [],
            r"masks\[0\]: expected shape \[1, k, 48",
        ),
        (
            lambda: RegionsOf(lambda image: [torch.zeros(1, 2, 48, 64)]),
            [],
            r"masks\[0\]: expected shape \[1, 1, h",
        ),
    ],
)
def test_refusals(make, prompts, message):
    with pytest.raises(ValueError, match=message):
        make()(IMAGE, prompts)


def test_a_text_too_long_is_refused_before_everything_is_segmented(clip):
    def never(image):
        pytest.fail("everything was segmented first")

    with pytest.raises(ValueError, match="text: expected at most 77 tokens"):
        SegCLIP(RegionsOf(never), clip)(IMAGE, [Text("x" * 100)])


def test_parts_of_another_kind_are_refused():
    with pytest.raises(TypeError, match=r"segmenter: expected a segmenter.*got int"):
        SegCLIP(3)
    with pytest.raises(TypeError, match=r"ranker: expected a function.*got int"):
        SegCLIP(EVERYTHING, 3)


def test_our_own_regions_are_ranked():
    found = SegCLIP(PromptedIEM(size=48, most=2), by_colour, **PLAIN)(IMAGE, [Text("green")])
    assert found
    assert found[0].mask.shape == (1, 1, 48, 64)
