"""A Hugging Face hub on this machine, and its cache as the hub's library lays it out."""

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_LARGE = 1000  # bytes from which on a file is stored by its sha256


def sum_of(content: bytes) -> str:
    """The name of a file in the cache: git's sum of small files, sha256 of large ones."""
    if len(content) >= _LARGE:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def cached_repository(cache: Path, repository: str, files: dict[str, bytes]) -> Path:
    """The folder of a repository that was fetched into ``cache``."""
    place = cache / f"models--{repository.replace('/', '--')}"
    snapshot = place / "snapshots" / COMMIT
    (place / "refs").mkdir(parents=True)
    (place / "blobs").mkdir()
    (place / "refs" / "main").write_text(COMMIT)
    for name, content in files.items():
        blob = place / "blobs" / sum_of(content)
        blob.write_bytes(content)
        link = snapshot / name
        link.parent.mkdir(parents=True, exist_ok=True)
        depth = len(Path(name).parts) + 1
        link.symlink_to(Path(*[".."] * depth, "blobs", blob.name))
    return snapshot


@dataclass
class FakeHub:
    """What the hub holds; ``requests`` is what it was asked for."""

    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    cut: list[int] = field(default_factory=list)  # one entry for each file that ends after so many bytes
    requests: list[tuple[str, str]] = field(default_factory=list)
    address: str = ""

    def fetched(self) -> list[str]:
        """The files whose content was asked for."""
        return [
            path.split(f"{COMMIT}/")[1] for method, path in self.requests if method == "GET" and COMMIT + "/" in path
        ]


@contextlib.contextmanager
def serve_hub() -> Iterator[FakeHub]:
    hub = FakeHub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments):
            pass

        def do_HEAD(self):
            self.do_GET()

        def do_GET(self):
            path = self.path.partition("?")[0]
            hub.requests.append((self.command, path))
            name = next((each for each in hub.repositories if f"/{each}" in path), None)
            if name is None:
                return self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"})
            files = hub.repositories[name]
            if path.startswith("/api/models/") and "/tree/" in path:
                return self._send(200, json.dumps([_described(*each) for each in files.items()]).encode())
            if path.startswith("/api/models/"):
                siblings = [{"rfilename": each, "size": len(content)} for each, content in files.items()]
                return self._send(200, json.dumps({"id": name, "sha": COMMIT, "siblings": siblings}).encode())
            if name in hub.gated:
                return self._send(403, b"{}", {"X-Error-Code": "GatedRepo"})
            content = files[path.partition(f"/resolve/{COMMIT}/")[2]]
            return self._send(200, content, {"ETag": f'"{sum_of(content)}"', "X-Repo-Commit": COMMIT}, cut=True)

        def _send(self, status, content, headers=None, *, cut=False):
            total, start = len(content), 0
            if cut and (asked := self.headers.get("Range")):
                start = int(asked.removeprefix("bytes=").split("-")[0])
                status, content = 206, content[start:]
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            if status == 206:
                self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command == "GET":
                if cut and hub.cut and len(content) > _LARGE:
                    content = content[: hub.cut.pop(0)]
                    self.close_connection = True
                with contextlib.suppress(OSError):
                    self.wfile.write(content)

    def _described(name, content):
        entry = {"type": "file", "path": name, "size": len(content), "oid": sum_of(content)}
        if len(content) >= _LARGE:
            entry["lfs"] = {"oid": sum_of(content), "size": len(content), "pointerSize": 100}
        return entry

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
