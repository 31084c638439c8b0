import pytest

from iem.runner.sweeps.planning import read_plan


def test_jobs_are_all_combinations_in_hydras_order(tmp_path, multirun):
    multirun(tmp_path, "preset=paper,best", "size=range(32,65,32)", "name=x", params={"inpainter.sigma": "1,2"})
    plan = read_plan(tmp_path)
    assert len(plan.jobs) == 8
    assert plan.jobs[0] == ("inpainter.sigma=1", "preset=paper", "size=32", "name=x")
    assert plan.jobs[-1] == ("inpainter.sigma=2", "preset=best", "size=64", "name=x")


def test_a_choice_typed_replaces_that_of_the_experiment(tmp_path, multirun):
    multirun(tmp_path, "inpainter.sigma=7", params={"inpainter.sigma": "1,2"})
    assert read_plan(tmp_path).jobs == (("inpainter.sigma=7",),)


def test_the_command_is_the_one_that_was_typed(tmp_path, multirun):
    multirun(tmp_path, "dataset.only=[a b]", "size=32,64", hydra=["hydra/launcher=joblib", "hydra.mode=MULTIRUN"])
    command = read_plan(tmp_path).command
    assert command == "python experiments/segment.py -m 'dataset.only=[a b]' size=32,64 hydra/launcher=joblib"


def test_the_program_is_the_one_that_a_job_has_noted(tmp_path, multirun):
    multirun(tmp_path, "size=32,64")
    (tmp_path / "job").mkdir()
    (tmp_path / "job/command.json").write_text('{"program": "lab/segment.py", "overrides": []}')
    assert read_plan(tmp_path).command == "python lab/segment.py -m size=32,64"


def test_sweepers_that_choose_as_they_go_have_no_list(tmp_path, multirun):
    optuna = "hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper"
    multirun(tmp_path, "size=choice(32,64)", params={"inpainter.sigma": "interval(1,9)"}, sweeper=optuna)
    assert read_plan(tmp_path).jobs is None


@pytest.mark.parametrize("text", ["", "hydra:\n  sweeper:", "a: [", "hydra: 3", "- 1\n"])
def test_a_plan_that_is_not_whole_is_none(tmp_path, text):
    (tmp_path / "multirun.yaml").write_text(text)
    assert read_plan(tmp_path) is None
    assert read_plan(tmp_path / "nowhere") is None


def test_folders_are_those_that_the_jobs_will_have(tmp_path, multirun):
    multirun(tmp_path, "preset=paper,best", "size=128,64", "threads=1")
    names = read_plan(tmp_path).folder_names()
    assert [name.rsplit("-", 1)[0] for name in names] == ["paper-samples"] * 2 + ["best-samples"] * 2
    assert len(set(names)) == 4
    # Other words for the same settings: 128 is the default, and threads change no result.
    other = tmp_path / "other"
    multirun(other, "preset=paper", "threads=2,3")
    assert read_plan(other).folder_names() == [names[0], names[0]]


def test_folders_are_kept_until_the_settings_files_change(tmp_path, multirun, monkeypatch):
    multirun(tmp_path, "preset=paper", "size=32,48")
    names = read_plan(tmp_path).folder_names()
    plan = read_plan(tmp_path)
    monkeypatch.setattr("iem.runner.sweeps.planning.Plan._compose", lambda self: pytest.fail("composed again"))
    assert plan.folder_names() == names
    multirun(tmp_path, "preset=paper", "size=32,56")
    with pytest.raises(pytest.fail.Exception, match="composed again"):
        read_plan(tmp_path).folder_names()
