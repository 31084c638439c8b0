"""Sets of salient objects: ECSSD, DUTS-TE and DUT-OMRON, in their official layouts."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import final

from iem import images
from iem.checks import check_choice, check_number
from iem.datasets.pairs import Pair, Pairs, open_pairs
from iem.datasets.problems import DatasetError, Problem
from iem.datasets.protocol import EvaluationProtocol, get_protocol
from iem.datasets.subset import evenly_spaced
from iem.interfaces import Sample


@dataclass(frozen=True)
class Layout:
    """Where a set keeps its files: the official folder first, then names that others give them."""

    folders: tuple[str, ...]
    pictures: tuple[str, ...]
    masks: tuple[str, ...]


_USUAL_PICTURES = ("images", "image", "Images", "Image", "imgs", "img", "Imgs")
_USUAL_MASKS = ("masks", "mask", "Masks", "Mask", "gt", "GT", "ground_truth")

#: Official archives unpack to the first names.
LAYOUTS: Mapping[str, Layout] = {
    "ecssd": Layout(("ECSSD",), ("images", *_USUAL_PICTURES[1:]), ("ground_truth_mask", *_USUAL_MASKS)),
    "duts_te": Layout(("DUTS-TE",), ("DUTS-TE-Image", *_USUAL_PICTURES), ("DUTS-TE-Mask", *_USUAL_MASKS)),
    "dut_omron": Layout(("DUT-OMRON",), ("DUT-OMRON-image", *_USUAL_PICTURES), ("pixelwiseGT-new-PNG", *_USUAL_MASKS)),
}


@final
@dataclass(frozen=True)
class Saliency:
    """ECSSD, DUTS-TE or DUT-OMRON: photographs with masks of what stands out, drawn by hand.

    * ``ecssd`` (Yan et al. 2013; Shi et al. 2016): 1,000 pairs, ``images/*.jpg`` and ``ground_truth_mask/*.png``;
    * ``duts_te`` (Wang et al. 2017): 5,019 pairs, ``DUTS-TE-Image/*.jpg`` and ``DUTS-TE-Mask/*.png``;
    * ``dut_omron`` (Yang et al. 2013): 5,168 pairs, ``DUT-OMRON-image/*.jpg`` and ``pixelwiseGT-new-PNG/*.png``.

    The truth, as everybody reads these masks: white, from half of the full scale on. The files are sorted by name.

    No number of IEM on these sets is published. ``protocol="fixed"``, the default, is how the literature measures here:
    pictures at their own size, a mask stands for itself (TokenCut, ``metrics.py``; FOUND, table 2). ``"paper"`` is how
    IEM measures on Flowers.

    Args:
        root: the folder that holds the two folders (these names, or usual ones such as images and masks).
        name: "ecssd", "duts_te" or "dut_omron".
        size: pixels of the shorter side; None for the protocol's own.
        limit: no more than this many, evenly spaced.
        protocol: see ``EvaluationProtocol``: "fixed", "paper" or one of your own.
        strict: True to refuse a data set with problems, False to go on without the entries that have one.
        verify: decode every mask when the set is opened; False reads the headers alone.

    Attributes:
        problems: the entries that were left out, sorted by name.

    Raises:
        DatasetError: another layout, or (``strict=True``) any problem.
        ValueError: an unknown name or protocol, a size or limit below 1.
    """

    root: Path | str
    _: KW_ONLY
    name: str = "ecssd"
    size: int | None = None
    limit: int | None = None
    protocol: str | EvaluationProtocol = "fixed"
    strict: bool = True
    verify: bool = True
    problems: tuple[Problem, ...] = field(init=False, repr=False)
    _pairs: Pairs = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_choice(self.name, "name", tuple(LAYOUTS))
        for name in ("size", "limit"):
            if getattr(self, name) is not None:
                check_number(getattr(self, name), name, low=1, integer=True)
        root, pictures, masks = find_folders(Path(self.root), self.name)
        protocol = get_protocol(self.protocol)
        pairs, problems = _pair(pictures, masks, self.limit)
        opened = open_pairs(
            self.name,
            root,
            pairs,
            problems,
            rule=images.read_mask,
            protocol=protocol,
            size=self.size,
            strict=self.strict,
            verify=self.verify,
            empty=f"expected .jpg files in {pictures.name}, .png files in {masks.name}",
        )
        object.__setattr__(self, "root", root)
        object.__setattr__(self, "protocol", protocol)
        object.__setattr__(self, "problems", opened.problems)
        object.__setattr__(self, "_pairs", opened)

    @property
    def names(self) -> tuple[str, ...]:
        """The samples' names, in order."""
        return self._pairs.names

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: int) -> Sample:
        """The pair at ``index``, decoded now.

        Raises:
            ImageError: a file that cannot be read.
        """
        return self._pairs[index]


def find_folders(given: Path, name: str) -> tuple[Path, Path, Path]:
    """The set's folder, and in it those of the pictures and of the masks.

    Raises:
        DatasetError: they are not there.
    """
    layout = LAYOUTS[name]
    for root in (given, *(given / folder for folder in layout.folders)):
        pictures = next((root / each for each in layout.pictures if (root / each).is_dir()), None)
        masks = next((root / each for each in layout.masks if (root / each).is_dir()), None)
        if pictures is not None and masks is not None:
            return root, pictures, masks
    raise DatasetError(
        f"{name}: expected the folders {layout.pictures[0]} and {layout.masks[0]} in {given}, found "
        f"{_found(given)}; get the data set with: iem data get {name}"
    )


def _found(folder: Path) -> str:
    if not folder.is_dir():
        return "no such folder"
    names = sorted(path.name for path in folder.iterdir() if path.is_dir())
    return f"the folders {', '.join(names[:6])}" if names else "no folder"


def _pair(pictures: Path, masks: Path, limit: int | None) -> tuple[list[Pair], list[Problem]]:
    found = {path.stem: path for path in _visible(pictures) if path.suffix.lower() in (".jpg", ".jpeg", ".png")}
    truths = {path.stem: path for path in _visible(masks) if path.suffix.lower() == ".png"}
    problems = [
        Problem(stem, f"{masks.name}/{truths[stem].name} has no picture") for stem in truths.keys() - found.keys()
    ]
    pairs = []
    for stem in evenly_spaced(sorted(found), limit):
        if stem in truths:
            pairs.append(Pair(stem, found[stem], truths[stem]))
        else:
            problems.append(Problem(stem, f"no mask; expected {masks.name}/{stem}.png"))
    return pairs, problems


def _visible(folder: Path) -> list[Path]:
    """Without what macOS leaves in archives."""
    return [path for path in folder.iterdir() if not path.name.startswith(".")]
