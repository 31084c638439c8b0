"""A real Slurm of two nodes on the loopback interface, with a munge of its own: nothing outside a temporary folder."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

NODES = ("n1", "n2")
PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "squeue", "scontrol")
PATHS = ("/usr/sbin", "/usr/local/sbin", "/usr/bin")

# A requeued job waits until its old credential has expired, two minutes by default: hence cred_expire. The two nodes
# are one machine that may be smaller than they say: hence config_overrides.
CONFIGURATION = """
ClusterName=iem
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
ReturnToService=2
SlurmctldPort={ports[0]}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmdSpoolDir={folder}/spool-%n
StateSaveLocation={folder}/state
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=5,bf_interval=5
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmdTimeout=10
KillWait=5
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=2 RealMemory=8000 State=UNKNOWN
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=2 RealMemory=8000 State=UNKNOWN
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


@dataclass(frozen=True)
class Cluster:
    """A running Slurm.

    Attributes:
        folder: its configuration, its state and its logs.
        environment: with which its commands and its jobs are started.
        children: what was started here.
    """

    folder: Path
    environment: Mapping[str, str]
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def call(self, *command: str) -> str:
        """The output of one of Slurm's commands."""
        ended = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60, check=True)
        return ended.stdout

    def start(self, node: str) -> None:
        """Start a node, also again after ``kill``."""
        (self.folder / f"spool-{node}").mkdir(exist_ok=True)
        self._spawn("slurmd", "-D", "-N", node)

    def kill(self, node: str) -> None:
        """A power cut: every process of the node at once, its jobs' included."""
        victims = [process for process, environment in self.processes().items() if environment.get("IEM_NODE") == node]
        for process, environment in self.processes().items():
            if environment.get("SLURMD_NODENAME") == node or process in victims:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)

    def processes(self) -> dict[int, dict[str, str]]:
        """All processes of this cluster and its jobs, with their environment: they carry the name of its folder."""
        found = {}
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                lines = (entry / "environ").read_bytes().decode(errors="replace").split("\0")
                environment = dict(line.split("=", 1) for line in lines if "=" in line)
                if environment.get("SLURM_CONF") == self.environment["SLURM_CONF"] and int(entry.name) != os.getpid():
                    found[int(entry.name)] = environment
        return found

    def _spawn(self, program: str, *arguments: str) -> None:
        node = {"IEM_NODE": arguments[-1]} if "-N" in arguments else {}
        with (self.folder / f"{program}-{len(list(self.folder.iterdir()))}.out").open("wb") as log:
            command = [_find(program), *arguments]
            process = subprocess.Popen(
                command, env={**self.environment, **node}, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self.children.append(process)

    def up(self) -> None:
        """Start everything and wait until both nodes are idle."""
        place = self.folder
        key = place / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o600)
        ends = {"socket": "socket", "key-file": "key", "pid-file": "pid", "seed-file": "seed", "log-file": "log"}
        files = [f"--{option}={place}/munge.{end}" for option, end in ends.items()]
        self._spawn("munged", "--foreground", "--force", *files)
        wait_for(lambda: (place / "munge.socket").exists(), 20, self.report)
        self._spawn("slurmctld", "-D", "-c")
        for node in NODES:
            self.start(node)
        wait_for(lambda: self._idle() == len(NODES), 60, self.report)

    def down(self) -> None:
        """End every process of the cluster, and make sure of it."""
        for kind in (signal.SIGTERM, signal.SIGKILL):
            deadline = time.monotonic() + 5
            while (left := self.processes()) and time.monotonic() < deadline:
                for process in left:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(process, kind)
                time.sleep(0.2)
                for child in self.children:
                    child.poll()  # a process that nobody asks after stays as a zombie
        assert not self.processes(), "something of Slurm is still running"

    def report(self) -> str:
        """The ends of all logs."""
        logs = sorted([*self.folder.glob("*.log"), *self.folder.glob("*.out")])
        return "\n".join(f"== {log.name}\n{log.read_text(errors='replace')[-1500:]}" for log in logs)

    def _idle(self) -> int:
        try:
            return self.call(_find("sinfo"), "-h", "-N", "-t", "idle", "-o", "%N").split().__len__()
        except subprocess.CalledProcessError:
            return 0


def wait_for(condition: Callable[[], bool], seconds: float, explain: Callable[[], str]) -> None:
    """Wait until something is so; after ``seconds`` fail, with an explanation."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds:g} s in vain\n{explain()}")
        time.sleep(0.2)


def _find(program: str) -> str:
    place = shutil.which(program) or shutil.which(program, path=os.pathsep.join(PATHS))
    return place or program


def _missing(programs: Sequence[str]) -> list[str]:
    return [program for program in programs if not Path(_find(program)).exists()]


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Two idle nodes; skipped where Slurm is not installed or we are not root."""
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("a Slurm of its own needs root")
    if missing := _missing(PROGRAMS):
        pytest.skip(f"not installed: {', '.join(missing)} (apt-get install slurm-wlm munge)")
    # Not pytest's folder: the path of a socket may have no more than 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="iem-slurm-"))
    folder.chmod(0o755)  # munged asks for this
    (folder / "state").mkdir()
    configuration = CONFIGURATION.format(host=socket.gethostname(), folder=folder, ports=_free_ports(3))
    (folder / "slurm.conf").write_text(configuration)
    path = os.pathsep.join([os.environ.get("PATH", ""), *PATHS])
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("SLURM", "SBATCH"))}
    environment |= {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": path, "OMP_NUM_THREADS": "1"}
    running = Cluster(folder, environment)
    try:
        running.up()
        yield running
    finally:
        running.down()
        shutil.rmtree(folder, ignore_errors=True)
