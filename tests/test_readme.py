import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from iem.cli import app

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "CONTRIBUTING.md")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str, language: str) -> list[str]:
    return [code for name, code in FENCE.findall((ROOT / page).read_text()) if name == language]


def commands(page: str) -> list[list[str]]:
    lines = "".join(blocks(page, "bash")).replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def test_pages_hold_commands() -> None:
    assert any(words[:2] == ["make", "test"] for words in commands("CONTRIBUTING.md"))


@pytest.mark.parametrize("page", PAGES)
def test_python_of_a_page_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of one page share their names, as they would for a reader who types them in one after the other."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "__main__"}
    for number, code in enumerate(blocks(page, "python"), start=1):
        exec(compile(code, f"{page}, python block {number}", "exec"), names)


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_a_page_exist(page: str) -> None:
    targets = set(re.findall(r"^TARGETS := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[0].split()) | {
        "clean"
    }
    ours = get_command(app).commands
    for words in commands(page):
        if words[0] == "make":
            assert {word for word in words[1:] if "=" not in word} <= targets, words
        elif words[0] == "iem":
            options = {option for parameter in ours[words[1]].params for option in parameter.opts}
            assert {word.split("=")[0] for word in words[2:] if word.startswith("-") and word != "-"} <= options, words
        elif words[0] == "python":
            assert (ROOT / words[1]).is_file(), words
