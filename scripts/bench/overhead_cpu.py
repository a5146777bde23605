"""CPU that ovbench itself takes in the window, in percent of one core: coordinator and the agents' control threads.

By its report, cpu.control_percent, and from outside: the time on a CPU (schedstat) of every thread of the coordinator
and of its fork server, and of each agent's main and ZeroMQ threads, sampled all along and read off at the window's
edges.
Without a terminal, and on one, where the live display runs.
"""

import contextlib
import os
import pty
import select
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np

from ovbench.coordinator.result.report import Report, from_json

from .versus import Goal, Row, RunFailed, Settings, in_turn, parse, program, report, say, value_row

SECONDS = 5.0
RUNS = 5
REACH = Goal(high=1.0, unit=" %")
ROLES = (
    "coordinator, Python threads",
    "coordinator, ZeroMQ threads",
    "fork server, Python threads",
    "agents, Python threads",
    "agents, ZeroMQ threads",
)
_PERIOD_S = 0.02


def measure(settings: Settings) -> Iterator[Row]:
    for terminal in (False, True):
        where = "on a terminal" if terminal else "not on a terminal"

        def run(terminal: bool = terminal) -> tuple[float, dict[str, float]]:
            return _run(settings.seconds, terminal)

        (pairs,) = in_turn(settings.runs, run)
        reported, seen = [pair[0] for pair in pairs], [sum(pair[1].values()) for pair in pairs]
        what = f"own CPU in the window, % of one core, 2 agents, {where}"
        yield value_row(f"{what}: report", reported, "%", REACH)
        yield value_row(f"{what}: from outside", seen, "%", REACH)
        for role in ROLES:
            say(f"{median(pair[1].get(role, 0.0) for pair in pairs):6.3f} %  {role}")


def _run(seconds: float, terminal: bool) -> tuple[float, dict[str, float]]:
    """control_percent, and what was seen from outside, by role."""
    with tempfile.TemporaryDirectory(prefix="ovbench-bench-") as folder:
        command = [program("ovbench-coord"), "-m", "builtin:squeezenet1.1", "--agents", "2", "-t", f"{seconds:g}"]
        master, slave = pty.openpty()
        out = slave if terminal else subprocess.DEVNULL
        process = subprocess.Popen(
            [*command, "--report-folder", folder],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env={**os.environ, "TERM": "xterm-256color"},
        )
        os.close(slave)
        trace = Trace(process.pid)
        while process.poll() is None:
            trace.look()
            if terminal:
                _drain(master)
            time.sleep(_PERIOD_S)
        os.close(master)
        if process.returncode != 0:
            raise RunFailed(f"{' '.join(command)} ended with {process.returncode}")
        result = from_json((Path(folder) / "report.json").read_bytes())
    return result.cpu.control_percent, trace.percent(result)


def _drain(terminal: int) -> None:
    with contextlib.suppress(OSError):
        while select.select([terminal], [], [], 0)[0] and os.read(terminal, 65536):
            pass


@dataclass
class Trace:
    """Time on a CPU of the control threads of a coordinator and all that it started, over time."""

    coordinator: int
    _points: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    _roles: dict[int, str] = field(default_factory=dict)

    def look(self) -> None:
        for pid, role in self._family():
            for thread in _threads(pid):
                name = _name(pid, thread)
                # What OpenVINO and the load run on has other names; the measure thread is unnamed, but not the first.
                if role != "agents" or thread == pid or name.startswith("ZMQbg"):
                    self._points.setdefault(thread, []).append((time.monotonic_ns(), _run_ns(pid, thread)))
                    self._roles[thread] = f"{role}, {'ZeroMQ' if name.startswith('ZMQbg') else 'Python'} threads"

    def percent(self, result: Report) -> dict[str, float]:
        """Of one core, in the window, by role."""
        edges = [result.window.start_ns, result.window.stop_ns]
        spent_ns: dict[str, float] = {}
        for thread, points in self._points.items():
            if len(points) > 1:
                origin = points[0][0]
                times, spent = np.array(points, np.float64).T - np.array([[origin], [0]])
                at_start, at_stop = np.interp([edge - origin for edge in edges], times, spent)
                role = self._roles[thread]
                spent_ns[role] = spent_ns.get(role, 0.0) + float(at_stop - at_start)
        return {role: 100 * ns / (edges[1] - edges[0]) for role, ns in spent_ns.items()}

    def _family(self) -> Iterator[tuple[int, str]]:
        yield self.coordinator, "coordinator"
        for server in _children(self.coordinator):
            yield server, "fork server"
            for agent in _children(server):
                yield agent, "agents"


def _children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _threads(pid: int) -> list[int]:
    try:
        return [int(name) for name in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return []


def _name(pid: int, thread: int) -> str:
    try:
        return Path(f"/proc/{pid}/task/{thread}/comm").read_text().strip()
    except OSError:
        return ""


def _run_ns(pid: int, thread: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[0])
    except (OSError, IndexError):
        return 0


if __name__ == "__main__":
    raise SystemExit(report(measure(parse(__doc__, SECONDS, RUNS))))
