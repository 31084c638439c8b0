"""DiffEdit: the mask of the published pipeline from the same noise, key points, and what is refused."""

import pickle
import warnings
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from references.pictures import smooth
from references.tiny_diffusion import silent, tiny_stable_diffusion

from iem.interfaces import Proposal, Segmenter
from iem.prompts import Points, Text
from iem.segmenters import SAM, DiffEdit, PromptedIEM
from iem.segmenters.key_points import key_points

diffusers = pytest.importorskip("diffusers")
IMAGE = smooth(3, 1, 3, 32, 40, dtype=torch.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_stable_diffusion(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def editor(folder):
    """Segmenters that share their networks."""
    first = DiffEdit(folder)
    first.load("cpu")

    def make(**settings) -> DiffEdit:
        made = DiffEdit(folder, **{"size": 32, "draws": 2, "steps": 10, **settings})
        object.__setattr__(made, "_pipelines", first._pipelines)
        return made

    return make


def published(folder, source: str, target: str, **settings):
    """``[h, w]`` of 0 and 1 by diffusers' own, deprecated pipeline."""
    from diffusers.pipelines.deprecated.stable_diffusion_diffedit import StableDiffusionDiffEditPipeline

    with silent(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline = StableDiffusionDiffEditPipeline.from_pretrained(
            folder, inverse_scheduler=None, safety_checker=None, feature_extractor=None
        )
        pipeline.scheduler = diffusers.DDIMScheduler.from_config(
            pipeline.scheduler.config, clip_sample=False, steps_offset=1, timestep_spacing="leading"
        )
        pipeline.set_progress_bar_config(disable=True)
        return torch.from_numpy(
            pipeline.generate_mask(image=IMAGE, source_prompt=source, target_prompt=target, **settings)[0]
        )


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ({}, {}),
        ({"guidance": 2.0, "strength": 0.8}, {"guidance_scale": 2.0, "mask_encode_strength": 0.8}),
        ({"draws": 3, "clamp": 1.7, "steps": 50}, {"num_maps_per_mask": 3, "mask_thresholding_ratio": 1.7,
                                                  "num_inference_steps": 50}),
    ],
    ids=["defaults", "noisy", "clamped"],
)  # fmt: skip
def test_the_mask_is_the_published_one_from_the_same_noise(editor, folder, mine, theirs):
    settings = {"num_maps_per_mask": 2, "num_inference_steps": 10, **theirs}
    generator = torch.Generator().manual_seed(5)
    expected = published(folder, "a dog in a street", "a street", generator=generator, **settings)
    find = editor(source="{} in a street", target="a street", seed=5, **mine)
    relevance = find.relevance(IMAGE, "a dog")[0, 0]
    assert relevance.shape == expected.shape == (16, 20)
    assert torch.equal((relevance > 0.5).long(), expected)
    assert 0 < expected.float().mean() < 1


def test_proposal(editor):
    find = editor(size=32)
    (found,) = find(smooth(3, 1, 3, 37, 50, dtype=torch.float32), [Text("a dog")])
    assert isinstance(find, Segmenter)
    assert found.mask.shape == (1, 1, 37, 50)
    assert set(found.mask.unique().tolist()) == {0.0, 1.0}
    assert 0 < found.score < 1
    assert found.label == "a dog"
    area = float(found.mask.sum())
    smaller = editor(size=32, threshold=0.6)(smooth(3, 1, 3, 37, 50, dtype=torch.float32), [Text("a dog")])
    assert 0 < float(smaller[0].mask.sum()) < area


def test_where_words_do_not_matter_nothing_is_proposed(editor):
    assert editor(target="a dog")(IMAGE, [Text("a dog")]) == []
    assert editor(target="a dog").relevance(IMAGE, "a dog").max() == 0
    assert editor(target="a dog", segmenter=PromptedIEM(size=32))(IMAGE, [Text("a dog")]) == []


def test_without_guidance_the_network_is_asked_half_as_often(editor, monkeypatch):
    find = editor(guidance=1.0, draws=1)
    unet, asked = find._pipeline(torch.device("cpu")).unet, []
    forward = unet.forward

    def counted(latents, *arguments, **settings):
        asked.append(len(latents))
        return forward(latents, *arguments, **settings)

    monkeypatch.setattr(unet, "forward", counted)
    plain = find.relevance(IMAGE, "a dog")
    guided = editor(guidance=1.001, draws=1).relevance(IMAGE, "a dog")
    assert asked == [2, 4]
    torch.testing.assert_close(plain, guided, atol=2e-3, rtol=0)


def test_the_seed_decides(editor):
    first, again, other = (editor(seed=seed).relevance(IMAGE, "a dog") for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_key_points_ask_another_segmenter(editor):
    asked = []

    class Clicked:
        answers = (Points,)

        def __call__(self, image, prompts):
            asked.extend(prompts)
            return [Proposal(torch.ones(1, 1, 32, 40), 1.0)]

    find = editor(segmenter=Clicked(), key_points=2, key_threshold=0.6)
    assert find(IMAGE, [Text("a dog")])[0].score == 1.0
    (points,) = asked
    assert 1 <= len(points.xy) <= 2
    relevance = find.relevance(IMAGE, "a dog")[0, 0]
    assert all(relevance[int(y / 2), int(x / 2)] > 0.6 for x, y in points.xy)


def test_key_points_are_in_the_middle_of_strong_pieces():
    found = torch.full((1, 1, 20, 30), 0.5)
    found[..., 2:9, 3:10] = 1.0  # its middle is row 5, column 6
    found[..., 12:17, 20:25] = 0.9
    found[..., 18, 2] = 1.0  # chance
    assert key_points(found, (40, 90)).xy == ((19.5, 11.0), (67.5, 29.0))
    assert key_points(found, (40, 90), most=1).xy == ((19.5, 11.0),)
    assert key_points(found, (40, 90), threshold=0.95).xy == ((19.5, 11.0),)
    assert key_points(torch.full((1, 1, 4, 4), 0.5), (8, 8)) is None


def test_progress_and_cancelling(editor):
    steps = []

    def stop(step, steps_):
        steps.append((step, steps_))
        if step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        editor(draws=4, on_step=stop)(IMAGE, [Text("a dog")])
    assert steps == [(1, 4), (2, 4)]


def test_the_yaml_is_the_default():
    settings = OmegaConf.load(Path(__file__).resolve().parents[2] / "conf/segmenter/diffedit.yaml")
    assert instantiate(OmegaConf.merge(settings, {"seed": 0})) == DiffEdit()


def test_copies_load_anew(folder):
    other = pickle.loads(pickle.dumps(DiffEdit(folder, draws=3)))
    assert other == DiffEdit(folder, draws=3)


def test_the_variant_for_inpainting_is_refused(tmp_path):
    with pytest.raises(ValueError, match="model: expected a UNet of 4 input channels, got 9 in "):
        DiffEdit(tiny_stable_diffusion(tmp_path, channels=9)).load()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"source": "a street"}, "source: expected a text with {} where the words go"),
        ({"strength": 0.01}, "strength: expected at least one step of 50, got 0.01"),
        ({"draws": 0}, "draws: expected a whole number from 1"),
        ({"threshold": 1.5}, "threshold: expected a finite number from 0 to 1"),
        ({"segmenter": SAM}, "segmenter: expected one that answers points, got type"),
    ],
)
def test_settings_are_checked(settings, message):
    with pytest.raises(ValueError, match=message):
        DiffEdit(**settings)


def test_prompts_are_checked(editor):
    with pytest.raises(ValueError, match="expected Text, got Points"):
        editor()(IMAGE, [Points([(1, 1)])])
    with pytest.raises(ValueError, match=r"expected one text .* got none"):
        editor()(IMAGE, [])
    with pytest.raises(ValueError, match="text: expected at most 75 tokens, got 100"):
        editor()(IMAGE, [Text("x" * 100)])
