"""``iem evaluate-painting`` within this process."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from iem.cli import main


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """Three originals, painted ones that differ inside a hole, and the holes."""
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(0)
    for folder in ("truth", "painted", "holes"):
        (tmp_path / folder).mkdir()
    found = {}
    for name in "abc":
        truth = generator.integers(0, 256, (24, 20, 3), dtype=np.uint8)
        hole = np.zeros((24, 20), np.uint8)
        hole[8:16, 6:14] = 255
        painted = np.where(hole[..., None] > 0, 255 - truth // 2, truth)
        for folder, values in (("truth", truth), ("painted", painted), ("holes", hole)):
            Image.fromarray(values).save(f"{folder}/{name}.png")
        inside = hole > 0
        found[name] = peak_signal_noise_ratio(truth[inside], painted[inside], data_range=255)
    return found


def test_table_and_json(capsys, folders):
    assert main(["evaluate-painting", "painted", "truth", "--holes", "holes"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "Mean over 3 of 3 pictures" in out
    lines = dict(line.split()[:2] for line in out.splitlines() if len(line.split()) > 1)
    assert lines["PSNR"] == f"{np.mean(list(folders.values())):.2f}"
    assert "scored: the holes of holes, 13.3 % of the picture on average" in out
    assert main(["evaluate-painting", "painted", "truth", "--holes", "holes", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert {each["name"]: each["psnr"] for each in content["pictures"]} == pytest.approx(folders)
    assert content["means"]["boundary"] > 0.1
    assert content["complete"] is True


def test_whole_pictures_without_holes(capsys):
    assert main(["evaluate-painting", "painted", "truth", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert (content["means"]["boundary"], content["holes"]) == (None, None)
    assert main(["evaluate-painting", "truth", "truth"]) == 0
    out = capsys.readouterr().out
    assert "Boundary" not in out
    assert "3 painted without any difference" in out


def test_what_was_not_scored_is_listed_and_the_rest_done(capsys):
    Path("painted/a.png").write_bytes(b"nonsense")
    Path("holes/b.png").unlink()
    Image.new("RGB", (9, 9)).save("truth/missing.png")
    Image.new("RGB", (9, 9)).save("painted/extra.png")
    for folder in ("truth", "painted", "holes"):
        Image.new("RGB", (30, 20)).save(f"{folder}/size.png")
    Image.new("RGB", (20, 30)).save("painted/size.png")
    assert main(["evaluate-painting", "painted", "truth", "--holes", "holes"]) == 2
    out, err = capsys.readouterr()
    assert "Mean over 1 of 5 pictures" in out
    assert "1 without a painted picture:\n  missing\n" in err
    assert "3 could not be scored:\n  a: painted/a.png: " in err
    assert "  b: there is no hole of this name" in err
    assert "  size: the painted picture is 20 x 30 pixels, the original 30 x 20" in err
    assert "1 without an original, not scored:\n  extra\n" in err


def test_endings_of_names_are_passed_over(capsys):
    for name in "abc":
        Path(f"painted/{name}.png").rename(f"painted/{name}_removed.png")
        Path(f"holes/{name}.png").rename(f"holes/{name}_mask.png")
    assert main(["evaluate-painting", "painted", "truth", "--holes", "holes"]) == 0
    assert "Mean over 3 of 3" in capsys.readouterr().out


def test_features_of_the_user(capsys):
    Path("mine.py").write_text("def one(image):\n    return image.mean((1, 2, 3))[:, None]\n")
    assert main(["evaluate-painting", "painted", "truth", "--features", "mine.py:one", "--json"]) == 0
    means = {}
    for folder in ("truth", "painted"):
        values = [np.asarray(Image.open(f"{folder}/{name}.png")).mean() / 255 for name in "abc"]
        means[folder] = np.mean(values), np.std(values, ddof=1)
    (m, s), (n, t) = means.values()
    assert json.loads(capsys.readouterr().out)["frechet"] == pytest.approx((m - n) ** 2 + (s - t) ** 2, rel=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "truth"], "painted: expected a folder, got nowhere, which is not there"),
        (["painted", "truth", "--holes", "truth/a.png"], "holes: expected a folder, got truth/a.png, which is a file"),
        (["painted", "truth", "--features", "mine.py"], "--features: expected FILE.py:NAME, got mine.py"),
        (["painted", "truth", "--features", "no.py:f"], "--features: expected a file, found no no.py"),
        (["painted", "truth", "--features", "mine.py:g"], "--features: expected a function g in mine.py, found none"),
        (["painted", "truth", "--features", "bad.py:f"], "--features: bad.py cannot be run: ZeroDivisionError"),
        (["painted", "truth", "--features", "mine.py:f"], "--features: f failed on a picture of 20 x 24: TypeError"),
        (
            ["painted", "truth", "--features", "mine.py:h"],
            "pictures: expected more true ones than there are features (3)",
        ),
    ],
)
def test_refused_in_one_sentence(capsys, arguments, message):
    Path("mine.py").write_text("def f(): pass\ndef h(image):\n    return image.mean((2, 3))\n")
    Path("bad.py").write_text("1 / 0\n")
    assert main(["evaluate-painting", *arguments]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("iem: ")
    assert message in err
    assert err.count("\n") == 1


def test_names_that_do_not_agree(capsys):
    for name in "abc":
        Path(f"painted/{name}.png").rename(f"painted/x{name}.png")
    assert main(["evaluate-painting", "painted", "truth"]) == 1
    assert "expected names like those of the originals, such as 'a', got 'xa'" in capsys.readouterr().err
