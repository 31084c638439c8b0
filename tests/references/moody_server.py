"""A local HTTP server that knows ranges, and breaks connections, forgets ranges or changes its mind when told to."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Moods:
    """What the server serves and how it misbehaves; ``requests`` is what it was asked for."""

    files: dict[str, bytes] = field(default_factory=dict)
    break_after: list[int] = field(default_factory=list)  # one entry for each answer that ends after so many bytes
    statuses: list[int] = field(default_factory=list)  # one entry for each answer that is this error
    ranges: bool = True
    etag: str | None = '"one"'
    content_type: str = "application/octet-stream"
    lie: bool = False  # announces one byte more than it sends
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    address: str = ""


@contextlib.contextmanager
def serve() -> Iterator[Moods]:
    moods = Moods()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments):
            pass

        def do_GET(self):
            asked = self.headers.get("Range")
            moods.requests.append((self.path, asked))
            if moods.statuses:
                return self._short(moods.statuses.pop(0))
            data = moods.files.get(self.path)
            if data is None:
                return self._short(404)
            start = 0
            if asked and moods.ranges and self.headers.get("If-Range", moods.etag) == moods.etag:
                start = int(asked.removeprefix("bytes=").rstrip("-"))
                if start >= len(data):
                    return self._short(416, f"bytes */{len(data)}")
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            else:
                self.send_response(200)
            if moods.etag:
                self.send_header("ETag", moods.etag)
            self.send_header("Content-Type", moods.content_type)
            self.send_header("Content-Length", str(len(data) - start + moods.lie))
            self.end_headers()
            body = data[start:]
            if moods.break_after:
                body = body[: moods.break_after.pop(0)]
            with contextlib.suppress(OSError):
                self.wfile.write(body)
            self.close_connection = True
            return None

        def _short(self, status, content_range=None):
            self.send_response(status)
            if content_range:
                self.send_header("Content-Range", content_range)
            self.send_header("Content-Length", "0")
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    moods.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield moods
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
