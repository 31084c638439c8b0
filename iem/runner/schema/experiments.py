"""Which program an experiment's file is for: all of them lie in one folder."""

from collections.abc import Sequence
from pathlib import Path

import yaml  # type: ignore[import-untyped]

from iem.runner.schema.problems import SettingError


def check_program(experiment: str, folder: Path, name: str) -> None:
    """Require that a program has all groups that an experiment chooses from.

    Args:
        experiment: its name.
        folder: of the configuration.
        name: of the program's top file.

    Raises:
        SettingError: it is for another program.
    """
    path = folder / "experiment" / f"{experiment}.yaml"
    if not path.is_file():
        return
    wanted = set(_groups(path))
    if wanted <= set(_groups(folder / f"{name}.yaml")):
        return
    others = [each.stem for each in sorted(folder.glob("*.yaml")) if wanted <= set(_groups(each))]
    if others:
        raise SettingError(f"experiment: {experiment} is for experiments/{others[0]}.py; run that")


def _groups(path: Path) -> Sequence[str]:
    """Those of the defaults list of a file."""
    if not path.is_file():
        return ()
    entries = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("defaults", ())
    keys = (next(iter(entry)) for entry in entries if isinstance(entry, dict))
    return [key.split()[-1].removeprefix("/") for key in keys]
