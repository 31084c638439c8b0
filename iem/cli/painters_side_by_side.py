"""Several painters in one command: their names, and which options and weights are whose."""

from typing import TYPE_CHECKING, Any

from iem.cli.painter_options import chosen_options
from iem.cli.streams import UsageError
from iem.runner.painters import KINDS, OPTIONS, PainterName, kind_of

if TYPE_CHECKING:  # this imports PyTorch, for which --help should not have to wait
    from iem.runner.remove_picture import NamedPainter


def painter_names(words: str) -> list[PainterName]:
    """The painters of a list with commas.

    Raises:
        UsageError: an unknown name, or one twice.
    """
    names: list[PainterName] = []
    for word in map(str.strip, words.split(",")):
        try:
            names.append(PainterName(word))
        except ValueError:
            known = ", ".join(each.value for each in PainterName)
            raise UsageError(f"--painter: expected names of {known}, got {word or 'nothing'}") from None
    if len(set(names)) < len(names):
        raise UsageError(f"--painter: expected each name once, got {words}")
    return names


def painter_options(
    names: list[PainterName], weights: str | None, values: dict[str, Any]
) -> dict[PainterName, dict[str, Any]]:
    """For each painter those of its options that were given.

    Raises:
        UsageError: what no painter has a use for, or weights of which it is not clear whose they are.
    """
    if len(names) == 1:
        return {names[0]: chosen_options(names[0], weights, values)}
    networks = [name.value for name in names if KINDS[name].takes_weights]
    if weights is not None and len(networks) != 1:
        raise UsageError(
            f"--weights: of which of {', '.join(networks)}? Paint with one network at a time, or leave it out"
            if networks
            else "--weights: none of the painters has any; leave it out"
        )
    used = {option for name in names for option in KINDS[name].options}
    for option in OPTIONS:
        if values.get(option) is not None and option not in used:
            raise UsageError(f"--{option.replace('_', '-')}: none of the painters has a use for it; leave it out")
    return {
        name: {each: values[each] for each in KINDS[name].options if values.get(each) is not None} for name in names
    }


def made(name: PainterName, weights: str | None, options: dict[str, Any], device: str) -> "NamedPainter":
    """The painter, its weights loaded.

    Raises:
        ValueError: it needs weights that are not there.
        ImportError: it needs an extra that is not installed.
    """
    from iem.runner.inpaint_file import StepTeller
    from iem.runner.peel_choices import choose_painter, load_weights
    from iem.runner.remove_picture import MARGIN, NamedPainter

    kind, teller = kind_of(name.value), StepTeller()
    told = {"on_step": teller} if kind.tells_steps else {}
    made = choose_painter(name.value, weights if kind.takes_weights else None, {**options, **told})
    load_weights(made, device=device)
    return NamedPainter(name.value, made, MARGIN if kind.takes_weights else None, teller)
