"""Jobs beside each other share the cores."""

import pytest

from iem.runner.threads import share_of_cores, usable_cores

JOBLIB = "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher"


@pytest.mark.parametrize(("jobs", "share"), [(1, 8), (2, 4), (3, 2), (8, 1), (16, 1), (-1, 1), (-7, 4), (None, 8)])
def test_joblib_divides(jobs, share):
    assert share_of_cores({"_target_": JOBLIB, "n_jobs": jobs}, 8) == share


def test_other_launchers_do_not():
    assert share_of_cores({"_target_": "hydra._internal.core_plugins.basic_launcher.BasicLauncher"}, 8) == 8


def test_slurm_says_how_many_there_are():
    assert usable_cores({"SLURM_CPUS_PER_TASK": "1"}) == 1
    assert usable_cores({"SLURM_CPUS_PER_TASK": "100000"}) == usable_cores({})
    assert usable_cores({"SLURM_CPUS_PER_TASK": "x"}) == usable_cores({})
