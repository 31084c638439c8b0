"""Evaluation of a folder of masks against a folder of truth, both polarity rules at once."""

import math
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from iem.checks import check_choice
from iem.images import ImageError, list_pictures, read_mask
from iem.interfaces import Mask
from iem.metrics.confusion import Confusion, IgnoreRule, confusion

_SCORES = ("iou", "dice", "accuracy", "miou")
_POLARITIES = ("fixed", "oracle")


@dataclass(frozen=True)
class PictureScores:
    """The scores of one picture, in [0, 1]; NaN where a score is undefined.

    Attributes:
        name: path below the folder, without suffix, with forward slashes.
        iou_fixed: the mask as it is.
        iou_oracle: the larger of the scores of the mask and of its complement; the others likewise.
        ignored: pixels of the ``ignore`` map, whichever rule treats them.
    """

    name: str
    iou_fixed: float
    iou_oracle: float
    dice_fixed: float
    dice_oracle: float
    accuracy_fixed: float
    accuracy_oracle: float
    miou_fixed: float
    miou_oracle: float
    ignored: int


@dataclass(frozen=True)
class Rejected:
    """A pair that could not be scored, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Evaluation:
    """What ``evaluate_folders`` found.

    Attributes:
        missing: true masks without a prediction. They are in no mean.
        extra: predictions without a true mask.
        mismatched: pairs that could not be scored: another size, an unreadable file, two files of one name.
        pictures: scores of all other pairs, sorted by name.
        means: score name (``"iou_fixed"``, ``"iou_oracle"``, ...) -> mean over the pictures where it is defined.
        undefined: score name -> number of pictures where it is NaN.
        predictions: the folder that was read.
        truth: the folder that was read.
        ignore: the folder that was read; None if there is none.
        ignore_rule: ``"exclude"`` or ``"background"``.
        resized: whether predictions of another size were resized.
    """

    missing: tuple[str, ...]
    extra: tuple[str, ...]
    mismatched: tuple[Rejected, ...]
    pictures: tuple[PictureScores, ...]
    means: Mapping[str, float]
    undefined: Mapping[str, int]
    predictions: Path
    truth: Path
    ignore: Path | None
    ignore_rule: IgnoreRule
    resized: bool

    @property
    def complete(self) -> bool:
        """Whether every true mask was scored."""
        return not self.missing and not self.mismatched

    def as_dict(self) -> dict[str, Any]:
        """For ``json.dumps``: paths as text, NaN as None."""
        return {"scored": len(self.pictures), "complete": self.complete, **_for_json(asdict(self))}


def evaluate_folders(
    predictions: Path,
    truth: Path,
    *,
    ignore: Path | None = None,
    ignore_rule: IgnoreRule = "exclude",
    resize: bool = False,
) -> Evaluation:
    """Score every mask in a folder against the true mask of the same name.

    Names are paths below the folder without suffix, so ``a/b.png`` is compared with ``a/b.tif``. If no names agree,
    ``a/b_mask.png`` stands for ``a/b``, and files without that ending are passed over, as are hidden files and files
    that are no pictures. What cannot be scored is listed in the result, never left out silently.

    Args:
        predictions: a folder of masks, or one that holds them in ``masks/``; sub-folders are read too.
        truth: a folder of masks, or the root of a data set with ``masks/`` and, optionally, ``ignore/``.
        ignore: a folder of maps of pixels not to score, by the same names; a picture without one is scored whole.
            Left out, it is the data set's ``ignore/`` if ``truth`` is a root that has one.
        ignore_rule: ``"exclude"`` ignored pixels from the count, or take them as ``"background"`` of the truth.
        resize: resize predictions (nearest neighbour) to the size of the truth instead of listing them as mismatched.

    Raises:
        ValueError: a folder does not exist, the truth holds no mask, or no prediction has the name of a true mask.

    >>> evaluate_folders(Path("no/such/folder"), Path("."))
    Traceback (most recent call last):
    ...
    ValueError: predictions: expected a folder, got no/such/folder, which is not there
    """
    check_choice(ignore_rule, "ignore_rule", ("exclude", "background"))
    root = _folder(truth, "truth")
    predictions, truth = _masks_below(_folder(predictions, "predictions")), _masks_below(root)
    if ignore is not None:
        ignore = _folder(ignore, "ignore")
    elif truth != root and (root / "ignore").is_dir():
        ignore = root / "ignore"
    all_predicted, true = _pictures(predictions), _pictures(truth)
    ignored = {} if ignore is None else _pictures(ignore)
    predicted = _named_like(true, all_predicted)
    _require_pairs(predicted, true, all_predicted, (predictions, truth))

    scored: list[PictureScores] = []
    mismatched: list[Rejected] = []
    for name in sorted(predicted.keys() & true.keys()):
        try:
            scored.append(_score(name, predicted[name], true[name], ignored.get(name, []), ignore_rule, resize))
        except (ImageError, _PairError) as error:
            mismatched.append(Rejected(name, str(error)))
    names = [f"{score}_{polarity}" for score in _SCORES for polarity in _POLARITIES]
    columns = {name: [getattr(each, name) for each in scored] for name in names}
    return Evaluation(
        missing=tuple(sorted(true.keys() - predicted.keys())),
        extra=tuple(sorted(predicted.keys() - true.keys())),
        mismatched=tuple(mismatched),
        pictures=tuple(scored),
        means={name: _mean(column) for name, column in columns.items()},
        undefined={name: sum(map(math.isnan, column)) for name, column in columns.items()},
        predictions=predictions,
        truth=truth,
        ignore=ignore,
        ignore_rule=ignore_rule,
        resized=resize,
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


def _masks_below(folder: Path) -> Path:
    return folder / "masks" if (folder / "masks").is_dir() else folder


def _pictures(folder: Path) -> dict[str, list[Path]]:
    """Every picture below the folder by its name; two files may share one."""
    found: dict[str, list[Path]] = {}
    for entry in list_pictures([folder]):
        if entry.path != folder:  # what stands for the folder itself says that it is empty
            # macOS may store an accented letter as two characters; the names are the same to whoever reads them.
            name = unicodedata.normalize("NFC", entry.relative.with_suffix("").as_posix())
            found.setdefault(name, []).append(entry.path)
    return found


def _named_like(true: dict[str, list[Path]], predicted: dict[str, list[Path]]) -> dict[str, list[Path]]:
    """The predictions by the names of the truth, among which ``a_mask`` stands for ``a`` if no name agrees as it is."""
    if predicted.keys() & true.keys():
        return predicted
    return {name.removesuffix("_mask"): paths for name, paths in predicted.items() if name.endswith("_mask")}


def _require_pairs(
    predicted: dict[str, list[Path]],
    true: dict[str, list[Path]],
    all_predicted: dict[str, list[Path]],
    folders: tuple[Path, Path],
) -> None:
    if not true:
        raise ValueError(f"truth: expected pictures in {folders[1]}, got none; give a folder of masks or with masks/")
    if not all_predicted:
        raise ValueError(f"predictions: expected pictures in {folders[0]}, got none; give a folder of masks")
    if not predicted.keys() & true.keys():
        raise ValueError(
            f"predictions: expected names like those of the truth, such as {min(true)!r}, got {min(all_predicted)!r}; "
            "name each mask like its true mask"
        )


def _only(paths: list[Path], kind: str) -> Path:
    if len(paths) > 1:
        raise _PairError(f"{len(paths)} {kind} have this name: {', '.join(path.name for path in paths)}; keep one")
    return paths[0]


def _score(
    name: str, predicted: list[Path], true: list[Path], ignored: list[Path], ignore_rule: IgnoreRule, resize: bool
) -> PictureScores:
    truth = read_mask(_only(true, "true masks"))
    size = (truth.shape[2], truth.shape[3])
    prediction = _read_like(_only(predicted, "predictions"), size, resize, "prediction")
    ignore = _read_like(_only(ignored, "ignore maps"), size, False, "ignore map") if ignored else None
    counts = confusion(prediction, truth, ignore=ignore, ignore_rule=ignore_rule)
    pixels = 0 if ignore is None else int((ignore > 0.5).sum())
    return PictureScores(name=name, **_both_polarities(counts), ignored=pixels)


def _read_like(path: Path, size: tuple[int, int], resize: bool, kind: str) -> Mask:
    mask = read_mask(path, size=size if resize else None, resize=resize)
    if mask.shape[2:] != size:
        raise _PairError(
            f"{kind} is {mask.shape[3]} x {mask.shape[2]} pixels, the true mask {size[1]} x {size[0]}; "
            "resize it" + (", or ask for resizing" if kind == "prediction" else "")
        )
    return mask


def _both_polarities(counts: Confusion) -> dict[str, float]:
    fixed, oracle = counts.scores("fixed"), counts.scores("oracle")
    return {
        f"{score}_{polarity}": scores[score].item()
        for score in _SCORES
        for polarity, scores in zip(_POLARITIES, (fixed, oracle), strict=True)
    }


def _mean(values: list[float]) -> float:
    defined = [value for value in values if not math.isnan(value)]
    return math.fsum(defined) / len(defined) if defined else math.nan


def _for_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _for_json(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [_for_json(each) for each in value]
    if isinstance(value, Path):
        return str(value)
    return None if isinstance(value, float) and math.isnan(value) else value
