"""Every yaml composes, instantiates, and means what the Python presets mean."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import ConfigCompositionException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from iem import presets

CONF = Path(__file__).resolve().parents[2] / "conf"
GROUPS = sorted(path.name for path in CONF.iterdir() if path.is_dir())
CHOICES = [(group, path.stem) for group in GROUPS for path in sorted((CONF / group).glob("*.yaml"))]


def composed(*overrides: str) -> DictConfig:
    OmegaConf.register_new_resolver("fingerprint", lambda: "0", replace=True)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("segment", overrides=list(overrides))


def parts(config: DictConfig) -> dict[str, object]:
    made = {key: instantiate(config[key], _convert_="all") for key in ("initialiser", "objective", "optimiser")}
    refiner = instantiate(config.refiner, _convert_="all") if config.refiner else None
    return {**made, "max_steps": config.max_steps, "refiner": refiner}


@pytest.mark.parametrize(("group", "choice"), CHOICES, ids=lambda value: value)
def test_composes_and_instantiates(group, choice, tmp_path):
    override = [f"{group}={choice}"]
    if choice == "image_mask_folder":
        override.append(f"dataset.root={tmp_path}")
    config = composed(*override)
    made = parts(config)
    assert all(made[name] for name in ("initialiser", "objective", "optimiser"))
    if choice != "image_mask_folder":
        assert len(instantiate(config.dataset, _convert_="all")) >= 8


@pytest.mark.parametrize("name", presets.PRESETS)
def test_preset_is_the_one_in_python(name):
    expected = presets.get(name)
    assert parts(composed(f"preset={name}")) == {
        "initialiser": expected.initialiser,
        "objective": expected.objective,
        "optimiser": expected.optimiser,
        "max_steps": expected.max_steps,
        "refiner": expected.refiner,
    }


def test_an_experiment_can_be_given_another_preset():
    assert parts(composed("experiment=quickstart", "preset=paper"))["objective"] == presets.paper().objective


def test_a_single_setting_reaches_its_part():
    changed = parts(composed("preset=paper", "inpainter.sigma=3", "optimiser.threshold=5"))
    assert changed["objective"].terms["inpainting_error"].inpainter.sigma == 3
    assert changed["optimiser"].threshold == 5


@pytest.mark.parametrize(
    ("override", "message"),
    [("inpainter.sigmaa=3", "sigmaa"), ("preset=papr", "paper"), ("steps=3", "steps")],
)
def test_unknown_words_are_refused(override, message):
    with pytest.raises(ConfigCompositionException) as error:
        composed(override)
    assert message in str(error.value) + str(error.value.__cause__)


@pytest.mark.parametrize("override", ["inpainter.sigma=-1", "inpainter.kernel_size=4", "optimiser.threshold=12"])
def test_values_out_of_range_are_refused(override):
    with pytest.raises(Exception, match="expected"):
        parts(composed("preset=paper", override))
