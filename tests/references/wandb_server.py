"""A server of W&B on the loopback, of which it knows as much as one run needs: GraphQL, rows, and files.

As a program it takes W&B's part until it is ended: ``python tests/references/wandb_server.py``.
"""

import base64
import contextlib
import gzip
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, unquote

KEY = "0123456789abcdef" * 2 + "01234567"


class WandbServer:
    """Serves within a ``with``; what it was told is in its attributes."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []  #: operations of GraphQL and their variables
        self.streamed: dict[str, dict[int, str]] = {}  #: file -> line number -> line
        self.files: dict[str, bytes] = {}  #: name -> content
        self.refusal: str | None = None  #: why it takes no run
        self.complete = False
        self.exit_code: int | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"told": self}))
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "WandbServer":
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    @property
    def environment(self) -> dict[str, str]:
        return {"WANDB_BASE_URL": self.address, "WANDB_API_KEY": KEY}

    @property
    def history(self) -> list[dict[str, Any]]:
        lines = self.streamed.get("wandb-history.jsonl", {})
        return [json.loads(lines[number]) for number in sorted(lines)]

    @property
    def summary(self) -> dict[str, Any]:
        lines = self.streamed.get("wandb-summary.json", {})
        return json.loads(lines[max(lines)]) if lines else {}

    def variables(self, operation: str) -> dict[str, Any]:
        """Of all requests of that operation together, the later ones before the earlier."""
        found: dict[str, Any] = {}
        for name, values in self.asked:
            if name == operation:
                found |= {key: value for key, value in values.items() if value is not None}
        return found

    def answer(self, operation: str, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        self.asked.append((operation, variables))
        if "upsertBucket" in query:
            return {"upsertBucket": {"bucket": self._run(), "inserted": True}}
        if "createRunFiles" in query:
            files = [{"name": name, "uploadUrl": self._upload(name)} for name in variables["files"]]
            return {"createRunFiles": {"runID": self._run()["id"], "uploadHeaders": [], "files": files}}
        if "createArtifact(" in query:  # already there: nothing of it is to be uploaded
            artifact = {"id": "artifact", "state": "COMMITTED"}
            return {
                "createArtifact": {
                    "artifact": {**artifact, "artifactSequence": {"id": "sequence", "latestArtifact": None}}
                }
            }
        viewer = {"id": "viewer", "entity": "me", "username": "me", "email": "me@example.org", "flags": "{}"}
        return {
            "viewer": {**viewer, "teams": {"edges": []}},
            "serverInfo": {"cliVersionInfo": {}, "latestLocalVersionInfo": None, "features": []},
            "model": {"bucket": None},
            "project": {"artifact": None},
        }

    def _run(self) -> dict[str, Any]:
        told = self.variables("UpsertBucket")
        name, project = told.get("name", "run"), told.get("project", "iem")
        return {
            "id": base64.b64encode(f"Run:v1:{name}:{project}:me".encode()).decode(),
            "name": name,
            "displayName": told.get("displayName", name),
            "description": None,
            "config": "{}",
            "sweepName": None,
            "historyLineCount": 0,
            "summaryMetrics": "{}",
            "project": {"id": "project", "name": project, "entity": {"id": "entity", "name": "me"}},
        }

    def _upload(self, name: str) -> str:
        return f"{self.address}/upload/{quote(name)}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    told: WandbServer

    def handle(self) -> None:
        with contextlib.suppress(ConnectionResetError):  # a program that was killed, or has no more to say
            super().handle()

    def log_message(self, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        self._send({})

    def do_PUT(self) -> None:
        self.told.files[unquote(self.path.removeprefix("/upload/"))] = self._body()
        self._send({})

    def do_POST(self) -> None:
        content = self._body()
        if self.path == "/graphql":
            body = json.loads(content)
            named = re.search(r"(?:query|mutation)\s+(\w+)", body["query"])
            operation = body.get("operationName") or (named.group(1) if named else "")
            if self.told.refusal and operation == "UpsertBucket":
                self._send({"errors": [{"message": self.told.refusal}]}, status=403)
            else:
                self._send({"data": self.told.answer(operation, body["query"], body.get("variables") or {})})
            return
        if self.path.endswith("/file_stream"):  # the rest is W&B's own telemetry
            self._stream(json.loads(content))
        self._send({"exitcode": None, "limits": {}})

    def _stream(self, body: dict[str, Any]) -> None:
        for name, chunk in (body.get("files") or {}).items():
            lines = self.told.streamed.setdefault(name, {})
            lines.update({chunk["offset"] + i: line for i, line in enumerate(chunk["content"])})
        if body.get("complete"):
            self.told.complete, self.told.exit_code = True, body.get("exitcode")

    def _body(self) -> bytes:
        content = self.rfile.read(int(self.headers.get("content-length") or 0))
        return gzip.decompress(content) if self.headers.get("content-encoding") == "gzip" else content

    def _send(self, content: dict[str, Any], status: int = 200) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
