"""What others do on this machine meanwhile: CPU time that neither this process nor anything it started has used.

The machine's busy time (/proc/stat, in ticks of 10 ms) minus that of this process and of all its descendants. Those
whose parents have ended are adopted, else the kernel would not count them as ours.
"""

import contextlib
import ctypes
import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_QUIET_SHARE = 0.05
_LOOK_S = 0.2


def adopt_orphans() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


@dataclass(frozen=True)
class Account:
    """Running totals in seconds: of the whole machine, and of this process with what it started."""

    at_s: float
    busy_s: float
    own_s: float


def read_account() -> Account:
    _reap()
    fields = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    user, nice, system, _idle, _iowait, irq, softirq, steal = fields
    busy_s = (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
    own = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return Account(time.monotonic(), busy_s, sum(usage.ru_utime + usage.ru_stime for usage in own))


def foreign_share(since: Account) -> float:
    """Of the machine's CPU time since then, what others took; time stolen by a hypervisor is theirs too."""
    now = read_account()
    used_s = (now.busy_s - since.busy_s) - (now.own_s - since.own_s)
    capacity_s = (now.at_s - since.at_s) * (os.cpu_count() or 1)
    return max(0.0, used_s) / capacity_s if capacity_s > 0 else 0.0


def wait_for_quiet(patience_s: float) -> None:
    """Until others leave the machine alone for a moment, or patience ends."""
    give_up_s = time.monotonic() + patience_s
    while time.monotonic() < give_up_s:
        before = read_account()
        time.sleep(_LOOK_S)
        if foreign_share(before) < _QUIET_SHARE:
            return


def _reap() -> None:
    """Adopted orphans that have ended. Whoever starts a child waits for it before the next reading."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
