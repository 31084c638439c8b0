"""Project files: a zip of the photo, its masks, the result and ``project.json``, which can be opened again.

A project comes from anywhere: no name in it becomes a path, nothing is unpacked further than it was announced, and
every picture in it passes the same checks as a photo that is dropped on the page.
"""

import io
import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from iem.app.limits import Limits
from iem.app.payloads import AnyPrompt, sentence_of
from iem.app.photos import ORIGINAL, admit, shown_name
from iem.app.pngs import mask_png
from iem.app.refusals import Refused
from iem.app.session import Photo, Session
from iem.app.states import Candidate, Kept, Outcome, Shown, State
from iem.images import ImageError, read

VERSION = 1
_CONTENTS = "project.json"
_MOST_ENTRIES, _MOST_DIRECTORY, _MOST_JSON = 300, 1 << 17, 4 << 20
_END = struct.Struct("<4s4H2LH")

FileName = str


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class _ObjectPart(_Part):
    id: int = Field(ge=1, le=1_000_000)
    mask: FileName
    label: str = Field(max_length=500)
    on: bool = True


class _CandidatePart(_Part):
    mask: FileName
    score: float
    label: str = Field(default="", max_length=500)


class _ProposalPart(_Part):
    candidates: list[_CandidatePart] = Field(min_length=1, max_length=64)
    chosen: int = Field(default=0, ge=0)
    steps: int = Field(default=0, ge=0)
    kind: Literal["propose", "find"] = "propose"
    prompts: list[AnyPrompt] = Field(default=[], max_length=64)
    segmenter: str = Field(default="iem", max_length=40)


class _ResultPart(_Part):
    file: FileName
    painter: str = Field(max_length=40)
    grow: int = Field(ge=0)
    feather: int = Field(ge=0)
    seconds: float = Field(ge=0)
    objects: list[int] = Field(default=[], max_length=128)


class _ProjectPart(_Part):
    iem_project: int
    name: str = Field(max_length=500)
    photo: FileName
    objects: list[_ObjectPart] = Field(default=[], max_length=128)
    proposal: _ProposalPart | None = None
    result: _ResultPart | None = None


def project_zip(session: Session) -> bytes:
    """The file of a session; what was undone is not in it."""
    with session.lock:
        state, photo = session.state, session.photo
        original = photo.original.read_bytes()
        result = None if state.result is None else state.result.file.read_bytes()
    files = {f"photo.{photo.format.lower()}": original}
    contents: dict[str, Any] = {"iem_project": VERSION, "name": photo.name, "photo": next(iter(files))}
    contents["width"], contents["height"] = photo.width, photo.height
    contents["objects"] = []
    for each in state.objects:
        files[f"masks/object-{each.id}.png"] = each.png
        part = {"id": each.id, "mask": f"masks/object-{each.id}.png", "label": each.label, "on": each.on}
        contents["objects"].append(part)
    if state.proposal is not None:
        contents["proposal"] = _proposal_part(state.proposal, files)
    if state.result is not None and result is not None:
        files["result.png"] = result
        names = ("painter", "grow", "feather", "seconds", "objects")
        contents["result"] = {"file": "result.png", **{name: getattr(state.result, name) for name in names}}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(_CONTENTS, json.dumps(contents, indent=1, allow_nan=False), zipfile.ZIP_DEFLATED)
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def _proposal_part(shown: Shown, files: dict[str, bytes]) -> dict[str, Any]:
    candidates = []
    for number, each in enumerate(shown.candidates):
        files[f"masks/candidate-{number}.png"] = each.png
        candidates.append({"mask": f"masks/candidate-{number}.png", "score": each.score, "label": each.label})
    names = ("chosen", "steps", "kind", "prompts", "segmenter")
    return {"candidates": candidates, **{name: getattr(shown, name) for name in names}}


def open_project(folder: Path, upload: Path, name: str, limits: Limits) -> tuple[Photo, State]:
    """Read a project that came in as the file ``upload``; the session's files are written to ``folder``.

    Raises:
        Refused: it is none, or damaged, or too large; named by the file in it that is wrong.
    """
    with upload.open("rb") as file:
        _check_directory(file, name)
        try:
            with zipfile.ZipFile(file) as archive:
                return _read(_Archive(archive, name, limits), folder)
        except Refused:
            raise
        except Exception as error:  # zipfile raises whatever its parser stumbles over
            raise _damaged(name, "it cannot be read") from error


def _read(archive: "_Archive", folder: Path) -> tuple[Photo, State]:
    data = archive.bytes(_CONTENTS, most=_MOST_JSON)
    try:
        contents = _ProjectPart.model_validate_json(data)
    except ValidationError as error:
        sentence, field = sentence_of(error.errors(include_url=False, include_context=False))
        raise Refused(422, f"{archive.name}: {_CONTENTS}: {sentence}", field=field) from error
    if contents.iem_project != VERSION:
        raise Refused(
            422,
            f"{archive.name}: it is a project of version {contents.iem_project}, this iem reads {VERSION}; update iem",
            field="iem_project",
        )
    (folder / ORIGINAL).write_bytes(archive.bytes(contents.photo))
    photo = admit(folder, shown_name(None) if not contents.name else contents.name, archive.limits)
    size = (photo.height, photo.width)
    ids = [each.id for each in contents.objects]
    if len(set(ids)) != len(ids):
        raise Refused(422, f"{archive.name}: objects: two of them have one number; save the project again")
    objects = []
    for part in contents.objects:
        drawn = archive.mask(part.mask, size, 0.0, part.label)
        objects.append(Kept(part.id, drawn.png, drawn.area, part.label or f"object {part.id}", part.on))
    proposal = None
    if (found := contents.proposal) is not None:
        candidates = tuple(archive.mask(each.mask, size, each.score, each.label) for each in found.candidates)
        prompts = tuple(each.model_dump(mode="json") for each in found.prompts)
        chosen = min(found.chosen, len(candidates) - 1)
        proposal = Shown(candidates, chosen, found.steps, found.kind, prompts, found.segmenter)
    result = None if contents.result is None else archive.result(contents.result, folder, size)
    return photo, State(proposal, tuple(objects), result, max(ids, default=0) + 1)


class _Archive:
    """A zip from anywhere."""

    def __init__(self, archive: zipfile.ZipFile, name: str, limits: Limits) -> None:
        self._archive, self.name, self.limits = archive, name, limits
        self._left = limits.project_bytes

    def bytes(self, entry: str, most: int | None = None) -> bytes:
        """What is packed under that name; never more than is allowed, whatever its header says."""
        try:
            info = self._archive.getinfo(entry)
        except KeyError:
            raise _damaged(self.name, f"{entry[:80]!r} is missing") from None
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or info.flag_bits & 1:
            raise _damaged(self.name, f"{entry[:80]!r} is packed in a way that is not supported")
        allowed = self._left if most is None else min(most, self._left)
        try:
            with self._archive.open(info) as file:
                data = file.read(allowed + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
            raise _damaged(self.name, f"{entry[:80]!r} is damaged") from error
        if len(data) > allowed:
            raise Refused(413, f"{self.name}: {entry[:80]!r} is larger than a project may be; save a smaller one")
        self._left -= len(data)
        return data

    def mask(self, entry: str, size: tuple[int, int], score: float, label: str) -> Candidate:
        """A mask of the photo's size, encoded anew."""
        mask = self._picture(entry, size)[:, :1]
        return Candidate(mask_png(mask), float((mask >= 0.5).float().mean()), score, label)

    def result(self, part: _ResultPart, folder: Path, size: tuple[int, int]) -> Outcome:
        """The painted picture, as it is in the archive if it is a PNG of the photo's size."""
        self._picture(part.file, size, kept_as=folder / "result-0.png")
        known = {name: getattr(part, name) for name in ("painter", "grow", "feather", "seconds")}
        return Outcome(folder / "result-0.png", objects=tuple(part.objects), **known)

    def _picture(self, entry: str, size: tuple[int, int], kept_as: Path | None = None) -> torch.Tensor:
        data = self.bytes(entry)
        try:
            picture = read(data, max_pixels=self.limits.max_pixels)
        except ImageError as error:
            raise Refused(422, f"{self.name}: {entry[:80]!r}: {error.reason}") from error
        height, width = picture.image.shape[2:]
        if (height, width) != size:
            raise Refused(
                422, f"{self.name}: {entry[:80]!r} is {width} x {height} pixels, the photo {size[1]} x {size[0]}"
            )
        if picture.format != "PNG":
            raise Refused(422, f"{self.name}: {entry[:80]!r} is no PNG; save the project again")
        if kept_as is not None:
            kept_as.write_bytes(data)
        return picture.image


def _check_directory(file: Any, name: str) -> None:
    """Look at the end of a zip before Python's own reader does, which believes every number that it finds there."""
    length = file.seek(0, io.SEEK_END)
    file.seek(max(0, length - _END.size))
    tail = file.read()
    file.seek(0)
    if file.read(4) not in (b"PK\3\4", b"PK\5\6"):
        raise Refused(415, f"{name}: it is no project file; open one that this page saved", field="project")
    if len(tail) < _END.size or not tail.startswith(b"PK\5\6"):
        raise _damaged(name, "its end is missing")
    _, _, _, _, entries, directory, _, comment = _END.unpack(tail)
    if comment or entries > _MOST_ENTRIES or directory > _MOST_DIRECTORY:
        raise Refused(413, f"{name}: it holds more than a project does; open one that this page saved", field="project")


def _damaged(name: str, why: str) -> Refused:
    return Refused(422, f"{name}: the project is damaged, {why}; take another copy of it", field="project")
