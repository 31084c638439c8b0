"""One process at a time works in a run's folder; the claim of one that died is void."""

import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from iem.runner.results import read_json

if os.name == "posix":
    import fcntl

BEAT = 5.0  # seconds between two signs of life of a claim's holder
SILENCE = 30.0  # seconds without a sign after which a holder on another machine is taken for dead


@contextmanager
def claim(
    path: Path,
    about: Mapping[str, Any] | None = None,
    *,
    on_wait: Callable[[str], None] | None = None,
    beat: float = BEAT,
    silence: float = SILENCE,
) -> Iterator[None]:
    """Hold the file ``path`` while the block runs; wait first for as long as another process holds it.

    The file says who holds it, and its time of change is renewed every ``beat`` seconds. The system's lock on the file
    ends with its holder, however that ended. Where machines share a folder but not their locks, the signs of life
    decide: a holder on another machine that gave none for ``silence`` seconds is dead. (How long is measured here, from
    change to change, so clocks need not agree.) A Slurm job that was requeued takes over from its own earlier self.

    Args:
        path: the lock file; its folder exists. It is gone afterwards.
        about: what else the file shall say.
        on_wait: told once who holds it, as ``"process 17 on node3"``.
        beat: seconds.
        silence: seconds.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "run.lock")
    >>> with claim(path):
    ...     holder(path)["pid"] == os.getpid()
    True
    >>> path.exists()
    False
    """
    file, told = _open_locked(path), False
    while file is None or _holder_lives(path, silence):
        if file is not None:
            os.close(file)
        if not told and on_wait is not None:
            on_wait(_name(holder(path)))
        told = True
        time.sleep(min(1.0, beat))
        file = _open_locked(path)
    mine = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "slurm_job": _slurm_job(),
        "token": secrets.token_hex(8),
        **(about or {}),
    }
    os.ftruncate(file, 0)
    os.pwrite(file, json.dumps(mine).encode(), 0)
    over = threading.Event()
    heart = threading.Thread(target=_beat, args=(path, beat, over), daemon=True, name="claim")
    heart.start()
    try:
        yield
    finally:
        over.set()
        heart.join()
        if holder(path).get("token") == mine["token"]:
            path.unlink(missing_ok=True)
        os.close(file)


def holder(path: Path) -> dict[str, Any]:
    """What a lock file says of its holder; nothing if there is none."""
    return read_json(path) or {}


def is_held(path: Path) -> bool:
    """Whether a process works under this claim: known of this machine, believed of another whose last sign is fresh.

    Looking takes no lock away from anybody.
    """
    said = holder(path)
    if not said:
        return False
    if said.get("host") == socket.gethostname():
        return _is_alive(int(said.get("pid", -1)))
    try:
        return abs(time.time() - path.stat().st_mtime) < 2 * SILENCE
    except OSError:
        return False


def _open_locked(path: Path) -> int | None:
    """The file, opened and locked by us; None if another process has locked it."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        if os.name == "posix":
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                return None
            except OSError:  # a file system without locks: the signs of life decide
                pass
        try:
            current = path.stat()
        except FileNotFoundError:
            os.close(file)
            continue
        # Its last holder may have removed it between our opening and locking it.
        if os.path.samestat(os.fstat(file), current):
            return file
        os.close(file)


def _holder_lives(path: Path, silence: float) -> bool:
    """Whether the holder that the file names is at work, although its lock did not keep us out."""
    said = holder(path)
    if not said or (said["slurm_job"] is not None and said["slurm_job"] == _slurm_job()):
        return False
    if said.get("host") == socket.gethostname():
        return os.name != "posix" and _is_alive(int(said["pid"]))  # elsewhere the lock has told
    before, until = path.stat().st_mtime_ns, time.monotonic() + silence
    while time.monotonic() < until:
        time.sleep(min(1.0, silence / 10))
        try:
            if path.stat().st_mtime_ns != before:
                return True
        except FileNotFoundError:
            return True  # it has just finished: look again
    return False


def _is_alive(pid: int) -> bool:
    if os.name != "posix":
        return True  # os.kill would end it there
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _beat(path: Path, beat: float, over: threading.Event) -> None:
    while not over.wait(beat):
        try:
            os.utime(path)
        except OSError:  # a full or vanished disk ends the run soon enough
            continue


def _slurm_job() -> str | None:
    job, task = os.environ.get("SLURM_JOB_ID"), os.environ.get("SLURM_PROCID", "0")
    return None if job is None else f"{job}.{task}"


def _name(said: dict[str, Any]) -> str:
    return f"process {said.get('pid', 'unknown')} on {said.get('host', 'an unknown machine')}"
