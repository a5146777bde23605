"""Slurm with two nodes, `a` and `b`, for as long as a test takes: real daemons in namespaces of their own.

The network is a loopback that nobody else sees, and all processes end with the first one. Debian: apt-get install
slurmd slurmctld slurm-client munge.
"""

import os
import secrets
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ovbench.common.cpulist import format_cpu_list
from tests import island
from tests.island import ADDRESSES, Island, until

PROGRAMS: Final = ("slurmctld", "slurmd", "srun", "salloc", "munged")
NODES: Final = dict(zip("ab", ADDRESSES, strict=True))

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
if [ -n "{cpuset}" ]; then
  mkdir {cpuset}
  for what in cpus mems; do cat /sys/fs/cgroup/cpuset/cpuset.$what >{cpuset}/cpuset.$what; done
  mount --bind {cpuset} /sys/fs/cgroup/cpuset
fi
munged --force --key-file={folder}/munge.key --socket={folder}/munge.socket --pid-file={folder}/munged.pid \
 --log-file={folder}/munged.log --seed-file={folder}/munge.seed
slurmctld -c
for node in {nodes}; do slurmd -N $node; done
echo up
exec sleep infinity
"""


def missing() -> str:
    """Why there can be no cluster here; empty if there can."""
    absent = island.missing(PROGRAMS)
    return f"{absent} (Debian: slurmd slurmctld slurm-client munge iproute2)" if absent else ""


def cpusets() -> bool:
    """Whether Slurm can confine a job to CPUs here."""
    return os.access("/sys/fs/cgroup/cpuset/cpuset.cpus", os.W_OK)


class SlurmCluster(Island):
    """`apart`: each node has half of the CPUs for jobs; otherwise all are on both."""

    def __init__(self, folder: Path, apart: bool = False) -> None:
        for name in ("state", *NODES):
            (folder / name).mkdir()
        os.chmod(folder, 0o755)  # munge's rule for where its socket is
        key = folder / "munge.key"
        key.touch(0o400)
        key.write_bytes(os.urandom(128))
        host = os.uname().nodename
        cpus = sorted(os.sched_getaffinity(0))
        halves = (cpus[len(cpus) // 2 :], cpus[: len(cpus) // 2])
        rows = (
            f"NodeName={name} NodeHostname={host} NodeAddr={address} Port={17001 + number} CPUs={len(cpus)} "
            f"RealMemory=1000 {f'CpuSpecList={format_cpu_list(halves[number])}' if apart else ''}"
            for number, (name, address) in enumerate(NODES.items())
        )
        task = "task/cgroup" if cpusets() else "task/none"
        text = _CONFIGURATION.format(host=host, folder=folder, task=task, nodes="\n".join(rows))
        (folder / "slurm.conf").write_text(text)
        (folder / "cgroup.conf").write_text(_CGROUP)
        # Of its own, as clusters that run at the same time would share the folders of jobs with the same number.
        self._cpuset = Path(f"/sys/fs/cgroup/cpuset/ovbench-{secrets.token_hex(4)}") if cpusets() else None
        script = _DAEMONS.format(folder=folder, nodes=" ".join(NODES), cpuset=self._cpuset or "")
        self.folder = folder
        super().__init__(script, {"SLURM_CONF": str(folder / "slurm.conf")})
        self.await_idle()

    def close(self) -> None:
        super().close()
        if (cpuset := self._cpuset) is not None:
            until(lambda: not any(file.read_text() for file in cpuset.rglob("cgroup.procs")))
            for part in sorted((path for path in cpuset.rglob("*") if path.is_dir()), reverse=True):
                part.rmdir()
            cpuset.rmdir()

    def jobs(self) -> str:
        """A line of each that waits or runs. One that was ended is Slurm's own for some seconds more, where it tries to
        tell an srun that is no longer there."""
        states = "PENDING,CONFIGURING,RUNNING,SUSPENDED"
        return self.run("squeue", "--noheader", f"--states={states}", "--format=%i %T")

    def await_idle(self) -> None:
        """No job, and all nodes there."""
        until(lambda: self.run("sinfo", "--noheader", "--format=%T %D") == f"idle {len(NODES)}")


def main(arguments: Sequence[str]) -> int:
    """Run a command in a cluster of its own."""
    folder = Path(arguments[0])
    with SlurmCluster(folder) as cluster:
        return subprocess.run(cluster.inside(*arguments[1:]), env=cluster.environment).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
