"""The options that say what paints, the same in every command that paints."""

from typing import Annotated, Any

import typer

from iem.cli.streams import UsageError, say
from iem.runner.painters import OPTIONS, PainterName, ignored_options, kind_of, painters_with

Painter = Annotated[
    PainterName,
    typer.Option(
        metavar="NAME",
        help="What paints: harmonic, biharmonic, telea, navier_stokes, nearest, mean or gaussian; with weights "
        "(iem models list) deepfill, lama, stable_diffusion, controlnet or repaint; mat and external run a network of "
        "yours. iem doctor says which are ready.",
    ),
]
Weights = Annotated[
    str | None,
    typer.Option(
        metavar="PATH|NAME",
        help="Of the painter, in place of its usual ones: a file, a folder, or a name of iem models list; of "
        "controlnet, a folder that holds base/ and controlnet/; of external, TorchScript, torch.export or "
        "file.py:function, which is given a picture in [0, 1] and a mask that is 1 in the hole.",
    ),
]
Prompt = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="With stable_diffusion or controlnet: what the hole should show."),
]
NegativePrompt = Annotated[str | None, typer.Option(metavar="TEXT", help="With these: what it should not show.")]
Steps = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="With these and repaint: steps of the sampler; fewer are faster."),
]
Guidance = Annotated[
    float | None,
    typer.Option(min=0.0, metavar="G", help="With stable_diffusion or controlnet: how closely to follow the prompt."),
]
Seed = Annotated[
    int | None,
    typer.Option(min=0, metavar="N", help="With painters that draw at random: another seed, another result."),
]
RefineSteps = Annotated[
    int | None,
    typer.Option(
        min=0,
        metavar="N",
        help="With lama and pictures of more than 724 pixels on their shorter side: steps of its refinement (15 are "
        "published), each of which takes about three times as long as the painting without.",
    ),
]


def chosen_options(painter: PainterName, weights: str | None, values: dict[str, Any]) -> dict[str, Any]:
    """The painter's options that were given.

    Args:
        painter: the painter.
        weights: as given.
        values: those of ``OPTIONS`` by name, None where they were not given.

    Raises:
        UsageError: one that would change nothing.
    """
    given = {name: values[name] for name in OPTIONS if values.get(name) is not None}
    for name in ignored_options(painter.value, given):
        words = f"--{name.replace('_', '-')}"
        raise UsageError(
            f"{words}: the painter {painter.value} has no use for it; choose --painter {painters_with(name)}, or leave "
            f"{words} out"
        )
    if weights is not None and not kind_of(painter.value).takes_weights:
        raise UsageError(
            f"--weights: the painter {painter.value} has none; choose --painter deepfill, lama or another network, or "
            "leave --weights out"
        )
    return given


def say_notice(painter: object) -> None:
    """What whoever uses a painter has to be told, such as a licence."""
    notice = getattr(painter, "notice", "")
    if notice:
        say(str(notice))
