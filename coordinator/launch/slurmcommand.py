"""What is run for an allocation and its nodes under Slurm 20.11 and newer: command lines. Pure."""

import re
import shlex
from collections.abc import Iterable
from typing import Final

from ovbench.common.errors import UsageError

GRANTED: Final = "ovbench-allocation-granted"
"""A line of what salloc runs, after the one that says which job it is."""

_JOB: Final = "ovbench-job"
_HOLD: Final = (
    f'echo "{_JOB} $SLURM_JOB_ID $SLURM_JOB_NODELIST"; echo {GRANTED}; cat >/dev/null; scancel --quiet "$SLURM_JOB_ID"'
)
"""Keeps the allocation for as long as its standard input is open, also where salloc itself has been killed."""

_SRUN: Final = (
    "--nodes=1", "--ntasks=1", "--ntasks-per-node=1",
    "--cpu-bind=none",  # all CPUs that the job has on the node; the supervisor binds its agents itself
    "--mem=0",  # all memory that it has there
    "--overlap",  # also beside a step that the coordinator itself may be in
    "--mpi=none", "--export=ALL", "--job-name=ovbench",
)  # fmt: skip

_KEPT: Final = frozenset({"SLURM_CONF", "SLURM_CONF_SERVER", "SLURM_CLUSTERS", "SLURM_JWT", "SLURM_WORKING_CLUSTER"})
"""Variables that say where Slurm is. The others of a job are options in disguise: with --cpus-per-task of sbatch a step
would have the CPUs of one task, and with its --ntasks the node would be too small for it."""


def salloc_command(options: str) -> tuple[str, ...]:
    """Ask for an allocation, and hold it. `options`: salloc's, as a shell has them. Raises UsageError."""
    try:
        words = shlex.split(options)
    except ValueError as error:
        raise UsageError(f'--slurm-options: {str(error).lower()}; write them as in "-p debug -N 2 --time 10"') from None
    for word in words:
        if re.fullmatch(r"--no-s(h(e(l(l)?)?)?)?", word):
            raise UsageError("--slurm-options: with --no-shell nobody would end the allocation; leave it out")
    # A node that fails is to end its own part of the run alone.
    return ("salloc", "--job-name=ovbench", "--no-kill", *words, "sh", "-c", _HOLD)


def granted_job(line: str) -> tuple[str, str] | None:
    """The job's number and its nodes in short, as in `node[1-4]`, where a line of the held allocation says them."""
    match line.split():
        case [word, job, nodes] if word == _JOB:
            return job, nodes
    return None


def hostnames_command(nodes: str) -> tuple[str, ...]:
    return ("scontrol", "show", "hostnames", nodes)


def srun_command(job: str, node: str, line: str, variables: Iterable[str]) -> tuple[str, ...]:
    """Have the shell of a node of the job run `line`, with all of the job's CPUs there. `variables`: names of all that
    the environment has."""
    disguised = sorted(name for name in variables if re.match(r"S(?:LURM|RUN)_", name) and name not in _KEPT)
    unset = [word for name in disguised for word in ("-u", name)]
    return ("env", *unset, "srun", f"--jobid={job}", f"--nodelist={node}", *_SRUN, "sh", "-c", line)
