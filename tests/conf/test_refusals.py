"""What is wrong is said in one sentence, with exit code 1, before a folder is made or a picture decoded."""

import sys
from pathlib import Path

import pytest

from iem.runner.application import Application, start
from iem.runner.experiment import check, note
from iem.runner.schema.segment import store

CONF = Path(__file__).resolve().parents[2] / "conf"


def never(config: object, parts: object) -> float:
    raise AssertionError("a job was started")


@pytest.fixture
def refused(monkeypatch, tmp_path, capfd):
    """What the user reads; the arguments are given as on a command line."""

    def call(line: str) -> str:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["segment.py", *line.split()])
        assert start(Application(never, CONF, "segment", store, check, note)) == 1
        assert not list(tmp_path.iterdir()), "a folder was made"
        shown = capfd.readouterr()
        assert shown.out == ""
        assert shown.err.count("\n") == 1
        return shown.err.strip()

    return call


WHOLE = "expected a whole number of at least"
CASES = {
    "max_steps=0": f"max_steps: {WHOLE} 1, got 0",
    "size=3.5": f"size: {WHOLE} 8, got 3.5",
    "size=null": f"size: {WHOLE} 8, got None",
    "batch_size=-1": f"batch_size: {WHOLE} 1, got -1",
    "seed=-1": f"seed: {WHOLE} 0, got -1",
    "threads=many": f"threads: {WHOLE} 1, auto or null, got 'many'",
    "write_pictures=maybe": "write_pictures: expected true or false, got 'maybe'",
    "ignore_rule=x": "ignore_rule: expected one of exclude, background, got 'x'",
    "name=../x": "name: expected a word that can name a folder or null, got '../x'",
    "shard.index=3 shard.count=2": "shard.index: expected a whole number below shard.count, got 3 of 2",
    "optimiser=adam optimiser.optimiser.lr=abc": "optimiser.optimiser.lr: expected a finite number, got 'abc'",
    "optimiser=adam optimiser.optimiser.lr=-1": "optimiser.optimiser.lr: expected what Adam takes, got -1",
    "optimiser=adam optimiser.optimiser.lr=nan": "optimiser.optimiser.lr: expected a finite number, got nan",
    "optimiser=adam optimiser.sharpness=[1,a]": "optimiser.sharpness: expected a list, each entry a finite number",
    "preset=paper inpainter.sigma=nan": "inpainter.sigma: expected a finite number, got nan",
    "preset=paper inpainter.sigma=-1": "inpainter.sigma: expected a finite number of at least 0.001, got -1",
    "preset=paper inpainter.kernel_size=4": "inpainter.kernel_size: expected an odd whole number",
    "preset=paper optimiser.threshold=12": "optimiser.threshold: expected a whole number from 0 to 9, got 12",
    "preset=paper optimiser.frame=half": "optimiser.frame: expected one of open, closed, got 'half'",
    "preset=paper inpainter.sigmaa=3": "inpainter.sigmaa: there is no such setting; did you mean sigma?",
    "steps=3": "steps: there is no such setting; did you mean max_steps?",
    "+foo=3": "foo: there is no such setting",
    "~size": f"size: {WHOLE} 8, got nothing",
    "experiment=visionloop_deepfill": "experiment: visionloop_deepfill is for experiments/peel.py; run that",
    "preset=papr": "did you mean paper?",
    "presett=paper": "presett: there is no such setting; did you mean preset?",
    "refiner=none refiner.radius=3": "refiner has no settings as it is, choose another refiner",
    "objective=null": "objective: expected one of",
    "initialiser._target_=iem.initialisers.Squar": "did you mean Square?",
    "dataset=image_mask_folder": "dataset.root: expected a value, got none; give one as dataset.root=...",
    "dataset=image_mask_folder dataset.root=/nowhere": "found no folder images; give the folder that holds both",
    "max_steps=1 max_steps=2": "max_steps: expected it once, got max_steps=1 and max_steps=2; keep one",
    "size=64,128": "size: expected one value, got 64,128; add -m to run each of them",
    "hydra/launcher=basic": "hydra/launcher: only a sweep uses it; add -m",
    "-m size=range(0,0)": "size: expected at least one value to sweep over, got range(0,0)",
    "-m size=": f"size: {WHOLE} 8, got ''",
    "preset=paper -m inpainter.sigma=3,abc": "inpainter.sigma: expected a finite number, got 'abc'",
    "-m preset=paper optimiser.threshold=4,10": "optimiser.threshold: expected a whole number from 0 to 9, got 10",
    "-m preset=paper,bst": "preset: expected one of",
    "inpainter.sigma=3": "inpainter.sigma: nothing in this run uses inpainter (preset=best, objective=mutual_inform",
    "inpainter=gaussian": "choose preset=paper or objective=iem, or leave it out",
    "experiment=ablation_sigma preset=best": "inpainter.sigma: nothing in this run uses inpainter",
    "optimiser=none max_steps=3": "max_steps: nothing in this run uses max_steps (preset=best, optimiser=none)",
    "watch=2": "watch: nothing in this run uses watch (preset=best, tracker=none)",
    "size": "size: expected KEY=VALUE, got no equals sign",
    "title=[1,": "expected KEY=VALUE, got a value that cannot be read",
    "--foo": "unrecognized arguments: --foo; --help shows what can be given",
    "--config-dir /nowhere": "--config-dir: expected a folder, got /nowhere",
    "-m hydra/launcher=nowhere": "hydra/launcher: expected one of",
}


@pytest.mark.parametrize("line", CASES)
def test_refused_in_one_sentence(refused, line):
    assert CASES[line] in refused(line)


def test_every_extra_is_named(refused, monkeypatch):
    pytest.importorskip("optuna")
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.delitem(sys.modules, "hydra_plugins.hydra_optuna_sweeper.optuna_sweeper", raising=False)
    assert 'pip install "iem[optuna]"' in refused("hparams_search=optuna")
