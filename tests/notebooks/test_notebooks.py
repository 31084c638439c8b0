"""The notebooks are what their scripts say, show what they should, and run."""

import importlib.util
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("nbclient", reason="needs the extra `dev`")
jupytext = pytest.importorskip("jupytext", reason="needs the extra `notebooks`")
pytest.importorskip("ipykernel", reason="needs the extra `notebooks`")

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "notebooks"


def _load_script():
    spec = importlib.util.spec_from_file_location("notebooks_script", ROOT / "scripts" / "notebooks.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


script = _load_script()
every_notebook = pytest.mark.parametrize("name", script.names())


def read(name):
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def cell(*outputs, count=1):
    made = nbformat.v4.new_code_cell("1", execution_count=count, outputs=list(outputs))
    return nbformat.v4.new_notebook(cells=[made])


def test_there_are_seven_and_each_has_its_pair():
    assert [name[:2] for name in script.names()] == [f"0{i}" for i in range(1, 8)]
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == script.names()


@every_notebook
def test_script_and_notebook_have_the_same_cells(name):
    assert script.differences(name) == [], "run `python scripts/notebooks.py`"


@every_notebook
def test_whoever_opens_the_pair_in_jupyter_changes_nothing(name):
    notebook = read(name)
    notebook.metadata["jupytext"] = {"notebook_metadata_filter": "-all", "cell_metadata_filter": "-all"}
    assert jupytext.writes(notebook, fmt="py:percent") == (FOLDER / f"{name}.py").read_text(encoding="utf-8")


@every_notebook
def test_outputs_are_there_and_free_of_errors_warnings_and_paths(name):
    notebook = read(name)
    nbformat.validate(notebook)
    assert script.problems(notebook) == []
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any({"image/png", "image/jpeg"} & set(output.get("data", {})) for output in outputs)


def test_a_changed_script_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(script, "FOLDER", tmp_path)
    name = "01_quick_start"
    for suffix in (".py", ".ipynb"):
        (tmp_path / name).with_suffix(suffix).write_bytes((FOLDER / name).with_suffix(suffix).read_bytes())
    assert script.differences(name) == []
    source = tmp_path / f"{name}.py"
    source.write_text(source.read_text().replace("import torch", "import torch as t"))
    assert script.differences(name) == ["cell-01 differs"]
    source.write_text(source.read_text() + "\n# %%\nprint(1)\n")
    assert "cells" in script.differences(name)[0]


@pytest.mark.parametrize(
    ("output", "complaint"),
    [
        (nbformat.v4.new_output("error", ename="ValueError", evalue="no"), "ValueError: no"),
        (nbformat.v4.new_output("stream", name="stderr", text="careful"), "warns: careful"),
        (nbformat.v4.new_output("stream", name="stdout", text="in /home/somebody/photo.jpg"), "/home/somebody"),
        (nbformat.v4.new_output("stream", name="stdout", text=r"in C:\Users\photo.jpg"), "C:"),
        (nbformat.v4.new_output("display_data", data={"text/plain": "<A at 0x7f00aa11bb22>"}), "0x7f00aa11bb22"),
        (nbformat.v4.new_output("display_data", data={"image/png": "a" * 1_500_000}), "more than"),
    ],
)
def test_what_must_not_be_shown_is_found(output, complaint):
    (found,) = script.problems(cell(output))
    assert complaint in found


def test_what_may_be_shown_is_not_complained_about():
    text = "3/4 of it, iem/interfaces.py, https://example.org/a/b, a / b, ../experiments/segment.py, and/or"
    assert script.problems(cell(nbformat.v4.new_output("stream", name="stdout", text=text))) == []
    assert script.problems(cell(count=None)) == ["the cells were not run one after the other"]


@pytest.mark.slow
@every_notebook
def test_it_runs_in_its_small_mode(name, monkeypatch):
    """As nbmake does it, and nothing may be warned of."""
    runs = pytest.importorskip("nbmake.nb_run")
    monkeypatch.setenv("IEM_FAST", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    result = runs.NotebookRun(FOLDER / f"{name}.ipynb", default_timeout=280, kernel="python3").execute()
    assert result.error is None, result.error and result.error.trace
    assert script.problems(result.nb, with_outputs=False) == []
