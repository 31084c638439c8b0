"""``iem app``: the link, the end, and what stands in its way."""

import os
import re
import signal
import socket
import subprocess
import sys

import httpx
import pytest
from references.hostile_files import PNG as PHOTO

from iem.cli import main


def test_a_port_that_is_taken_is_named(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["app", "--no-browser", "--port", str(port)]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"iem: port {port} is in use")
    assert error.count("\n") == 1


def test_a_missing_extra_is_named(monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["app"]) == 1
    assert capsys.readouterr().err == 'iem: the page needs fastapi and uvicorn; pip install "iem[app]"\n'


@pytest.mark.parametrize("arguments", [["--port", "99999"], ["--port", "x"], ["--max-megapixels", "0"], ["photo.jpg"]])
def test_wrong_usage_is_one_sentence(capsys, arguments):
    assert main(["app", *arguments]) == 1
    error = capsys.readouterr().err
    assert error.startswith("iem app: ")
    assert error.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_interrupted_and_leaves_nothing(tmp_path, number):
    command = [sys.executable, "-m", "iem", "app", "--no-browser", "--port", "0", "--max-megapixels", "1"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment, **pipes) as process:
        link = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{43}", link)
        with httpx.Client(follow_redirects=True, timeout=60) as browser:
            assert browser.get(link).status_code == 200
            base = link.partition("?")[0]
            assert browser.get(base + "api/about").json()["limits"]["megapixels"] == 1
            assert browser.post(base + "api/photos", content=PHOTO).status_code == 201
        assert list(tmp_path.glob("iem-app-*/*/photo.png"))
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    assert errors == "iem: the page is closed\n"
    assert not list(tmp_path.glob("iem-app-*"))


@pytest.mark.slow
def test_what_a_killed_server_left_behind_is_removed_by_the_next(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (tmp_path / f"iem-app-{gone.pid}-abc").mkdir()
    (tmp_path / f"iem-app-{os.getpid()}-alive").mkdir()
    (tmp_path / "iem-app-notes").mkdir()
    code = "from iem.app.sessions import Sessions; from iem.app.limits import Limits; Sessions(Limits()).close_all()"
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(tmp_path)}, check=True)
    assert sorted(each.name for each in tmp_path.iterdir()) == [f"iem-app-{os.getpid()}-alive", "iem-app-notes"]
