"""What an agent asks of the kernel: a session of its own, to die with its parent, to be woken on time, and a process
for work that is not to be done in its own.
"""

import contextlib
import ctypes
import os
import signal
import sys
from types import FrameType
from typing import Final

_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
_PR_SET_TIMERSLACK: Final = 29

_OOM_SCORE: Final = 200
"""In thousandths of the memory that there is (proc_pid_oom_score_adj(5)); to raise it needs no privilege."""
_MOST_OOM_SCORE: Final = 1000

_PASSED_ON: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


def die_with_parent(parent_pid: int) -> None:
    """Have the kernel kill this process when its parent dies; if it is dead already, end here.

    The signal follows the *thread* that started this process: a parent starts agents from its main thread.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(1)


def end_with(parent_pid: int, longest_s: int) -> None:
    """Have the kernel end this process, which does one thing for its parent, with that one and after this time."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # which whoever started the parent may have ignored
    signal.alarm(longest_s)
    die_with_parent(parent_pid)


def leave_session() -> None:
    """Begin a session of its own, in a process that has just been forked.

    The kernel shares the CPUs out by session (autogroup, sched(7)). Where one session's threads hand over to each other
    on several CPUs, tens of thousands of times a second, as two agents with a fast asynchronous model do, Linux 6.18
    keeps everybody else off those CPUs for seconds. On one CPU, or with a session for each, it does not.
    """
    os.setsid()


def run_in_own_session() -> None:
    """The same for a process that somebody else started, and whom a terminal may know as its job: goes on in a child.

    The process that was started stays where it is, passes on the signals that it gets, stops and goes on with the
    child, and ends as the child ends; if it is killed, so is the child.
    """
    stand_in = os.getpid()
    if os.getsid(0) == stand_in:
        return  # as under setsid, or alone in a container
    child = os.fork()
    if child == 0:
        leave_session()
        die_with_parent(stand_in)
        return
    _stand_in_for(child)


def _stand_in_for(child: int) -> None:
    def send(number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)

    def pass_on(number: int, frame: FrameType | None) -> None:
        send(number)

    def stop(number: int, frame: FrameType | None) -> None:
        send(signal.SIGSTOP)
        os.kill(os.getpid(), signal.SIGSTOP)

    def go_on(number: int, frame: FrameType | None) -> None:
        send(signal.SIGCONT)

    handlers = {**dict.fromkeys(_PASSED_ON, pass_on), signal.SIGTSTP: stop, signal.SIGCONT: go_on}
    for number, handler in handlers.items():
        if signal.getsignal(number) != signal.SIG_IGN:  # as under nohup: the child ignores it, too
            signal.signal(number, handler)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status):
        os._exit(os.WEXITSTATUS(status))
    killed_by = os.WTERMSIG(status)
    if killed_by != signal.SIGKILL:
        signal.signal(killed_by, signal.SIG_DFL)
    os.kill(os.getpid(), killed_by)  # whoever started this one sees what happened
    os._exit(128 + killed_by)


def be_killed_first() -> None:
    """Where memory runs out, have the kernel rather end this process than the one that starts agents, with all of them,
    or the coordinator, with the report."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "r+") as score:
        adjustment = min(int(score.read()) + _OOM_SCORE, _MOST_OOM_SCORE)
        score.seek(0)
        score.write(str(adjustment))


def wake_on_time() -> None:
    """Let timers of this thread, and of those it starts, end when they are due: by default they may be 50 us late.

    An agent calls it before it starts any, so its measure thread and the null device's servers have it. So do
    OpenVINO's threads, which wait for work rather than for instants: to them it makes no difference.
    """
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)


def run_module(name: str, *arguments: str) -> tuple[int, str]:
    """Run a module of ours in another process of this Python, to its end: its exit code, minus the signal where one
    killed it, and what it wrote to stderr. Raises OSError where no process can be started.

    Spawned, not forked: this process may have threads, and OpenVINO with threads of its own.
    """
    read, write = os.pipe()
    files = [(os.POSIX_SPAWN_DUP2, write, 2), (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    with open(read, errors="replace") as stream:
        try:
            command = [sys.executable, "-m", name, *arguments]
            pid = os.posix_spawn(sys.executable, command, os.environ, file_actions=files)
        finally:
            os.close(write)
        said = stream.read()
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), said
