"""Supervisors on the nodes of a Slurm job by srun: the job that this runs in, or one that is asked for here and ended.

Each node has an srun of its own, as each supervisor has a secret of its own on standard input; that stays open, and its
end is the supervisor's end. So whatever ends srun, or slurmstepd on the node, ends the supervisor. An allocation is
held in the same way: by a program under salloc that reads until nobody is there.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from ovbench.common.bounded import MOST_HOSTS
from ovbench.common.errors import UsageError

from . import HostEnd, Seat
from .couriers import Couriers, Ended
from .slurmcommand import GRANTED, granted_job, hostnames_command, salloc_command, srun_command
from .slurmfailure import NO_SLURM, how_ended, how_refused
from .supervisorline import REACHED, supervisor_line

_SALLOC: Final = "(allocation)"
"""Its name among the couriers, which no node can have."""

_PATIENCE_S: Final = 1.5
"""For supervisors to end when they are asked to."""
_GRACE_S: Final = 0.5
"""For srun to end its step by force, which takes 0.03 s where slurmstepd lives, and for salloc to give back the job."""
_ANSWER_S: Final = 20.0
_LONG_S: Final = 3600.0


def _silent(line: str) -> None:
    pass


class SlurmLauncher:
    """Must be made, and used, in the coordinator's main thread: see `tether`."""

    def __init__(
        self,
        options: str | None = None,
        python: str | None = None,
        arguments: Sequence[str] = (),
        say: Callable[[str], None] = _silent,
    ) -> None:
        """Takes the job that this runs in; where it runs in none, asks for one and waits until it is granted, while
        `say` gets what salloc says.

        `options`: --slurm-options, salloc's; `python`: --remote-python; `arguments`: more of them for every supervisor.
        Raises UsageError.
        """
        for program in ("srun", "scontrol", "env"):
            _require(program)
        self._python = python
        self._arguments = tuple(arguments)
        # PDEATHSIG, too: what srun and salloc have begun elsewhere ends with a SIGTERM of theirs, not with a SIGKILL.
        self._couriers = Couriers(signal.SIGTERM, _GRACE_S)
        self._asked: set[str] = set()
        """Nodes whose end was asked for."""
        try:
            self._job, nodes = self._own_job(options) or self._allocate(options, say)
            self._hosts = _expand(nodes)
        except BaseException:  # Ctrl-C while it waits, too
            self.close()
            raise

    @property
    def hosts(self) -> tuple[str, ...]:
        """By the names that Slurm has for nodes."""
        return self._hosts

    @property
    def fd(self) -> int:
        return self._couriers.fd

    def start(self, seats: Sequence[Seat]) -> None:
        line = supervisor_line(self._python, os.path.dirname(sys.executable), self._arguments)
        for seat in seats:
            self._asked.discard(seat.host)
            command = srun_command(self._job, seat.host, line, os.environ)
            try:
                self._couriers.add(seat.host, command, seat.join, REACHED)
            except OSError as error:
                raise UsageError(f"--launcher slurm: srun cannot be started: {error.strerror}") from None

    def ends(self) -> Iterator[HostEnd]:
        """An allocation that ends, ends every srun in it, so that only these are reported."""
        for name, news in self._couriers.turn(0.0):
            if isinstance(news, Ended) and name != _SALLOC:
                yield HostEnd(name, self._how(name, news))

    def end(self, host: str) -> None:
        if self._couriers.hang_up(host):
            self._asked.add(host)

    def abandon(self) -> None:
        """The end of srun is the end of its step, and that of salloc the end of the allocation."""
        self._couriers.kill()

    def close(self) -> None:
        """Waits until the supervisors have ended, for `_PATIENCE_S` in all at the most; then srun ends those that are
        left by force. One whose slurmstepd was killed waits for that for half a minute, and is killed. The allocation,
        if it was asked for here, is given back last."""
        for name in self._supervisors():
            self._couriers.hang_up(name)
        self._await_supervisors(_PATIENCE_S)
        for name in self._supervisors():
            self._couriers.running[name].end()
        self._await_supervisors(_GRACE_S)
        for name in self._supervisors():
            self._couriers.running[name].kill()
        self._couriers.close(_GRACE_S)

    def _supervisors(self) -> list[str]:
        return [name for name in self._couriers.running if name != _SALLOC]

    def _await_supervisors(self, limit_s: float) -> None:
        deadline = time.monotonic() + limit_s
        while self._supervisors() and (left_s := deadline - time.monotonic()) > 0:
            deque(self._couriers.turn(left_s), maxlen=0)

    def _how(self, name: str, ended: Ended) -> str:
        if name in self._asked:
            return "it was ended from here"
        return how_ended(ended, name, self._python)

    def _own_job(self, options: str | None) -> tuple[str, str] | None:
        """Its number and its nodes, if this runs in one."""
        job, nodes = os.environ.get("SLURM_JOB_ID"), os.environ.get("SLURM_JOB_NODELIST")
        if job is None or nodes is None:
            return None
        if options is not None:
            raise UsageError(
                f"--slurm-options: this runs in Slurm's job {job} already, and uses its nodes; leave the options out, "
                "or run it outside of the job"
            )
        return job, nodes

    def _allocate(self, options: str | None, say: Callable[[str], None]) -> tuple[str, str]:
        if options is None:
            raise UsageError(
                "--launcher slurm: this runs in no job of Slurm; run it under salloc or sbatch, or give "
                '--slurm-options, as in --slurm-options "-N 2 --exclusive --time 10"'
            )
        command = salloc_command(options)
        for program in ("salloc", "scancel"):
            _require(program)
        granted: tuple[str, str] | None = None
        self._couriers.add(_SALLOC, command, b"", GRANTED)
        while granted is None or not self._couriers.running[_SALLOC].reached:
            for _, news in self._couriers.turn(_LONG_S):
                if isinstance(news, Ended):
                    raise UsageError(f"--launcher slurm: {how_refused(news)}")
                granted = granted_job(news) or granted
                if granted is None:
                    say(news)
        return granted


def _require(program: str) -> None:
    if shutil.which(program) is None:
        raise UsageError(f"--launcher slurm: {NO_SLURM.format(program)}")


def _expand(nodes: str) -> tuple[str, ...]:
    """The nodes that Slurm writes in short. Raises UsageError."""
    try:
        asked = subprocess.run(
            hostnames_command(nodes), capture_output=True, text=True, timeout=_ANSWER_S, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        raise UsageError(f"--launcher slurm: scontrol gave no answer within {_ANSWER_S:g} s") from None
    names = tuple(dict.fromkeys(asked.stdout.split()))
    if asked.returncode != 0 or not names:
        last = (asked.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise UsageError(f"--launcher slurm: scontrol does not say which nodes there are: {last}")
    if len(names) > MOST_HOSTS:
        raise UsageError(f"--launcher slurm: the job has {len(names)} nodes; a run may have {MOST_HOSTS} hosts")
    return names
