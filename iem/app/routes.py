"""Every address of the server, and what is done there."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, cast
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse, Response
from starlette.requests import ClientDisconnect

from iem.app import payloads
from iem.app.desk import Desk
from iem.app.downloads import masks_zip
from iem.app.jobs import Job
from iem.app.photos import ORIGINAL, admit, shown_name
from iem.app.projects import open_project, project_zip
from iem.app.proposing import find, propose
from iem.app.refusals import Refused
from iem.app.removing import remove
from iem.app.session import Session
from iem.app.sessions import new_id
from iem.app.states import State, edited, switched, without
from iem.app.views import Json, about_view, job_view, session_view
from iem.removal import usual_feather, usual_grow
from iem.runner import painters, segmenters


def _desk(request: Request) -> Desk:
    return cast(Desk, request.app.state.desk)


At = Annotated[Desk, Depends(_desk)]


async def _session(session: str, desk: At) -> Session:
    return desk.sessions.get(session)


Of = Annotated[Session, Depends(_session)]

router = APIRouter(prefix="/api")


@router.get("/about")
async def about(desk: At) -> Json:
    """What there is to choose from."""
    return await desk.heavy(about_view, desk.limits)


@router.post("/photos", status_code=201)
async def add_photo(request: Request, desk: At) -> Json:
    """A photo, as the body."""
    name = shown_name(request.headers.get("x-file-name"))
    with desk.sessions.new_folder() as folder:
        async with desk.receiving():
            await _store(request, folder / ORIGINAL)
            photo = await desk.heavy(admit, folder, name, desk.limits)
        return {"session": desk.sessions.add(folder, photo).id}


@router.post("/projects", status_code=201)
async def add_project(request: Request, desk: At) -> Json:
    """A project, as the body."""
    name = shown_name(request.headers.get("x-file-name") or "project")
    with desk.sessions.new_folder() as folder:
        async with desk.receiving():
            upload = folder / "project.zip"
            await _store(request, upload)
            photo, state = await desk.heavy(open_project, folder, upload, name, desk.limits)
            upload.unlink()
        return {"session": desk.sessions.add(folder, photo, state).id}


@router.get("/sessions/{session}")
async def get_session(of: Of) -> Json:
    """All that the page shows of it."""
    return session_view(of)


@router.delete("/sessions/{session}")
async def close_session(session: str, desk: At) -> Json:
    """Close a photo."""
    await desk.heavy(desk.sessions.close, session)
    return {"closed": session}


@router.get("/sessions/{session}/photo")
async def get_photo(of: Of) -> Response:
    """The photo, upright, in sRGB."""
    return _file(of.photo.upright)


@router.get("/sessions/{session}/proposal.png")
async def get_proposal(of: Of) -> Response:
    """The mask that is shown."""
    if (shown := of.state.proposal) is None:
        raise Refused(404, "there is no proposal; click on an object first")
    return Response(shown.candidate.png, media_type="image/png")


@router.get("/sessions/{session}/candidates/{index}.png")
async def get_candidate(of: Of, index: int) -> Response:
    """One of the masks that can be chosen."""
    shown = of.state.proposal
    if shown is None or not 0 <= index < len(shown.candidates):
        raise Refused(404, "there is no such proposal; click on an object first")
    return Response(shown.candidates[index].png, media_type="image/png")


@router.get("/sessions/{session}/objects/{number}.png")
async def get_object(of: Of, number: int) -> Response:
    """The mask of an object that was kept."""
    return Response(of.state.object(number).png, media_type="image/png")


@router.get("/sessions/{session}/result.png")
async def get_result(of: Of, download: bool = False) -> Response:
    """The photo without the objects, of its own size."""
    if (result := of.state.result) is None:
        raise Refused(404, "there is no result yet; remove something first")
    return _file(result.file, _attachment(of, "-removed.png") if download else {})


@router.get("/sessions/{session}/masks.zip")
async def get_masks(of: Of, desk: At) -> Response:
    """The objects' masks."""
    data = await desk.heavy(masks_zip, of.state)
    return Response(data, media_type="application/zip", headers=_attachment(of, "-masks.zip"))


@router.get("/sessions/{session}/project.zip")
async def get_project(of: Of, desk: At) -> Response:
    """A file that can be opened again."""
    data = await desk.heavy(project_zip, of)
    return Response(data, media_type="application/zip", headers=_attachment(of, "-project.zip"))


@router.post("/sessions/{session}/propose", status_code=202)
async def start_propose(of: Of, desk: At, body: payloads.ProposePayload) -> Json:
    """Look for the object that the prompts are about."""
    prompts = await desk.heavy(payloads.checked_prompts, body, of.photo.width, of.photo.height)
    _require_ready(await desk.heavy(segmenters.readiness, body.segmenter), body.segmenter, "segmenter")
    given = [each.model_dump(mode="json") for each in body.prompts]
    return _start(of, desk, "propose", propose(of, prompts, given, body.segmenter, desk.segmenters, desk.warm))


@router.post("/sessions/{session}/find", status_code=202)
async def start_find(of: Of, desk: At, body: payloads.FindPayload | None = None) -> Json:
    """Take the picture apart."""
    return _start(of, desk, "find", find(of, desk.warm))


@router.post("/sessions/{session}/remove", status_code=202)
async def start_remove(of: Of, desk: At, body: payloads.RemovePayload) -> Json:
    """Paint the objects that are on away."""
    try:
        readiness = await desk.heavy(painters.readiness, body.painter)
    except ValueError as error:
        raise Refused.of(error) from error
    _require_ready(readiness, body.painter, "painter")
    if not (objects := of.state.on):
        raise Refused(422, "no object is kept and switched on; keep one first", field="objects")
    size = (of.photo.height, of.photo.width)
    work = remove(
        of,
        objects,
        painter=body.painter,
        grow=usual_grow(size) if body.grow is None else body.grow,
        feather=usual_feather(size) if body.feather is None else body.feather,
        painters=desk.painters,
        limits=desk.limits,
    )
    return _start(of, desk, "remove", work)


@router.get("/sessions/{session}/jobs/{job}")
async def get_job(of: Of, job: str) -> Json:
    """How far it is."""
    return job_view(of.find_job(job))


@router.get("/sessions/{session}/jobs/{job}/frames/{index}.png")
async def get_frame(of: Of, job: str, index: int) -> Response:
    """A picture of its film."""
    if (frame := of.find_job(job).frame(index)) is None:
        raise Refused(404, "the film has no such picture")
    return Response(frame, media_type="image/png")


@router.delete("/sessions/{session}/jobs/{job}")
async def cancel_job(of: Of, job: str) -> Json:
    """End it within one step."""
    found = of.find_job(job)
    found.cancel()
    return job_view(found)


@router.post("/sessions/{session}/proposal")
async def act(of: Of, desk: At, body: payloads.ActionPayload) -> Json:
    """Keep, discard or change the proposal."""
    pixels = usual_grow((of.photo.height, of.photo.width)) if body.pixels is None else body.pixels
    how = lambda state: edited(state, body.action, pixels=pixels, index=body.index)  # noqa: E731
    return await _changed(of, desk, how)


@router.post("/sessions/{session}/objects/{number}")
async def switch(of: Of, desk: At, number: int, body: payloads.SwitchPayload) -> Json:
    """Whether an object is to be removed."""
    return await _changed(of, desk, lambda state: switched(state, number, body.on))


@router.delete("/sessions/{session}/objects/{number}")
async def delete_object(of: Of, desk: At, number: int) -> Json:
    """Forget an object."""
    return await _changed(of, desk, lambda state: without(state, number))


@router.post("/sessions/{session}/undo")
async def undo(of: Of) -> Json:
    """Back to the state before."""
    of.undo()
    return session_view(of)


@router.post("/sessions/{session}/redo")
async def redo(of: Of) -> Json:
    """On to the state that was undone."""
    of.redo()
    return session_view(of)


async def _changed(of: Session, desk: Desk, how: Callable[[State], State]) -> Json:
    await desk.heavy(of.change, how)
    return session_view(of)


def _start(of: Session, desk: Desk, kind: Any, work: Callable[[Job], None]) -> Json:
    job = Job(new_id(), kind, work, desk.limits.frames)
    of.add_job(job, desk.jobs.add)
    return {"job": job.id}


def _require_ready(readiness: painters.Readiness, name: str, field: str) -> None:
    if not readiness.ready:
        raise Refused(422, f"{name} {readiness.needs}", field=field)


async def _store(request: Request, path: Path) -> None:
    try:
        with path.open("wb") as file:
            async for piece in request.stream():
                file.write(piece)
    except ClientDisconnect as error:
        raise Refused(400, "the connection ended before the file had arrived") from error
    except OSError as error:
        raise Refused(507, f"the file cannot be stored ({error.strerror}); free some space", close=True) from error


def _file(path: Path, headers: dict[str, str] | None = None) -> Response:
    return FileResponse(path, media_type="image/png", headers={"Cache-Control": "no-store", **(headers or {})})


def _attachment(of: Session, ending: str) -> dict[str, str]:
    """Under a name made from the photo's; quoted, for it may hold anything."""
    stem = of.photo.name.rpartition(".")[0] or of.photo.name
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(stem + ending, safe='')}"}
