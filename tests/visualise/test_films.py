"""Films are read back with Pillow."""

from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
from sklearn.datasets import load_sample_image

from iem.visualise import film, overlay


def grey(level, h=32, w=48):
    return torch.full((1, 3, h, w), level)


def frames_of(path: Path):
    """Every frame as an array, with the milliseconds it stays."""
    shown = []
    with PIL.Image.open(path) as picture:
        for i in range(picture.n_frames):
            picture.seek(i)
            picture.load()
            shown.append((np.asarray(picture.convert("RGB")).astype(int), picture.info["duration"]))
    return shown


def photographed(count=40):
    small = PIL.Image.fromarray(load_sample_image("flower.jpg")).resize((256, 171))
    image = torch.from_numpy(np.asarray(small) / 255).float().permute(2, 0, 1)[None]
    rows, columns = np.mgrid[: image.shape[2], : image.shape[3]]
    distance = torch.from_numpy(np.hypot(rows - 92, columns - 124))
    return [overlay(image, (distance < 12 + 1.6 * i).float()[None, None]) for i in range(count)]


@pytest.mark.parametrize("suffix", [".webp", ".gif"])
def test_frames_order_size_and_time(tmp_path, suffix):
    path = tmp_path / f"film{suffix}"
    film([grey(0.0), grey(0.5), grey(1.0)], path, seconds=3, hold=2, width=96)
    shown = frames_of(path)
    assert [round(frame.mean() / 255, 1) for frame, _ in shown] == [0.0, 0.5, 1.0]
    assert {frame.shape for frame, _ in shown} == {(64, 96, 3)}
    assert [time for _, time in shown] == [1000, 1000, 3000]
    with PIL.Image.open(path) as picture:
        assert picture.format == suffix[1:].upper()
        assert picture.info["loop"] == 0


@pytest.mark.parametrize("suffix", [".webp", ".gif"])
def test_still_frames_are_dropped(tmp_path, suffix):
    path = tmp_path / f"film{suffix}"
    moving = [grey(0.0), grey(0.0), grey(0.4), grey(0.4), grey(0.0), grey(0.0005), grey(0.0)]
    film(moving, path, seconds=3, hold=0)
    assert [round(frame.mean() / 255, 1) for frame, _ in frames_of(path)] == [0.0, 0.4, 0.0]


@pytest.mark.parametrize("suffix", [".webp", ".gif"])
def test_one_picture_is_a_film_of_one(tmp_path, suffix):
    path = tmp_path / f"film{suffix}"
    film([grey(0.5)] * 9, path)
    with PIL.Image.open(path) as picture:
        assert getattr(picture, "n_frames", 1) == 1


def test_long_films_are_thinned_evenly_between_the_first_and_the_last(tmp_path):
    path = tmp_path / "film.webp"
    film([grey(i / 200) for i in range(201)], path, seconds=2, hold=1, rate=10)
    shown = frames_of(path)
    levels = np.array([frame.mean() / 255 for frame, _ in shown])
    assert len(shown) == 20
    assert levels[[0, -1]] == pytest.approx([0, 1], abs=0.01)
    assert np.abs(np.diff(levels) - 1 / 19).max() < 0.02
    assert sum(time for _, time in shown) == 3000


@pytest.mark.parametrize("suffix", [".webp", ".gif"])
def test_a_photograph_stays_small_and_true(tmp_path, suffix):
    path = tmp_path / f"film{suffix}"
    frames = photographed()
    film(frames, path)
    assert path.stat().st_size < 150_000
    shown = frames_of(path)
    assert len(shown) == 40
    for i in (0, 20, 39):
        wanted = PIL.Image.fromarray((frames[i][0] * 255).byte().permute(1, 2, 0).numpy())
        assert np.abs(shown[i][0] - np.asarray(wanted).astype(int)).mean() < 6


@pytest.mark.parametrize("suffix", [".webp", ".gif"])
def test_even_a_film_that_changes_everywhere_stays_small(tmp_path, suffix):
    path = tmp_path / f"film{suffix}"
    still = photographed(1)[0]
    film([still * (1 - i / 80) for i in range(40)], path)
    assert path.stat().st_size < 300_000


def test_an_earlier_film_survives_a_failure(tmp_path):
    path = tmp_path / "film.gif"
    film([grey(0.0)], path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"frames\[1\]: expected shape \[1, 3, 32, 48\], got \[1, 3, 9, 9\]"):
        film([grey(0.0), grey(0.0, 9, 9)], path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["film.gif"]


def test_wrong_input_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"expected a name ending in \.webp or \.gif, got 'film\.mp4'"):
        film([grey(0.0)], tmp_path / "film.mp4")
    with pytest.raises(ValueError, match="frames: expected at least one picture, got none"):
        film([], tmp_path / "film.gif")
    with pytest.raises(ValueError, match=r"frames\[0\]: expected values in \[0, 1\]"):
        film([grey(255.0)], tmp_path / "film.gif")
