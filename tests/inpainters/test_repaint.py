"""RePaint: against diffusers' own pipeline, the paper's schedule, the contract, and weights that do not do."""

import copy
import json
import pickle
import sys
from types import SimpleNamespace

import pytest
import torch
from references.pictures import noise
from references.tiny_diffusion import silent, tiny_stable_diffusion
from references.tiny_repaint import tiny_ddpm, tiny_repaint

from iem.inpainters import RePaint
from iem.interfaces import Inpainter

diffusers = pytest.importorskip("diffusers")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("weights")


@pytest.fixture(scope="module")
def painter(folder):
    return tiny_repaint(folder)


def scene(height: int, width: int, *, batch: int = 1, seed: int = 1):
    image = noise(seed, batch, 3, height, width).float()
    hole = torch.zeros(batch, 1, height, width)
    hole[..., height // 4 : height // 4 + max(1, height // 2), width // 3 : width // 3 + max(1, width // 2)] = 1
    return image, hole


def published(model, image, hole, *, steps, seed, **settings) -> torch.Tensor:
    """What the pipeline of diffusers paints, whose mask is 1 where the picture is known."""
    with silent():
        pipeline = diffusers.RePaintPipeline(
            unet=diffusers.UNet2DModel.from_pretrained(model),
            scheduler=diffusers.RePaintScheduler.from_pretrained(model),
        )
        pipeline.set_progress_bar_config(disable=True)
        found = pipeline(
            image=2 * image - 1, mask_image=1 - hole, num_inference_steps=steps, output_type="np",
            generator=torch.Generator().manual_seed(seed), **settings,
        )  # fmt: skip
    return torch.from_numpy(found.images).permute(0, 3, 1, 2)


@pytest.mark.filterwarnings("ignore:The preprocess method is deprecated:FutureWarning")
@pytest.mark.parametrize(
    "settings",
    [
        {"steps": 5, "jump_length": 2, "jump_n_sample": 3, "eta": 1.0},
        {"steps": 5, "jump_length": 1, "jump_n_sample": 2, "eta": 0.0},
        {"steps": 2, "jump_length": 10, "jump_n_sample": 10, "eta": 0.5},
    ],
)
def test_paints_as_the_pipeline_of_diffusers(folder, settings):
    painter = tiny_repaint(folder, seed=4, **settings)
    image, hole = scene(32, 32)
    expected = published(painter.model, image, hole, seed=4, **settings)
    torch.testing.assert_close(painter(image, hole), expected, atol=1e-5, rtol=0)


class Counting:
    """A network that finds no noise, and counts."""

    device, dtype = torch.device("cpu"), torch.float32
    config = SimpleNamespace(block_out_channels=(8, 16))

    def __init__(self):
        self.times = []

    def __call__(self, sample, time):
        self.times.append(time)
        return SimpleNamespace(sample=torch.zeros_like(sample))


def test_the_schedule_of_the_paper(folder):
    """4570 entries of T = 250 and jumps of 10 by 10, of which 2410 ask the network; told one by one."""
    told = []
    painter = RePaint(tiny_repaint(folder).model, size=8, on_step=lambda *step: told.append(step))
    network, (_, scheduler) = Counting(), painter._network(torch.device("cpu"))
    painter._networks["cpu"] = network, scheduler
    painter(*scene(8, 8))
    assert len(scheduler.timesteps) == 4570
    assert len(network.times) == 2410
    assert (network.times[0], network.times[-1]) == (996, 0)
    assert network.times.count(0) == 10
    assert told == [(step, 2410) for step in range(1, 2411)]


class FlatPictures:
    """The best denoiser of pictures of one colour, each channel of it drawn from N(0, 1)."""

    device, dtype = torch.device("cpu"), torch.float32
    config = SimpleNamespace(block_out_channels=(8, 16))

    def __init__(self, scheduler):
        self.alphas = scheduler.alphas_cumprod

    def __call__(self, sample, time):
        a = self.alphas[time]
        colour = a.sqrt() * sample.sum((2, 3), keepdim=True) / (1 - a + a * sample[0, 0].numel())
        return SimpleNamespace(sample=(sample - a.sqrt() * colour) / (1 - a).sqrt())


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_a_network_that_knows_flat_pictures_fills_in_their_colour(folder, eta):
    """What is painted is the hole, not the picture around it; and the channels are in order."""
    image = torch.tensor([0.9, 0.5, 0.2])[None, :, None, None].expand(1, 3, 32, 32)
    hole = torch.zeros(1, 1, 32, 32)
    hole[..., 4:28, 4:28] = 1
    painter = RePaint(tiny_repaint(folder).model, steps=50, jump_length=5, jump_n_sample=2, eta=eta, size=32)
    scheduler = painter._network(torch.device("cpu"))[1]
    painter._networks["cpu"] = FlatPictures(scheduler), scheduler
    painted = painter(torch.where(hole == 1, 1 - image, image), hole)
    torch.testing.assert_close(painted, image, atol=0.02, rtol=0)


@pytest.mark.parametrize("size", [(50, 70), (32, 32), (3, 1), (1, 7)])
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


def test_what_is_painted_depends_on_what_is_known_and_on_every_setting(folder):
    settings = {"steps": 4, "jump_length": 1, "jump_n_sample": 2, "size": 16}
    image, hole = scene(20, 24)
    painter = tiny_repaint(folder, **settings)
    painted = painter(image, hole)
    inside = hole.expand_as(image) == 1
    assert painted[inside].std() > 0.01
    assert (painter(1 - image, hole) - painted)[inside].abs().mean() > 0.001
    for change in [{"seed": 1}, {"steps": 5}, {"jump_length": 2}, {"jump_n_sample": 3}, {"eta": 0.0}, {"size": 12}]:
        changed = tiny_repaint(folder, **{**settings, **change})
        assert changed != painter
        assert not torch.equal(changed(image, hole)[inside], painted[inside]), change


def test_the_same_again_whatever_was_drawn_before(folder, painter):
    image, hole = scene(40, 48)
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first = tiny_repaint(folder)(image, hole)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(6)
    assert torch.equal(painter(image, hole), first)


def test_a_batch_is_a_loop_with_a_hole_for_each(painter):
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
    painter = RePaint("nobody/has-such-a-model")
    assert torch.equal(painter(image, torch.zeros(1, 1, 20, 20)), image)
    assert painter(image[:0], image[:0, :1]).shape == (0, 3, 20, 20)


def test_a_soft_hole_blends(painter):
    image, hole = scene(40, 40)
    hard, soft = painter(image, hole), painter(image, hole * 0.25)
    torch.testing.assert_close(soft, image * 0.75 + hard * 0.25 + (1 - hole) * 0.25 * (image - hard))


def test_other_precisions_stay(painter):
    image, hole = scene(24, 24)
    assert painter(image.half(), hole.half()).dtype == torch.float16
    assert painter(image.double(), hole.double()).dtype == torch.float64


def test_it_can_be_stopped_within_a_step(folder):
    told = []

    def stop(step, steps):
        told.append((step, steps))
        if step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tiny_repaint(folder, steps=4, on_step=stop)(*scene(24, 24))
    assert told == [(1, 4), (2, 4)]


def test_copies_load_the_network_themselves(painter):
    image, hole = scene(24, 24)
    painted = painter(image, hole)
    for twin in (pickle.loads(pickle.dumps(painter)), copy.deepcopy(painter)):
        assert not twin._networks
        assert twin == painter
        assert hash(twin) == hash(painter)
        assert torch.equal(twin(image, hole), painted)
    assert len(pickle.dumps(painter)) < 2000
    assert "_networks" not in repr(painter)


def test_nothing_is_written_on_the_terminal(folder, capfd):
    tiny_repaint(folder)(*scene(24, 24))
    assert capfd.readouterr() == ("", "")


def test_both_layouts_of_a_folder_and_deeper_networks(painter, tmp_path):
    image, hole = scene(24, 24)
    nested = RePaint(tiny_ddpm(tmp_path / "nested", flat=False), steps=2, size=32)
    assert torch.equal(nested(image, hole), painter(image, hole))
    blocks = {"down_block_types": ("DownBlock2D",) * 4, "up_block_types": ("UpBlock2D",) * 4}
    deep = tiny_ddpm(tmp_path / "deep", block_out_channels=(8, 8, 8, 16), **blocks)
    assert RePaint(deep, steps=2, size=36)(image[..., :20], hole[..., :20]).isfinite().all()


def test_a_folder_of_the_first_diffusers(painter, tmp_path, capfd):
    """Weights in a pickle, and other names of what attends: as google's are."""
    from safetensors.torch import load_file

    old = tiny_ddpm(tmp_path / "old")
    weights = old / "diffusion_pytorch_model.safetensors"
    renamed = load_file(weights)
    for now, then in (("to_out.0", "proj_attn"), ("to_q", "query"), ("to_k", "key"), ("to_v", "value")):
        renamed = {name.replace(now, then): value for name, value in renamed.items()}
    torch.save(renamed, weights.with_suffix(".bin"))
    weights.unlink()
    config = json.loads((old / "config.json").read_text())
    (old / "config.json").write_text(json.dumps({**config, "_diffusers_version": "0.1.1"}))
    image, hole = scene(24, 24)
    torch.testing.assert_close(RePaint(old, steps=2, size=32)(image, hole), painter(image, hole), atol=1e-5, rtol=0)
    assert capfd.readouterr() == ("", "")


class TestWeightsThatDoNotDo:
    """Each is refused with one sentence that names the setting, what was expected, and the remedy."""

    @pytest.fixture
    def refused(self, unchecked):
        def message(model, error: type = ValueError, **settings) -> str:
            with pytest.raises(error) as caught:
                unchecked("iem.inpainters").RePaint(model, **{"steps": 2, "size": 32, **settings})(*scene(24, 24))
            text = str(caught.value)
            assert "\n" not in text
            return text

        return message

    def test_a_name_that_was_not_fetched(self, refused, capfd, monkeypatch, tmp_path):
        monkeypatch.setenv("IEM_WEIGHTS", str(tmp_path))
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
        text = refused("ddpm-celebahq-256")
        assert text.startswith(
            "model: expected a DDPM of whole pictures as diffusers lays it out, got ddpm-celebahq-256"
        )
        assert "iem models get ddpm-celebahq-256" in text
        assert not capfd.readouterr().err

    def test_a_path_of_no_folder(self, refused, tmp_path):
        assert "found no folder" in refused(tmp_path / "nothing")
        assert "model: expected a folder or a name of `iem models list`" in refused("./nothing")

    def test_folders_of_something_else(self, refused, tmp_path):
        (tmp_path / "empty").mkdir()
        assert "something else or only a part of it" in refused(tmp_path / "empty")
        assert "something else or only a part of it" in refused(tiny_stable_diffusion(tmp_path / "words"))
        variances = tiny_ddpm(tmp_path / "variances", out_channels=6)
        assert "got one from 3 channels to 6 (epsilon)" in refused(variances)

    def test_a_truncated_folder(self, refused, tmp_path):
        part = tiny_ddpm(tmp_path / "part")
        weights = part / "diffusion_pytorch_model.safetensors"
        weights.write_bytes(weights.read_bytes()[:1000])
        assert "only a part of it" in refused(part)
        weights.unlink()
        assert "only a part of it" in refused(part)

    def test_weights_that_some_are_missing_of(self, refused, tmp_path):
        """diffusers would go on with random ones."""
        from safetensors.torch import load_file, save_file

        part = tiny_ddpm(tmp_path / "part")
        weights = load_file(part / "diffusion_pytorch_model.safetensors")
        del weights["conv_out.weight"]
        save_file(weights, part / "diffusion_pytorch_model.safetensors")
        assert "only a part of it" in refused(part)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"prediction_type": "v_prediction"}, r"(v_prediction)"),
            ({"beta_schedule": "unheard of"}, "something else"),
            (None, "only a part of it"),
        ],
    )
    def test_noise_that_is_another(self, refused, tmp_path, change, message):
        other = tiny_ddpm(tmp_path / "other")
        config = other / "scheduler_config.json"
        if change is None:
            config.unlink()
        else:
            config.write_text(json.dumps({**json.loads(config.read_text()), **change}))
        assert message in refused(other)

    def test_steps_that_do_not_divide_those_of_the_training(self, refused, painter):
        text = refused(painter.model, steps=300)
        assert text == ("steps: expected a divisor of the 1000 that the network was trained with, got 300; take 250")
        assert refused(painter.model, steps=2000).endswith("take 1000")

    def test_no_extra(self, refused, monkeypatch):
        monkeypatch.setitem(sys.modules, "diffusers", None)
        assert refused("a/b", ImportError).startswith("RePaint: expected the package diffusers, which is not installed")


@pytest.mark.parametrize(
    "settings",
    [{"steps": 0}, {"jump_length": 0}, {"jump_n_sample": 0}, {"eta": 1.5}, {"seed": -1}, {"size": 0}, {"model": ""}],
)
def test_wrong_settings_are_refused_in_one_sentence(unchecked, settings):
    with pytest.raises(ValueError, match=rf"^{next(iter(settings))}: expected "):
        unchecked("iem.inpainters").RePaint(**{"model": "a/b", **settings})


def test_wrong_input_is_refused_in_one_sentence(unchecked):
    painter = unchecked("iem.inpainters").RePaint("a/b")
    image, hole = scene(16, 16)
    with pytest.raises(ValueError, match=r"RePaint: .* no gradient flows"):
        painter(image, hole.requires_grad_())
    with pytest.raises(ValueError, match=r"hole: expected shape"):
        painter(image, hole[..., :8])


@pytest.mark.gpu
def test_half_precision(folder):
    on_gpu = tiny_repaint(folder, device="cuda", steps=10)
    image, hole = scene(40, 48)
    painted = on_gpu(image, hole)
    unet, _ = on_gpu._networks["cuda"]
    assert unet.dtype == torch.float16
    assert painted.device.type == "cpu"
    torch.testing.assert_close(painted, tiny_repaint(folder, steps=10)(image, hole), atol=0.05, rtol=0)
    assert torch.equal(on_gpu(image.cuda(), hole.cuda()).cpu(), painted)
