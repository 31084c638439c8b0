"""What comes in: too long, too slow, not what it says, hostile; over a real connection."""

import io
import socket
import time

import numpy as np
import pytest
from PIL import Image
from references.hostile_files import ACCEPTED, ANIMATED, JPEG, NOISE, PNG, REFUSED, encoded
from references.page_server import TOKEN, serving, upload


def head(served, *lines, path="/api/photos"):
    fixed = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{served.port}", f"X-IEM-Token: {TOKEN}", *lines, "", ""]
    return "\r\n".join(fixed).encode()


def status_of(answer):
    return int(answer.split(b" ", 2)[1]) if answer else None


def stored(served):
    return sorted(each.name for each in served.desk.sessions.folder.iterdir())


@pytest.mark.parametrize("name", REFUSED)
def test_hostile_files_are_refused_by_one_sentence(served, client, name):
    before = stored(served)
    answer = client.post("/api/photos", content=REFUSED[name][0], headers={"X-File-Name": "holiday%3Cb%3E.jpg"})
    assert answer.status_code == 415
    sentence = answer.json()["error"]
    assert sentence.startswith("holiday<b>.jpg: ")
    assert "\n" not in sentence
    assert str(served.desk.sessions.folder) not in sentence
    assert answer.headers["content-type"] == "application/json"  # never as a page
    assert stored(served) == before
    assert client.get("/api/about").status_code == 200


@pytest.mark.parametrize("name", [*ACCEPTED, *ANIMATED])
def test_unusual_files_are_shown_as_they_are(client, name):
    data, picture = (ACCEPTED[name][0], ACCEPTED[name][2]) if name in ACCEPTED else (ANIMATED[name], None)
    session = upload(client, data)
    facts = client.get(f"/api/sessions/{session}").json()
    answer = client.get(f"/api/sessions/{session}/photo")
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["cache-control"] == "no-store"
    shown = Image.open(io.BytesIO(answer.content))
    assert shown.size == (facts["width"], facts["height"])
    if picture is None:
        assert any("frames, the first was used" in each for each in facts["notices"])
    else:
        difference = np.asarray(shown).astype(int) - np.asarray(picture.convert("RGB"))
        assert np.abs(difference).max() <= 1
    assert client.delete(f"/api/sessions/{session}").status_code == 200


def test_an_upright_photo_comes_out_of_a_turned_file(client):
    exif = Image.Exif()
    exif[0x0112] = 6
    session = upload(client, encoded(NOISE, "JPEG", exif=exif.tobytes()))
    facts = client.get(f"/api/sessions/{session}").json()
    assert (facts["width"], facts["height"]) == (NOISE.height, NOISE.width)
    client.delete(f"/api/sessions/{session}")


def test_too_many_pixels_are_refused_from_the_header(static_page):
    with serving(static_page, megapixels=0.01) as served, served.client() as client:
        answer = client.post("/api/photos", content=encoded(Image.new("RGB", (101, 100)), "PNG"))
        assert answer.status_code == 415
        assert "0.01 megapixels" in answer.json()["error"]
        upload(client, encoded(Image.new("RGB", (100, 100)), "PNG"))


@pytest.mark.parametrize(
    "name", ["..%2F..%2Fetc%2Fpasswd", "C%3A%5Cx.png", "%00", "con.png", "%0Aa%1B[31m", "%FF%FE", "a" * 4000]
)
def test_names_are_shown_and_never_paths(served, client, name):
    session = upload(client, PNG, name=name)
    shown = client.get(f"/api/sessions/{session}").json()["name"]
    assert shown
    assert len(shown) <= 200
    assert shown.isprintable()
    assert not {"/", "\\\\"} & set(shown)
    folder = served.desk.sessions.get(session).folder
    assert sorted(each.name for each in folder.iterdir()) == ["original", "photo.png"]
    assert folder.stat().st_mode & 0o777 == 0o700
    client.delete(f"/api/sessions/{session}")
    assert not folder.exists()


@pytest.fixture(scope="module")
def small(static_page):
    """A server that takes 16.8 MB and waits for a third of a second."""
    with serving(static_page, megapixels=0.01, body_seconds=0.35) as served:
        yield served


def test_more_than_is_allowed_is_refused_while_it_comes(small):
    too_much = bytes(small.desk.limits.upload_bytes + 1)
    before = stored(small)
    with small.client() as client:
        announced = client.post("/api/photos", content=too_much)
        in_pieces = client.post(
            "/api/photos", content=(too_much[i : i + 65536] for i in range(0, len(too_much), 65536))
        )
        request = client.post("/api/sessions/x/undo", content=bytes(2 << 20))
    for answer in (announced, in_pieces):
        assert answer.status_code == 413
        assert "larger than 17 MB" in answer.json()["error"]
    assert request.status_code == 404
    assert stored(small) == before


def test_endless_bodies_end(small):
    answer = small.raw(head(small, "Transfer-Encoding: chunked") + b"100000\r\n" + bytes(1 << 20) + b"\r\n")
    assert status_of(answer) == 408


def test_slow_bodies_end(small):
    before = stored(small)
    started = time.monotonic()
    answer = small.raw(head(small, "Content-Length: 100") + b"a")
    assert status_of(answer) == 408
    assert b"did not arrive within 0.35 seconds" in answer
    assert time.monotonic() - started < 5
    assert stored(small) == before


@pytest.mark.parametrize("length", ["-1", "x", "5, 6", "1e3"])
def test_a_wrong_length_is_refused(small, length):
    assert status_of(small.raw(head(small, f"Content-Length: {length}") + PNG)) == 400


def test_a_missing_length_means_an_empty_file(small):
    assert status_of(small.raw(head(small, "Connection: close"))) == 415


def test_two_ways_to_say_a_length_are_not_believed(small):
    answer = small.raw(
        head(small, "Content-Length: 5", "Transfer-Encoding: chunked", "Connection: close") + b"0\r\n\r\n"
    )
    assert status_of(answer) in (400, 415)


def test_whoever_leaves_leaves_nothing_behind(small):
    before = stored(small)
    with socket.create_connection(("127.0.0.1", small.port)) as sock:
        sock.sendall(head(small, f"Content-Length: {len(JPEG)}") + JPEG[:100])
    time.sleep(0.2)
    assert stored(small) == before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "prompts"),
        ({"prompts": [{"type": "points", "xy": [[60, 5]]}]}, "xy[0]"),
        ({"prompts": [{"type": "points", "xy": [[-1, 5]]}]}, "xy[0]"),
        ({"prompts": [{"type": "points", "xy": []}]}, "xy"),
        ({"prompts": [{"type": "points", "xy": [[5, 5]], "positive": [True, False]}]}, "positive"),
        ({"prompts": [{"type": "points", "xy": [["x", 5]]}]}, "prompts[0].xy[0][0]"),
        ({"prompts": [{"type": "points", "xy": [[5, 5]] * 10_001}]}, "prompts[0].xy"),
        ({"prompts": [{"type": "box", "left": 0, "top": 0, "right": 51, "bottom": 5}]}, "box"),
        ({"prompts": [{"type": "box", "left": 9, "top": 0, "right": 5, "bottom": 5}]}, "right"),
        ({"prompts": [{"type": "scribble", "points": [[5, 5]], "width": 0}]}, "width"),
        ({"prompts": [{"type": "scribble", "points": [[5, 5]], "width": 1e9}]}, "width"),
        ({"prompts": [{"type": "text", "text": "the red car"}]}, "text"),
        ({"prompts": [{"type": "text", "text": "a" * 1000}], "segmenter": "clipseg"}, "text"),
        ({"prompts": [{"type": "text", "text": "a\x1b[31m"}], "segmenter": "clipseg"}, "text"),
        ({"prompts": [{"type": "text", "text": "cat"}], "segmenter": "clipseg"}, "segmenter"),
        ({"prompts": [], "segmenter": "clipseg"}, "prompts"),
        ({"prompts": [], "segmenter": "nobody"}, "segmenter"),
        ({"prompts": [{"type": "magic"}]}, "prompts[0]"),
        ({"prompts": [], "more": 1}, "more"),
    ],
)
@pytest.mark.usefixtures("no_weights")
def test_wrong_prompts_are_named(client, photo, body, field):
    answer = client.post(f"/api/sessions/{photo}/propose", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["field"] == field
    assert "\n" not in answer.json()["error"]


@pytest.fixture
def no_weights(monkeypatch):
    monkeypatch.setattr("iem.weights.is_ready", lambda name: False)


@pytest.fixture(scope="module")
def photo(served):
    with served.client() as client:
        session = upload(client, PNG)
        yield session
        client.delete(f"/api/sessions/{session}")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none_are_refused(client, photo, number):
    body = f'{{"prompts": [{{"type": "points", "xy": [[{number}, 5]]}}]}}'
    headers = {"Content-Type": "application/json"}
    answer = client.post(f"/api/sessions/{photo}/propose", content=body, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["field"].endswith("xy[0]") or "xy[0]" in answer.json()["field"]


@pytest.mark.parametrize(
    ("path", "content", "status"),
    [
        ("propose", b"not json", 422),
        ("propose", b"[" * 100_000, 400),
        ("propose", bytes(2 << 20), 413),
        ("remove", b'{"painter": "nobody"}', 422),
        ("remove", b'{"painter": "lama"}', 422),
        ("remove", b'{"grow": -1}', 422),
        ("remove", b'{"grow": 1e9}', 422),
        ("remove", b"{}", 422),
        ("proposal", b'{"action": "explode"}', 422),
        ("proposal", b'{"action": "keep"}', 409),
        ("objects/7", b'{"on": true}', 404),
        ("objects/x", b'{"on": true}', 422),
        ("undo", b"", 409),
        ("jobs/x", b"", 405),
    ],
)
@pytest.mark.usefixtures("no_weights")
def test_wrong_requests_are_refused_by_one_sentence(client, photo, path, content, status):
    headers = {"Content-Type": "application/json"}
    answer = client.post(f"/api/sessions/{photo}/{path}", content=content, headers=headers)
    assert answer.status_code == status, answer.text
    assert isinstance(answer.json()["error"], str)


@pytest.mark.parametrize(
    "path",
    ["proposal.png", "result.png", "masks.zip", "objects/1.png", "jobs/x", "jobs/x/frames/0.png", "candidates/0.png"],
)
def test_what_is_not_there_is_said_to_be_not_there(client, photo, path):
    answer = client.get(f"/api/sessions/{photo}/{path}")
    assert answer.status_code == 404
    assert answer.json()["error"]
