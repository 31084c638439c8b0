"""Pictures and masks in folders: ``images/<stem>.<ext>``, ``masks/<stem>.png`` and perhaps ``ignore/<stem>.png``."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import final

from iem import images
from iem.checks import check_number
from iem.datasets.pairs import Pair, Pairs, open_pairs, place
from iem.datasets.problems import DatasetError, Problem
from iem.datasets.protocol import EvaluationProtocol, get_protocol
from iem.datasets.subset import evenly_spaced
from iem.interfaces import Sample


@final
@dataclass(frozen=True)
class ImageMaskFolder:
    """Labelled pictures in a folder, paired by their path under ``images/`` and ``masks/`` without the ending.

    Folders may be nested; ``images/birds/a.jpg`` belongs to ``masks/birds/a.png`` and is called ``birds__a``. Samples
    are sorted by name. White in a mask is foreground; in ``ignore/`` whatever is not black is not to be scored.

    When the data set is opened, names are paired, masks are decoded and of the pictures only the headers are read. What
    cannot be used is listed then: missing partners, other sizes, masks that are all background or all foreground, files
    that cannot be read. (A picture with a whole header whose end is missing is found when it is read.)

    Args:
        root: the folder that holds ``images/`` and ``masks/``.
        size: None for pictures as they are; otherwise the short side is brought to ``size`` pixels with an antialiasing
            filter and the centre is cut out (masks: nearest pixel), the usual protocol of evaluation.
        limit: look at no more than this many pairs, evenly spaced in the order of names.
        strict: True to refuse a data set with problems, False to go on without the entries that have one.
        protocol: the rule of evaluation, see ``EvaluationProtocol``; "square" is what ``size`` says above.

    Attributes:
        problems: the entries that were left out, sorted by name; empty with ``strict=True``.

    Raises:
        DatasetError: no such folders, no usable pair, or (``strict=True``) any problem; the message lists them.

    >>> import tempfile
    >>> from PIL import Image
    >>> root = Path(tempfile.mkdtemp())
    >>> for folder in ("images", "masks"):
    ...     (root / folder).mkdir()
    >>> Image.new("RGB", (8, 6)).save(root / "images" / "a.png")
    >>> ImageMaskFolder(root, strict=False)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    iem.datasets.problems.DatasetError: image_mask_folder: no usable pair of picture and mask in ...:
      a: no mask; expected masks/a.png
    """

    root: Path | str
    _: KW_ONLY
    size: int | None = None
    limit: int | None = None
    strict: bool = True
    protocol: str | EvaluationProtocol = "square"
    problems: tuple[Problem, ...] = field(init=False, repr=False)
    _pairs: Pairs = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("size", "limit"):
            if getattr(self, name) is not None:
                check_number(getattr(self, name), name, low=1, integer=True)
        root, protocol = Path(self.root), get_protocol(self.protocol)
        paired, problems = _pair(root)
        pairs = open_pairs(
            "image_mask_folder",
            root,
            evenly_spaced(paired, self.limit),
            problems,
            rule=images.read_mask,
            protocol=protocol,
            size=self.size,
            strict=self.strict,
        )
        object.__setattr__(self, "root", root)
        object.__setattr__(self, "protocol", protocol)
        object.__setattr__(self, "problems", pairs.problems)
        object.__setattr__(self, "_pairs", pairs)

    @property
    def names(self) -> tuple[str, ...]:
        """The samples' names, in order."""
        return self._pairs.names

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: int) -> Sample:
        """The pair at ``index``, decoded now.

        Raises:
            ImageError: a file that cannot be read, or was replaced by one of another size since the set was opened.
        """
        return self._pairs[index]


def _pair(root: Path) -> tuple[list[Pair], list[Problem]]:
    """Pairs sorted by name, and what has no partner. Opens no picture."""
    for folder in ("images", "masks"):
        if not (root / folder).is_dir():
            raise DatasetError(
                f"image_mask_folder: expected the folders images and masks in {root}, found no folder {folder}; "
                "give the folder that holds both"
            )
    problems: list[Problem] = []
    pictures = dict(_by_name(root / "images", problems))
    partners: dict[str, dict[str, Path]] = {}
    for folder in ("masks", "ignore"):
        found = dict(_by_name(root / folder, problems)) if (root / folder).is_dir() else {}
        partners[folder] = dict(_only_png(found, folder, problems))
        orphans = sorted(set(partners[folder]) - set(pictures))
        problems += [Problem(name, f"{place(partners[folder][name], root)} has no picture") for name in orphans]
    named = {problem.name for problem in problems}
    pairs = []
    for name, picture in sorted(pictures.items()):
        mask = partners["masks"].get(name)
        if mask is not None and name not in named:
            pairs.append(Pair(name, picture, mask, partners["ignore"].get(name)))
        elif mask is None and name not in named:
            stem = picture.relative_to(root / "images").with_suffix("").as_posix()
            problems.append(Problem(name, f"no mask; expected masks/{stem}.png"))
    return pairs, problems


def _by_name(folder: Path, problems: list[Problem]) -> Iterator[tuple[str, Path]]:
    """The readable files of a folder under the names of their samples."""
    files: dict[str, list[Path]] = defaultdict(list)
    for entry in images.list_pictures([folder]):
        if entry.path == folder:  # how an empty folder is reported
            continue
        name = "__".join((*entry.relative.parent.parts, entry.relative.stem))
        if entry.error is not None:
            problems.append(Problem(name, f"{place(entry.path, folder.parent)} cannot be read: {entry.error.reason}"))
        files[name].append(entry.path)
    for name, paths in files.items():
        if len(paths) > 1:
            found = " and ".join(place(path, folder.parent) for path in paths)
            problems.append(Problem(name, f"{found} have the same name; keep one of them"))
        yield name, paths[0]


def _only_png(files: Mapping[str, Path], folder: str, problems: list[Problem]) -> Iterator[tuple[str, Path]]:
    for name, path in files.items():
        if path.suffix.lower() != ".png":
            problems.append(Problem(name, f"{folder}/{path.name} is not a .png; save it as PNG, which loses nothing"))
        yield name, path
