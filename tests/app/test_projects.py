"""Project files from anywhere: damaged, too large, lying; each is named and none is unpacked to a path."""

import io
import json
import struct
import zipfile

import pytest
from PIL import Image
from references.hostile_files import NOISE, PNG, bomb, encoded
from references.page_server import serving

from iem.app.limits import Limits

MASK = encoded(NOISE.convert("L").point(lambda v: 255 if v > 128 else 0), "PNG")


def contents(**changes):
    fixed = {
        "iem_project": 1,
        "name": "a.png",
        "photo": "photo.png",
        "objects": [{"id": 4, "mask": "masks/4.png", "label": "cup"}],
        "result": {
            "file": "result.png",
            "painter": "harmonic",
            "grow": 1,
            "feather": 1,
            "seconds": 0.5,
            "objects": [4],
        },
    }
    return {**fixed, **changes}


def project(described=None, compression=zipfile.ZIP_STORED, **files):
    """A zip; ``files`` by name, with None for one that is missing."""
    packed = {"project.json": json.dumps(contents() if described is None else described).encode()}
    packed |= {"photo.png": PNG, "masks/4.png": MASK, "result.png": PNG}
    packed |= {
        name.replace("__", "/").replace("_png", ".png").replace("_json", ".json"): v for name, v in files.items()
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in packed.items():
            if data is not None:
                archive.writestr(name, data)
    return buffer.getvalue()


def lying(data, name, size):
    """The zip whose directory says that a file is unpacked to ``size`` bytes."""
    changed = bytearray(data)
    at = changed.rindex(b"PK\1\2", 0, changed.rindex(name.encode()))
    changed[at + 24 : at + 28] = struct.pack("<I", size)
    return bytes(changed)


GOOD = project()
BROKEN = {
    "nothing": (b"", 415, "no project file"),
    "a picture": (PNG, 415, "no project file"),
    "half": (GOOD[: len(GOOD) // 2], 422, "its end is missing"),
    "magic alone": (b"PK\3\4", 422, "its end is missing"),
    "a directory of nonsense": (b"PK\3\4" + bytes(100) + GOOD[-22:], 422, "cannot be read"),
    "a flipped bit": (
        GOOD.replace(MASK, MASK[:60] + bytes([MASK[60] ^ 1]) + MASK[61:]),
        422,
        "masks/4.png' is damaged",
    ),
    "no json": (project(project_json=None), 422, "project.json' is missing"),
    "json that is none": (project(project_json=b"{"), 422, "project.json"),
    "deep json": (project(project_json=b"[" * 100_000), 422, "project.json"),
    "a json bomb": (
        project(project_json=bytes(5 << 20), compression=zipfile.ZIP_DEFLATED),
        413,
        "larger than a project",
    ),
    "no photo": (project(photo_png=None), 422, "photo.png' is missing"),
    "no mask": (project(masks__4_png=None), 422, "masks/4.png' is missing"),
    "a photo that is none": (project(photo_png=b"<html>"), 415, "web page"),
    "a huge photo": (project(photo_png=bomb(12032)), 415, "25 megapixels"),
    "a mask that is none": (project(masks__4_png=b"text"), 422, "masks/4.png': not a picture"),
    "half a mask": (project(masks__4_png=MASK[: len(MASK) // 2]), 422, "masks/4.png': the file is truncated"),
    "a huge mask": (project(masks__4_png=bomb(12032)), 422, "megapixels"),
    "a mask of another size": (
        project(masks__4_png=encoded(Image.new("L", (7, 9)), "PNG")),
        422,
        "is 7 x 9 pixels, the photo 50 x 40",
    ),
    "a result of another kind": (project(result_png=encoded(NOISE, "JPEG")), 422, "no PNG"),
    "another version": (project(contents(iem_project=2)), 422, "version 2, this iem reads 1; update iem"),
    "a wrong type": (
        project(contents(objects=[{"id": "x", "mask": "masks/4.png", "label": ""}])),
        422,
        "objects[0].id",
    ),
    "one number twice": (project(contents(objects=contents()["objects"] * 2)), 422, "two of them have one number"),
    "a path": (project(contents(photo="../../../etc/passwd")), 422, "passwd' is missing"),
    "thousands of files": (project(**{f"f{i}": b"" for i in range(400)}), 413, "more than a project does"),
    "an old method": (project(compression=zipfile.ZIP_BZIP2), 422, "not supported"),
    "a comment": (GOOD[:-2] + b"\5\0hello", 422, "its end is missing"),
    "lies of its size": (lying(GOOD, "masks/4.png", 5), 422, "masks/4.png' is damaged"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_wrong_with_a_project_is_named(served, client, name):
    data, status, words = BROKEN[name]
    before = sorted(served.desk.sessions.folder.iterdir())
    answer = client.post("/api/projects", content=data, headers={"X-File-Name": "..%2Fmine.zip"})
    assert answer.status_code == status, answer.text
    assert words in answer.json()["error"]
    if status != 415 or "project file" in words:
        assert answer.json()["error"].startswith("mine.zip: ")
    assert sorted(served.desk.sessions.folder.iterdir()) == before


def test_the_good_one_is_good(client):
    answer = client.post("/api/projects", content=GOOD)
    assert answer.status_code == 201
    session = answer.json()["session"]
    facts = client.get(f"/api/sessions/{session}").json()
    assert facts["objects"] == [
        {"id": 4, "label": "cup", "on": True, "area": pytest.approx(facts["objects"][0]["area"])}
    ]
    assert client.get(f"/api/sessions/{session}/result.png").content == PNG
    client.delete(f"/api/sessions/{session}")


@pytest.mark.slow
def test_a_zip_bomb_ends_at_the_limit(static_page):
    with serving(static_page, megapixels=0.1) as served, served.client() as client:
        allowed = Limits(megapixels=0.1).project_bytes
        data = project(compression=zipfile.ZIP_DEFLATED, photo_png=bytes(allowed + 1))
        assert len(data) < allowed / 500
        answer = client.post("/api/projects", content=data)
    assert answer.status_code == 413
    assert "larger than a project may be" in answer.json()["error"]
