"""Slurm with two nodes, `a` and `b`, for as long as a test takes: real daemons in namespaces of their own.

The network is a loopback that nobody else sees, and all processes end with the first one. Debian: apt-get install
slurmd slurmctld slurm-client munge.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

PROGRAMS: Final = ("slurmctld", "slurmd", "srun", "salloc", "munged", "unshare", "nsenter", "ip")
PATIENCE_S: Final = 60.0
NODES: Final = {"a": "127.0.0.2", "b": "127.0.0.3"}

_CONFIGURATION: Final = """\
ClusterName=ovbench
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort=17000
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin={task}
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
SlurmdTimeout=10
MinJobAge=2
{nodes}
PartitionName=debug Nodes=a,b Default=YES MaxTime=60 State=UP
"""
_CGROUP: Final = "CgroupPlugin=cgroup/v1\nCgroupMountpoint=/sys/fs/cgroup\nConstrainCores=yes\n"

_DAEMONS: Final = """
set -e
ip link set lo up
for address in {addresses}; do ip addr add $address/8 dev lo; done
munged --force --key-file={folder}/munge.key --socket={folder}/munge.socket --pid-file={folder}/munged.pid \
 --log-file={folder}/munged.log --seed-file={folder}/munge.seed
slurmctld -c
for node in {nodes}; do slurmd -N $node; done
echo up
exec sleep infinity
"""


def missing() -> str:
    """Why there can be no cluster here; empty if there can."""
    if os.geteuid() != 0:
        return "Slurm's daemons and namespaces need root"
    absent = [name for name in PROGRAMS if shutil.which(name, path=_path()) is None]
    return f"there is no {', '.join(absent)} (Debian: slurmd slurmctld slurm-client munge iproute2)" if absent else ""


def cpusets() -> bool:
    """Whether Slurm can confine a job to CPUs here."""
    return os.access("/sys/fs/cgroup/cpuset/cpuset.cpus", os.W_OK)


class SlurmCluster:
    """`cpus`: of each node."""

    def __init__(self, folder: Path, cpus: int = os.cpu_count() or 1) -> None:
        for name in ("state", *NODES):
            (folder / name).mkdir()
        os.chmod(folder, 0o755)  # munge's rule for where its socket is
        key = folder / "munge.key"
        key.touch(0o400)
        key.write_bytes(os.urandom(128))
        host = os.uname().nodename
        rows = (
            f"NodeName={name} NodeHostname={host} NodeAddr={address} Port={17001 + number} CPUs={cpus} RealMemory=1000"
            for number, (name, address) in enumerate(NODES.items())
        )
        task = "task/cgroup" if cpusets() else "task/none"
        text = _CONFIGURATION.format(host=host, folder=folder, task=task, nodes="\n".join(rows))
        (folder / "slurm.conf").write_text(text)
        (folder / "cgroup.conf").write_text(_CGROUP)
        self.folder = folder
        script = _DAEMONS.format(folder=folder, addresses=" ".join(NODES.values()), nodes=" ".join(NODES))
        self._outside = subprocess.Popen(
            ["unshare", "--net", "--pid", "--fork", "--mount-proc", "--kill-child", "bash", "-c", script],
            stdout=subprocess.PIPE, env=self.environment, text=True,
        )  # fmt: skip
        assert self._outside.stdout is not None
        if self._outside.stdout.readline() != "up\n":
            self.close()
            raise OSError(f"Slurm's daemons cannot be started; see the logs in {folder}")
        children = Path(f"/proc/{self._outside.pid}/task/{self._outside.pid}/children").read_text()
        self._inside = children.split()[0]
        self.await_idle()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._outside.kill()  # and by --kill-child the first process inside, with which all others end
        self._outside.communicate()

    @property
    def environment(self) -> dict[str, str]:
        """Of what runs in it: this process's, without any job that this may run in itself."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "SALLOC_"))}
        return {**kept, "PATH": _path(), "SLURM_CONF": str(self.folder / "slurm.conf")}

    def inside(self, *words: str) -> list[str]:
        """The command, to be run in the cluster with `environment`."""
        return ["nsenter", f"--target={self._inside}", "--net", "--pid", "--mount", f"--wd={os.getcwd()}", *words]

    def run(self, *words: str) -> str:
        asked = subprocess.run(
            self.inside(*words), env=self.environment, capture_output=True, text=True, timeout=PATIENCE_S
        )
        return asked.stdout.strip()

    def start(self, *words: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self.inside(*words), env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def jobs(self) -> str:
        """A line of each that is there, also of those that are ending."""
        return self.run("squeue", "--noheader", "--format=%i %T")

    def pids(self, words: str) -> list[int]:
        """As this process sees them, of all in the cluster whose command line has these words."""
        namespace = os.readlink(f"/proc/{self._inside}/ns/pid")
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink(f"/proc/{name}/ns/pid") == namespace:
                    line = Path(f"/proc/{name}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    if words in line:
                        found.append(int(name))
            except OSError:
                continue
        return found

    def await_idle(self) -> None:
        """No job, and all nodes there."""
        deadline = time.monotonic() + PATIENCE_S
        while self.run("sinfo", "--noheader", "--format=%T %D") != f"idle {len(NODES)}":
            if time.monotonic() > deadline:
                raise TimeoutError(f"the nodes are not idle: {self.run('sinfo')}")
            time.sleep(0.1)


def _path() -> str:
    return os.pathsep.join((*os.get_exec_path(), "/usr/sbin", "/sbin"))


def main(arguments: Sequence[str]) -> int:
    """Run a command in a cluster of its own."""
    folder = Path(arguments[0])
    with SlurmCluster(folder) as cluster:
        return subprocess.run(cluster.inside(*arguments[1:]), env=cluster.environment).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
