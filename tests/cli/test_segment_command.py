"""``iem segment`` within this process: what it says and where, and its exit codes."""

import io
import json
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from iem import Status, presets
from iem.cli import main
from iem.cli.progress import WORDS, describe_status
from iem.cli.segment import DeviceName, PresetName

# The published settings, which never change: what is found in these pictures stays what it is.
QUICK = ("--preset", "paper", "--size", "24")


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


def picture(path, seed=0, size=(40, 30)):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(30, 50, (size[1], size[0], 3), dtype=np.uint8)
    values[8:22, 12:30] += 150
    Image.fromarray(values).save(path)
    return path


def standard_input(monkeypatch, data):
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=io.BytesIO(data), isatty=lambda: False))


def test_lines_go_to_stderr_and_name_each_picture(capsys):
    picture("in/a b.png")
    Image.new("RGB", (20, 10), "red").save("in/flat.png")
    assert main(["segment", "in", "-o", "out", *QUICK]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert lines[0].startswith("[1/2] in/a b.png: ")
    assert "% foreground" in lines[0]
    assert lines[1].startswith("[2/2] in/flat.png: flat picture: empty mask, ")
    assert lines[2].startswith("2 pictures segmented in ")
    assert lines[2].endswith("; results in out")
    assert Path("out/masks/a b.png").exists()


def test_second_run_says_how_many_are_skipped(capsys):
    picture("in/a.png")
    arguments = ["segment", "in", "-o", "out", *QUICK]
    assert main(arguments) == 0
    capsys.readouterr()
    assert main(arguments) == 0
    assert "1 skipped" in capsys.readouterr().err
    assert main([*arguments, "--overwrite"]) == 0
    assert "1 picture segmented" in capsys.readouterr().err
    assert main([*arguments, "--preset", "best"]) == 0
    assert "1 picture segmented" in capsys.readouterr().err


def test_output_inside_the_input_is_not_read_again(capsys):
    picture("in/a.png")
    for words in ("1 picture segmented", "1 skipped"):
        assert main(["segment", "in", "-o", "in/results", *QUICK]) == 0
        err = capsys.readouterr().err
        assert "[1/1] in/a.png: " in err
        assert words in err


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_terminal_shows_the_name_and_the_time_left(monkeypatch):
    for i in range(21):  # too many for a line each
        picture(f"in/{i}.png", i)
    Path("in/!bad.png").write_bytes(b"nonsense")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert main(["segment", "in", "-o", "out", *QUICK]) == 2
    shown = sys.stderr.getvalue()
    assert "9.png" in shown  # the last in the order of names
    assert "22/22" in shown
    assert "left" in shown
    assert "in/!bad.png: failed: not a picture" in shown
    assert "in/9.png: " not in shown
    assert "21 pictures segmented" in shown


def test_bad_file_among_good_ones(capsys):
    picture("in/a.png")
    Path("in/b.png").write_bytes(b"nonsense")
    picture("in/c.png")
    assert main(["segment", "in", "-o", "out", *QUICK]) == 2
    err = capsys.readouterr().err
    assert "in/b.png: failed: not a picture in a supported format" in err
    assert "2 pictures segmented" in err
    assert ", 1 failed;" in err
    assert sorted(path.name for path in Path("out/masks").iterdir()) == ["a.png", "c.png"]


def test_names_that_would_break_terminals_and_markup(capsys):
    for seed, name in enumerate(["[red]a.png", "new\nline.png", "-dash.png", "größe 鳥.png"]):
        picture(name, seed)
    assert main(["segment", "-o", "out", *QUICK, "--", "[red]a.png", "new\nline.png", "-dash.png"]) == 0
    err = capsys.readouterr().err
    assert "[1/3] [red]a.png: " in err
    assert "[2/3] new\\nline.png: " in err
    assert "[3/3] -dash.png: " in err
    assert main(["segment", "größe 鳥.png", "-o", "out", *QUICK]) == 0
    assert len(list(Path("out/masks").iterdir())) == 4


def test_json_lines(capsys):
    picture("in/größe.png")
    Path("in/b.png").write_bytes(b"nonsense")
    assert main(["segment", "in", "-o", "out", *QUICK, "--json"]) == 2
    out, err = capsys.readouterr()
    bad, good, last = [json.loads(line) for line in out.splitlines()]
    assert bad == {"input": "in/b.png", "outcome": "failed", "error": bad["error"]}
    assert good["outcome"] == "done"
    assert good["input"] == "in/größe.png"
    assert good["size"] == [40, 30]
    assert good["files"]["mask"] == "out/masks/größe.png"
    assert Path(good["files"]["record"]).exists()
    counts = {"done": 1, "skipped": 0, "failed": 1, "total": 2, "interrupted": False}
    assert last == {"summary": {**counts, "seconds": last["summary"]["seconds"]}, "output": "out"}
    assert [line for line in err.splitlines() if line] == [f"[1/2] in/b.png: failed: {bad['error']}"]
    assert main(["segment", "in", "-o", "out", *QUICK, "--json"]) == 2
    assert json.loads(capsys.readouterr().out.splitlines()[1])["outcome"] == "skipped"


def test_pipe_in_and_out(capsysbinary, monkeypatch):
    data = picture("a.png").read_bytes()
    main(["segment", "a.png", "-o", "out", *QUICK])
    capsysbinary.readouterr()
    standard_input(monkeypatch, data)
    assert main(["segment", "-", "-o", "-", *QUICK]) == 0
    out, err = capsysbinary.readouterr()
    assert out == Path("out/masks/a.png").read_bytes()
    assert err == b""
    standard_input(monkeypatch, data)
    assert main(["segment", "-", "-o", "out", *QUICK]) == 0
    assert Path("out/masks/stdin.png").read_bytes() == out


def test_pipe_of_a_bad_and_of_a_flat_picture(capsysbinary, monkeypatch):
    standard_input(monkeypatch, b"nonsense")
    assert main(["segment", "-", "-o", "-"]) == 2
    out, err = capsysbinary.readouterr()
    assert out == b""
    assert err.startswith(b"standard input: failed: not a picture")
    Image.new("RGB", (20, 10), "red").save("flat.png")
    assert main(["segment", "flat.png", "-o", "-"]) == 0
    out, err = capsysbinary.readouterr()
    assert out.startswith(b"\x89PNG")
    assert err == b"flat.png: flat picture: empty mask\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["segment"], "iem segment: Missing argument 'IN' (see iem segment --help)"),
        (["segment", "in"], "Missing option '--output' / '-o'"),
        (["segment", "in", "-o", "out", "--preset", "fancy"], "Invalid value for '--preset'"),
        (["segment", "in", "-o", "out", "--size", "3"], "Invalid value for '--size'"),
        (["segment", "in", "-o", "out", "--size", "many"], "Invalid value for '--size'"),
        (["segment", "in", "-o", "out", "--bogus"], "No such option: --bogus"),
        (["segment", "in", "-o", "in"], "iem: the output folder in is an input too; choose another"),
        (["segment", "in", "-o", "in/a.png"], "cannot write to in/a.png: it is a file, not a folder"),
        (["segment", "in", "-o", "in/a.png/out"], "cannot write to in/a.png/out: "),
        (["segment", "in", "-o", "-"], "-o - takes one picture, the inputs hold 2; name a folder instead"),
        (["segment", "in/a.png", "-o", "-", "--json"], "leave out --json and --films"),
        (["segment", "in", "-o", "out", "--max-megapixels", "0"], "--max-megapixels: expected a number above 0, got 0"),
        (["segment", "in", "-o", "out", "--max-megapixels", "nan"], "expected a number above 0, got nan"),
        (["frobnicate"], "iem: No such command 'frobnicate'"),
    ],
)
def test_wrong_usage_is_one_sentence(arguments, message, capsys):
    picture("in/a.png")
    picture("in/b.png")
    assert main(arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1
    assert not Path("out").exists()


def test_terminals_are_not_read_from_nor_sent_pictures(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(isatty=lambda: True))
    assert main(["segment", "-", "-o", "out"]) == 1
    assert "which is a terminal here; pipe or redirect a file" in capsys.readouterr().err
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main(["segment", "a.png", "-o", "-"]) == 1
    assert "redirect it to a file" in capsys.readouterr().err


def test_cuda_without_cuda(capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    picture("a.png")
    assert main(["segment", "a.png", "-o", "out", "--device", "cuda"]) == 1
    assert "PyTorch finds none" in capsys.readouterr().err


def test_limits_and_films(capsys):
    picture("a.png")
    assert main(["segment", "a.png", "-o", "out", "--max-megapixels", "0.001"]) == 2
    assert "more than the limit" in capsys.readouterr().err
    assert main(["segment", "a.png", "-o", "out", *QUICK, "--films"]) == 0
    assert Path("out/films/a.webp").exists()


def test_every_status_has_words():
    assert set(WORDS) == {str(status) for status in Status}
    assert describe_status("cycling", 7) == "the mask cycles after 7 steps"


def test_names_of_presets_and_devices():
    assert {each.value for each in PresetName} == set(presets.PRESETS)
    assert {each.value for each in DeviceName} == {"auto", "cpu", "cuda"}
