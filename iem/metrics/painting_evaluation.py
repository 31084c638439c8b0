"""Evaluation of a folder of painted pictures against the originals."""

import math
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from iem.images import ImageError, list_pictures, read, read_mask
from iem.interfaces import Image
from iem.metrics.evaluation import Rejected
from iem.metrics.fid import Features, FrechetDistance
from iem.metrics.painting import boundary_error, l1, psnr, ssim

SCORES = ("psnr", "ssim", "l1", "boundary")
_ENDINGS = ("_removed", "_painted", "_inpainted")


@dataclass(frozen=True)
class PaintingScores:
    """The scores of one picture, see ``iem.metrics.painting``.

    Attributes:
        name: path below the folder, without suffix, with forward slashes.
        hole: share of the picture that was scored: that of the hole, or 1.
        psnr: decibels, infinite where nothing differs.
        ssim: at most 1.
        l1: in [0, 1].
        boundary: in [0, 1]; NaN without holes.
    """

    name: str
    hole: float
    psnr: float
    ssim: float
    l1: float
    boundary: float


@dataclass(frozen=True)
class PaintingEvaluation:
    """What ``evaluate_paintings`` found.

    Attributes:
        missing: originals without a painted picture. They are in no mean.
        extra: painted pictures without an original.
        mismatched: pairs that could not be scored: another size, an unreadable file, no hole, two files of one name.
        pictures: scores of all other pairs, sorted by name.
        means: score -> mean over the pictures where it is finite.
        undefined: score -> number of pictures where it is NaN.
        perfect: number of pictures painted without any difference, which have an infinite PSNR.
        frechet: distance of the two sets of whole pictures; None if no features were given.
        painted: the folder that was read.
        truth: the folder that was read.
        holes: the folder that was read; None: whole pictures were scored.
    """

    missing: tuple[str, ...]
    extra: tuple[str, ...]
    mismatched: tuple[Rejected, ...]
    pictures: tuple[PaintingScores, ...]
    means: Mapping[str, float]
    undefined: Mapping[str, int]
    perfect: int
    frechet: float | None
    painted: Path
    truth: Path
    holes: Path | None

    @property
    def complete(self) -> bool:
        """Whether every original was scored."""
        return not self.missing and not self.mismatched

    def as_dict(self) -> dict[str, Any]:
        """For ``json.dumps``: paths as text, NaN and infinity as None."""
        return {"scored": len(self.pictures), "complete": self.complete, **_for_json(asdict(self))}


def evaluate_paintings(
    painted: Path, truth: Path, *, holes: Path | None = None, features: Features | None = None
) -> PaintingEvaluation:
    """Score every painted picture in a folder against the original of the same name.

    Names are paths below the folder without suffix, so ``a/b.png`` is compared with ``a/b.jpg``. If no names agree,
    ``a/b_removed.png``, ``_painted`` and ``_inpainted`` stand for ``a/b``; and a hole may be called ``a/b_mask.png`` or
    ``a/b_hole.png``. What cannot be scored is listed in the result, never left out silently.

    Args:
        painted: a folder of pictures; sub-folders are read too.
        truth: a folder of the originals, or the root of a data set with ``images/``.
        holes: a folder of masks, white where the picture was painted. None: whole pictures are scored, and there is no
            boundary.
        features: of pictures, for the Frechet distance of the two sets; None: none.

    Raises:
        ValueError: a folder does not exist or holds no picture, no name agrees, or there are too few pictures for the
            Frechet distance.

    >>> evaluate_paintings(Path("no/such/folder"), Path("."))
    Traceback (most recent call last):
    ...
    ValueError: painted: expected a folder, got no/such/folder, which is not there
    """
    painted, truth = _folder(painted, "painted"), _folder(truth, "truth")
    truth = truth / "images" if (truth / "images").is_dir() else truth
    found, true = _pictures(painted, "painted"), _pictures(truth, "truth")
    matched = _named_like(true, found, _ENDINGS)
    if not matched.keys() & true.keys():
        raise ValueError(
            f"painted: expected names like those of the originals, such as {min(true)!r}, got {min(found)!r}; "
            "name each painted picture like its original"
        )
    if holes is not None:
        holes = _folder(holes, "holes")
    hidden = {} if holes is None else _named_like(true, _pictures(holes, "holes"), ("_mask", "_hole"))
    distance = None if features is None else FrechetDistance(features)
    scored: list[PaintingScores] = []
    mismatched: list[Rejected] = []
    for name in sorted(matched.keys() & true.keys()):
        try:
            pair = _read_pair(matched[name], true[name])
            scored.append(_score(name, pair, None if holes is None else hidden.get(name, [])))
        except (ImageError, _PairError) as error:
            mismatched.append(Rejected(name, str(error)))
            continue
        if distance is not None:
            distance.update(pair[0], real=False)
            distance.update(pair[1], real=True)
    columns = {score: [getattr(each, score) for each in scored] for score in SCORES}
    return PaintingEvaluation(
        missing=tuple(sorted(true.keys() - matched.keys())),
        extra=tuple(sorted(matched.keys() - true.keys())),
        mismatched=tuple(mismatched),
        pictures=tuple(scored),
        means={score: _mean(column) for score, column in columns.items()},
        undefined={score: sum(map(math.isnan, column)) for score, column in columns.items()},
        perfect=sum(map(math.isinf, columns["psnr"])),
        frechet=None if distance is None else float(distance.compute()),
        painted=painted,
        truth=truth,
        holes=holes,
    )


class _PairError(ValueError):
    pass


def _folder(path: Path, name: str) -> Path:
    path = Path(path)
    if not path.is_dir():
        raise ValueError(
            f"{name}: expected a folder, got {path}, which {'is a file' if path.exists() else 'is not there'}"
        )
    return path


def _pictures(folder: Path, kind: str) -> dict[str, list[Path]]:
    """Every picture below the folder by its name; two files may share one."""
    found: dict[str, list[Path]] = {}
    for entry in list_pictures([folder]):
        if entry.path != folder:  # what stands for the folder itself says that it is empty
            # macOS may store an accented letter as two characters; the names are the same to whoever reads them.
            name = unicodedata.normalize("NFC", entry.relative.with_suffix("").as_posix())
            found.setdefault(name, []).append(entry.path)
    if not found:
        raise ValueError(f"{kind}: expected pictures in {folder}, got none; give a folder that holds some")
    return found


def _named_like(
    true: Mapping[str, list[Path]], found: Mapping[str, list[Path]], endings: tuple[str, ...]
) -> Mapping[str, list[Path]]:
    """The files by the names of the truth, among which an ending is passed over if no name agrees as it is."""
    if found.keys() & true.keys():
        return found
    for ending in endings:
        shorter = {name.removesuffix(ending): paths for name, paths in found.items() if name.endswith(ending)}
        if shorter.keys() & true.keys():
            return shorter
    return found


def _only(paths: list[Path], kind: str) -> Path:
    if len(paths) > 1:
        raise _PairError(f"{len(paths)} {kind} have this name: {', '.join(path.name for path in paths)}; keep one")
    return paths[0]


def _read_pair(painted: list[Path], true: list[Path]) -> tuple[Image, Image]:
    pair = read(_only(painted, "painted pictures")).image, read(_only(true, "originals")).image
    sizes = [f"{image.shape[3]} x {image.shape[2]}" for image in pair]
    if sizes[0] != sizes[1]:
        raise _PairError(f"the painted picture is {sizes[0]} pixels, the original {sizes[1]}; paint at the same size")
    return pair


def _score(name: str, pair: tuple[Image, Image], holes: list[Path] | None) -> PaintingScores:
    if holes is not None and not holes:
        raise _PairError("there is no hole of this name; give one, or leave the original out")
    hole = None if holes is None else read_mask(_only(holes, "holes"))
    if hole is not None and hole.shape[2:] != pair[1].shape[2:]:
        raise _PairError(
            f"the hole is {hole.shape[3]} x {hole.shape[2]} pixels, the original {pair[1].shape[3]} x "
            f"{pair[1].shape[2]}; make them the same"
        )
    return PaintingScores(
        name=name,
        hole=1.0 if hole is None else hole.mean().item(),
        psnr=psnr(*pair, hole).item(),
        ssim=ssim(*pair, hole).item(),
        l1=l1(*pair, hole).item(),
        boundary=math.nan if hole is None else boundary_error(*pair, hole).item(),
    )


def _mean(values: list[float]) -> float:
    defined = [value for value in values if math.isfinite(value)]
    return math.fsum(defined) / len(defined) if defined else math.nan


def _for_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _for_json(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [_for_json(each) for each in value]
    if isinstance(value, Path):
        return str(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value
