"""The table of published weights."""

import re
from fnmatch import fnmatch

import pytest

from iem.weights import Checkpoint, find, lookup, table
from iem.weights.checkpoint import PICKLE

PROMISED = [
    "big-lama",
    "big-lama-torchscript",
    "deepfillv2-places2",
    "deepfillv2-celebahq",
    "mat-places512",
    "stable-diffusion-inpainting",
    "stable-diffusion-v1-5",
    "controlnet-inpaint",
    "ddpm-celebahq-256",
    "dino-vits16",
    "dino-vits8",
    "dino-vitb8",
    "dinov2-small",
    "dinov2-base",
    "dinov3-vits16",
    "clip-vit-base-patch16",
    "sam-vit-base",
    "sam-hq-vit-base",
    "mask2former-swin-tiny",
    "clipseg",
    "grounding-dino-tiny",
]


def test_the_names_that_messages_and_settings_use_are_there():
    assert [entry.name for entry in table()] == PROMISED


@pytest.mark.parametrize("entry", table(), ids=lambda entry: entry.name)
def test_every_line_is_complete(entry):
    assert re.fullmatch(r"[a-z0-9-]+", entry.name)
    assert entry.purpose
    assert entry.licence
    assert entry.format
    assert len(entry.page) < 100
    if entry.kind == "hub":
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", entry.address)
        assert any(fnmatch(each, "*.safetensors*") for each in entry.files)
        assert any(each.endswith(("config.json", "model_index.json")) for each in entry.files)
    else:
        assert entry.address.startswith("https://")
        assert entry.file
    for value in (entry.sha256, entry.archive_sha256):
        assert value is None or re.fullmatch(r"[0-9a-f]{64}", value)
    assert (entry.sha256 is None) == (entry.sha256_from == "")
    assert (entry.member is None) == (entry.archive_sha256 is None)


def test_non_commercial_and_gated_weights_ask_for_an_agreement():
    asking = {entry.name for entry in table() if entry.needs_agreement}
    assert asking == {
        "deepfillv2-places2",
        "deepfillv2-celebahq",
        "mat-places512",
        "dinov3-vits16",
        "mask2former-swin-tiny",
    }
    assert all(find(name).needs_agreement for name in asking)
    assert not [
        entry.name for entry in table() if "non-commercial" in entry.licence.lower() and not entry.needs_agreement
    ]


def test_pickles_that_are_read_as_they_are_say_so():
    assert {entry.name for entry in table() if entry.format == PICKLE} == {
        "deepfillv2-places2",
        "deepfillv2-celebahq",
        "mat-places512",
    }


def test_names_of_the_hub_are_names_too():
    assert find("facebook/dinov2-small") is find("dinov2-small")
    assert lookup("facebook/dinov2-giant") is None
    with pytest.raises(
        ValueError, match=r"^expected a name of `iem models list`, got nonsense; see `iem models list`$"
    ):
        find("nonsense")


def test_a_kind_is_one_of_three():
    with pytest.raises(ValueError, match=r"^kind: expected one of file, page, hub, got 'disk'"):
        Checkpoint("a", "b", "c", "disk", "d")
