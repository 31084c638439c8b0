"""DINO, DINOv2 and DINOv3, as tiny random networks that are read back from a folder."""

import copy
import dataclasses
import importlib.util
import json
import pickle
import shutil
import socket

import numpy as np
import pytest
import torch
import transformers
from references.pictures import noise as noise_of
from references.tiny_models import tiny_clip, tiny_dinov2, tiny_dinov3, tiny_vit
from references.transformer_by_hand import by_hand
from safetensors.torch import load_file, save_file

from iem.features import DINO

MAKERS = {
    "vit": tiny_vit,
    "dinov2": tiny_dinov2,
    "dinov2_with_registers": lambda folder: tiny_dinov2(folder, registers=3),
    "dinov3": tiny_dinov3,
    "dinov3_without_registers": lambda folder: tiny_dinov3(folder, registers=0),
}
PATCH = {"vit": 8, "dinov2": 14, "dinov2_with_registers": 14, "dinov3": 16, "dinov3_without_registers": 16}
MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


def noise(seed, *shape):
    return noise_of(seed, *shape, dtype=torch.float32)


every_kind = pytest.mark.parametrize("kind", MAKERS)


@pytest.fixture(scope="session")
def hub(tmp_path_factory):
    """Folder of each kind, made when first asked."""
    root, made = tmp_path_factory.mktemp("dino"), {}

    def folder(kind: str):
        if kind not in made:
            made[kind] = MAKERS[kind](root / kind)
        return made[kind]

    return folder


def reference(folder, image):
    """What NumPy makes of pictures of whole patches."""
    normalised = (image - MEAN.view(3, 1, 1)) / STD.view(3, 1, 1)
    each = [by_hand(folder, picture.double().numpy()) for picture in normalised]
    return {name: torch.from_numpy(np.stack([one[name] for one in each])).float() for name in each[0]}


@every_kind
@pytest.mark.parametrize("shape", [(2, 2), (2, 4), (1, 3)])
@pytest.mark.parametrize("facet", ["key", "query", "value", "token"])
def test_facets_are_those_worked_out_by_hand(hub, kind, shape, facet):
    image = noise(1, 2, 3, *(side * PATCH[kind] for side in shape))
    found = DINO(hub(kind), facet=facet)(image)
    assert found.shape == (2, 32, *shape)
    torch.testing.assert_close(found, reference(hub(kind), image)[facet], rtol=1e-4, atol=1e-5)


@every_kind
def test_keys_and_attention_are_those_worked_out_by_hand(hub, kind):
    image = noise(2, 2, 3, 3 * PATCH[kind], 2 * PATCH[kind])
    dino = DINO(hub(kind), facet="token")
    before = dino(image)
    keys, attention = dino.keys_and_attention(image)
    expected = reference(hub(kind), image)
    torch.testing.assert_close(keys, expected["key"], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(attention, expected["attention"], rtol=1e-4, atol=1e-6)
    assert attention.shape == (2, 2, 3, 2)
    assert (dino(image) == before).all(), "asking for the attention must leave no trace"


@every_kind
def test_any_size_is_brought_to_the_nearest_whole_patches(hub, kind):
    patch = PATCH[kind]
    image = noise(3, 1, 3, 2 * patch + 3, 3 * patch - 2)
    dino = DINO(hub(kind))
    nearest = torch.nn.functional.interpolate(image, (2 * patch, 3 * patch), mode="bilinear", antialias=True)
    assert dino(image).shape[2:] == (2, 3)
    torch.testing.assert_close(dino(image), dino(nearest))
    assert dino(noise(3, 1, 3, 1, 5)).shape[2:] == (1, 1)


def test_size_is_that_of_the_short_side(hub):
    dino = DINO(hub("vit"), size=32)
    assert dino(noise(4, 1, 3, 200, 300)).shape[2:] == (4, 6)
    assert dino(noise(4, 1, 3, 12, 10)).shape[2:] == (5, 4)
    assert dino(noise(4, 1, 3, 2, 200)).shape[2:] == (1, 16), "the long side stays within four times that"


@every_kind
def test_gradients_reach_every_pixel_and_no_weight(hub, kind):
    image = noise(5, 1, 3, 2 * PATCH[kind] + 1, 3 * PATCH[kind]).double().requires_grad_()
    dino = DINO(hub(kind))
    (dino(image) ** 2).sum().backward()
    assert bool((image.grad.abs().amax(1) > 0).all())
    assert not any(weight.requires_grad for weight in dino._loaded().network.parameters())
    # Against the difference of two values, along one direction.
    direction = noise(6, *image.shape).double() - 0.5
    with torch.no_grad():
        up, down = ((dino(image + sign * 1e-3 * direction) ** 2).sum() for sign in (1, -1))
    slope = (image.grad * direction).sum().item()
    assert slope == pytest.approx((up - down).item() / 2e-3, rel=2e-2)


@every_kind
def test_a_batch_equals_a_loop_to_the_last_digit(hub, kind):
    image = noise(7, 3, 3, 40, 50)
    dino = DINO(hub(kind))
    assert (dino(image) == torch.cat([dino(picture) for picture in image.split(1)])).all()
    assert (dino(image) == DINO(hub(kind))(image)).all(), "the same from a network that is loaded anew"


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_the_dtype_is_the_pictures(hub, dtype):
    image = noise(8, 1, 3, 16, 16).to(dtype)
    found = DINO(hub("vit"))(image)
    assert found.dtype == dtype
    torch.testing.assert_close(found.float(), DINO(hub("vit"))(image.float()), rtol=1e-2, atol=1e-3)


def test_a_picture_with_nan_spoils_only_itself(hub):
    image = noise(9, 2, 3, 16, 16)
    alone = DINO(hub("vit"))(image[:1])
    image[1, 0, 0, 0] = torch.nan
    found = DINO(hub("vit"))(image)
    assert (found[:1] == alone).all()
    assert found[1].isnan().any()


def test_weights_under_their_new_names_load_too(hub, tmp_path):
    """The file on the hub has the names of old; a library that has saved it anew may have used its own."""
    weights = load_file(hub("vit") / "model.safetensors")
    assert "encoder.layer.0.attention.attention.key.weight" in weights, "the tests above read the old names"
    renamed = [
        ("encoder.layer.", "layers."),
        ("attention.attention.query", "attention.q_proj"),
        ("attention.attention.key", "attention.k_proj"),
        ("attention.attention.value", "attention.v_proj"),
        ("attention.output.dense", "attention.o_proj"),
        ("intermediate.dense", "mlp.fc1"),
        ("output.dense", "mlp.fc2"),
    ]
    new = {}
    for name, value in weights.items():
        for old, other in renamed:
            name = name.replace(old, other)
        new[name] = value
    save_file(new, tmp_path / "model.safetensors", metadata={"format": "pt"})
    shutil.copy(hub("vit") / "config.json", tmp_path)
    image = noise(10, 1, 3, 24, 32)
    assert (DINO(tmp_path)(image) == DINO(hub("vit"))(image)).all()


def test_a_classifier_of_the_same_network_will_do(hub, tmp_path):
    config = transformers.AutoConfig.from_pretrained(hub("dinov2"))
    model = transformers.Dinov2ForImageClassification(config)
    model.dinov2.load_state_dict(load_file_as_module(hub("dinov2")))
    model.save_pretrained(tmp_path)
    image = noise(10, 1, 3, 28, 42)
    assert (DINO(tmp_path)(image) == DINO(hub("dinov2"))(image)).all()


def load_file_as_module(folder):
    return transformers.AutoModel.from_pretrained(folder).state_dict()


def test_a_name_in_the_cache_needs_no_connection(hub, tmp_path, monkeypatch):
    snapshot = tmp_path / "models--some--dino/snapshots/abc"
    shutil.copytree(hub("vit"), snapshot)
    (tmp_path / "models--some--dino/refs").mkdir()
    (tmp_path / "models--some--dino/refs/main").write_text("abc")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    image = noise(11, 1, 3, 16, 16)
    assert (DINO("some/dino")(image) == DINO(hub("vit"))(image)).all()


def test_it_is_compared_printed_copied_and_pickled_without_its_network(hub):
    used, fresh = DINO(hub("vit"), size=32), DINO(str(hub("vit")), size=32)
    empty = len(pickle.dumps(used))
    image = noise(12, 1, 3, 16, 16)
    expected = used(image)
    assert used == fresh
    assert hash(used) == hash(fresh)
    assert used != DINO(hub("vit"), size=16)
    assert repr(used) == f"DINO(model='{hub('vit')}', facet='key', size=32)"
    assert len(pickle.dumps(used)) == empty
    for other in (pickle.loads(pickle.dumps(used)), copy.deepcopy(used), dataclasses.replace(used)):
        assert other == used
        assert (other(image) == expected).all()


def test_loading_is_once_silent_and_draws_nothing(hub, capfd, monkeypatch):
    dino, image = DINO(hub("vit")), noise(13, 1, 3, 16, 16)
    logging = transformers.utils.logging
    monkeypatch.setattr(logging, "_tqdm_active", True)
    verbosity, state = logging.get_verbosity(), torch.get_rng_state()
    dino(image)
    network = dino._loaded().network
    dino(image)
    assert dino._loaded().network is network
    assert capfd.readouterr() == ("", "")
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == (verbosity, True)
    assert (torch.get_rng_state() == state).all()


def sentence(error) -> str:
    text = str(error.value)
    assert "\n" not in text
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__ or error.value.__context__ is None
    return text


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("./nowhere", "found no folder ./nowhere; check the name"),
        ("", "expected a folder or a name on the Hugging Face hub, got nothing"),
        ("~/nowhere/at/all", "found no folder ~/nowhere/at/all; check the name"),
    ],
)
def test_what_cannot_be_is_refused_before_it_is_used(unchecked, model, words):
    with pytest.raises(ValueError, match=r"^model: expected ") as error:
        unchecked("iem.features").DINO(model)
    assert words in sentence(error)


def test_wrong_settings_are_refused(unchecked):
    plain = unchecked("iem.features").DINO
    with pytest.raises(ValueError, match=r"^facet: expected one of key, query, value, token, got 'keys'"):
        plain(facet="keys")
    with pytest.raises(ValueError, match=r"^size: expected a whole number of at least 1, got 0"):
        plain(size=0)


def test_a_folder_without_a_network_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"found no config.json in the folder .*; give the one that") as error:
        DINO(tmp_path)
    sentence(error)


def test_without_transformers_the_extra_is_named(hub, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "transformers" else found(name))
    with pytest.raises(ModuleNotFoundError, match=r'^DINO needs transformers; .* pip install "iem.features."$'):
        DINO(hub("vit"))


@pytest.mark.parametrize(
    ("model", "command"),
    [
        ("facebook/no-such-dino", "iem models get facebook/no-such-dino`, or"),
        ("facebook/dino-vits8", "iem models get dino-vits8` (about 87 MB, Apache-2.0), or"),
        ("dinov3-vits16", "iem models get dinov3-vits16` (about 86 MB, Meta's DINOv3 licence"),
    ],
)
def test_a_name_that_was_not_fetched_is_refused_at_once(tmp_path, monkeypatch, capfd, model, command):
    """Without a question to the hub, which would be repeated for half a minute where there is no connection."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(socket, "socket", forbidden)
    with pytest.raises(ValueError, match=r"^model: expected DINO, .*not fetched yet in .*fetch it with") as error:
        DINO(model)(noise(1, 1, 3, 16, 16))
    assert command in sentence(error)
    assert len(sentence(error)) < 400
    assert capfd.readouterr() == ("", "")


def forbidden(*_, **__):
    raise AssertionError("a connection was opened")


def test_a_network_of_another_kind_is_refused(tmp_path):
    with pytest.raises(
        ValueError, match=r"^model: expected DINO, DINOv2 or DINOv3, got a model of the type clip"
    ) as error:
        DINO(tiny_clip(tmp_path))(noise(1, 1, 3, 16, 16))
    sentence(error)


def spoil_config(folder):
    (folder / "config.json").write_text("{")


def spoil_type(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "nothing-known"}))


def spoil_weights(folder):
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[: len(content) // 2])


def lose_weights(folder):
    (folder / "model.safetensors").unlink()


def other_width(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "hidden_size": 64}))


@pytest.mark.parametrize("spoil", [spoil_config, spoil_type, spoil_weights, lose_weights, other_width])
def test_a_broken_folder_is_one_sentence(hub, tmp_path, spoil, capfd):
    folder = shutil.copytree(hub("vit"), tmp_path / "vit")
    spoil(folder)
    with pytest.raises(
        ValueError, match=r"^model: expected DINO, DINOv2 or DINOv3, but .*; give a folder or a"
    ) as error:
        DINO(folder)(noise(1, 1, 3, 16, 16))
    assert len(sentence(error)) < 500 + len(str(folder))
    assert capfd.readouterr() == ("", "")


def test_a_checkpoint_without_a_layer_is_not_filled_with_noise(hub, tmp_path):
    folder = shutil.copytree(hub("vit"), tmp_path / "vit")
    weights = load_file(folder / "model.safetensors")
    kept = {name: value for name, value in weights.items() if "layer.1" not in name}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"with all its weights, found none for .*layer.*\.1\..* and 15 more in"):
        DINO(folder)(noise(1, 1, 3, 16, 16))
