"""ControlNet: the published sampler step by step, the contract of an inpainter, and weights that are not there."""

import copy
import pickle
import sys

import pytest
import torch
from references.pictures import noise
from references.tiny_diffusion import tiny_control, tiny_stable_diffusion
from references.tiny_painters import tiny_controlnet

from iem.inpainters import ControlNet
from iem.interfaces import Inpainter

pytest.importorskip("diffusers")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("weights")


@pytest.fixture(scope="module")
def painter(folder):
    return tiny_controlnet(folder)


def scene(height: int, width: int, *, batch: int = 1, seed: int = 1):
    image = noise(seed, batch, 3, height, width).float()
    hole = torch.zeros(batch, 1, height, width)
    hole[..., height // 4 : height // 4 + max(1, height // 2), width // 3 : width // 3 + max(1, width // 2)] = 1
    return image, hole


@torch.no_grad()
def published_loop(pipeline, image, hole, latent_hole, *, prompt, steps, guidance, scale, eta, seed):
    """The DDIM sampler of the published program, written out: what is known is set before each step."""
    generator = torch.Generator().manual_seed(seed)
    texts = []
    for text in (prompt, ""):
        ids = pipeline.tokenizer([text], padding="max_length", max_length=77, return_tensors="pt").input_ids
        texts.append(pipeline.text_encoder(ids)[0])
    control = torch.where(hole == 1, -1.0, image)
    posterior = pipeline.vae.encode(torch.where(hole == 1, 0.0, 2 * image - 1)).latent_dist
    drawn = torch.randn(posterior.mean.shape, generator=generator)
    start = (posterior.mean + posterior.std * drawn) * pipeline.vae.config.scaling_factor
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    alphas = (1 - betas).cumprod(0)
    times = torch.arange(0, 1000, 1000 // steps) + 1
    latents = torch.randn(start.shape, generator=generator)
    for index in reversed(range(steps)):
        time, a = times[index], alphas[times[index]].item()
        before = alphas[times[index - 1]].item() if index else alphas[0].item()
        drawn = torch.randn(start.shape, generator=generator)
        known = a**0.5 * start + (1 - a) ** 0.5 * drawn
        latents = known * (1 - latent_hole) + latents * latent_hole
        said = []
        for text in texts:
            down, middle = pipeline.controlnet(
                latents, time, text, controlnet_cond=control, conditioning_scale=scale, return_dict=False
            )
            said.append(
                pipeline.unet(
                    latents, time, text, down_block_additional_residuals=down, mid_block_additional_residual=middle
                ).sample
            )
        e = said[1] + guidance * (said[0] - said[1])
        sigma = eta * ((1 - before) / (1 - a) * (1 - a / before)) ** 0.5
        clean = (latents - (1 - a) ** 0.5 * e) / a**0.5
        latents = before**0.5 * clean + (1 - before - sigma**2) ** 0.5 * e
        if eta > 0:
            latents = latents + sigma * torch.randn(start.shape, generator=generator)
    decoded = pipeline.vae.decode(latents / pipeline.vae.config.scaling_factor).sample
    return (decoded / 2 + 0.5).clamp(0, 1)


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_samples_as_the_published_program_does(folder, eta):
    """At the size of the networks and without a blur, where nothing but the sampler is left."""
    painter = tiny_controlnet(folder, prompt="a street", added_prompt="clear", steps=5, eta=eta, mask_blur=0, seed=3)
    image = noise(1, 1, 3, 32, 40).float()
    hole = torch.zeros(1, 1, 32, 40)
    hole[..., 8:20, 10:30] = 1
    expected = published_loop(
        painter._pipeline(torch.device("cpu")), image, hole, hole[..., ::2, ::2],
        prompt="a street, clear", steps=5, guidance=7.0, scale=1.0, eta=eta, seed=3,
    )  # fmt: skip
    inside = hole.expand_as(image) == 1
    torch.testing.assert_close(painter(image, hole)[inside], expected[inside], atol=1e-4, rtol=0)


@pytest.mark.parametrize("size", [(50, 70), (32, 32), (3, 1)])
def test_known_pixels_stay_and_hidden_ones_do_not_matter(painter, size):
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


def test_what_is_painted_depends_on_what_is_known_and_on_every_setting(folder, painter):
    image, hole = scene(50, 70)
    painted = painter(image, hole)
    inside = hole.expand_as(image) == 1
    assert painted[inside].std() > 0.01
    assert (painter(1 - image, hole) - painted)[inside].abs().mean() > 0.001
    changes = [
        {"seed": 1}, {"prompt": "a dog"}, {"negative_prompt": "a cat"}, {"added_prompt": ""}, {"steps": 3},
        {"eta": 0.0}, {"guidance": 3.0}, {"guidance": 0.0}, {"conditioning_scale": 0.3}, {"size": 40},
        {"mask_blur": 3.0},
    ]  # fmt: skip
    for change in changes:
        changed = tiny_controlnet(folder, **change)
        changed._pipelines.update(painter._pipelines)  # loading takes longer than two steps
        assert changed != painter
        assert not torch.equal(changed(image, hole)[inside], painted[inside]), change


def test_the_same_again_whatever_was_drawn_before(folder, painter):
    image, hole = scene(40, 48)
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first = tiny_controlnet(folder)(image, hole)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(6)
    assert torch.equal(painter(image, hole), first)


def test_a_batch_is_a_loop_with_a_hole_for_each(painter):
    image, hole = scene(36, 44, batch=3)
    hole[1] = 0
    hole[1, :, 2:9, 30:40] = 1
    hole[2] = 1
    together = painter(image, hole)
    for index in range(3):
        assert torch.equal(together[index : index + 1], painter(image[index : index + 1], hole[index : index + 1]))
    assert bool(together[2].isfinite().all())


def test_an_empty_hole_asks_no_network(folder):
    image, _ = scene(20, 20)
    painter = tiny_controlnet(folder)
    assert torch.equal(painter(image, torch.zeros(1, 1, 20, 20)), image)
    assert not painter._pipelines


def test_a_soft_hole_blends(painter):
    image, hole = scene(40, 40)
    hard, soft = painter(image, hole), painter(image, hole * 0.25)
    torch.testing.assert_close(soft, image * 0.75 + hard * 0.25 + (1 - hole) * 0.25 * (image - hard))


def test_a_red_frame_stays_red(painter):
    image = torch.zeros(1, 3, 48, 48)
    image[:, 0] = 1
    image[:, :, 12:36, 12:36] = torch.tensor([0.0, 0.0, 1.0])[None, :, None, None]
    hole = torch.zeros(1, 1, 48, 48)
    hole[..., 12:36, 12:36] = 1
    painted = painter(image, hole)
    assert bool((painted.where(hole == 0, image) == image).all())
    assert bool((painted != image)[..., 12:36, 12:36].any())


def test_other_precisions_stay(painter):
    image, hole = scene(24, 24)
    assert painter(image.half(), hole.half()).dtype == torch.float16
    assert painter(image.double(), hole.double()).dtype == torch.float64


def test_without_anything_said_no_guidance_is_needed(folder, painter, monkeypatch):
    image, hole = scene(24, 24)
    silent = tiny_controlnet(folder, added_prompt="")
    silent._pipelines.update(painter._pipelines)
    unet, batches = painter._pipelines["cpu"].unet, []
    original = unet.forward
    monkeypatch.setattr(unet, "forward", lambda *a, **k: batches.append(len(a[0])) or original(*a, **k))
    silent(image, hole)
    assert set(batches) == {1}
    painter(image, hole)
    assert batches[-1] == 2


def test_each_step_is_told_and_can_be_the_last(folder):
    told = []
    image, hole = scene(24, 24)
    tiny_controlnet(folder, steps=3, on_step=lambda step, steps: told.append((step, steps)))(image, hole)
    assert told == [(1, 3), (2, 3), (3, 3)]

    def stop(step, steps):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tiny_controlnet(folder, on_step=stop)(image, hole)


def test_copies_load_the_networks_themselves(folder, painter):
    image, hole = scene(24, 24)
    painted = painter(image, hole)
    for twin in (pickle.loads(pickle.dumps(painter)), copy.deepcopy(painter)):
        assert not twin._pipelines
        assert twin == painter
        assert hash(twin) == hash(painter)
        assert torch.equal(twin(image, hole), painted)
    assert len(pickle.dumps(painter)) < 2000
    assert "_pipelines" not in repr(painter)


def test_nothing_is_written_on_the_terminal(folder, capfd):
    tiny_controlnet(folder)(*scene(24, 24))
    assert capfd.readouterr() == ("", "")


class TestWeightsThatDoNotDo:
    """Each is refused with one sentence that names the setting, what was expected, and the remedy."""

    @pytest.fixture
    def refused(self, unchecked):
        def message(base, control, error: type = ValueError, **settings) -> str:
            settings = {"steps": 2, "size": 32, **settings}
            with pytest.raises(error) as caught:
                unchecked("iem.inpainters").ControlNet(base, control, **settings)(*scene(24, 24))
            text = str(caught.value)
            assert "\n" not in text
            return text

        return message

    def test_a_name_that_was_not_fetched(self, refused, folder, capfd, monkeypatch, tmp_path):
        monkeypatch.setenv("IEM_WEIGHTS", str(tmp_path))
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
        painter = tiny_controlnet(folder)
        text = refused(painter.base, "controlnet-inpaint")
        assert text.startswith("controlnet: expected a ControlNet for Stable Diffusion 1.5, got controlnet-inpaint, ")
        assert "iem models get controlnet-inpaint" in text
        assert not capfd.readouterr().err
        text = refused("stable-diffusion-v1-5", painter.controlnet)
        assert text.startswith(
            "base: expected Stable Diffusion 1.5 as diffusers lays it out, got stable-diffusion-v1-5"
        )
        assert "iem models get stable-diffusion-v1-5" in text
        text = refused("nobody/has-such-a-model", painter.controlnet)
        assert text.startswith(
            "base: expected Stable Diffusion 1.5 as diffusers lays it out, got nobody/has-such-a-model"
        )

    def test_a_path_of_no_folder(self, refused, folder, tmp_path):
        painter = tiny_controlnet(folder)
        assert "found no folder" in refused(tmp_path / "nothing", painter.controlnet)
        assert "controlnet: expected a folder or a name of `iem models list`" in refused(painter.base, "./nothing")
        assert "got ''" in refused("", painter.controlnet)

    def test_folders_of_something_else(self, refused, folder, tmp_path):
        painter = tiny_controlnet(folder)
        assert "something else or only a part of it" in refused(painter.controlnet, painter.controlnet)
        assert "something else or only a part of it" in refused(painter.base, tmp_path)
        wide = tiny_stable_diffusion(tmp_path / "nine", channels=9)
        assert "expected a UNet of 4 input channels, got 9" in refused(wide, painter.controlnet)
        other = tiny_control(tmp_path / "other", cross_attention_dim=16)
        assert "give two that belong together" in refused(painter.base, other)

    def test_a_truncated_folder(self, refused, folder, tmp_path):
        painter = tiny_controlnet(folder)
        part = tiny_control(tmp_path / "part")
        weights = part / "diffusion_pytorch_model.safetensors"
        weights.write_bytes(weights.read_bytes()[:1000])
        assert refused(painter.base, part).startswith("controlnet: ")
        weights.unlink()
        assert refused(painter.base, part).startswith("controlnet: ")

    def test_no_extra(self, refused, folder, monkeypatch):
        painter = tiny_controlnet(folder)
        monkeypatch.setitem(sys.modules, "diffusers", None)
        text = refused(painter.base, painter.controlnet, ImportError)
        assert text.startswith("ControlNet: expected the package diffusers, which is not installed; ")
        assert 'pip install "iem[diffusion]"' in text

    def test_a_prompt_that_is_not_read_to_its_end(self, refused, folder):
        painter = tiny_controlnet(folder)
        text = refused(painter.base, painter.controlnet, prompt="word " * 50)
        assert text.startswith("prompt: expected at most 75 tokens, got ")
        assert refused(painter.base, painter.controlnet, negative_prompt="x" * 76).startswith("negative_prompt: ")


def test_loading_before_painting(folder, tmp_path):
    painter = tiny_controlnet(folder)
    painter.load()
    assert list(painter._pipelines) == ["cpu"]
    with pytest.raises(ValueError, match="controlnet: expected a ControlNet"):
        ControlNet(painter.base, tmp_path).load()


@pytest.mark.parametrize(
    "settings",
    [{"steps": 0}, {"guidance": -1.0}, {"eta": 1.5}, {"seed": -1}, {"size": 0}, {"mask_blur": -1.0}, {"prompt": None}],
)
def test_wrong_settings_are_refused_in_one_sentence(unchecked, folder, settings):
    with pytest.raises(ValueError, match=rf"^{next(iter(settings))}: expected "):
        unchecked("iem.inpainters").ControlNet("a/b", "c/d", **settings)


def test_wrong_input_is_refused_in_one_sentence(unchecked):
    painter = unchecked("iem.inpainters").ControlNet("a/b", "c/d")
    image, hole = scene(16, 16)
    with pytest.raises(ValueError, match=r"ControlNet: .* no gradient flows"):
        painter(image, hole.requires_grad_())
    with pytest.raises(ValueError, match=r"hole: expected shape"):
        painter(image, hole[..., :8])


@pytest.mark.gpu
def test_half_precision_and_offloading(folder):
    on_gpu = tiny_controlnet(folder, device="cuda", eta=0.0, steps=10)
    image, hole = scene(40, 48)
    painted = on_gpu(image, hole)
    pipeline = on_gpu._pipelines["cuda"]
    assert pipeline.unet.dtype == pipeline.controlnet.dtype == torch.float16
    assert pipeline.unet.device.type == pipeline.text_encoder.device.type == "cpu", "each network waits for its turn"
    assert painted.device.type == "cpu"
    torch.testing.assert_close(painted, tiny_controlnet(folder, eta=0.0, steps=10)(image, hole), atol=0.05, rtol=0)
    assert torch.equal(on_gpu(image.cuda(), hole.cuda()).cpu(), painted)
