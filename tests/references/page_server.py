"""A real server on a real port, in a thread of the tests' own process, and requests to it."""

import contextlib
import socket
import threading
import time

import httpx

from iem.app.limits import Limits
from iem.app.listening import listen
from iem.app.server import make_app, make_server

TOKEN = "the-token-of-this-start"


class Served:
    """One running server."""

    def __init__(self, port, desk):
        self.port, self.desk = port, desk
        self.url = f"http://127.0.0.1:{port}"

    def client(self, **headers):
        return httpx.Client(base_url=self.url, headers={"X-IEM-Token": TOKEN, **headers}, timeout=30, verify=False)

    def raw(self, data, seconds=10):
        """What comes back for these bytes, until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as sock:
            sock.sendall(data)
            pieces = []
            with contextlib.suppress(TimeoutError, ConnectionResetError):
                while piece := sock.recv(65536):
                    pieces.append(piece)
            return b"".join(pieces)


@contextlib.contextmanager
def serving(static=None, **limits):
    sock = listen(0)
    port = sock.getsockname()[1]
    app = make_app(port, TOKEN, limits=Limits(**limits), **({} if static is None else {"static": static}))
    server = make_server(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield Served(port, app.inner.inner.state.desk)
    finally:
        server.should_exit = True
        thread.join(20)
        sock.close()
    assert not thread.is_alive()


def upload(client, data, name="photo.png", path="/api/photos"):
    answer = client.post(path, content=data, headers={"X-File-Name": name})
    assert answer.status_code == 201, answer.text
    return answer.json()["session"]


def ended(client, session, job, seconds=30):
    """The job, when it is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = client.get(f"/api/sessions/{session}/jobs/{job}").json()
        if found["state"] not in ("queued", "running"):
            return found
        time.sleep(0.01)
    raise AssertionError(f"the job is still {found}")


def started(client, session, kind, **body):
    answer = client.post(f"/api/sessions/{session}/{kind}", json=body)
    assert answer.status_code == 202, answer.text
    return answer.json()["job"]


def done(client, session, kind, **body):
    """Do a job and look at the session afterwards."""
    job = ended(client, session, started(client, session, kind, **body))
    assert job["state"] == "done", job
    return client.get(f"/api/sessions/{session}").json()
