"""Starting an experiment: its whole command line is checked before any work, then Hydra runs its jobs."""

import argparse
import functools
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from iem.runner.naming import register_resolvers
from iem.runner.results import read_json, write_json
from iem.runner.schema.command import Command, Job, plain, understand
from iem.runner.schema.parts import Parts
from iem.runner.schema.problems import SettingError
from iem.runner.schema.sentences import keys_of, sentence

Task = Callable[[DictConfig, Parts], float]
FAILURE = "failure.json"


@dataclass(frozen=True)
class Application:
    """What an experiment is made of.

    Attributes:
        task: does one job; takes its settings and what makes parts of them, returns what a search maximises.
        folder: of the configuration.
        name: of its top file.
        store: makes the schema known to Hydra.
        check: refuses settings that no run can have, by a ``SettingError``; called for every job before the first.
        note: what is worth saying about a job's settings although they are allowed; empty for nothing.
    """

    task: Task
    folder: Path
    name: str
    store: Callable[[], None]
    check: Callable[[Job, Parts, tuple[str, ...], Path], None]
    note: Callable[[Job, tuple[str, ...]], str] = lambda job, given: ""


class JobError(Exception):
    """A job failed; the others of its sweep go on. The message is for the user."""


class RunError(BaseException):
    """The only job failed. Not an ``Exception``: Hydra would add its own account of it."""


def start(application: Application) -> int:
    """Do what the command line asks for.

    Returns:
        The exit code: 0, all is done; 1, something was wrong, said in one sentence, and nothing was begun, or jobs
        failed and the others are done; 130 or 143, it was interrupted.
    """
    prepare(application)
    try:
        arguments = _parse(sys.argv[1:])
    except SettingError as error:
        return _say(str(error), 1)
    if arguments.config_path is not None:
        application = Application(**{**vars(application), "folder": Path(arguments.config_path).resolve()})
    name = arguments.config_name or application.name
    parts = Parts()
    with _sigterm_as_exit():
        try:
            command = _check(application, arguments, name, parts) if _means_work(arguments) else None
            return _run(application, name, parts, command)
        except KeyboardInterrupt:
            return _say("interrupted; the same command goes on where it stopped", 128 + signal.SIGINT)
        except (JobError, RunError) as failed:
            return _say(str(failed), 1)
        except Exception as error:
            if os.environ.get("HYDRA_FULL_ERROR") == "1":
                traceback.print_exc()
            return _say(sentence(error, _known(application, arguments, name)), 1)


def say(text: str) -> None:
    """A line for the user, beside what the program gives out."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def prepare(application: Application) -> None:
    """Make the schema and the names that the configuration refers to known, so that it can be composed."""
    application.store()
    register_resolvers()


def _parse(argv: list[str]) -> argparse.Namespace:
    """Flags and overrides in any order; Hydra, which parses them again, wants the flags first."""

    def refuse(message: str) -> NoReturn:
        raise SettingError(f"{message}; --help shows what can be given")

    parser = get_args_parser()
    parser.error = refuse  # type: ignore[method-assign]
    arguments: argparse.Namespace = parser.parse_intermixed_args(argv)
    flags = list(argv)
    for override in arguments.overrides:
        flags.remove(override)
    sys.argv[1:] = [*flags, *arguments.overrides]
    return arguments


def _means_work(arguments: argparse.Namespace) -> bool:
    """Whether it asks for more than to be shown something."""
    shown = ("help", "hydra_help", "cfg", "info", "shell_completion", "experimental_rerun")
    return not any(getattr(arguments, each) for each in shown)


def _check(application: Application, arguments: argparse.Namespace, name: str, parts: Parts) -> Command:
    """Every job's settings; nothing is written."""
    extra = _extra_folder(arguments)
    command = understand(
        arguments.overrides, folder=application.folder, name=name, multirun=arguments.multirun, extra=extra
    )
    notes: dict[str, None] = {}
    for job in command.jobs:
        application.check(job, parts, command.given, application.folder)
        notes.setdefault(application.note(job, command.given))
    for note in filter(None, notes):
        say(f"note: {note}")
    return command


def _run(application: Application, name: str, parts: Parts, command: Command | None) -> int:
    folder = None
    if command is not None and command.is_sweep:
        folder = _sweep_folder(command)
        folder.mkdir(parents=True, exist_ok=True)  # the store of a search opens its file there
        OmegaConf.save(command.config, folder / "multirun.yaml")  # not every sweeper leaves one
    program = os.path.relpath(sys.argv[0]) if sys.argv[0] else f"{name}.py"
    task = functools.partial(_job, application.task, parts, program)
    functools.update_wrapper(task, _job)
    try:
        with _hydra_raises():
            hydra.main(version_base="1.3", config_path=str(application.folder), config_name=name)(task)()
    except Exception as error:
        failed = _failed_jobs(folder) if folder is not None else []
        if not failed or not isinstance(error, JobError):
            raise
        lines = [f"{len(failed)} of the jobs failed, the others are done; the same command tries them again:"]
        raise JobError("\n".join([*lines, *(f"  {job}: {reason}" for job, reason in failed)])) from None
    return 0


def _job(task: Task, parts: Parts, program: str, config: DictConfig) -> float:
    """One job, in whatever process the launcher chose."""
    hydra_config = HydraConfig.get()
    folder = Path(hydra_config.runtime.output_dir)
    write_json(folder / "command.json", {"program": program, "overrides": rerun(hydra_config, folder)})
    try:
        return task(config, parts)
    except Exception as error:
        if os.environ.get(_FULL_ERROR) == "1":
            traceback.print_exc()
        text = sentence(error)
        if not (folder / FAILURE).exists():  # it failed before the run had begun
            trace = "".join(traceback.format_exception(error))
            write_json(folder / FAILURE, {"error": text, "type": type(error).__name__, "traceback": trace})
        reason = f"{text} (traceback in {_near(folder / FAILURE)})"
        if hydra_config.mode is not None and hydra_config.mode.name == "MULTIRUN":
            say(f"failed: {folder.name}: {text}")
            raise JobError(reason) from None
        raise RunError(reason) from None


def rerun(hydra_config: Any, folder: Path) -> list[str]:
    """The overrides that do one job again, in its own folder."""
    found = [str(each) for each in hydra_config.overrides.task]
    found += [str(each) for each in hydra_config.overrides.hydra if str(each).startswith("hydra.searchpath=")]
    quoted = str(folder).replace("\\", "\\\\").replace("'", "\\'")
    return [*found, "hydra.mode=RUN", f"hydra.run.dir='{quoted}'"]


def _sweep_folder(command: Command) -> Path:
    config = command.config
    HydraConfig.instance().set_config(config)
    try:
        return Path(str(config.hydra.sweep.dir))
    finally:
        HydraConfig.instance().cfg = None


def _failed_jobs(folder: Path) -> list[tuple[str, str]]:
    found = [(path.parent.name, read_json(path)) for path in sorted(folder.glob(f"*/{FAILURE}"))]
    return [(name, str((content or {}).get("error", "unknown"))) for name, content in found]


def _known(application: Application, arguments: argparse.Namespace, name: str) -> list[str]:
    """All settings that there are with the choices that were made, for suggestions."""
    groups = [path.name for path in application.folder.iterdir() if path.is_dir()]
    chosen = [each for each in arguments.overrides if each.split("=", 1)[0] in groups and "," not in each]
    for overrides in (chosen, []):
        with suppress(Exception):
            extra = _extra_folder(arguments)
            command = understand(overrides, folder=application.folder, name=name, multirun=False, extra=extra)
            return [*groups, *keys_of(plain(next(iter(command.jobs)).config))]
    return groups


def _extra_folder(arguments: argparse.Namespace) -> Path | None:
    if arguments.config_dir is None:
        return None
    if not Path(arguments.config_dir).is_dir():
        raise SettingError(f"--config-dir: expected a folder, got {arguments.config_dir}")
    return Path(arguments.config_dir)


_FULL_ERROR = "IEM_FULL_ERROR"  # what the user set HYDRA_FULL_ERROR to


@contextmanager
def _hydra_raises() -> Iterator[None]:
    """In this block Hydra raises what went wrong instead of printing it in its own way."""
    before = os.environ.get("HYDRA_FULL_ERROR")
    os.environ[_FULL_ERROR], os.environ["HYDRA_FULL_ERROR"] = before or "0", "1"
    try:
        yield
    finally:
        del os.environ[_FULL_ERROR], os.environ["HYDRA_FULL_ERROR"]
        if before is not None:
            os.environ["HYDRA_FULL_ERROR"] = before


@contextmanager
def _sigterm_as_exit() -> Iterator[None]:
    """In this block SIGTERM ends the program as Ctrl-C does, with what is finished whole."""

    def stop(number: int, frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        raise SystemExit(_say("ended by SIGTERM; the same command goes on where it stopped", 128 + number))

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _say(text: str, code: int) -> int:
    say(text)
    return code


def _near(path: Path) -> str:
    """The path as seen from here, if it is below."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
