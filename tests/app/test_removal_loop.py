"""The whole loop over a real connection: drop, click, keep, another, remove, take; undo; reopen."""

import io
import itertools
import json
import time
import zipfile

import numpy as np
import pytest
from PIL import Image
from references.hostile_files import encoded, swapped_profile
from references.page_server import done, ended, started, upload
from scipy import ndimage


def scene():
    """Two squares, red and blue, on a grey that grows brighter to the right."""
    values = np.full((60, 86, 3), 90, np.uint8) + np.arange(86, dtype=np.uint8)[None, :, None] // 4
    values[12:32, 10:30] = (230, 40, 30)
    values[28:48, 54:74] = (30, 50, 220)
    return values


PHOTO = encoded(Image.fromarray(scene()), "PNG")
RED, BLUE = (slice(12, 32), slice(10, 30)), (slice(28, 48), slice(54, 74))
CLICKS = {"type": "points", "xy": [[20.0, 22.0], [64.0, 38.0]], "positive": [True, False]}
BOX = {"type": "box", "left": 51.0, "top": 25.0, "right": 77.0, "bottom": 51.0}


def mask_of(where):
    mask = np.zeros(scene().shape[:2], np.uint8)
    mask[where] = 255
    return mask


def kept_project():
    """The two squares, kept: so that not every test has to search for them."""
    objects = [{"id": n, "mask": f"{n}.png", "label": name} for n, name in ((1, "red"), (2, "blue"))]
    contents = {"iem_project": 1, "name": "two squares.png", "photo": "photo.png", "objects": objects}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("project.json", json.dumps(contents))
        archive.writestr("photo.png", PHOTO)
        for number, where in ((1, RED), (2, BLUE)):
            archive.writestr(f"{number}.png", encoded(Image.fromarray(mask_of(where)), "PNG"))
    return buffer.getvalue()


def picture(client, path):
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def overlap(mask, where):
    truth = mask_of(where) > 0
    found = mask >= 128
    return (found & truth).sum() / (found | truth).sum()


@pytest.fixture
def session(client):
    session = upload(client, PHOTO, name="two%20squares.png")
    yield session
    client.delete(f"/api/sessions/{session}")


@pytest.fixture
def at(session):
    return f"/api/sessions/{session}"


@pytest.fixture
def kept(client):
    """A session in which both squares are kept."""
    session = upload(client, kept_project(), path="/api/projects")
    yield session
    client.delete(f"/api/sessions/{session}")


def act(client, at, **body):
    answer = client.post(f"{at}/proposal", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_two_objects_vanish_and_nothing_else_changes(client, session, at):
    facts = done(client, session, "propose", prompts=[CLICKS])
    proposal = facts["proposal"]
    assert proposal["prompts"] == [CLICKS]
    assert len(proposal["candidates"]) >= 1
    assert (proposal["chosen"], proposal["segmenter"]) == (0, "iem")
    mask = picture(client, f"{at}/proposal.png")
    assert mask.shape == (60, 86)
    assert overlap(mask, RED) > 0.9
    assert proposal["area"] == pytest.approx((mask >= 128).mean(), abs=1e-3)
    film = client.get(f"{at}/jobs/{proposal['job']}").json()
    assert film["frames"] > 1
    frames = [picture(client, f"{at}/jobs/{film['id']}/frames/{n}.png") for n in (0, film["frames"] - 1)]
    assert all(max(frame.shape) <= 512 and frame.ndim == 2 for frame in frames)
    assert (frames[0] != frames[1]).any()

    act(client, at, action="keep")
    done(client, session, "propose", prompts=[BOX])
    facts = act(client, at, action="keep")
    assert [each["on"] for each in facts["objects"]] == [True, True]
    masks = [picture(client, f"{at}/objects/{each['id']}.png") for each in facts["objects"]]
    assert overlap(masks[1], BLUE) > 0.9

    facts = done(client, session, "remove", painter="harmonic", grow=3, feather=2)
    assert facts["result"] | {"seconds": 0} == {
        "painter": "harmonic",
        "grow": 3,
        "feather": 2,
        "seconds": 0,
        "stale": False,
    }
    result = picture(client, f"{at}/result.png").astype(int)
    before = scene().astype(int)
    assert result.shape == before.shape
    reach = ndimage.distance_transform_edt(~((masks[0] >= 128) | (masks[1] >= 128)))
    assert (result[reach > 5] == before[reach > 5]).all()
    background = np.broadcast_to((90 + np.arange(86) // 4)[None, :, None], result.shape)
    assert np.abs(result - background).max() <= 6


def test_toggling_makes_the_result_stale_and_removes_only_what_is_on(client, kept):
    session, at = kept, f"/api/sessions/{kept}"
    done(client, session, "remove")
    facts = client.post(f"{at}/objects/1", json={"on": False}).json()
    assert facts["result"]["stale"]
    facts = done(client, session, "remove")
    assert not facts["result"]["stale"]
    result = picture(client, f"{at}/result.png")
    assert (result[RED] == scene()[RED]).all()
    assert (result[BLUE] != scene()[BLUE]).any(-1).all()
    client.post(f"{at}/objects/2", json={"on": False})
    refused = client.post(f"{at}/remove", json={})
    assert (refused.status_code, refused.json()["field"]) == (422, "objects")


def test_undo_and_redo_restore_masks_and_result(client, session, at):
    def look():
        facts = client.get(at).json()
        seen = {name: client.get(f"{at}/{name}.png").content for name in ("proposal", "result", "objects/1")}
        return {name: facts[name] for name in ("proposal", "objects", "result")} | seen

    states = [look()]
    done(client, session, "propose", prompts=[BOX])
    states.append(look())
    act(client, at, action="grow", pixels=2)
    states.append(look())
    act(client, at, action="keep")
    states.append(look())
    done(client, session, "remove")
    states.append(look())
    client.delete(f"{at}/objects/1")
    states.append(look())
    assert all(a != b for a, b in itertools.pairwise(states))
    revisions = [client.get(at).json()["revision"]]
    for expected in reversed(states[:-1]):
        revisions.append(client.post(f"{at}/undo").json()["revision"])
        assert look() == expected
    for expected in states[1:]:
        assert client.post(f"{at}/redo").json()["can_undo"]
        assert look() == expected
    assert revisions == sorted(set(revisions))


def test_downloads_hold_what_was_kept(client, kept):
    session, at = kept, f"/api/sessions/{kept}"
    answer = client.get(f"{at}/masks.zip")
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''two%20squares-masks.zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert sorted(archive.namelist()) == ["all.png", "object-1.png", "object-2.png"]
        masks = {name: np.asarray(Image.open(archive.open(name))) for name in archive.namelist()}
    assert (masks["all.png"] == np.maximum(masks["object-1.png"], masks["object-2.png"])).all()
    done(client, session, "remove")
    shown, taken = client.get(f"{at}/result.png"), client.get(f"{at}/result.png", params={"download": 1})
    assert "content-disposition" not in shown.headers
    assert taken.headers["content-disposition"].endswith("two%20squares-removed.png")
    assert shown.content == taken.content


def test_a_project_can_be_opened_again(client, kept):
    session, at = kept, f"/api/sessions/{kept}"
    client.post(f"{at}/objects/2", json={"on": False})
    done(client, session, "remove", grow=2)
    done(client, session, "propose", prompts=[CLICKS])
    before = client.get(at).json()
    project = client.get(f"{at}/project.zip").content
    again = upload(client, project, name="mine.zip", path="/api/projects")
    assert again != session
    after = client.get(f"/api/sessions/{again}").json()
    for name in ("name", "width", "height", "objects", "result"):
        assert after[name] == before[name]
    for name in ("candidates", "chosen", "prompts", "segmenter", "steps", "kind"):
        assert after["proposal"][name] == before["proposal"][name]
    for path in ("photo", "proposal.png", "objects/1.png", "objects/2.png", "result.png"):
        assert (picture(client, f"/api/sessions/{again}/{path}") == picture(client, f"{at}/{path}")).all()
    done(client, again, "propose", prompts=[BOX])
    assert act(client, f"/api/sessions/{again}", action="keep")["objects"][-1]["id"] == 3
    client.delete(f"/api/sessions/{again}")


def test_the_result_keeps_the_profile_and_the_numbers(client):
    photo = Image.fromarray(scene())
    profile = swapped_profile()
    session = upload(client, encoded(photo, "JPEG", quality=95, icc_profile=profile))
    at = f"/api/sessions/{session}"
    done(client, session, "propose", prompts=[BOX])
    act(client, at, action="keep")
    done(client, session, "remove", grow=2, feather=1)
    result = Image.open(io.BytesIO(client.get(f"{at}/result.png").content))
    assert result.info["icc_profile"] == profile
    original = np.asarray(Image.open(io.BytesIO(encoded(photo, "JPEG", quality=95))))
    mask = picture(client, f"{at}/objects/1.png")
    far = ndimage.distance_transform_edt(mask < 128) > 3
    assert (np.asarray(result)[far] == original[far]).all()
    client.delete(at)


def test_what_is_found_is_kept_one_by_one(client, session, at):
    facts = done(client, session, "find")
    count = len(facts["proposal"]["candidates"])
    assert facts["proposal"]["kind"] == "find"
    found = np.max([picture(client, f"{at}/candidates/{n}.png") for n in range(count)], axis=0)
    assert (found[RED] >= 128).mean() > 0.9
    assert (found[BLUE] >= 128).mean() > 0.9
    assert (found >= 128).mean() < 0.5
    facts = act(client, at, action="keep")
    left = facts["proposal"]
    assert (0 if left is None else len(left["candidates"])) == count - 1


@pytest.mark.parametrize("kind", ["propose", "find"])
def test_a_search_is_cancelled_within_one_step(client, session, at, kind):
    body = {"prompts": [CLICKS]} if kind == "propose" else {}
    job = started(client, session, kind, **body)
    assert client.post(f"{at}/find", json={}).status_code in (409, 202)
    began = time.monotonic()
    client.delete(f"{at}/jobs/{job}")
    found = ended(client, session, job)
    assert time.monotonic() - began < 2
    assert found["state"] in ("cancelled", "done")
    if found["state"] == "cancelled":
        assert client.get(at).json()["proposal"] is None


def test_flat_pictures_hold_nothing(client):
    session = upload(client, encoded(Image.new("RGB", (40, 30), "grey"), "PNG"))
    facts = done(client, session, "propose", prompts=[{"type": "points", "xy": [[20, 15]]}])
    assert facts["proposal"] is None
    assert facts["job"] is None
    client.delete(f"/api/sessions/{session}")


def test_the_whole_photo_cannot_be_removed(client, kept):
    at = f"/api/sessions/{kept}"
    done(client, kept, "propose", prompts=[BOX])
    act(client, at, action="grow", pixels=200)
    act(client, at, action="keep")
    job = ended(client, kept, started(client, kept, "remove"))
    assert job["state"] == "failed"
    assert "cover the whole photo" in job["message"]
