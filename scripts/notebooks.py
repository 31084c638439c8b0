"""Run the notebooks and keep what they show: ``python scripts/notebooks.py [--check] [NAME ...]``.

A notebook is written as a script, ``notebooks/NAME.py``; this runs it, from the first cell to the last in a new kernel,
and writes ``notebooks/NAME.ipynb`` with its outputs. Nothing is written of a notebook that fails, warns or shows a path
of this machine. ``--check`` runs nothing: it tells which .ipynb are not what this would write. ``IEM_FAST=1`` runs them
in their small mode, and writes nothing.
"""

import argparse
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "notebooks"
MOST_BYTES = 1_500_000  #: of an .ipynb
SECONDS = 600  #: that one cell may take
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
_PATH = re.compile(r"(?<![\w.:/>~-])/[\w.-]+/[\w./-]+|\b[A-Za-z]:\\")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_ADDRESS = re.compile(r" at 0x[0-9a-f]{6,}")
_ENCODED = ("image/png", "image/jpeg", "image/gif")


def names():
    """Return those of all notebooks, in order."""
    return sorted(path.stem for path in FOLDER.glob("[0-9][0-9]_*.py"))


def read_script(name):
    """Return the notebook that a script describes, with ids that depend on nothing but the place of a cell."""
    notebook = jupytext.read(FOLDER / f"{name}.py", fmt="py:percent")
    notebook.metadata = nbformat.from_dict(METADATA)
    for i, cell in enumerate(notebook.cells):
        cell.id = f"cell-{i:02d}"
        cell.metadata = kept(cell)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def kept(cell):
    """Return the one thing that is noted of a cell: with it, jupytext gives back the script's blank lines."""
    return nbformat.from_dict({key: value for key, value in cell.metadata.items() if key == "lines_to_next_cell"})


def run(notebook):
    """Fill in the outputs, and leave out what differs from one run to the next."""
    client = NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", record_timing=False)
    client.execute(cwd=str(FOLDER))
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata = kept(cell)
        for output in cell.get("outputs", []):
            if "data" in output:
                output["metadata"] = nbformat.from_dict({})
                if any(kind in output["data"] for kind in (*_ENCODED, "text/markdown")):
                    output["data"].pop("text/plain", None)


def problems(notebook, *, with_outputs=True):
    """Return what is wrong with the outputs, a sentence each."""
    found = []
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if with_outputs and [cell.execution_count for cell in code] != list(range(1, len(code) + 1)):
        found.append("the cells were not run one after the other")
    for cell in code:
        for output in cell.outputs:
            if output["output_type"] == "error":
                found.append(f"{cell.id}: {output['ename']}: {output['evalue']}")
            if output.get("name") == "stderr":
                found.append(f"{cell.id} warns: {output['text'].strip()}")
            texts = [text for kind, text in output.get("data", {}).items() if kind not in _ENCODED]
            for text in [*texts, output.get("text", "")]:
                if match := _PATH.search(str(text)) or _ADDRESS.search(str(text)):
                    found.append(f"{cell.id} shows {match.group()!r}, which is different on every machine")
    if with_outputs and len(nbformat.writes(notebook).encode()) > MOST_BYTES:
        found.append(f"more than {MOST_BYTES} bytes")
    return found


def differences(name):
    """Return what sets the .ipynb apart from the script, a sentence each; outputs are not compared."""
    path = FOLDER / f"{name}.ipynb"
    if not path.is_file():
        return ["there is no .ipynb"]
    script, written = read_script(name), nbformat.read(path, as_version=4)
    if dict(written.metadata) != dict(script.metadata) or any(cell.metadata != kept(cell) for cell in written.cells):
        return ["the .ipynb has metadata of its own"]
    if len(script.cells) != len(written.cells):
        return [f"the script has {len(script.cells)} cells, the .ipynb {len(written.cells)}"]
    pairs = zip(script.cells, written.cells, strict=True)
    return [
        f"{ours.id} differs"
        for ours, theirs in pairs
        if any(ours[key] != theirs[key] for key in ("id", "cell_type", "source", "metadata"))
    ]


def write(path, text):
    """Replace a file as a whole."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8", newline="\n") as file:
        file.write(text)
    Path(file.name).chmod(0o644)
    Path(file.name).replace(path)


def make(name, fast):
    """Run one notebook, write it unless ``fast``, and return what is wrong with it."""
    notebook = read_script(name)
    started = time.perf_counter()
    try:
        run(notebook)
    except (CellExecutionError, CellTimeoutError) as error:
        return [_COLOUR.sub("", str(error))]
    found = problems(notebook)
    text = nbformat.writes(notebook) + "\n"
    print(f"{name}: {time.perf_counter() - started:.1f} s, {len(text.encode()) / 1e3:.0f} kB", flush=True)
    if not found and not fast:
        write(FOLDER / f"{name}.ipynb", text)
    return found


def main():
    """Do what was asked and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="such as 01_quick_start; all by default")
    parser.add_argument("--check", action="store_true", help="run nothing, only compare")
    arguments = parser.parse_args()
    chosen = [Path(name).stem for name in arguments.names] or names()
    if unknown := sorted(set(chosen) - set(names())):
        parser.error(f"expected some of {', '.join(names())}, got {', '.join(unknown)}")
    fast = os.environ.get("IEM_FAST", "0") not in ("", "0")
    wrong = 0
    for name in chosen:
        if arguments.check:
            found = differences(name)
            found = found or problems(nbformat.read(FOLDER / f"{name}.ipynb", as_version=4))
        else:
            found = make(name, fast)
        for sentence in found:
            print(f"{name}: {sentence}", file=sys.stderr)
        wrong += bool(found)
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
