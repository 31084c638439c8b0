"""``iem models``: which weights there are, fetching them, where they lie, and whether they are still whole."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iem.cli.interruption import interruptible
from iem.cli.models_display import TRUST, byte_bar, describe, table_of
from iem.cli.streams import UsageError, say, write_json_line, write_text

if TYPE_CHECKING:  # these import PyTorch, for which --help should not have to wait
    from iem.weights import Checkpoint
    from iem.weights.fetching import Fetched

MODELS_LIST_EPILOG = """
[bold]Examples[/bold]

  iem models list

  iem models list --json | jq 'select(.ready) | .name'
"""
MODELS_GET_EPILOG = """
[bold]Examples[/bold]

  iem models get big-lama dino-vits16

  iem models get mat-places512 --accept-licence

  iem models get deepfillv2-places2 --from ~/Downloads/states_pt_places2.pth --accept-licence

  iem models get facebook/dino-vitb16

Exit code 0: all are there; 1: wrong usage, or a licence was not accepted; 2: something could not be fetched, the others
are there. The same command goes on where an interrupted one was.
"""
MODELS_WHERE_EPILOG = """
[bold]Examples[/bold]

  iem models where

  iem models where big-lama

Exit code 0: it is there; 1: wrong usage; 2: it is not.
"""
MODELS_VERIFY_EPILOG = """
[bold]Examples[/bold]

  iem models verify

  iem models verify big-lama dino-vits16 --json

Exit code 0: nothing is wrong; 1: wrong usage; 2: something is missing, truncated or altered.
"""

Root = Annotated[
    Path | None,
    typer.Option("--root", metavar="DIR", help="Folder of all weights; $IEM_WEIGHTS or the user's cache if left out."),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]
_NAMES = "As iem models list calls them, or OWNER/NAME on the Hugging Face hub."


def list_models(root: Root = None, as_json: AsJson = False) -> int:
    """Show the published weights: what for, size, licence, origin, and whether they are here."""
    with interruptible(), _kept_in(root):
        from iem.weights import cache_folder, locate, table

        rows = [(entry, locate(entry)) for entry in table()]
        if not as_json:
            write_text(table_of(rows, cache_folder()))
        for entry, path in rows if as_json else ():
            write_json_line(
                {
                    "name": entry.name,
                    "purpose": entry.purpose,
                    "bytes": entry.size,
                    "licence": entry.licence,
                    "needs_agreement": entry.needs_agreement,
                    "gated": entry.gated,
                    "kind": entry.kind,
                    "address": entry.address,
                    "format": entry.format,
                    "sha256": entry.sha256,
                    "note": entry.note,
                    "ready": path is not None,
                    "path": None if path is None else str(path),
                }
            )
        return 0


def get(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help=_NAMES)],
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="Take this file, which was downloaded by hand, instead."),
    ] = None,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Agree to what the publishers say, without being asked.")
    ] = False,
    accept_changed: Annotated[
        bool, typer.Option("--accept-changed", help="Take a file although its sum is not the expected one.")
    ] = False,
    root: Root = None,
    as_json: AsJson = False,
) -> int:
    """Fetch weights: licence, size and address first, then the files, with their sums checked.

    An interrupted download goes on where it was; what is there is not fetched again.
    """
    if source is not None and len(names) != 1:
        raise UsageError(f"--from gives one file, expected one NAME, got {len(names)}")
    with interruptible(), _kept_in(root):
        from iem.weights import cache_folder, hub_folders, locate

        entries = [_entry(name) for name in dict.fromkeys(names)]
        for entry in entries:
            if source is None and locate(entry) is not None:
                continue
            describe(entry, hub_folders()[0] if entry.kind == "hub" else cache_folder())
            _agree(entry, accept_licence)
        failed = 0
        for entry in entries:
            got, failure = _get_one(entry, source, accept_changed)
            failed += bool(failure)
            if failure:
                say(f"iem: {failure}")
            if got is not None:
                said = TRUST[got.trust].format(who=entry.sha256_from)
                say(f"{entry.name}: {f'sha256 {got.sha256}, ' if got.sha256 else ''}{said}; it is in {got.path}")
            if as_json:
                found = {} if got is None else {"path": str(got.path), "sha256": got.sha256, "trust": got.trust}
                write_json_line({"name": entry.name, "ready": got is not None, **found, "error": failure or None})
        if root is not None and failed < len(entries):
            say(f"to have it found: export IEM_WEIGHTS={root.absolute()}")
        return 2 if failed else 0


def where(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help=_NAMES)] = None,
    root: Root = None,
    as_json: AsJson = False,
) -> int:
    """Show where weights lie: the folder of all, or the file or folder of one."""
    with interruptible(), _kept_in(root):
        from iem.weights import cache_folder, hub_folders, locate

        if name is None:
            folders = {"files": str(cache_folder().absolute()), "repositories": [str(each) for each in hub_folders()]}
            if as_json:
                write_json_line(folders)
            else:
                lines = [("files", folders["files"]), *(("repositories", each) for each in folders["repositories"])]
                write_text("".join(f"{word}: {place}\n" for word, place in lines))
            return 0
        entry = _entry(name)
        path = locate(entry)
        if as_json:
            write_json_line({"name": entry.name, "path": None if path is None else str(path)})
        elif path is not None:
            write_text(f"{path}\n")
        if path is None:
            say(f"iem: {entry.name} is not here; fetch it with: iem models get {entry.name}")
            return 2
        return 0


def verify(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME...]", help=_NAMES)] = None,
    root: Root = None,
    as_json: AsJson = False,
) -> int:
    """Compare what was fetched with its sums, byte for byte; all that is here if no name is given."""
    with interruptible(), _kept_in(root):
        from iem.weights import table
        from iem.weights.verification import BAD
        from iem.weights.verification import verify as compare

        bad = seen = 0
        for entry in [_entry(name) for name in dict.fromkeys(names or [])] or table():
            verdict = compare(entry)
            if not names and verdict.state == "missing" and verdict.path is None:
                continue
            seen += 1
            bad += verdict.state in BAD
            if as_json:
                path = None if verdict.path is None else str(verdict.path)
                write_json_line({"name": entry.name, "state": verdict.state, "words": verdict.words, "path": path})
            else:
                write_text(f"{entry.name}: {verdict.state}: {verdict.words}\n")
            if verdict.state in BAD:
                spoilt = verdict.path if entry.kind != "hub" or verdict.path is None else verdict.path.parents[1]
                first = f"remove {spoilt} and " if verdict.state != "missing" else ""
                say(f"iem: {entry.name}: {verdict.words}; {first}fetch it anew with: iem models get {entry.name}")
        if not seen:
            say("nothing is fetched yet; see: iem models list")
        return 2 if bad else 0


def _get_one(entry: "Checkpoint", source: Path | None, accept_changed: bool) -> "tuple[Fetched | None, str]":
    from iem.weights.fetching import FetchError, fetch, register

    with ExitStack() as stack:
        try:
            if source is not None:
                return register(entry, source.expanduser(), accept_changed=accept_changed), ""
            show: Any = byte_bar(stack, entry)
            return fetch(entry, accept_changed=accept_changed, on_bytes=show), ""
        except (FetchError, ImportError) as error:
            return None, str(error)


def _entry(name: str) -> "Checkpoint":
    from iem.weights import find, lookup
    from iem.weights.hub import entry_of
    from iem.weights.hub_cache import is_repository_name

    if lookup(name) is None and is_repository_name(name):
        return entry_of(name)
    try:
        return find(name)
    except ValueError as error:
        raise UsageError(str(error)) from error


@contextmanager
def _kept_in(root: Path | None) -> Iterator[None]:
    """As if ``IEM_WEIGHTS`` were set, which moves all weights at once."""
    earlier = os.environ.get("IEM_WEIGHTS")
    if root is not None:
        os.environ["IEM_WEIGHTS"] = str(root.expanduser().absolute())
    try:
        yield
    finally:
        if root is not None and earlier is None:
            del os.environ["IEM_WEIGHTS"]
        elif earlier is not None:
            os.environ["IEM_WEIGHTS"] = earlier


def _agree(entry: "Checkpoint", accepted: bool) -> None:
    if accepted or not entry.needs_agreement:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"{entry.name}: read the licence above and agree to it with --accept-licence")
    if not typer.confirm("Do you agree, and fetch it?", default=False, err=True):
        raise UsageError(f"{entry.name}: nothing was fetched, since the licence was not accepted")
