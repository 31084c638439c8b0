"""What the network learns from: pictures, and the masks that a teacher made of them. No ground truth comes in here."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from iem.checks import check_number
from iem.images import read, remove_stale, square, write_mask
from iem.interfaces import Dataset, Image, Mask, Solution, Status
from iem.segnet.json_files import read_object, write_object

Teacher = Callable[[Image], Solution]  #: such as ``functools.partial(iem.segment, preset="best")``

#: With these there is no mask to learn from.
_HOPELESS = (Status.EMPTY, Status.FULL, Status.CONSTANT, Status.NONFINITE)


@dataclass(frozen=True)
class Lessons:
    """Pictures and their teacher's masks, as small squares, eight bits per value.

    Attributes:
        names: of the pictures, in order.
        images: ``uint8[n, 3, s, s]``.
        masks: ``uint8[n, 1, s, s]``, 255 = foreground, soft values between.
        scores: ``[n]``, what the teacher's objective says of each of its masks.
        usable: ``bool[n]``, False where the teacher found no object.
    """

    names: tuple[str, ...]
    images: Tensor
    masks: Tensor
    scores: Tensor
    usable: Tensor

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: Sequence[int]) -> "Lessons":
        """Some of them."""
        rows = torch.as_tensor(index, dtype=torch.long)
        names = tuple(self.names[i] for i in rows.tolist())
        return Lessons(names, self.images[rows], self.masks[rows], self.scores[rows], self.usable[rows])

    @property
    def fingerprint(self) -> str:
        """The sha256 of everything in it: what a network learned from."""
        digest = hashlib.sha256("\n".join(self.names).encode())
        for values in (self.images, self.masks, self.scores.double(), self.usable):
            digest.update(str(tuple(values.shape)).encode() + values.contiguous().numpy().tobytes())
        return digest.hexdigest()


def teach(
    dataset: Dataset,
    indices: Sequence[int],
    teacher: Teacher,
    *,
    folder: Path,
    settings: Mapping[str, Any],
    size: int = 128,
    batch_size: int = 8,
    on_picture: Callable[[str, int], None] | None = None,
) -> Lessons:
    """Let the teacher segment pictures of a data set, whose truth is not looked at.

    Each mask is kept as ``<folder>/<name>.png`` and, written last, ``<name>.json`` beside it: what an interrupted call
    finished is not made again, unless the picture or ``settings`` have changed.

    Args:
        dataset: the pictures.
        indices: which of them.
        teacher: makes masks of a batch of pictures of one size.
        folder: for the masks.
        settings: plain containers that say how the teacher works.
        size: side of the squares (``iem.images.square``), in pixels.
        batch_size: pictures of one size that the teacher gets together.
        on_picture: called with the name and how many there are, as soon as a mask is on disk.

    Raises:
        ImageError: a picture cannot be read, or a mask not be written.
        ValueError: no pictures.
    """
    check_number(size, "size", low=8, integer=True)
    check_number(batch_size, "batch_size", low=1, integer=True)
    if len(indices) == 0:
        raise ValueError("indices: expected pictures to learn from, got none; choose a larger data set or part of it")
    folder.mkdir(parents=True, exist_ok=True)
    remove_stale(folder)
    parts: dict[int, Lessons] = {}
    for batch in _batches(dataset, indices, batch_size):
        known = {i: _read(folder, name, image, settings) for i, name, image in batch}
        missing = [(i, name, image) for i, name, image in batch if known[i] is None]
        if missing:
            solution = teacher(torch.cat([image for _, _, image in missing]))
            for row, (i, name, image) in enumerate(missing):
                _write(folder, name, image, settings, solution, row)
                known[i] = _read(folder, name, image, settings)
        for i, name, image in batch:
            mask, record = known[i] or _vanished(folder, name)
            parts[i] = _lesson(name, image, mask, record, size)
            if on_picture is not None:
                on_picture(name, len(indices))
    return join([parts[i] for i in indices])


def teacher_mask(folder: Path, name: str, image: Image, settings: Mapping[str, Any]) -> Mask | None:
    """The mask that ``teach`` kept for a picture, ``[1, 1, h, w]``; None if it kept none with these settings."""
    found = _read(folder, name, image, settings)
    return None if found is None else found[0]


def join(parts: Sequence[Lessons]) -> Lessons:
    """All in one, in order; at least one, and all of one size."""
    names = tuple(name for part in parts for name in part.names)
    fields = ("images", "masks", "scores", "usable")
    return Lessons(names, *(torch.cat([getattr(part, field) for part in parts]) for field in fields))


def _batches(dataset: Dataset, indices: Sequence[int], batch_size: int) -> Iterator[list[tuple[int, str, Image]]]:
    """Neighbours of one size. Of each sample the name and the picture are taken, nothing else."""
    batch: list[tuple[int, str, Image]] = []
    for index in indices:
        sample = dataset[index]
        if batch and (len(batch) == batch_size or sample.image.shape != batch[0][2].shape):
            yield batch
            batch = []
        batch.append((index, sample.name, sample.image))
    if batch:
        yield batch


def _key(image: Image, settings: Mapping[str, Any]) -> dict[str, Any]:
    return {"picture": hashlib.sha256(_bytes(image).numpy().tobytes()).hexdigest(), "settings": dict(settings)}


def _write(folder: Path, name: str, image: Image, settings: Mapping[str, Any], solution: Solution, row: int) -> None:
    record = folder / f"{name}.json"
    record.unlink(missing_ok=True)  # without it, the mask is nobody's
    write_mask(folder / f"{name}.png", solution.mask[row : row + 1])
    found = {
        "status": str(solution.status[row]),
        "score": float(solution.score[row]),
        "steps": int(solution.steps[row]),
        "sha256": hashlib.sha256((folder / f"{name}.png").read_bytes()).hexdigest(),
    }
    write_object(record, {**_key(image, settings), **found})


def _read(folder: Path, name: str, image: Image, settings: Mapping[str, Any]) -> tuple[Mask, Mapping[str, Any]] | None:
    """The mask that was made of this picture with these settings, None if there is none."""
    record, path = read_object(folder / f"{name}.json"), folder / f"{name}.png"
    if record is None or not path.is_file():
        return None
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != record.get("sha256"):
        return None
    if any(record.get(key) != value for key, value in _key(image, settings).items()):
        return None
    return read(data).image[:, :1], record


def _vanished(folder: Path, name: str) -> tuple[Mask, Mapping[str, Any]]:
    raise ValueError(f"folder: {name}.png changed in {folder} as soon as it was written; give each training its own")


def _lesson(name: str, image: Image, mask: Mask, record: Mapping[str, Any], size: int) -> Lessons:
    usable = record["status"] not in [str(status) for status in _HOPELESS]
    return Lessons(
        names=(name,),
        images=_bytes(square(image.nan_to_num(0).clamp(0, 1), size)),
        masks=_bytes(square(mask, size)),
        scores=torch.tensor([record["score"]], dtype=torch.float64),
        usable=torch.tensor([usable]),
    )


def _bytes(values: Tensor) -> Tensor:
    return (values.nan_to_num(0).clamp(0, 1) * 255).round().to(torch.uint8)
