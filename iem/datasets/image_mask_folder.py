"""Pictures and masks in folders: ``images/<stem>.<ext>``, ``masks/<stem>.png`` and perhaps ``ignore/<stem>.png``."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import final

from PIL import Image

from iem import images
from iem.checks import check_number
from iem.datasets.problems import DatasetError, Problem, list_problems
from iem.datasets.subset import evenly_spaced
from iem.interfaces import Mask, Sample

_ORIENTATION = 0x0112
_ON_ITS_SIDE = (5, 6, 7, 8)


@dataclass(frozen=True)
class Pair:
    """The files of one sample."""

    name: str
    picture: Path
    mask: Path
    ignore: Path | None


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

    Attributes:
        problems: the entries that were left out, sorted by name; empty with ``strict=True``.

    Raises:
        DatasetError: no such folders, no usable pair, or (``strict=True``) any problem; the message lists them.

    >>> import tempfile
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
    problems: tuple[Problem, ...] = field(init=False, repr=False)
    _pairs: tuple[Pair, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("size", "limit"):
            if getattr(self, name) is not None:
                check_number(getattr(self, name), name, low=1, integer=True)
        root = Path(self.root)
        paired, problems = _pair(root)
        pairs = []
        for pair in evenly_spaced(paired, self.limit):
            reason = _reason_against(pair, root, self.size)
            if reason is None:
                pairs.append(pair)
            else:
                problems.append(Problem(pair.name, reason))
        problems.sort(key=lambda problem: problem.name)
        if not pairs:
            found = f":\n{list_problems(problems)}" if problems else "; put pictures into images/, masks into masks/"
            raise DatasetError(f"image_mask_folder: no usable pair of picture and mask in {root}{found}", problems)
        if problems and self.strict:
            count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
            raise DatasetError(
                f"image_mask_folder: {count} in {root}:\n{list_problems(problems)}\n"
                f"Mend them, or go on with the {len(pairs)} pairs that are fine by strict=False.",
                problems,
            )
        object.__setattr__(self, "root", root)
        object.__setattr__(self, "problems", tuple(problems))
        object.__setattr__(self, "_pairs", tuple(pairs))

    @property
    def names(self) -> tuple[str, ...]:
        """The samples' names, in order."""
        return tuple(pair.name for pair in self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: int) -> Sample:
        """The pair at ``index``, decoded now.

        Raises:
            ImageError: a file that cannot be read, or was replaced by one of another size since the set was opened.
        """
        pair = self._pairs[index]
        image = images.read(pair.picture).image
        height, width = image.shape[2:]
        truth = images.read_mask(pair.mask, size=(height, width))
        ignore = None if pair.ignore is None else _read_ignore(pair.ignore)
        if pair.ignore is not None and ignore is not None and ignore.shape != truth.shape:
            raise images.ImageError(pair.ignore, "expected the size of its picture; it was replaced, open the set anew")
        if self.size is not None:
            image, truth = images.square(image, self.size), images.square_mask(truth, self.size)
            ignore = None if ignore is None else images.square_mask(ignore, self.size)
        return Sample(name=pair.name, image=image, truth=truth, ignore=ignore)


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
        problems += [Problem(name, f"{_place(partners[folder][name], root)} has no picture") for name in orphans]
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
            problems.append(Problem(name, f"{_place(entry.path, folder.parent)} cannot be read: {entry.error.reason}"))
        files[name].append(entry.path)
    for name, paths in files.items():
        if len(paths) > 1:
            found = " and ".join(_place(path, folder.parent) for path in paths)
            problems.append(Problem(name, f"{found} have the same name; keep one of them"))
        yield name, paths[0]


def _only_png(files: Mapping[str, Path], folder: str, problems: list[Problem]) -> Iterator[tuple[str, Path]]:
    for name, path in files.items():
        if path.suffix.lower() != ".png":
            problems.append(Problem(name, f"{folder}/{path.name} is not a .png; save it as PNG, which loses nothing"))
        yield name, path


def _place(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _reason_against(pair: Pair, root: Path, size: int | None) -> str | None:
    """Why a pair cannot be used, None if it can."""
    try:
        truth = images.read_mask(pair.mask)
        for path in (pair.picture, *([] if pair.ignore is None else [pair.ignore])):
            if _size(path) == tuple(truth.shape[2:]):
                continue
            height, width = images.read(path).image.shape[2:]  # some headers do not tell which side is up
            if (height, width) != tuple(truth.shape[2:]):
                return (
                    f"{_place(path, root)} is {width} x {height} pixels, its mask "
                    f"{truth.shape[3]} x {truth.shape[2]}; give both the same size"
                )
    except images.ImageError as error:
        return f"{_place(Path(error.path), root)} cannot be read: {error.reason}"
    where = ""
    if size is not None and truth.min() != truth.max():
        truth, where = images.square_mask(truth, size), " in the square that is scored"
    if truth.min() == truth.max():
        side = "foreground" if truth.min() == 1 else "background"
        return f"the mask is all {side}{where}; nothing can be measured"
    return None


def _size(path: Path) -> tuple[int, int] | None:
    """Height and width of the upright picture from its header, None where the decoder has to be asked."""
    try:
        with Image.open(path, formats=images.FORMATS) as picture:
            width, height = picture.size
            # Pillow decodes a whole PNG to look for EXIF data behind the pixels
            told = "exif" in picture.info or picture.format != "PNG"
            turned = told and picture.getexif().get(_ORIENTATION, 1) in _ON_ITS_SIDE
            if turned and picture.format == "TIFF":  # some versions of Pillow have turned it already
                return None
    except Exception:  # whatever is wrong with the file, iem.images finds the words for it
        return None
    return (width, height) if turned else (height, width)


def _read_ignore(path: Path) -> Mask:
    return (images.read(path).image.amax(dim=1, keepdim=True) > 0).float()
