"""Every yaml composes, instantiates, and means what the Python presets mean."""

import re
from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf

from iem import presets
from iem.runner.experiment import check, identity, preset
from iem.runner.naming import register_resolvers, result_settings, short_fingerprint, task_settings
from iem.runner.schema.command import Command, understand
from iem.runner.schema.parts import Parts
from iem.runner.schema.parts import check as check_part
from iem.runner.schema.segment import store

CONF = Path(__file__).resolve().parents[2] / "conf"
DEFAULTS = yaml.safe_load((CONF / "segment.yaml").read_text())["defaults"]
GROUPS = [next(iter(entry)) for entry in DEFAULTS if isinstance(entry, dict)]
# Launchers; experiments/train_segnet.py; not Hydra's; experiments/peel.py and experiments/inpaint.py.
ELSEWHERE = {"hydra", "segnet", "wandb_sweeps", "finder", "test", "grow", "painter", "segmenter"}
CHOICES = [(group, path.stem) for group in GROUPS for path in sorted((CONF / group).glob("*.yaml"))]
PEEL = {path.stem for path in (CONF / "experiment").glob("*.yaml") if "override /finder" in path.read_text()}
INPAINT = {path.stem for path in (CONF / "experiment").glob("*.yaml") if "/painter@painters." in path.read_text()}
PROMPT = {path.stem for path in (CONF / "experiment").glob("*.yaml") if "override /segmenter" in path.read_text()}
CHOICES = [each for each in CHOICES if each[0] != "experiment" or each[1] not in PEEL | INPAINT | PROMPT]
EXPERIMENTS = [choice for group, choice in CHOICES if group == "experiment"]
EXTRAS = {"optuna": ["optuna"], "grabcut": ["cv2"], "grabcut_baseline": ["cv2"]}


def command(*overrides: str) -> Command:
    store()
    register_resolvers()
    return understand(overrides, folder=CONF, name="segment", multirun=False, extra=None)


def job(*overrides: str):
    return next(iter(command(*overrides).jobs))


def made(*overrides: str) -> presets.Preset:
    found = job(*overrides)
    return preset(task_settings(found.config), str(found.choices["preset"]), Parts())


def test_no_group_is_left_out():
    assert {path.name for path in CONF.iterdir() if path.is_dir()} - ELSEWHERE == set(GROUPS)


@pytest.mark.parametrize(("group", "choice"), CHOICES, ids=lambda value: value)
def test_composes_and_instantiates(group, choice):
    """All jobs of a sweep are checked; data sets and checkpoints that are not here are held against signatures."""
    for module in EXTRAS.get(choice, []):
        pytest.importorskip(module)
    asked = command(f"{group}={choice}")
    count, parts = 0, Parts()
    for found in asked.jobs:
        count += 1
        settings = OmegaConf.to_container(found.config, resolve=True)
        if settings["dataset"].get("root") == "???":
            settings["dataset"]["root"] = "somewhere"
        check_part(settings["dataset"], "dataset")
        if settings["initialiser"].get("checkpoint") == "???":
            settings["initialiser"]["checkpoint"] = "somewhere.safetensors"
            check_part(settings["initialiser"], "initialiser")
            settings["initialiser"] = {"_target_": "iem.initialisers.Square"}
        preset(settings, "any", parts)
        parts.make(settings["tracker"], "tracker")
    assert count >= 1
    assert asked.is_sweep == (count > 1)


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONF / "experiment").glob("ablation_*.yaml")))
def test_the_jobs_of_an_ablation_differ_and_pass(name):
    pytest.importorskip("cv2")
    asked, parts = command(f"experiment={name}"), Parts()
    jobs = list(asked.jobs)
    for found in jobs:
        check(found, parts, asked.given, CONF)
    assert len(jobs) > 1
    assert len({short_fingerprint(found.config) for found in jobs}) == len(jobs)


def test_experiments_have_their_own_title():
    titles = {name: job(f"experiment={name}").config.title for name in EXPERIMENTS}
    assert len(set(titles.values())) == len(titles)


@pytest.mark.parametrize("name", presets.PRESETS)
def test_preset_is_the_one_in_python(name):
    for module in EXTRAS.get(name, []):
        pytest.importorskip(module)
    assert made(f"preset={name}") == presets.get(name)


def test_an_experiment_can_be_given_another_preset():
    assert made("experiment=quickstart", "preset=paper") == presets.paper()


def test_a_single_setting_reaches_its_part():
    changed = made("preset=paper", "inpainter.sigma=3", "optimiser.threshold=5")
    assert changed.objective.terms["inpainting_error"].inpainter.sigma == 3
    assert changed.optimiser.threshold == 5


def test_seed_reaches_the_part_that_draws():
    assert made("initialiser=random_squares", "seed=7").initialiser.seed == 7


def test_settings_that_do_not_change_a_result_do_not_change_its_name():
    same = ["title=x", "threads=2", "write_pictures=false", "name=y", "tracker=jsonl", "skip_finished=false"]
    assert short_fingerprint(job(*same).config) == short_fingerprint(job().config)
    for other in ("size=64", "seed=1", "shard.count=2", "initialiser.inset=6", "dataset.limit=2"):
        assert short_fingerprint(job(other).config) != short_fingerprint(job().config)


def test_what_a_run_does_not_use_is_not_among_its_settings():
    assert "inpainter" not in result_settings(job("preset=best").config)
    assert "inpainter" in result_settings(job("preset=paper").config)


def test_a_sweep_has_one_name_whatever_else_is_said():
    def folder(*overrides: str) -> str:
        return str(understand(overrides, folder=CONF, name="segment", multirun=True, extra=None).config.hydra.sweep.dir)

    first = folder("preset=paper", "size=64,128")
    assert re.fullmatch(r"outputs/sweeps/sweep-[0-9a-f]{8}", first)
    assert folder("size=64,128", "preset=paper", "threads=2", "title=x") == first
    assert folder("size=64,96", "preset=paper") != first
    assert folder("experiment=ablation_lambda").startswith("outputs/sweeps/ablation_lambda-")
    assert folder("experiment=ablation_lambda", "name=mine") == "outputs/sweeps/mine"


def test_identity_says_what_a_tracker_shows(monkeypatch):
    asked = command("experiment=ablation_lambda", "objective.weights.diversity=3")
    hydra = OmegaConf.create(OmegaConf.to_container(asked.config.hydra, resolve=False))
    with_folder = OmegaConf.merge(hydra, {"runtime": {"output_dir": "/o/sweeps/ablation_lambda-1/paper-samples-2"}})
    monkeypatch.setattr(with_folder, "mode", asked.config.hydra.mode)
    config = next(iter(asked.jobs)).config
    found = identity(task_settings(config), result_settings(config), with_folder)
    assert found.id == short_fingerprint(config)
    assert (found.group, found.job_type, found.name) == ("ablation_lambda-1", "ablation", "paper-samples-2")
    assert found.tags == ("paper", "samples", "ablation_lambda")
    assert "objective.weights.diversity=3" in found.notes
    assert type(found.config["shard"]) is dict


def test_optuna_checks_the_ends_of_what_it_may_try():
    pytest.importorskip("optuna")
    values = {found.config.inpainter.sigma for found in command("hparams_search=optuna").jobs}
    assert {1.0, 10.0} <= values
