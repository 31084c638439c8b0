"""Stable Diffusion: the sampler step by step with both kinds of network, the contract, and weights that do not do."""

import copy
import json
import pickle
import sys

import pytest
import torch
from references.pictures import noise
from references.tiny_diffusion import tiny_control, tiny_stable_diffusion
from references.tiny_stable_diffusion_inpainting import tiny_stable_diffusion_inpainting

from iem.inpainters import Harmonic, StableDiffusion
from iem.interfaces import Inpainter

pytest.importorskip("diffusers")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("weights")


@pytest.fixture(scope="module")
def loaded(folder):
    """Painters that share their networks: loading takes longer than two steps."""
    known = {}

    def painter(channels: int = 9, **settings) -> StableDiffusion:
        made = tiny_stable_diffusion_inpainting(folder, channels=channels, **settings)
        if channels not in known:
            made.load()
            known[channels] = made._pipelines["cpu"]
        made._pipelines["cpu"] = known[channels]
        return made

    return painter


def scene(height: int, width: int, *, batch: int = 1, seed: int = 1):
    image = noise(seed, batch, 3, height, width).float()
    hole = torch.zeros(batch, 1, height, width)
    hole[..., height // 4 : height // 4 + max(1, height // 2), width // 3 : width // 3 + max(1, width // 2)] = 1
    return image, hole


@torch.no_grad()
def written_out(pipeline, image, hole, *, prompt, steps, strength, guidance, eta, seed):
    """DDIM in latents of two pixels each, conditioned (9 channels) or held to what is known (4)."""
    generator = torch.Generator().manual_seed(seed)
    texts = []
    for text in (prompt, ""):
        ids = pipeline.tokenizer([text], padding="max_length", max_length=77, return_tensors="pt").input_ids
        texts.append(pipeline.text_encoder(ids)[0])

    def encode(picture):
        posterior = pipeline.vae.encode(2 * picture - 1).latent_dist
        drawn = torch.randn(posterior.mean.shape, generator=generator)
        return (posterior.mean + posterior.std * drawn) * pipeline.vae.config.scaling_factor

    nine = pipeline.unet.config.in_channels == 9
    free = hole[..., ::2, ::2]
    seen = encode(torch.where(hole == 1, 0.5, image))
    start = encode(Harmonic()(image, hole)) if not nine or strength < 1 else None
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    alphas = (1 - betas).cumprod(0)
    times = (torch.arange(0, 1000, 1000 // steps) + 1)[: int(steps * strength)]
    drawn = torch.randn(seen.shape, generator=generator)

    def noisy(index):
        a = alphas[times[index]].item()
        return a**0.5 * start + (1 - a) ** 0.5 * drawn

    latents = drawn if strength == 1 else noisy(len(times) - 1)
    for index in reversed(range(len(times))):
        a = alphas[times[index]].item()
        before = alphas[times[index - 1]].item() if index else alphas[0].item()
        shown = torch.cat([latents, free, seen], 1) if nine else latents
        said = [pipeline.unet(shown, times[index], text).sample for text in texts]
        e = said[1] + guidance * (said[0] - said[1])
        sigma = eta * ((1 - before) / (1 - a) * (1 - a / before)) ** 0.5
        clean = (latents - (1 - a) ** 0.5 * e) / a**0.5
        latents = before**0.5 * clean + (1 - before - sigma**2) ** 0.5 * e
        if eta > 0:
            latents = latents + sigma * torch.randn(latents.shape, generator=generator)
        if not nine:
            known = noisy(index - 1) if index else start
            latents = known * (1 - free) + latents * free
    decoded = pipeline.vae.decode(latents / pipeline.vae.config.scaling_factor).sample
    return (decoded / 2 + 0.5).clamp(0, 1)


@pytest.mark.parametrize(
    ("channels", "strength", "eta"),
    [
        (9, 1.0, 0.0),
        (9, 0.5, 1.0),
        (4, 0.5, 0.0),
        *(
            pytest.param(*each, marks=pytest.mark.slow)
            for each in [(9, 0.5, 0.0), (9, 1.0, 1.0), (4, 1.0, 0.0), (4, 1.0, 1.0)]
        ),
    ],
)
def test_samples_as_written_out(loaded, channels, strength, eta):
    """At the size of the networks and with a hole of whole latents, where nothing but the sampler is left."""
    settings = {"prompt": "a street", "steps": 5, "guidance": 3.0, "strength": strength, "eta": eta, "seed": 3}
    painter = loaded(channels, **settings)
    image = noise(1, 1, 3, 32, 40).float()
    hole = torch.zeros(1, 1, 32, 40)
    hole[..., 8:20, 10:30] = 1
    expected = written_out(painter._pipelines["cpu"], image, hole, **settings)
    inside = hole.expand_as(image) == 1
    torch.testing.assert_close(painter(image, hole)[inside], expected[inside], atol=1e-4, rtol=0)


@pytest.mark.parametrize(("channels", "strength"), [(9, 1.0), (9, 0.5), (4, 1.0), (4, 0.5)])
@pytest.mark.parametrize("size", [(50, 70), (3, 1)])
def test_known_pixels_stay_and_hidden_ones_do_not_matter(loaded, channels, strength, size):
    painter = loaded(channels, strength=strength)
    image, hole = scene(*size)
    painted = painter(image, hole)
    known = hole.expand_as(image) == 0
    assert isinstance(painter, Inpainter)
    assert not painter.differentiable
    assert torch.equal(painted[known], image[known])
    assert painted.shape == image.shape
    assert bool(((painted >= 0) & (painted <= 1)).all())
    other = torch.where(known, image, torch.nan)
    assert torch.equal(painter(other, hole), painted)


@pytest.mark.parametrize("channels", [9, pytest.param(4, marks=pytest.mark.slow)])
def test_what_is_painted_depends_on_what_is_known_and_on_every_setting(loaded, channels):
    painter = loaded(channels, prompt="a street")
    image, hole = scene(50, 70)
    painted = painter(image, hole)
    inside = hole.expand_as(image) == 1
    assert painted[inside].std() > 0.01
    assert (painter(1 - image, hole) - painted)[inside].abs().mean() > 1e-4
    changes = [
        {"seed": 1}, {"prompt": "a dog"}, {"negative_prompt": "a cat"}, {"steps": 3}, {"eta": 1.0},
        {"guidance": 3.0}, {"guidance": 0.0}, {"strength": 0.5}, {"size": 24},
    ]  # fmt: skip
    for change in changes:
        changed = loaded(channels, **{"prompt": "a street", **change})
        assert changed != painter
        assert not torch.equal(changed(image, hole)[inside], painted[inside]), change


@pytest.mark.parametrize("channels", [9, 4])
def test_a_thin_hole_is_not_lost(loaded, channels, monkeypatch):
    """One pixel wide, where the latents' own pixels lie beside it."""
    painter = loaded(channels)
    image, hole = torch.full((1, 3, 32, 32), 0.9), torch.zeros(1, 1, 32, 32)
    hole[..., 15] = 1
    unet, seen = painter._pipelines["cpu"].unet, []
    original = unet.forward
    monkeypatch.setattr(unet, "forward", lambda *a, **k: seen.append(a[0]) or original(*a, **k))
    first, other = painter(image, hole), loaded(channels, seed=5)(image, hole)
    assert not torch.equal(first, other)
    if channels == 9:
        assert bool((seen[0][:, 4, :, 7] == 1).all())
        assert seen[0][0, 4].sum() == 16


def test_known_values_beyond_the_range_are_cut_for_the_networks_alone(loaded):
    image, hole = scene(32, 32)
    far = torch.where(hole == 0, 3 * image - 1, image)
    painted = loaded()(far, hole)
    known = hole.expand_as(image) == 0
    assert torch.equal(painted[known], far[known])
    assert torch.equal(painted[~known], loaded()(far.clamp(0, 1), hole)[~known])


@torch.no_grad()
def test_the_less_strength_the_closer_to_the_harmonic_fill(loaded, monkeypatch):
    """What the first step is given."""
    image, hole = scene(32, 32)
    pipeline = loaded(4)._pipelines["cpu"]
    start = pipeline.vae.encode(2 * Harmonic()(image, hole) - 1).latent_dist.mean * pipeline.vae.config.scaling_factor
    seen = []
    monkeypatch.setattr(pipeline.scheduler, "step", lambda _, __, latents, **___: seen.append(latents) or [latents])

    def stop(step, steps):
        raise KeyboardInterrupt

    for strength in (0.02, 0.5, 1.0):
        with pytest.raises(KeyboardInterrupt):
            loaded(4, strength=strength, steps=50, on_step=stop)(image, hole)
    distances = [float((first - start).abs().mean()) for first in seen]
    assert distances == sorted(distances)
    assert distances[0] < 0.3 * distances[2]


def test_two_prompts_that_are_the_same_need_no_guidance(loaded, monkeypatch):
    painter = loaded(prompt="a cat", negative_prompt="a cat")
    image, hole = scene(24, 24)
    unet, batches = painter._pipelines["cpu"].unet, []
    original = unet.forward
    monkeypatch.setattr(unet, "forward", lambda *a, **k: batches.append(len(a[0])) or original(*a, **k))
    assert torch.equal(painter(image, hole), loaded(prompt="a cat", guidance=0.0)(image, hole))
    assert set(batches) == {1}
    loaded(prompt="a dog")(image, hole)
    assert batches[-1] == 2


def test_the_same_again_whatever_was_drawn_before(folder, loaded):
    image, hole = scene(40, 48)
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first = tiny_stable_diffusion_inpainting(folder)(image, hole)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(6)
    assert torch.equal(loaded()(image, hole), first)


@pytest.mark.parametrize("channels", [9, pytest.param(4, marks=pytest.mark.slow)])
def test_a_batch_is_a_loop_with_a_hole_for_each(loaded, channels):
    painter = loaded(channels)
    image, hole = scene(36, 44, batch=4)
    hole[1] = 0
    hole[1, :, 2:9, 30:40] = 1
    hole[2] = 1
    hole[3] = 0
    together = painter(image, hole)
    for index in range(4):
        assert torch.equal(together[index : index + 1], painter(image[index : index + 1], hole[index : index + 1]))
    assert bool(together[2].isfinite().all())
    assert torch.equal(together[3], image[3])


def test_an_empty_hole_asks_no_network():
    image, _ = scene(20, 20)
    painter = StableDiffusion("nobody/has-such-a-model")
    assert torch.equal(painter(image, torch.zeros(1, 1, 20, 20)), image)
    assert painter(image[:0], image[:0, :1]).shape == (0, 3, 20, 20)


def test_a_soft_hole_blends(loaded):
    image, hole = scene(40, 40)
    hard, soft = loaded()(image, hole), loaded()(image, hole * 0.25)
    torch.testing.assert_close(soft, image * 0.75 + hard * 0.25 + (1 - hole) * 0.25 * (image - hard))


def test_other_precisions_stay(loaded):
    image, hole = scene(24, 24)
    assert loaded()(image.half(), hole.half()).dtype == torch.float16
    assert loaded()(image.double(), hole.double()).dtype == torch.float64


@pytest.mark.parametrize(("strength", "run"), [(1.0, 4), (0.5, 2)])
def test_each_step_is_told_and_can_be_the_last(loaded, strength, run):
    told = []
    image, hole = scene(24, 24)
    settings = {"steps": 4, "strength": strength}
    expected = loaded(**settings, on_step=lambda *step: told.append(step))(image, hole)
    assert told == [(step, run) for step in range(1, run + 1)]

    def stop(step, steps):
        told.append("last")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loaded(**settings, on_step=stop)(image, hole)
    assert told.count("last") == 1
    assert torch.equal(loaded(**settings)(image, hole), expected), "what was stopped must not leave traces"


def test_copies_load_the_networks_themselves(loaded):
    painter = loaded()
    for twin in (pickle.loads(pickle.dumps(painter)), copy.deepcopy(painter)):
        assert not twin._pipelines
        assert twin == painter
        assert hash(twin) == hash(painter)
    assert len(pickle.dumps(painter)) < 2000
    assert "_pipelines" not in repr(painter)


def test_nothing_is_written_on_the_terminal(folder, capfd):
    tiny_stable_diffusion_inpainting(folder)(*scene(24, 24))
    assert capfd.readouterr() == ("", "")


def test_a_folder_as_published_names_parts_that_were_not_fetched(folder, loaded, tmp_path):
    """The safety checker and the encoder of pictures: they are not asked for."""
    weights = tiny_stable_diffusion(tmp_path / "whole", channels=9)
    index = json.loads((weights / "model_index.json").read_text())
    index["safety_checker"] = ["stable_diffusion", "StableDiffusionSafetyChecker"]
    index["feature_extractor"] = ["transformers", "CLIPImageProcessor"]
    index["requires_safety_checker"] = True
    (weights / "model_index.json").write_text(json.dumps(index))
    image, hole = scene(24, 24)
    assert torch.equal(StableDiffusion(weights, steps=2, size=32)(image, hole), loaded()(image, hole))


def test_a_folder_of_half_precision_alone(folder, loaded, tmp_path):
    pipeline = loaded()._pipelines["cpu"]
    pipeline.save_pretrained(tmp_path / "half", variant="fp16")
    image, hole = scene(24, 24)
    painted = StableDiffusion(tmp_path / "half", steps=2, size=32)(image, hole)
    assert torch.equal(painted, loaded()(image, hole))


class TestWeightsThatDoNotDo:
    """Each is refused with one sentence that names the setting, what was expected, and the remedy."""

    @pytest.fixture
    def refused(self, unchecked):
        def message(model, error: type = ValueError, **settings) -> str:
            settings = {"steps": 2, "size": 32, **settings}
            with pytest.raises(error) as caught:
                unchecked("iem.inpainters").StableDiffusion(model, **settings)(*scene(24, 24))
            text = str(caught.value)
            assert "\n" not in text
            return text

        return message

    def test_a_name_that_was_not_fetched(self, refused, capfd, monkeypatch, tmp_path):
        monkeypatch.setenv("IEM_WEIGHTS", str(tmp_path))
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
        text = refused("stable-diffusion-inpainting")
        assert text.startswith(
            "model: expected Stable Diffusion, for inpainting or not, as diffusers lays it out, got "
        )
        assert "iem models get stable-diffusion-inpainting" in text
        assert not capfd.readouterr().err

    def test_a_path_of_no_folder(self, refused, tmp_path):
        assert "found no folder" in refused(tmp_path / "nothing")
        assert "model: expected a folder or a name of `iem models list`" in refused("./nothing")
        assert "got ''" in refused("")

    def test_folders_of_something_else(self, refused, tmp_path):
        assert "something else or only a part of it" in refused(tiny_control(tmp_path / "control"))
        (tmp_path / "empty").mkdir()
        assert "something else or only a part of it" in refused(tmp_path / "empty")
        wide = tiny_stable_diffusion(tmp_path / "eight", channels=8)
        assert "expected a UNet of 4 or 9 input channels, got 8" in refused(wide)

    def test_a_truncated_folder(self, refused, tmp_path):
        part = tiny_stable_diffusion(tmp_path / "part", channels=9)
        weights = part / "unet/diffusion_pytorch_model.safetensors"
        weights.write_bytes(weights.read_bytes()[:1000])
        assert "only a part of it" in refused(part)
        weights.unlink()
        assert "only a part of it" in refused(part)

    def test_no_extra(self, refused, monkeypatch):
        monkeypatch.setitem(sys.modules, "diffusers", None)
        assert refused("a/b", ImportError).startswith("StableDiffusion: expected the package diffusers, which is not")

    def test_a_prompt_that_is_not_read_to_its_end(self, refused, loaded):
        model = loaded().model
        assert refused(model, prompt="word " * 50).startswith("prompt: expected at most 75 tokens, got ")
        assert refused(model, negative_prompt="x" * 76).startswith("negative_prompt: ")


@pytest.mark.parametrize(
    "settings",
    [
        {"steps": 0},
        {"guidance": -1.0},
        {"strength": 0.0},
        {"strength": 1.5},
        {"strength": 0.01},
        {"eta": 1.5},
        {"seed": -1},
        {"size": 0},
        {"prompt": None},
        {"negative_prompt": 3},
    ],
)
def test_wrong_settings_are_refused_in_one_sentence(unchecked, settings):
    with pytest.raises(ValueError, match=rf"^{next(iter(settings))}: expected "):
        unchecked("iem.inpainters").StableDiffusion("a/b", **settings)


def test_wrong_input_is_refused_in_one_sentence(unchecked):
    painter = unchecked("iem.inpainters").StableDiffusion("a/b")
    image, hole = scene(16, 16)
    with pytest.raises(ValueError, match=r"StableDiffusion: .* no gradient flows"):
        painter(image, hole.requires_grad_())
    with pytest.raises(ValueError, match=r"hole: expected shape"):
        painter(image, hole[..., :8])


@pytest.mark.gpu
@pytest.mark.parametrize("channels", [9, 4])
def test_half_precision_and_offloading(loaded, folder, channels):
    painter = tiny_stable_diffusion_inpainting(folder, channels=channels, device="cuda", steps=10)
    image, hole = scene(40, 48)
    painted = painter(image, hole)
    pipeline = painter._pipelines["cuda"]
    assert pipeline.unet.dtype == pipeline.vae.dtype == torch.float16
    assert pipeline.unet.device.type == pipeline.text_encoder.device.type == "cpu", "each network waits for its turn"
    assert painted.device.type == "cpu"
    torch.testing.assert_close(painted, loaded(channels, steps=10)(image, hole), atol=0.05, rtol=0)
    assert torch.equal(painter(image.cuda(), hole.cuda()).cpu(), painted)
