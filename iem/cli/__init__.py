"""The command line: ``iem segment``, ``peel``, ``inpaint``, ``remove``, ``evaluate``, ``data``, ``models`` and others.

Exit code 0: all is done; 1: wrong usage; 2: some pictures failed, the others are done.
"""

import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from iem.cli.data import CHECK_EPILOG, GET_EPILOG, LIST_EPILOG, MASKS_EPILOG, check, get, list_datasets, masks
from iem.cli.doctor import EPILOG as DOCTOR_EPILOG
from iem.cli.doctor import doctor
from iem.cli.evaluate import EPILOG as EVALUATE_EPILOG
from iem.cli.evaluate import evaluate
from iem.cli.evaluate_painting import EPILOG as EVALUATE_PAINTING_EPILOG
from iem.cli.evaluate_painting import evaluate_painting
from iem.cli.inpaint import EPILOG as INPAINT_EPILOG
from iem.cli.inpaint import inpaint
from iem.cli.interruption import Interrupted
from iem.cli.merge import EPILOG as MERGE_EPILOG
from iem.cli.merge import merge
from iem.cli.models import MODELS_GET_EPILOG, MODELS_LIST_EPILOG, MODELS_VERIFY_EPILOG, MODELS_WHERE_EPILOG, list_models
from iem.cli.models import get as get_models
from iem.cli.models import verify as verify_models
from iem.cli.models import where as where_models
from iem.cli.page import EPILOG as PAGE_EPILOG
from iem.cli.page import app as page
from iem.cli.peel import EPILOG as PEEL_EPILOG
from iem.cli.peel import peel
from iem.cli.remove import EPILOG as REMOVE_EPILOG
from iem.cli.remove import remove
from iem.cli.segment import EPILOG as SEGMENT_EPILOG
from iem.cli.segment import segment
from iem.cli.streams import ClosedPipe, UsageError, say
from iem.cli.study import BUILD_EPILOG as STUDY_BUILD_EPILOG
from iem.cli.study import COLLECT_EPILOG as STUDY_COLLECT_EPILOG
from iem.cli.study import build as build_study
from iem.cli.study import collect as collect_study
from iem.cli.sweep import REPORT_EPILOG, STATUS_EPILOG, report, status

EPILOG = """
[bold]Examples[/bold]

  iem segment photos/ -o results

  iem peel photo.jpg -o scenes

  iem inpaint photo.jpg --mask mask.png -o painted

  iem remove photo.jpg -o cleaned --click 320,210

  iem app

  iem evaluate results truth/

  iem data list

  iem models list

  iem sweep status outputs/sweeps/ablation_sigma-1a2b3c4d

  iem study build outputs/mask_generators/masks -o study

  iem doctor

Each command has its own --help.
"""

app = typer.Typer(
    name="iem",
    epilog=EPILOG,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _help(command: Callable[..., int]) -> str:
    """The docstring with its paragraphs on one line each, for terminals of any width."""
    paragraphs = inspect.cleandoc(command.__doc__ or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


_COMMANDS: tuple[tuple[Callable[..., int], str], ...] = (
    (segment, SEGMENT_EPILOG),
    (peel, PEEL_EPILOG),
    (inpaint, INPAINT_EPILOG),
    (remove, REMOVE_EPILOG),
    (evaluate, EVALUATE_EPILOG),
    (evaluate_painting, EVALUATE_PAINTING_EPILOG),
    (merge, MERGE_EPILOG),
    (page, PAGE_EPILOG),
    (doctor, DOCTOR_EPILOG),
)
for _command, _epilog in _COMMANDS:
    app.command(help=_help(_command), epilog=_epilog)(_command)

_sweep = typer.Typer(rich_markup_mode="rich")
app.add_typer(_sweep, name="sweep")

_data = typer.Typer(help="Data sets: list, get, check.", rich_markup_mode="rich", no_args_is_help=True)
_data.command("list", help=_help(list_datasets), epilog=LIST_EPILOG)(list_datasets)
_data.command("get", help=_help(get), epilog=GET_EPILOG)(get)
_data.command("check", help=_help(check), epilog=CHECK_EPILOG)(check)
_data.command("masks", help=_help(masks), epilog=MASKS_EPILOG)(masks)
app.add_typer(_data, name="data")

_models = typer.Typer(help="Weights: list, get, verify, where.", rich_markup_mode="rich", no_args_is_help=True)
_models.command("list", help=_help(list_models), epilog=MODELS_LIST_EPILOG)(list_models)
_models.command("get", help=_help(get_models), epilog=MODELS_GET_EPILOG)(get_models)
_models.command("verify", help=_help(verify_models), epilog=MODELS_VERIFY_EPILOG)(verify_models)
_models.command("where", help=_help(where_models), epilog=MODELS_WHERE_EPILOG)(where_models)
app.add_typer(_models, name="models")

_study = typer.Typer(
    help="Questionnaires about results: build, collect.", rich_markup_mode="rich", no_args_is_help=True
)
_study.command("build", help=_help(build_study), epilog=STUDY_BUILD_EPILOG)(build_study)
_study.command("collect", help=_help(collect_study), epilog=STUDY_COLLECT_EPILOG)(collect_study)
app.add_typer(_study, name="study")
_SWEEP_COMMANDS: tuple[tuple[Callable[..., int], str], ...] = ((status, STATUS_EPILOG), (report, REPORT_EPILOG))
for _command, _epilog in _SWEEP_COMMANDS:
    _sweep.command(help=_help(_command), epilog=_epilog)(_command)


@_sweep.callback(invoke_without_command=True)
def sweep(context: typer.Context) -> int:
    """How far a sweep is, and what it found."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
    return 0


# The base of all errors in arguments: click's, or that of the copy of click that newer versions of typer carry.
_ArgumentError: type[Exception] = next(each for each in typer.BadParameter.__mro__ if each.__name__ == "ClickException")


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> int:
    """Segmentation without labels: masks whose inside and outside can least be predicted from each other."""
    if version:
        from iem import __version__

        typer.echo(f"iem {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, ``sys.argv``'s by default; returns the exit code."""
    try:
        code = app(None if arguments is None else list(arguments), prog_name="iem", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except UsageError as error:
        say(f"iem: {error}")
        return 1
    except _ArgumentError as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context is not None else "iem"
        message = error.format_message() if hasattr(error, "format_message") else str(error)
        say(f"{command}: {' '.join(message.split()).rstrip('.')} (see {command} --help)")
        return 1
    except ClosedPipe:
        return 141  # as if SIGPIPE had ended us
    except Interrupted as signal:
        say("iem: interrupted")
        return signal.exit_code
    except (KeyboardInterrupt, typer.Abort):
        say("iem: interrupted")
        return 130


if __name__ == "__main__":
    sys.exit(main())
