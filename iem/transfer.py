"""Downloading one file over HTTP so that an interruption costs nothing: a downloader for pooch that goes on."""

import json
import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

_PIECE = 1 << 16
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_WORTH_ANOTHER_TRY = (408, 425, 429, 500, 502, 503, 504)

#: ``(bytes so far, bytes in all or None)``.
OnBytes = Callable[[int, int | None], None]


class TransferError(Exception):
    """A download that failed: which file, why, and what to do."""


class _Interrupted(Exception):  # noqa: N818 (not an error as long as another try is left)
    """The connection broke or the server was busy: worth another try."""


@final
@dataclass(frozen=True)
class ResumingDownloader:
    """A downloader for pooch: ``downloader(url, output_file, pooch)``.

    What has come is kept in ``part`` until the file is whole; the next call asks for the rest (HTTP Range). A server
    that does not know ranges, or whose file has changed since (ETag, Last-Modified), is asked for all of it again.

    Args:
        part: where to keep what has come.
        attempts: how often to try while nothing comes; every try that brought something counts anew.
        pause: seconds before the second try, doubled from then on.
        timeout: seconds without an answer, or without a byte, that end a try.
        on_bytes: shown the progress.
    """

    part: Path
    attempts: int = 5
    pause: float = 1.0
    timeout: float = 60.0
    on_bytes: OnBytes | None = None

    def __call__(self, url: str, output_file: str, pooch: Any = None, check_only: bool = False) -> bool | None:
        """Download ``url`` and give it the name that pooch wants.

        Raises:
            TransferError: it cannot be had; what has come is kept for the next call.
        """
        failures = 0
        while True:
            before = self._size()
            try:
                self._fetch(url)
                break
            except _Interrupted as error:
                failures = 1 if self._size() > before else failures + 1
                if failures >= self.attempts:
                    kept = self._size()
                    raise TransferError(
                        f"{url}: the download was interrupted {failures} times ({error}); {kept:,} bytes are kept, "
                        "run the same command to go on"
                    ) from error
                time.sleep(self.pause * 2 ** (failures - 1))
        os.replace(self.part, output_file)  # noqa: PTH105 (as elsewhere)
        self._state().unlink(missing_ok=True)
        return None

    def _fetch(self, url: str) -> None:
        """Everything from where the part ends. Returns when the file is whole."""
        import requests

        have, state = self._size(), self._read_state(url)
        if have and not state:  # nothing says what this is the beginning of
            have = 0
        headers = {"Accept-Encoding": "identity", "User-Agent": "iem (python-requests)"}
        if have:
            headers |= {"Range": f"bytes={have}-"}
            if state.get("validator"):
                headers["If-Range"] = state["validator"]
        try:
            with requests.get(url, headers=headers, stream=True, timeout=(10.0, self.timeout)) as response:
                start, total = self._begin(url, response, have)
                if start is None:
                    return
                self._receive(response, start, total)
        except requests.exceptions.SSLError as error:
            raise TransferError(
                f"{url}: the server's certificate cannot be trusted ({_short(error)}); check the clock and the network"
            ) from error
        except (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema) as error:
            raise TransferError(f"{url}: not an address; expected http://... or https://...") from error
        except requests.exceptions.RequestException as error:
            raise _Interrupted(_short(error)) from error

    def _begin(self, url: str, response: Any, have: int) -> tuple[int | None, int | None]:
        """Where this answer's bytes belong, and how many there are in all; None where the file is whole already."""
        status = response.status_code
        if status in _WORTH_ANOTHER_TRY:
            raise _Interrupted(f"the server answered {status}")
        total = _number(response.headers.get("Content-Length"))
        if status == 206:
            match = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
            if match is None or int(match[1]) != have:
                self._forget()
                raise _Interrupted("the server sent another part than was asked for")
            whole = None if match[3] == "*" else int(match[3])
            return have, whole
        if status == 416 and have:
            size = _number(response.headers.get("Content-Range", "").rpartition("/")[2])
            if size == have:
                return None, size
            self._forget()
            raise _Interrupted("the server's file is another one now")
        if status != 200:
            raise TransferError(f"{url}: {_status_reason(status)}")
        if "text/html" in response.headers.get("Content-Type", "") and not url.endswith((".html", "/")):
            raise TransferError(
                f"{url}: the server sent a web page instead of the file; look at it in a browser, "
                "the file may have moved or need a login"
            )
        validator = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
        validator = "" if validator.startswith("W/") else validator
        self.part.parent.mkdir(parents=True, exist_ok=True)
        self._state().write_text(json.dumps({"url": url, "validator": validator}), encoding="utf-8")
        return 0, total

    def _receive(self, response: Any, start: int, total: int | None) -> None:
        free = shutil.disk_usage(self.part.parent).free
        if total is not None and total - start > free:
            raise TransferError(
                f"{self.part.parent}: expected {(total - start) / 1e9:.2f} GB of free space for the download, found "
                f"{free / 1e9:.2f} GB; free some or choose another folder"
            )
        done = start
        with self.part.open("r+b" if start else "wb") as file:
            file.seek(start)
            for piece in response.iter_content(_PIECE):
                file.write(piece)
                done += len(piece)
                if self.on_bytes is not None:
                    self.on_bytes(done, total)
            file.truncate()
        if total is not None and done < total:
            raise _Interrupted(f"the connection ended after {done:,} of {total:,} bytes")
        if total is not None and done > total:
            self._forget()
            raise _Interrupted(f"{done:,} bytes came, {total:,} were announced")

    def _size(self) -> int:
        return self.part.stat().st_size if self.part.is_file() else 0

    def _state(self) -> Path:
        return self.part.with_name(self.part.name + ".json")

    def _read_state(self, url: str) -> dict[str, str]:
        try:
            state = json.loads(self._state().read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return state if isinstance(state, dict) and state.get("url") == url else {}

    def _forget(self) -> None:
        self.part.unlink(missing_ok=True)
        self._state().unlink(missing_ok=True)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None


def _short(error: Exception) -> str:
    """The innermost words of what requests and urllib3 wrap into each other."""
    words = " ".join(str(error).split())
    if "resolve" in words or "Name or service" in words:
        return "the server's name is not known; check the network"
    if "refused" in words:
        return "the connection was refused; check the network"
    if "timed out" in words.lower():
        return "the server did not answer in time"
    return words[:120]


def _status_reason(status: int) -> str:
    reasons = {
        401: "it needs a login; download it in a browser",
        403: "the server forbids it; download it in a browser",
        404: "there is no such file (404); it has moved, look for it on its home page",
        410: "the file was removed (410); look for it on its home page",
    }
    return reasons.get(status, f"the server answered {status}; try again later")
