import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from iem.images import ImageError
from iem.segnet import Devices, student, train


class StopError(Exception):
    pass


def weights(trained):
    return torch.cat([value.flatten() for value in trained.network.state_dict().values()])


def test_it_learns(lessons, recipe, tmp_path):
    epochs = []
    done = train(lessons, replace(recipe, epochs=25, patience=25), folder=tmp_path, on_epoch=epochs.append)
    assert done[0].agreement > 0.8
    assert done[0].agreement == max(epoch.agreement for epoch in epochs)
    assert epochs[-1].loss < epochs[0].loss / 2
    assert set(done[0].learned_from).isdisjoint(done[0].held_back)
    assert len(done[0].held_back) == 2


def test_same_seed_same_network(lessons, recipe, tmp_path):
    first = train(lessons, recipe, folder=tmp_path / "a", seed=1)
    torch.manual_seed(99)  # nobody else's chance matters
    second = train(lessons, recipe, folder=tmp_path / "b", seed=1)
    other = train(lessons, recipe, folder=tmp_path / "c", seed=2)
    assert torch.equal(weights(first[0]), weights(second[0]))
    assert first[0].history == second[0].history
    assert not torch.equal(weights(first[0]), weights(other[0]))


@pytest.mark.parametrize("epoch", [1, 3])
def test_interrupted_equals_uninterrupted(epoch, lessons, recipe, tmp_path):
    def stop(now):
        if now.epoch == epoch:
            raise StopError  # before this epoch is saved

    whole = train(lessons, recipe, folder=tmp_path / "whole", seed=1)
    with pytest.raises(StopError):
        train(lessons, recipe, folder=tmp_path / "broken", seed=1, on_epoch=stop)
    resumed = []
    mended = train(lessons, recipe, folder=tmp_path / "broken", seed=1, on_epoch=resumed.append)
    assert [each.epoch for each in resumed] == list(range(epoch, 5))
    assert torch.equal(weights(mended[0]), weights(whole[0]))
    assert mended[0].history == whole[0].history


def test_what_is_finished_is_not_trained_again(lessons, recipe, tmp_path):
    recipe = replace(recipe, rounds=2)
    first = train(lessons, recipe, folder=tmp_path)
    again = []
    second = train(lessons, recipe, folder=tmp_path, on_epoch=again.append)
    assert again == []
    assert [torch.equal(weights(a), weights(b)) for a, b in zip(first, second, strict=True)] == [True, True]


@pytest.mark.parametrize(
    ("agreements", "best", "stops"),
    [
        ([0.5, 0.9, 0.3, 0.3, 0.3, 1.0], 2, 5),  # 1.0 would come too late
        ([0.5, 0.9, 0.3, 0.89, 0.3, 0.3, 0.3, 1.0], 4, 7),  # within the tolerance: as good, and later
        ([0.5, 0.6, 0.7, 0.8, 0.9, 1.0], 6, 6),
    ],
)
def test_early_stop(agreements, best, stops, lessons, recipe, tmp_path, monkeypatch):
    given = iter(agreements)
    monkeypatch.setattr(student, "_agreement", lambda mask, other: torch.tensor([next(given)]))
    recipe = replace(recipe, epochs=len(agreements), patience=3, tolerance=0.02)
    epochs = []
    done = train(lessons, recipe, folder=tmp_path, on_epoch=epochs.append)
    assert len(epochs) == stops
    assert done[0].best_epoch == best
    again = []
    train(lessons, recipe, folder=tmp_path, on_epoch=again.append)
    assert again == []


def test_rounds_learn_from_the_network_before(lessons, recipe, tmp_path):
    once = train(lessons, replace(recipe, epochs=12), folder=tmp_path / "once")
    twice = train(lessons, replace(recipe, epochs=12, rounds=2), folder=tmp_path / "twice")
    assert torch.equal(weights(once[0]), weights(twice[0]))
    assert not torch.equal(weights(twice[0]), weights(twice[1]))


def test_folder_of_another_training(lessons, recipe, tmp_path):
    train(lessons, recipe, folder=tmp_path)
    with pytest.raises(ValueError, match="it holds a training on other pictures, masks or settings"):
        train(lessons, replace(recipe, rate=0.01), folder=tmp_path)
    with pytest.raises(ValueError, match="it holds a training on other pictures, masks or settings"):
        train(lessons[range(7)], recipe, folder=tmp_path)


def test_damaged_state_is_named(lessons, recipe, tmp_path):
    train(lessons, recipe, folder=tmp_path)
    state = tmp_path / "round-1" / "last.ckpt"
    state.write_bytes(state.read_bytes()[:500])
    with pytest.raises(ImageError, match="the saved state of the training cannot be read; remove it to start anew"):
        train(lessons, recipe, folder=tmp_path)


def test_devices_that_are_not_there(lessons, recipe, tmp_path):
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(ValueError, match=r"devices: .*see the settings devices"):
        train(lessons, recipe, folder=tmp_path, devices=Devices(accelerator="gpu"))


def test_too_few_pictures(lessons, recipe, tmp_path):
    with pytest.raises(ValueError, match="expected at least 2 pictures with believable masks, got 1"):
        train(lessons[[0]], recipe, folder=tmp_path)


SCRIPT = """
import sys
from pathlib import Path
import torch
torch.set_num_threads(1)
sys.path.insert(0, {tests!r})
from iem.segnet import Augmentation, Confidence, Lessons, Recipe, train

if __name__ == "__main__":
    lessons = torch.load({lessons!r}, weights_only=False)
    recipe = torch.load({recipe!r}, weights_only=False)
    done = train(lessons, recipe, folder=Path(sys.argv[1]), on_epoch=lambda e: print(e.epoch, flush=True))
    torch.save([done[0].network.state_dict(), done[0].history], sys.argv[1] + "/end.pt")
"""


@pytest.mark.slow
def test_killed_training_continues(lessons, recipe, tmp_path):
    recipe = replace(recipe, epochs=40, patience=40)
    files = {"lessons": str(tmp_path / "lessons.pt"), "recipe": str(tmp_path / "recipe.pt")}
    torch.save(lessons, files["lessons"])
    torch.save(recipe, files["recipe"])
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT.format(tests=str(Path(__file__).parents[1]), **files)))
    command = [sys.executable, str(script), str(tmp_path / "killed")]
    for wanted in ("3", "17"):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        for line in process.stdout:
            if line.strip() == wanted:
                os.kill(process.pid, signal.SIGKILL)
                break
        process.wait()
        process.stdout.close()
        assert process.returncode == -signal.SIGKILL
    subprocess.run(command, check=True, capture_output=True)
    whole = train(lessons, recipe, folder=tmp_path / "whole")
    end, history = torch.load(tmp_path / "killed" / "end.pt", weights_only=True)
    assert list(whole[0].history) == list(history)
    assert all(torch.equal(value, end[name]) for name, value in whole[0].network.state_dict().items())


@pytest.mark.slow
def test_two_processes(lessons, recipe, tmp_path):
    done = train(
        lessons,
        replace(recipe, epochs=10, patience=10),
        folder=tmp_path,
        devices=Devices(devices=2, strategy="ddp_spawn"),
    )
    assert len(done[0].history) == 10
    assert done[0].agreement > 0.3
