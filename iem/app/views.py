"""What the page is told, as plain values for JSON."""

from typing import Any

from iem import __version__
from iem.app.jobs import Job
from iem.app.limits import Limits
from iem.app.session import Session
from iem.app.states import Kept, Outcome, Shown
from iem.runner import painters, segmenters

Json = dict[str, Any]


def about_view(limits: Limits) -> Json:
    """What there is to choose from, and what it takes."""
    return {
        "version": __version__,
        "painters": [
            {"name": name.value, "about": kind.about, **_readiness(painters.readiness(name.value))}
            for name, kind in painters.KINDS.items()
        ],
        "segmenters": [
            {
                "name": name.value,
                "about": kind.about,
                "prompts": [each for each in kind.prompts if each != "mask"],
                "everything": kind.everything,
                **_readiness(segmenters.readiness(name.value)),
            }
            for name, kind in segmenters.KINDS.items()
        ],
        "limits": {"bytes": limits.upload_bytes, "megapixels": limits.megapixels},
    }


def session_view(session: Session) -> Json:
    """All that the page shows of one photo."""
    with session.lock:
        state, job, photo = session.state, session.job, session.photo
        return {
            "id": session.id,
            "name": photo.name,
            "width": photo.width,
            "height": photo.height,
            "notices": list(photo.notices),
            "revision": session.revision,
            "proposal": None if state.proposal is None else _shown(state.proposal),
            "objects": [_kept(each) for each in state.objects],
            "can_undo": session.can_undo,
            "can_redo": session.can_redo,
            "job": None if job is None else {"id": job.id, "kind": job.kind},
            "result": None if state.result is None else _outcome(state.result, state.on),
        }


def job_view(job: Job) -> Json:
    """How far a job is."""
    # the state first: what is read after it is at least as new
    return {
        "id": job.id,
        "kind": job.kind,
        "state": job.state,
        "step": job.step,
        "steps": job.steps,
        "message": job.message,
        "frames": job.frames,
    }


def _readiness(found: painters.Readiness) -> Json:
    return {"ready": found.ready, "needs": found.needs.replace("; give it with --weights", "; iem inpaint takes one")}


def _shown(shown: Shown) -> Json:
    return {
        "kind": shown.kind,
        "candidates": [{"score": each.score, "label": each.label, "area": each.area} for each in shown.candidates],
        "chosen": shown.chosen,
        "area": shown.candidate.area,
        "score": shown.candidate.score,
        "steps": shown.steps,
        "prompts": [dict(each) for each in shown.prompts],
        "segmenter": shown.segmenter,
        "job": shown.job,
    }


def _kept(kept: Kept) -> Json:
    return {"id": kept.id, "label": kept.label, "area": kept.area, "on": kept.on}


def _outcome(outcome: Outcome, on: tuple[Kept, ...]) -> Json:
    return {
        "painter": outcome.painter,
        "grow": outcome.grow,
        "feather": outcome.feather,
        "seconds": outcome.seconds,
        "stale": tuple(each.id for each in on) != outcome.objects,
    }
