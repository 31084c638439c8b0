"""Which jobs a sweep has: read from the ``multirun.yaml`` that Hydra leaves in the sweep's folder."""

import hashlib
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iem.runner.results import read_json, write_json

PLAN_FILE = "multirun.yaml"
_CACHE_FILE = ".planned_folders.json"
_FOLDER_BOUND = ("hydra.run.dir=", "hydra.sweep.dir=", "hydra.mode=")


@dataclass(frozen=True)
class Plan:
    """A sweep as it was asked for.

    Attributes:
        folder: of the sweep.
        program: what was started, such as ``experiments/segment.py``.
        overrides: of the whole sweep, as typed.
        hydra_overrides: those that concern Hydra alone, as typed.
        jobs: the overrides of each job; None where they are chosen as it goes, as Optuna does.
        config_folder: where the settings' files are.
        config_name: the first of them.
    """

    folder: Path
    program: str
    overrides: tuple[str, ...]
    hydra_overrides: tuple[str, ...]
    jobs: tuple[tuple[str, ...], ...] | None
    config_folder: Path | None
    config_name: str

    @property
    def command(self) -> str:
        """The command that reruns the sweep; what is finished is not done again."""
        hydra = [each for each in self.hydra_overrides if not each.startswith("hydra.mode=")]
        return shlex.join(["python", self.program, "-m", *self.overrides, *hydra])

    def folder_names(self) -> list[str | None]:
        """The name of the folder of each job; None where it cannot be told.

        Their settings have to be composed, which takes a while, unless an earlier call has kept the answer in the
        sweep's folder and no settings file has changed since.
        """
        path, stamp = self.folder / _CACHE_FILE, self._stamp()
        kept = read_json(path) or {}
        if kept.get("stamp") == stamp:
            return list(kept["folders"])
        names = self._compose()
        _keep(path, {"stamp": stamp, "folders": names})
        return names

    def _stamp(self) -> str:
        if self.config_folder is None:
            return ""
        files = sorted(self.config_folder.rglob("*.yaml"))
        seen = [f"{path.relative_to(self.config_folder)} {path.stat().st_mtime_ns}" for path in files]
        return hashlib.sha256(repr((self.jobs, self.hydra_overrides, seen)).encode()).hexdigest()

    def _compose(self) -> list[str | None]:
        jobs = self.jobs or ()
        if self.config_folder is None or not self.config_folder.is_dir():
            return [None] * len(jobs)
        hydra = [each for each in self.hydra_overrides if not each.startswith(_FOLDER_BOUND)]
        with _composing(self.config_folder) as compose:
            first = [_subdir(compose, self.config_name, [*job, *hydra]) for job in jobs[:1]]
            quick = self._compose_quickly(hydra)
            # Hydra itself takes ten times as long; what it says of the first job tells whether it is needed.
            if len(quick) == len(jobs) and quick[:1] == first:
                return [*quick]
            return [*first, *(_subdir(compose, self.config_name, [*job, *hydra]) for job in jobs[1:])]

    def _compose_quickly(self, hydra: Sequence[str]) -> list[str]:
        """Names as ``conf/segment.yaml`` makes them; none where that does not apply."""
        from hydra.errors import HydraException
        from omegaconf.errors import OmegaConfBaseException

        from iem.runner.naming import short_fingerprint
        from iem.runner.schema.command import understand

        assert self.config_folder is not None
        asked = [*self.overrides, *hydra]
        try:
            command = understand(asked, folder=self.config_folder, name=self.config_name, multirun=True, extra=None)
            return [f"{j.choices['preset']}-{j.choices['dataset']}-{short_fingerprint(j.config)}" for j in command.jobs]
        except (HydraException, OmegaConfBaseException, ValueError, TypeError, KeyError, AttributeError):
            return []


def read_plan(folder: Path) -> Plan | None:
    """The plan of the sweep that wrote into ``folder``; None if no sweep did, or it is just being written."""
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError  # type: ignore[import-untyped]

    try:
        hydra = OmegaConf.load(folder / PLAN_FILE).hydra
        sources = [source.path for source in hydra.runtime.config_sources if source.provider == "main"]
        folders = [Path(source) for source in sources if source]
        sweeper = str(hydra.sweeper._target_)
        overrides = [str(each) for each in hydra.overrides.task]
        params = [f"{key}={value}" for key, value in (hydra.sweeper.get("params") or {}).items()]
        config_folder = folders[0] if folders else None
        return Plan(
            folder=folder,
            program=_program(folder, str(hydra.job.name)),
            overrides=tuple(overrides),
            hydra_overrides=tuple(str(each) for each in hydra.overrides.hydra),
            jobs=_split([*params, *overrides]) if sweeper.endswith("BasicSweeper") else None,
            config_folder=config_folder,
            config_name=str(hydra.job.config_name),
        )
    except (OSError, YAMLError, HydraException, OmegaConfBaseException, AttributeError):
        return None


def _split(overrides: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """What Hydra's own sweeper makes of them."""
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
    from hydra.core.override_parser.overrides_parser import OverridesParser

    parsed = OverridesParser.create().parse_overrides(list(overrides))
    return tuple(tuple(job) for batch in BasicSweeper.split_arguments(parsed, None) for job in batch)


def _program(folder: Path, job_name: str) -> str:
    """As a finished or begun job has noted it; else where the experiments are."""
    for path in folder.glob("*/command.json"):
        noted = read_json(path)
        if noted and isinstance(noted.get("program"), str):
            return str(noted["program"])
    return f"experiments/{job_name}.py"


@contextmanager
def _composing(config_folder: Path) -> Iterator[Any]:
    """Hydra's ``compose`` for the settings in a folder; Hydra's own state is put back afterwards."""
    from hydra import compose, initialize_config_dir
    from hydra.core.hydra_config import HydraConfig

    from iem.runner.naming import register_resolvers
    from iem.runner.schema import peel, segment

    segment.store()
    peel.store()
    register_resolvers()
    holder = HydraConfig.instance()
    before = holder.cfg
    try:
        with initialize_config_dir(str(config_folder.absolute()), version_base="1.3"):
            yield compose
    finally:
        holder.cfg = before


def _subdir(compose: Any, config_name: str, overrides: list[str]) -> str | None:
    from hydra.core.hydra_config import HydraConfig
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    try:
        config = compose(config_name, overrides=overrides, return_hydra_config=True)
        HydraConfig.instance().set_config(config)
        return str(config.hydra.sweep.subdir)
    except (HydraException, OmegaConfBaseException, ValueError, TypeError):
        return None  # refused when it is its turn, in words of its own


def _keep(path: Path, content: dict[str, Any]) -> None:
    try:
        write_json(path, content)
    except OSError:
        return  # a folder that we may only read
