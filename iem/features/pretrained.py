"""Networks of the library ``transformers``: checked early, loaded when first asked, frozen, never downloaded."""

import contextlib
import importlib
import importlib.util
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from iem.weights import find_folder


def check_model(model: str, owner: str) -> None:
    """Require what can be seen of a checkpoint without opening it: the folder, if it is one, and the extra.

    Args:
        model: a folder, a name of ``iem models list``, or one on the Hugging Face hub.
        owner: who needs it, in words.

    Raises:
        ValueError: no such folder, or one without a network.
        ModuleNotFoundError: the extra ``features`` is not installed.
    """
    if not model.strip():
        raise ValueError("model: expected a folder or a name on the Hugging Face hub, got nothing; give one")
    folder = Path(model).expanduser()
    if model.startswith((".", "/", "~")) and not folder.is_dir():
        raise ValueError(f"model: expected a folder with a checkpoint, found no folder {model}; check the name")
    if folder.is_dir() and not (folder / "config.json").is_file():
        raise ValueError(
            f"model: expected a checkpoint of transformers, found no config.json in the folder {model}; "
            "give the one that save_pretrained wrote"
        )
    if importlib.util.find_spec("transformers") is None:
        raise ModuleNotFoundError(f'{owner} needs transformers; install it with: pip install "iem[features]"')


def load_network(
    model: str, *, kinds: Mapping[str, str], wanted: str, architecture: str = "AutoModel", optional: str = "pooler"
) -> Any:
    """A frozen network in float32 with all its weights, from a folder or the hub's cache; the hub is never asked.

    Nothing is drawn from PyTorch's generator, and the library's talk is silenced while it loads.

    Args:
        model: a folder, a name of ``iem models list``, or one on the hub.
        kinds: ``model_type`` of the checkpoints that will do, and what they are called.
        wanted: an example, for messages.
        architecture: the class of transformers that reads it.
        optional: the prefix of weights that may be missing, since they are not used.

    Raises:
        ValueError: there is none of that name here, it is of another kind, or it lacks weights.
    """
    remedy = f"give a folder or a name such as {wanted}"
    names = list(dict.fromkeys(kinds.values()))
    kind = " or ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
    expected = f"model: expected {kind}"
    folder = find_folder(model, key="model", wanted=kind)
    transformers: Any = importlib.import_module("transformers")
    config = _from_pretrained(transformers.AutoConfig, folder, model, expected, remedy)
    if config.model_type not in kinds:
        raise ValueError(f"{expected}, got a model of the type {config.model_type} in {model}; {remedy}")
    with torch.random.fork_rng(devices=[]):
        network, info = _from_pretrained(
            getattr(transformers, architecture),
            folder,
            model,
            expected,
            remedy,
            output_loading_info=True,
            dtype=torch.float32,
        )
    missing = sorted(name for name in info["missing_keys"] if not name.startswith(optional))
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise ValueError(
            f"{expected} with all its weights, found none for {missing[0]}{more} in {model}; give a complete checkpoint"
        )
    return network.eval().requires_grad_(False)


class Once:
    """Remembers what was made when it was first asked for; a copy, in another process or not, begins anew.

    >>> import copy
    >>> once = Once()
    >>> once.get(list) is once.get(list), copy.deepcopy(once).get(list) is once.get(list)
    (True, False)
    """

    def __init__(self) -> None:
        self._made: Any = None

    def __reduce__(self) -> tuple[type["Once"], tuple[()]]:
        return Once, ()

    def get(self, make: Callable[[], Any]) -> Any:
        """What the first ``make`` returned."""
        if self._made is None:
            self._made = make()
        return self._made


def _from_pretrained(kind: Any, folder: Path, model: str, expected: str, remedy: str, **settings: Any) -> Any:
    try:
        with _quiet():
            return kind.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False, **settings)
    except Exception as error:  # of many kinds, from three libraries
        words = " ".join(str(error).split()).split(". ")[0][:200].rstrip(".") or type(error).__name__
        raise ValueError(f"{expected}, but {model} cannot be loaded ({words}); {remedy}") from None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Errors alone are told, and no bars are drawn."""
    with contextlib.ExitStack() as stack:
        for library in ("transformers.utils.logging", "huggingface_hub.utils.logging"):
            logging: Any = importlib.import_module(library)
            stack.callback(logging.set_verbosity, logging.get_verbosity())
            logging.set_verbosity_error()
        transformers: Any = importlib.import_module("transformers.utils.logging")
        if transformers.is_progress_bar_enabled():
            transformers.disable_progress_bar()
            stack.callback(transformers.enable_progress_bar)
        yield
