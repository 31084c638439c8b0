import json
import shlex
import time

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from iem.runner.claims import claim
from iem.runner.sweeps import planning
from iem.runner.sweeps.jobs import read_job, read_sweep

PICTURE = '{"event": "picture", "name": "a"}\n'


def test_a_result_is_what_makes_a_job_done(tmp_path, job):
    folder = job(tmp_path / "a", "size=32", rows=[("x", 0.5), ("y", 0.7)], failures=["z: truncated"])
    found = read_job(folder)
    assert (found.state, found.pictures, found.total, found.failures) == ("done", 2, 3, 1)
    assert found.means["iou_oracle"] == pytest.approx(0.6)
    (folder / "result.json").write_text('{"means": {')  # as a full disk might leave it
    assert read_job(folder).state == "interrupted"


def test_a_job_runs_as_long_as_its_process_lives(tmp_path, job):
    folder = job(tmp_path / "a")
    (folder / "metrics.jsonl").write_text(PICTURE * 3 + PICTURE[:10])
    with claim(folder / "run.lock"):
        found = read_job(folder)
        assert (found.state, found.pictures) == ("running", 3)
        assert found.process is not None
        lock = json.loads((folder / "run.lock").read_text())
    assert read_job(folder).state == "interrupted"
    (folder / "run.lock").write_text(json.dumps({**lock, "pid": 2**22 + 1}))  # killed: no process has this number
    assert read_job(folder).state == "interrupted"


def test_a_failed_job_says_why(tmp_path, job):
    folder = job(tmp_path / "a", failure={"error": "size: expected at least 8, got 3", "type": "ValueError"})
    found = read_job(folder)
    assert (found.state, found.error) == ("failed", "size: expected at least 8, got 3")
    with claim(folder / "run.lock"):
        assert read_job(folder).state == "running"


def test_planned_jobs_are_found_whatever_their_order_and_spelling(tmp_path, job, multirun, monkeypatch):
    multirun(tmp_path, "size=32,48,64,80", "name=x")
    job(tmp_path / "d", "size=80", "name=x", rows=[("x", 0.5)])
    job(tmp_path / "b", "name=x", "size=6_4")
    monkeypatch.setattr(planning.Plan, "folder_names", lambda self: ["a", "c", "b", "d"])
    sweep = read_sweep(tmp_path)
    assert [job.state for job in sweep.jobs] == ["waiting", "waiting", "interrupted", "done"]
    assert [job.name for job in sweep.jobs] == ["a", "c", "b", "d"]
    assert not sweep.complete


def test_two_planned_jobs_of_the_same_settings_are_one(tmp_path, job, multirun, monkeypatch):
    multirun(tmp_path, "threads=1,2")
    job(tmp_path / "a", "threads=2", rows=[("x", 0.5)])
    monkeypatch.setattr(planning.Plan, "folder_names", lambda self: ["a", "a"])
    sweep = read_sweep(tmp_path)
    assert len(sweep.jobs) == 1
    assert sweep.complete


def test_runs_that_no_sweep_planned_are_listed_by_name(tmp_path, job):
    job(tmp_path / "b", rows=[("x", 0.5)])
    job(tmp_path / "a")
    (tmp_path / "notes").mkdir()
    assert [job.name for job in read_sweep(tmp_path).jobs] == ["a", "b"]
    assert [job.name for job in read_sweep(tmp_path / "a").jobs] == ["a"]


@pytest.mark.parametrize("place", ["", "nowhere"])
def test_a_folder_without_runs_is_refused(tmp_path, place):
    with pytest.raises(ValueError, match=r"expected the folder of a sweep or of runs, got"):
        read_sweep(tmp_path / place)


@pytest.mark.parametrize("name", ["plain", "with space", "it's", "a=b,c", "[x]", "back\\slash", "$HOME"])
def test_the_command_of_a_job_writes_where_the_job_is(tmp_path, job, name):
    found = read_job(job(tmp_path / name, "dataset.only=[a]"))
    words = shlex.split(found.command)
    assert words[:4] == ["python", "experiments/segment.py", "dataset.only=[a]", "hydra.mode=RUN"]
    (override,) = OverridesParser.create().parse_overrides(words[4:])
    assert override.key_or_group == "hydra.run.dir"
    if name != "$HOME":  # Hydra reads ${, not $
        assert override.value() == str(tmp_path / name)


def test_jobs_are_called_by_what_sets_them_apart(tmp_path, job):
    job(tmp_path / "a", "preset=paper", "size=32")
    job(tmp_path / "b", "preset=paper", "size=64")
    assert read_sweep(tmp_path).labels() == ["size=32", "size=64"]
    assert read_sweep(tmp_path / "a").labels() == ["preset=paper size=32"]


def test_two_hundred_jobs_are_read_in_a_second(tmp_path, job, multirun):
    multirun(tmp_path, "seed=range(200)")
    for seed in range(200):
        job(tmp_path / f"job{seed}", f"seed={seed}", rows=[(f"picture{i}", 0.5) for i in range(100)])
    begun = time.process_time()
    assert read_sweep(tmp_path).complete
    assert time.process_time() - begun < 1.5
