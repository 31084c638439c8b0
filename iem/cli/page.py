"""``iem app``: a page in the browser, served to this machine alone."""

import importlib.util
from typing import Annotated

import typer

from iem.cli.interruption import Interrupted, interruptible
from iem.cli.streams import UsageError, say, write_text

EPILOG = """
[bold]Examples[/bold]

  iem app

  iem app --port 0 --no-browser

  iem app --max-megapixels 50

Photos stay on this machine: the page loads nothing from elsewhere, what it stores is removed when the command ends, and nobody can open it without the link that is printed.
"""  # noqa: E501 (a paragraph's lines would be broken where they are here)
_NEEDED = ("fastapi", "uvicorn")
_HIGHEST_PORT = 65535


def app(
    port: Annotated[
        int, typer.Option(min=0, max=_HIGHEST_PORT, metavar="N", help="To listen on; 0 takes any that is free.")
    ] = 8765,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")] = True,
    max_megapixels: Annotated[
        float,
        typer.Option(min=0.01, max=178.0, metavar="N", help="Refuse photos with more than N million pixels."),
    ] = 25.0,
) -> int:
    """Remove objects from photos, in a page on your own machine.

    Drop a photo on the page, mark what should vanish by a click, a box, a stroke or in words, keep the masks that you
    like, press Remove and download the result. Ctrl-C ends it.
    """
    absent = [each for each in _NEEDED if importlib.util.find_spec(each) is None]
    if absent:
        raise UsageError(f'the page needs {" and ".join(absent)}; pip install "iem[app]"')
    try:
        with interruptible():
            _serve(port, browser, max_megapixels)
    except Interrupted:
        say("iem: the page is closed")
    return 0


def _serve(port: int, browser: bool, max_megapixels: float) -> None:
    from iem.app.listening import listen

    try:
        sock = listen(port)
    except PermissionError:
        raise UsageError(f"port {port} is not allowed to you; choose another with --port N") from None
    except OSError:
        raise UsageError(
            f"port {port} is in use; is iem app running already? Choose another with --port N, or any with --port 0"
        ) from None
    with sock:  # first of all, for what follows takes seconds
        from iem.app.limits import Limits
        from iem.app.server import serve

        serve(
            sock,
            limits=Limits(megapixels=max_megapixels),
            open_browser=browser,
            say=lambda link: write_text(f"{link}\n"),
        )
