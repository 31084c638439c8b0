"""``iem sweep`` and ``iem merge`` within this process."""

import json
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from iem.cli import main
from iem.runner.claims import claim

CONF = Path(__file__).resolve().parents[2] / "conf"


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run_folder(name, *overrides, ious=None, **files):
    folder = Path("sweep", name)
    folder.mkdir(parents=True)
    command = {"program": "experiments/segment.py", "overrides": [*overrides, "hydra.mode=RUN", "hydra.run.dir='/old'"]}
    contents = {"settings": {}, "command": command, **files}
    if ious is not None:
        rows = [{"name": f"p{i}", "iou_oracle": iou, "iou_fixed": iou, "seconds": 1} for i, iou in enumerate(ious)]
        means = dict.fromkeys(("iou_oracle", "iou_fixed"), sum(ious) / len(ious))
        contents["result"] = {"means": means, "rows": rows, "failures": [], "settings": {}, "versions": {}}
    for kind, content in contents.items():
        (folder / f"{kind}.json").write_text(json.dumps(content))
    return folder


def plan(*overrides):
    Path("sweep").mkdir(exist_ok=True)
    sweeper = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"
    sources = [{"path": str(CONF), "schema": "file", "provider": "main"}]
    hydra = {
        "sweeper": {"_target_": sweeper, "params": None},
        "overrides": {"task": list(overrides), "hydra": ["hydra.mode=MULTIRUN"]},
        "job": {"name": "segment", "config_name": "segment"},
        "runtime": {"config_sources": sources},
    }
    OmegaConf.save({"hydra": hydra}, "sweep/multirun.yaml")


@pytest.fixture
def sweep(monkeypatch):
    monkeypatch.setattr("iem.runner.sweeps.planning.Plan._compose", lambda self: ["a", "b", "c", "d", "e"])
    plan("size=8,16,24,32,40", "name=x")
    run_folder("a", "size=8", "name=x", ious=[0.5, 0.25])
    run_folder("b", "size=16", "name=x", failure={"error": "objective: the score is NaN", "type": "ValueError"})
    run_folder("c", "size=24", "name=x")
    with claim(run_folder("d", "size=32", "name=x") / "run.lock"):
        yield Path("sweep")


def test_status_says_how_far_each_job_is_and_what_does_the_rest(sweep, capsys):
    assert main(["sweep", "status", "sweep"]) == 2
    lines = capsys.readouterr().out.splitlines()
    cells = {line.split()[0]: line.split()[1:] for line in lines[1:6]}
    assert cells["size=8"] == ["done", "2", "0.3750", "a"]
    assert cells["size=16"][0] == "failed"
    assert "objective: the score is NaN" in lines[2]
    assert cells["size=24"][0] == "interrupted"
    assert cells["size=32"][0] == "running"
    assert ", process " in lines[4]
    assert cells["size=40"] == ["waiting"]
    text = "\n".join(lines)
    assert "5 jobs: 1 done, 1 running, 1 failed, 1 interrupted, 1 waiting" in text
    assert "\n  python experiments/segment.py -m size=8,16,24,32,40 name=x\n" in text
    assert "\n  python experiments/segment.py size=16 name=x hydra.mode=RUN hydra.run.dir=sweep/b" in text
    assert "size=24 name=x hydra.run.dir" not in text, "the sweep itself goes on with what was interrupted"


def test_status_as_json(sweep, capsys):
    assert main(["sweep", "status", "sweep", "--json"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert found["counts"] == {"done": 1, "running": 1, "failed": 1, "interrupted": 1, "waiting": 1}
    assert [job["state"] for job in found["jobs"]] == ["done", "failed", "interrupted", "running", "waiting"]
    assert found["jobs"][0]["means"]["iou_oracle"] == 0.375
    assert found["complete"] is False


def test_a_complete_sweep_is_exit_code_0_and_no_advice(capsys):
    plan("size=8,16")
    run_folder("a", "size=8", ious=[0.5])
    run_folder("b", "size=16", ious=[0.75])
    assert main(["sweep", "status", "sweep"]) == 0
    out = capsys.readouterr().out
    assert "2 jobs: 2 done" in out
    assert "python" not in out
    assert main(["sweep", "report", "sweep"]) == 0
    assert capsys.readouterr().out == "sweep/report.html\nsweep/report.md\n"


def test_a_report_of_an_incomplete_sweep_says_so(sweep, capsys):
    assert main(["sweep", "report", "sweep", "-o", "out"]) == 2
    out, err = capsys.readouterr()
    assert out == "out/report.html\nout/report.md\n"
    assert "1 done, 1 running, 1 failed" in err
    assert "the score is NaN" in Path("out/report.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["sweep", "status", "nowhere"], "nowhere: expected the folder of a sweep or of runs, got none"),
        (["sweep", "status", "."], "expected the folder of a sweep or of runs, got one without multirun.yaml"),
        (["sweep", "report", "sweep", "--by", "f1"], "by: expected one of iou_fixed, iou_oracle, got 'f1'"),
        (["merge", "sweep", "-o", "out"], "sweep/a: expected a shard, got a whole run; it needs no merging"),
        (["merge", "nowhere", "-o", "out"], "nowhere: expected the folder"),
    ],
)
def test_wrong_use_is_one_sentence(arguments, sentence, capsys):
    if "sweep" in arguments[1:]:
        run_folder("a", ious=[0.5])
    assert main(arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert sentence in err
    assert len(err.strip().splitlines()) == 1
    assert not Path("out").exists()


def test_sweep_alone_shows_its_help(capsys):
    assert main(["sweep"]) == 0
    assert "status" in capsys.readouterr().out
