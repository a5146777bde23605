"""The protocol for a thousand agents: from the first hello to the merged report, the load time left out.

A real ovbench-coord waits for external agents. Each is simulated, messages, heartbeats and samples of a null device
included, over a connection of its own by a few helper processes. They take CPU from the coordinator, as real agents on
one machine would.
"""

import multiprocessing
import os
import resource
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from statistics import median
from threading import BrokenBarrierError
from typing import Final

import numpy as np

from ovbench.common.clock import to_ns
from ovbench.common.effective import Effective, Phases
from ovbench.common.job import Job
from ovbench.common.messages import (
    PROTOCOL_VERSION,
    AnyNotice,
    AnyOrder,
    Delivered,
    Finished,
    Hello,
    Memory,
    Prepare,
    Progress,
    Ready,
    Reject,
    Release,
    Samples,
    Start,
    Usage,
)
from ovbench.common.wire import Link
from ovbench.coordinator.result.report import from_json

from .versus import Goal, Row, RunFailed, Settings, in_turn, parse, program, report, say, value_row

SECONDS = 0.5
RUNS = 5
REACH = Goal(high=5.0, unit=" s")
AGENTS: Final = 1000
HELPERS: Final = 4
_SERVICE_NS: Final = 1_000_000
_HELLO_NS: Final = 500_000_000
_PATIENCE_S: Final = 60.0


def measure(settings: Settings) -> Iterator[Row]:
    (runs,) = in_turn(settings.runs, lambda: _run(settings.seconds))
    what = f"{AGENTS:,} agents: first hello to merged report, less the load"
    yield value_row(what, [run.total_s for run in runs], "s", REACH)
    for part in runs[0].parts:
        say(f"{median(run.parts[part] for run in runs):7.3f} s  {part}")


@dataclass(frozen=True)
class _Outcome:
    total_s: float
    parts: dict[str, float]


def _run(seconds: float) -> _Outcome:
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="ovbench-bench-") as folder:
        endpoint = f"ipc://{folder}/bus"
        coordinator = _start_coordinator(endpoint, folder, seconds)
        # The helpers and this process: all connections stand before the first agent speaks.
        connected = spawn.Barrier(HELPERS + 1)
        helpers = [spawn.Process(target=_help, args=(endpoint, AGENTS // HELPERS, connected)) for _ in range(HELPERS)]
        for helper in helpers:
            helper.start()
        try:
            connected.wait(_PATIENCE_S)
            hello_ns = time.monotonic_ns()
            output, messages = coordinator.communicate(timeout=_PATIENCE_S)
            ended_ns = time.monotonic_ns()
        except BrokenBarrierError:
            raise RunFailed(f"not all of {AGENTS} simulated agents connected within {_PATIENCE_S:g} s") from None
        except subprocess.TimeoutExpired:
            coordinator.kill()
            _, messages = coordinator.communicate()
            ended = [helper.exitcode for helper in helpers]
            last = messages.decode()[-300:]
            raise RunFailed(f"the coordinator did not end (exit codes of the helpers: {ended}): {last}") from None
        finally:
            coordinator.kill()
            coordinator.wait()
            for helper in helpers:
                helper.kill()
                helper.join()
    if coordinator.returncode != 0:
        raise RunFailed(f"ovbench-coord ended with {coordinator.returncode}: {messages.decode()[-800:]}")
    result = from_json(output)
    ok = sum(agent.state == "ok" for agent in result.agents)
    if ok != AGENTS or result.throughput.count == 0:
        raise RunFailed(f"only {ok} of {AGENTS} agents came through")
    window = result.window
    return _Outcome(
        (ended_ns - hello_ns) / 1e9 - window.duration_s,
        {
            "first hello to begin of the load": (window.start_ns - hello_ns) / 1e9,
            "end of the load to report": (ended_ns - window.stop_ns) / 1e9,
        },
    )


def _start_coordinator(endpoint: str, folder: str, seconds: float) -> "subprocess.Popen[bytes]":
    bus = ("--launcher", "external", "--bind", endpoint, "--agents", str(AGENTS), "--join-timeout", f"{_PATIENCE_S:g}")
    load = ("--backend", f"null:{_SERVICE_NS // 1000}", "-api", "sync", "-t", f"{seconds:g}", "--warmup", "0")
    command = [program("ovbench-coord"), *bus, *load, "--json", "--report-folder", folder]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def _help(endpoint: str, agents: int, connected: Barrier) -> None:
    """Simulate so many agents, each by a thread that mostly waits."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    links = [Link(endpoint) for _ in range(agents)]
    for link in links:
        while not link.connected:
            list(link.messages())
            link.wait(0.01)
    connected.wait(_PATIENCE_S)
    pids = range(os.getpid() * AGENTS, os.getpid() * AGENTS + agents)
    threads = [threading.Thread(target=_serve, args=pair) for pair in zip(links, pids, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Not by closing a thousand sockets: the coordinator has what it wants.
    os._exit(0)


class SimulatedAgent:
    """What an agent says, at the time when it would."""

    def __init__(self, say: Callable[[AnyNotice], None], pid: int, agent: int | None = None) -> None:
        """`say`: sends a notice. `agent`: the place that it was started for."""
        self._say = say
        self._hello = Hello(PROTOCOL_VERSION, pid, "simulated", agent, nonce=f"{pid:032x}")
        self._job: Job | None = None
        self._heartbeat_ns = _HELLO_NS
        self._next_ns = 0
        self._start_ns: int | None = None
        self._stop_ns = 0
        self.ended = False

    @property
    def due_ns(self) -> int:
        """When it has something to say next."""
        return self._next_ns if self._start_ns is None else min(self._next_ns, self._stop_ns)

    def act(self, order: AnyOrder) -> None:
        match order:
            case Release() | Reject():
                self.ended = True
            case Prepare():
                self._job = order.job
                self._heartbeat_ns = to_ns(order.heartbeat_s)
                self._next_ns = time.monotonic_ns()
                self._say(Ready(effective=_EFFECTIVE, phases=_PHASES, mask=order.job.placement.cpus, openvino=""))
            case Start(at_ns):
                assert self._job is not None
                self._start_ns, self._stop_ns = at_ns, at_ns + to_ns(self._job.load.duration_s or 0.0)

    def keep_time(self, now_ns: int) -> None:
        if now_ns >= self._next_ns:
            self._next_ns = now_ns + self._heartbeat_ns
            self._say(self._sign_of_life(now_ns))
        if self._start_ns is not None and now_ns >= self._stop_ns:
            self._deliver(self._start_ns, self._stop_ns)
            self._start_ns = None

    def _sign_of_life(self, now_ns: int) -> AnyNotice:
        """Hello until the first order comes, then heartbeats."""
        if self._job is None:
            return self._hello
        done = 0 if self._start_ns is None else max(0, now_ns - self._start_ns) // _SERVICE_NS
        return Progress(step=10, completed=done, buckets=(1000, 1001), counts=(min(255, done), 1))

    def _deliver(self, start_ns: int, stop_ns: int) -> None:
        assert self._job is not None
        cpus = self._job.placement.cpus
        ends = np.arange(start_ns + _SERVICE_NS, stop_ns + 1, _SERVICE_NS, dtype="<i8")
        data = np.stack((ends - _SERVICE_NS, ends), axis=1).tobytes()
        usage = tuple(Usage(at, 0.0, 0.0, 0.0, 0, 0, 0) for at in (start_ns, stop_ns))
        memory = Memory(rss_mb=0.0, pss_mb=0.0, private_mb=0.0, peak_rss_mb=0.0)
        self._say(Finished(start_ns, stop_ns, len(ends), usage, memory, seen=cpus, mask=cpus, error=None))
        self._say(Samples(request=0, data=data))
        self._say(Delivered(messages=1))


def _serve(link: Link, pid: int) -> None:
    def say(notice: AnyNotice) -> None:
        while not link.send(notice):
            time.sleep(0.001)

    agent = SimulatedAgent(say, pid)
    while not agent.ended:
        agent.keep_time(time.monotonic_ns())
        link.wait(max(0.0, (agent.due_ns - time.monotonic_ns()) / 1e9))
        for order in link.messages():
            agent.act(order)


_PHASES: Final = Phases(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
_EFFECTIVE: Final = Effective(
    backend=f"null:{_SERVICE_NS // 1000}",
    model="null",
    device="null",
    hint="",
    precision="",
    streams=1,
    threads=1,
    requests=1,
    iterations=None,
    batch=1,
    inputs=(),
    outputs=(),
    properties={},
)


if __name__ == "__main__":
    raise SystemExit(report(measure(parse(__doc__, SECONDS, RUNS))))
