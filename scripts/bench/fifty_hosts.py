"""A thousand agents on fifty hosts: from the first host that joins to the merged report, the load time left out.

A real ovbench-coord waits for supervisors that are started by hand. They, and twenty agents of each, are simulated over
encrypted connections of their own by a few helper processes, messages, heartbeats, pings, readings and samples of a
null device included. They take CPU from the coordinator, as hosts of their own would not.
"""

import multiprocessing
import os
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import median
from threading import BrokenBarrierError
from typing import Final

from ovbench.common.clock import to_ns
from ovbench.common.hostlink import HostLink
from ovbench.common.hostmessages import (
    HOST_PROTOCOL_VERSION,
    AnyHostNotice,
    AnyHostOrder,
    Born,
    CpuAt,
    CpuReading,
    Disband,
    Disbanded,
    Dismiss,
    EndObserving,
    FromAgent,
    HostTopology,
    Muster,
    ObserveLoad,
    Ping,
    Pong,
    Present,
    Surveyed,
    ToAgent,
)
from ovbench.common.join import Join, read_join_file
from ovbench.common.messages import AnyNotice, AnyOrder
from ovbench.common.wire import decode, encode
from ovbench.coordinator.result.report import from_json

from .thousand_agents import SimulatedAgent
from .versus import Goal, Row, RunFailed, Settings, in_turn, parse, program, report, say, value_row

SECONDS = 0.5
RUNS = 5
REACH = Goal(high=5.0, unit=" s")
HOSTS: Final = 50
AGENTS: Final = 20
HELPERS: Final = 5
_PATIENCE_S: Final = 60.0
_TURN_S: Final = 0.05
_TOTALS: Final = 5


def measure(settings: Settings) -> Iterator[Row]:
    (runs,) = in_turn(settings.runs, lambda: _run(settings.seconds))
    what = f"{HOSTS * AGENTS:,} agents on {HOSTS} hosts: first host that joins to merged report, less the load"
    yield value_row(what, [sum(run.values()) for run in runs], "s", REACH)
    for part in runs[0]:
        say(f"{median(run[part] for run in runs):7.3f} s  {part}")


def _run(seconds: float) -> dict[str, float]:
    """Its parts in seconds, which add up."""
    spawn = multiprocessing.get_context("spawn")
    names = [f"host{number}" for number in range(HOSTS)]
    with tempfile.TemporaryDirectory(prefix="ovbench-bench-") as folder:
        coordinator = _start_coordinator(names, folder, seconds)
        # The helpers and this process: all hosts have read their joins before the first of them connects.
        ready = spawn.Barrier(HELPERS + 1)
        helpers = [spawn.Process(target=_help, args=(folder, names[first::HELPERS], ready)) for first in range(HELPERS)]
        for helper in helpers:
            helper.start()
        try:
            ready.wait(_PATIENCE_S)
            joined_ns = time.monotonic_ns()
            output, messages = coordinator.communicate(timeout=_PATIENCE_S)
            ended_ns = time.monotonic_ns()
        except BrokenBarrierError:
            raise RunFailed(f"not all of {HOSTS} simulated hosts had a join within {_PATIENCE_S:g} s") from None
        except subprocess.TimeoutExpired:
            coordinator.kill()
            _, messages = coordinator.communicate()
            raise RunFailed(f"the coordinator did not end: {messages.decode()[-300:]}") from None
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
    if ok != HOSTS * AGENTS or len(result.hosts) != HOSTS or result.throughput.count == 0:
        raise RunFailed(f"only {ok} of {HOSTS * AGENTS} agents on {len(result.hosts)} hosts came through")
    window = result.window
    return {
        "first host that joins to begin of the load": (window.start_ns - joined_ns) / 1e9,
        "end of the load to report": (ended_ns - window.stop_ns) / 1e9,
    }


def _start_coordinator(names: list[str], folder: str, seconds: float) -> "subprocess.Popen[bytes]":
    bus = ("--launcher", "external", "--hosts", ",".join(names), "--bind", "tcp://127.0.0.1:0", "--join-folder", folder,
           "--join-timeout", f"{_PATIENCE_S:g}")  # fmt: skip
    load = ("--backend", "null:1000", "-api", "sync", "-t", f"{seconds:g}", "--warmup", "0", "--agents", str(AGENTS))
    command = [program("ovbench-coord"), *bus, *load, "--json", "--report-folder", f"{folder}/report"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def _help(folder: str, names: list[str], ready: Barrier) -> None:
    """Simulate these hosts, each by a thread that mostly waits."""
    joins = [_join_of(Path(folder), name) for name in names]
    ready.wait(_PATIENCE_S)
    threads = [threading.Thread(target=_SimulatedHost(join).serve) for join in joins]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os._exit(0)


def _join_of(folder: Path, name: str) -> Join:
    file = folder / f"ovbench-join-{name}.json"
    until_s = time.monotonic() + _PATIENCE_S
    while not file.exists() and time.monotonic() < until_s:
        time.sleep(0.01)
    return read_join_file(str(file))


class _SimulatedHost:
    """What a supervisor and its agents say. It has a CPU for each agent."""

    def __init__(self, join: Join) -> None:
        self._link = HostLink(join)
        self._epoch = 0
        self._agents: dict[bytes, SimulatedAgent] = {}
        self._readings_ns: list[int] = []
        self._present = Present(
            version=HOST_PROTOCOL_VERSION,
            pid=os.getpid(),
            nonce=self._link.nonce,
            hostname=join.host,
            kernel="simulated",
            machine="x86_64",
            python="3",
            libraries={"ovbench": "simulated"},
            topology=HostTopology(tuple(CpuAt(cpu, 0, 0, cpu, 0) for cpu in range(AGENTS)), tuple(range(AGENTS))),
        )

    def serve(self) -> None:
        presented = False
        while True:
            self._link.wait(self._timeout_s())
            for order in self._link.messages():
                if isinstance(order, Dismiss):
                    self._link.close(_TURN_S)
                    return
                self._act(order)
            if self._link.connected and not presented:
                presented = True
                self._say(self._present)
            now_ns = time.monotonic_ns()
            for agent in self._agents.values():
                agent.keep_time(now_ns)
            while self._readings_ns and self._readings_ns[0] <= now_ns:
                self._read(self._readings_ns.pop(0))

    def _timeout_s(self) -> float:
        due_ns = [agent.due_ns for agent in self._agents.values()] + self._readings_ns[:1]
        left_s = (min(due_ns) - time.monotonic_ns()) / 1e9 if due_ns else _TURN_S
        return min(_TURN_S, max(0.0, left_s))

    def _act(self, order: AnyHostOrder) -> None:
        match order:
            case Ping(number, sent_ns):
                self._link.send(Pong(number, sent_ns, time.monotonic_ns()), urgent=True)
            case Muster(epoch, agents):
                self._epoch = epoch
                for agent in agents:
                    peer = agent.to_bytes(4, "big")
                    self._say(Born(epoch, agent, 1 + agent))
                    self._agents[peer] = SimulatedAgent(partial(self._say_of, peer), 1 + agent, agent)
            case ToAgent(_, peer, data):
                if (spoken_to := self._agents.get(peer)) is not None:  # one that was let go may be let go again
                    spoken_to.act(decode(data, AnyOrder))
                    if spoken_to.ended:
                        del self._agents[peer]
            case ObserveLoad(_, _, window_ns, duration_s):
                self._readings_ns = [window_ns - 1_000_000, window_ns, window_ns + to_ns(duration_s or 0.0)]
            case EndObserving(epoch):
                self._read(time.monotonic_ns())
                self._say(Surveyed(epoch))
            case Disband(epoch):
                self._agents.clear()
                self._say(Disbanded(epoch))

    def _read(self, at_ns: int) -> None:
        """All CPUs have been busy since they were switched on."""
        totals = struct.pack(f"<{_TOTALS}d", at_ns / 1e9, 0, 0, 0, 0) * AGENTS
        self._say(CpuReading(self._epoch, at_ns, tuple(range(AGENTS)), totals, 0.0, None))

    def _say_of(self, peer: bytes, notice: AnyNotice) -> None:
        self._say(FromAgent(self._epoch, peer, encode(notice)))

    def _say(self, notice: AnyHostNotice) -> None:
        while not self._link.send(notice):
            self._link.wait(_TURN_S)
            for order in self._link.messages():
                self._act(order)


if __name__ == "__main__":
    raise SystemExit(report(measure(parse(__doc__, SECONDS, RUNS))))
