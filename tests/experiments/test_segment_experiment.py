"""The experiment as a user starts it."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def start(folder: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "experiments/segment.py"), *overrides]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, check=False)


@pytest.mark.slow
def test_quickstart_ends_with_a_table_and_a_report(tmp_path):
    arguments = ("experiment=quickstart", "preset=paper", "dataset.only=[flower]", "write_pictures=false", "threads=1")
    ended = start(tmp_path, *arguments)
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[0].split() == ["photo", "IoU", "fixed", "IoU", "oracle", "score", "steps", "status", "seconds"]
    assert lines[1].startswith("flower")
    assert lines[3].startswith("mean")
    report = Path(lines[-1].removeprefix("report: "))
    assert report.exists()
    result = json.loads((report.parent / "result.json").read_text())
    assert result["rows"][0]["iou_fixed"] > 0.85

    again = start(tmp_path, *arguments)
    assert again.stdout == ended.stdout, "a second run must find the first one's results"
    assert "1 kept from an earlier run" in again.stderr


@pytest.mark.slow
def test_other_settings_have_another_folder(tmp_path):
    small = ("debug=default", "preset=paper", "size=32")
    assert start(tmp_path, *small).returncode == 0
    assert start(tmp_path, *small, "optimiser.threshold=5").returncode == 0
    assert len(list((tmp_path / "outputs/debug").iterdir())) == 2


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("inpainter.kernel_size=4", "inpainter.kernel_size: expected an odd whole number of at least 1, got 4"),
        ("steps=3", "steps: there is no such setting; did you mean max_steps?"),
    ],
)
def test_wrong_setting_is_one_sentence(tmp_path, override, sentence):
    ended = start(tmp_path, "preset=paper", override)
    assert (ended.returncode, ended.stderr, ended.stdout) == (1, sentence + "\n", "")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_sweep_from_yaml_is_one_command_and_is_done_once(tmp_path):
    ended = start(tmp_path, "experiment=ablation_refiner", "preset=paper", "debug=default", "size=32")
    assert ended.returncode == 0, ended.stderr
    (sweep,) = (tmp_path / "outputs/sweeps").iterdir()
    jobs = sorted(path for path in sweep.iterdir() if path.is_dir())
    assert len(jobs) == 2
    assert (sweep / "multirun.yaml").exists()
    before = {job: (job / "result.json").read_bytes() for job in jobs}
    assert start(tmp_path, "experiment=ablation_refiner", "preset=paper", "debug=default", "size=32").returncode == 0
    assert {job: (job / "result.json").read_bytes() for job in jobs} == before

    command = json.loads((jobs[0] / "command.json").read_text())
    (jobs[0] / "result.json").unlink()
    again = start(tmp_path, *command["overrides"])
    assert again.returncode == 0, again.stderr
    assert (tmp_path / command["program"]).resolve() == ROOT / "experiments/segment.py"
    rows = json.loads((jobs[0] / "result.json").read_text())["rows"]
    assert rows == json.loads(before[jobs[0]])["rows"]


@pytest.mark.slow
def test_a_failing_job_does_not_stop_the_others(tmp_path):
    arguments = ("-m", "preset=paper", "debug=default", "size=32,40", "name=two")
    assert start(tmp_path, *arguments).returncode == 0
    spoiled, kept = sorted((tmp_path / "outputs/sweeps/two").glob("paper-*"))
    for job in (spoiled, kept):
        (job / "result.json").unlink()
    (spoiled / "settings.json").write_text('{"size": 31}')
    ended = start(tmp_path, *arguments)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert "1 of the jobs failed, the others are done" in ended.stderr
    assert f"  {spoiled.name}: folder: " in ended.stderr
    assert (kept / "result.json").exists()
    assert "holds a run with other settings" in json.loads((spoiled / "failure.json").read_text())["error"]


@pytest.mark.slow
def test_joblib_runs_jobs_in_processes_that_share_the_cores(tmp_path):
    pytest.importorskip("joblib")
    arguments = ("-m", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "threads=auto")
    ended = start(tmp_path, *arguments, "preset=paper", "debug=default", "size=32,40", "name=two")
    assert ended.returncode == 0, ended.stderr
    assert len(list((tmp_path / "outputs/sweeps/two").glob("paper-*/result.json"))) == 2


@pytest.mark.slow
def test_optuna_goes_on_with_its_study(tmp_path):
    optuna = pytest.importorskip("optuna")
    arguments = ("hparams_search=optuna", "debug=default", "size=32", "name=search", "hydra.sweeper.n_trials=2")
    for trials in (2, 4):
        ended = start(tmp_path, *arguments)
        assert ended.returncode == 0, ended.stderr
        storage = f"sqlite:///{tmp_path}/outputs/sweeps/search/study.db"
        study = optuna.load_study(study_name="outputs/sweeps/search", storage=storage)
        assert len(study.trials) == trials
    results = (tmp_path / "outputs/sweeps/search").glob("*/result.json")
    best = max(json.loads(path.read_text())["means"]["iou_oracle"] for path in results)
    assert study.best_value == best


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_run_says_so_and_goes_on(tmp_path, number, code):
    arguments = ("preset=paper", "size=256", "batch_size=1", "write_pictures=false")
    command = [sys.executable, str(ROOT / "experiments/segment.py"), *arguments]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stderr is not None
    assert process.stderr.readline().startswith("flower: ")
    process.send_signal(number)
    rest = process.communicate(timeout=60)[1]
    assert process.returncode == code
    assert rest.splitlines()[-1].endswith("; the same command goes on where it stopped")
    assert not list(tmp_path.rglob("run.lock"))
    again = start(tmp_path, *arguments)
    assert again.returncode == 0
    assert " kept from an earlier run" in again.stderr


def test_help_shows_groups_settings_and_examples(tmp_path):
    ended = start(tmp_path, "--help")
    assert ended.returncode == 0
    for words in ("preset: best", "ablation_lambda", "max_steps: 150", "dataset=image_mask_folder dataset.root=DIR"):
        assert words in ended.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_profile_and_limit(tmp_path):
    ended = start(tmp_path, "debug=profile", "preset=paper", "size=32", "max_steps=3", "write_pictures=false")
    assert ended.returncode == 0, ended.stderr
    (profile,) = tmp_path.rglob("profile.txt")
    assert "maximise" in profile.read_text()
    assert len(json.loads((profile.parent / "result.json").read_text())["rows"]) == 3
