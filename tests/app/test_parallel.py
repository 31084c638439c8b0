"""Many at once: none lost, none mixed up, and no more memory than the limits allow."""

import io
import os
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from references.hostile_files import REFUSED, encoded
from references.page_server import TOKEN, ended, serving, started, upload

from iem.app.jobs import Job

MANY = 50


def numbered(number, side=64):
    """Pictures that can be told apart in every pixel."""
    values = np.random.default_rng(number).integers(0, 256, (side, side + number, 3), dtype=np.uint8)
    return values, encoded(Image.fromarray(values), "PNG")


def test_fifty_at_once_are_neither_lost_nor_mixed_up(static_page):
    with serving(static_page) as served, ThreadPoolExecutor(MANY) as pool:
        begin = threading.Barrier(MANY)

        def send(number):
            with served.client() as client:
                begin.wait(20)
                if number % 5 == 4:
                    answer = client.post("/api/photos", content=REFUSED["08-png-cut-in-half"][0])
                    return answer.status_code
                session = upload(client, numbered(number)[1], name=f"number%20{number}.png")
                facts = client.get(f"/api/sessions/{session}").json()
                photo = client.get(f"/api/sessions/{session}/photo").content
                same = (np.asarray(Image.open(io.BytesIO(photo))) == numbered(number)[0]).all()
                return session, facts["name"], facts["width"], bool(same)

        answers = list(pool.map(send, range(MANY)))
        good = [each for each in answers if each != 415]
        assert [answers[n] for n in range(4, MANY, 5)] == [415] * 10
        assert len({each[0] for each in good}) == 40
        for number, answer in enumerate(answers):
            if number % 5 != 4:
                assert answer[1:] == (f"number {number}.png", 64 + number, True)
        assert len(served.desk.sessions) == len(list(served.desk.sessions.folder.iterdir())) == 40
        folder = served.desk.sessions.folder
    assert not folder.exists()


def test_too_many_uploads_and_jobs_are_told_so(static_page):
    with serving(static_page, uploads=1, waiting_uploads=0, waiting=0, body_seconds=3) as served:
        lines = ["POST /api/photos HTTP/1.1", f"Host: 127.0.0.1:{served.port}", f"X-IEM-Token: {TOKEN}"]
        slow = "\r\n".join([*lines, "Content-Length: 100", "", "a"]).encode()
        waiting = threading.Thread(target=served.raw, args=(slow, 1))
        waiting.start()
        with served.client() as client:
            time.sleep(0.3)
            answer = client.post("/api/photos", content=numbered(1)[1])
            assert answer.status_code == 429
            assert "uploads are under way" in answer.json()["error"]
            waiting.join()
            time.sleep(0.1)
            sessions = [upload(client, numbered(n)[1]) for n in range(2)]
            release = threading.Event()
            blocking = Job("x", "find", lambda job: release.wait(10), 1)
            served.desk.jobs.add(blocking)
            answer = client.post(f"/api/sessions/{sessions[0]}/find", json={})
            assert answer.status_code == 429
            assert client.get(f"/api/sessions/{sessions[0]}").json()["job"] is None
            release.set()


def test_what_is_idle_is_closed_while_the_server_runs(static_page):
    with serving(static_page, session_seconds=0.2) as served, served.client() as client:
        session = upload(client, numbered(1)[1])
        deadline = time.monotonic() + 10
        while len(served.desk.sessions) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert client.get(f"/api/sessions/{session}").status_code == 404
        assert list(served.desk.sessions.folder.iterdir()) == []


def test_two_tabs_see_the_same_photo_and_two_photos_do_not_meet(client):
    first, second = (upload(client, numbered(n)[1]) for n in (1, 2))
    jobs = [started(client, each, "propose", prompts=[]) for each in (first, second)]
    for session, job, other in zip((first, second), jobs, (second, first), strict=True):
        ended(client, session, job)
        assert client.get(f"/api/sessions/{other}/jobs/{job}").status_code == 404
    client.delete(f"/api/sessions/{first}")
    assert client.get(f"/api/sessions/{first}").status_code == 404
    assert client.get(f"/api/sessions/{second}").status_code == 200
    client.delete(f"/api/sessions/{second}")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_fifty_large_photos_at_once_stay_within_memory():
    program = textwrap.dedent(
        f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parents[1])!r})
        from references.page_server import serving, TOKEN
        with serving() as served:
            print(served.port, flush=True)
            sys.stdin.read()
        """
    )
    side = np.linspace(0, 255, 2000)
    values = np.stack([np.add.outer(side, side) / 2, *np.broadcast_arrays(side[:, None], side)], 2).astype(np.uint8)
    photo = encoded(Image.fromarray(values), "JPEG", quality=85)  # 4 megapixels
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        port = int(server.stdout.readline())
        most, stop = [0], threading.Event()

        def watch():
            while not stop.wait(0.02):
                most[0] = max(most[0], resident(server.pid))

        def send(number):
            headers = {"X-IEM-Token": TOKEN}
            with httpx.Client(
                base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=300, verify=False
            ) as client:
                session = upload(client, photo, name=f"{number}.jpg")
                return session, client.get(f"/api/sessions/{session}").json()["name"]

        send("first")  # what is imported and allocated once
        before = resident(server.pid)
        watcher = threading.Thread(target=watch)
        watcher.start()
        with ThreadPoolExecutor(MANY) as pool:
            answers = list(pool.map(send, range(MANY)))
        stop.set()
        watcher.join()
        server.stdin.close()
        server.wait(30)
    assert [name for _, name in answers] == [f"{number}.jpg" for number in range(MANY)]
    assert len({session for session, _ in answers}) == MANY
    one = 4e6 * 3 * 4  # as floats
    assert most[0] - before < 2 * 4.5 * one  # two are decoded at a time; all fifty would take 2.4 GB


def resident(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
