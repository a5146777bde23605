"""A stand-in for a coordinator over several hosts: a real bus, real supervisors, as much of a run as a test needs."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from ovbench.common.clock import monotonic_ns
from ovbench.common.hostbus import HostHub
from ovbench.common.hostmessages import (
    Admit,
    AnyHostNotice,
    AnyHostOrder,
    Born,
    Died,
    FromAgent,
    Muster,
    Ping,
    Pong,
    Present,
    ToAgent,
)
from ovbench.common.job import Job
from ovbench.common.join import Join, join_bytes
from ovbench.common.keys import Keys, new_keys
from ovbench.common.messages import (
    AnyNotice,
    AnyOrder,
    Delivered,
    Failed,
    Finished,
    Hello,
    Prepare,
    Ready,
    Release,
    Samples,
    Start,
    Warmed,
    WarmUp,
)
from ovbench.common.wire import decode, encode
from tests import spawned
from tests.process.driver import AGENT, PATIENCE_S

HEARTBEAT_S: Final = 0.25
LEASE_S: Final = 3.0
_LEAD_NS: Final = 100_000_000


@dataclass
class Agent:
    """What came of one. `count`: of its samples."""

    hello: Hello
    ready: Ready | None = None
    finished: Finished | None = None
    delivered: bool = False
    failed: Failed | None = None
    count: int = 0


@dataclass
class Host:
    """One supervisor, as a process of its own, and all that it has told."""

    name: str
    process: subprocess.Popen[bytes]
    keys: Keys
    told: list[AnyHostNotice] = field(default_factory=list)
    agents: dict[bytes, Agent] = field(default_factory=dict)
    pids: dict[int, int] = field(default_factory=dict)

    def all(self, kind: type[AnyHostNotice]) -> list[AnyHostNotice]:
        return [notice for notice in self.told if isinstance(notice, kind)]

    @property
    def done(self) -> bool:
        return bool(self.agents) and all(agent.delivered or agent.failed for agent in self.agents.values())

    @property
    def present(self) -> Present:
        (found,) = (notice for notice in self.told if isinstance(notice, Present))
        return found


class Bed:
    """`job_of`: what an agent is to do."""

    def __init__(self, job_of: Callable[[int], Job]) -> None:
        self._job_of = job_of
        self.keys = new_keys()
        self.hub = HostHub("tcp://127.0.0.1:0", self.keys, {})
        self.hosts: dict[str, Host] = {}
        self.epoch = 1
        self.number = 0
        self.pinged_ns = 0
        self.silent = False
        """Whether it says nothing any more."""

    def join_of(self, name: str, keys: Keys) -> bytes:
        address, port = self.hub.address
        return join_bytes(Join(f"tcp://{address}:{port}", name, self.keys.public, keys.public, keys.secret))

    def start(self, name: str, *options: str, stdout: int | None = None) -> Host:
        keys = new_keys()
        self.hub.add_guests({keys.public: name})
        process = spawned.Popen(
            [AGENT, "--host", "--join", "-", *options], stdin=subprocess.PIPE, stdout=stdout, stderr=subprocess.PIPE
        )
        assert process.stdin is not None
        process.stdin.write(self.join_of(name, keys))
        process.stdin.flush()
        self.hosts[name] = Host(name, process, keys)
        return self.hosts[name]

    def send(self, host: Host, order: AnyHostOrder) -> None:
        assert self.silent or self.hub.send(host.name, order)

    def order(self, host: Host, peer: bytes, order: AnyOrder) -> None:
        if not self.silent:
            self.hub.send(host.name, ToAgent(self.epoch, peer, encode(order)))

    def muster(self, host: Host, *agents: int, measured: tuple[int, ...] = (0,), python: str | None = None) -> None:
        self.send(host, Muster(self.epoch, agents, measured, (), python))

    def turn(self) -> None:
        """Hear what has come, and keep leases."""
        self.hub.wait(0.02)
        if not self.silent and monotonic_ns() - self.pinged_ns > HEARTBEAT_S * 1e9:
            self.pinged_ns = monotonic_ns()
            for host in self.hosts.values():
                self.number += 1
                self.hub.send(host.name, Ping(self.number, self.pinged_ns), urgent=True)
        for name, notice in self.hub.messages(1_000, 64 << 20):
            assert isinstance(notice, AnyHostNotice), notice
            self._hear(self.hosts[name], notice)

    def until(self, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not done():
            self.turn()
            assert time.monotonic() < deadline, {name: host.told[-3:] for name, host in self.hosts.items()}

    def for_s(self, length_s: float) -> None:
        deadline = time.monotonic() + length_s
        while time.monotonic() < deadline:
            self.turn()

    def _hear(self, host: Host, notice: AnyHostNotice) -> None:
        if not isinstance(notice, FromAgent | Pong):
            host.told.append(notice)
        match notice:
            case Present():
                self.send(host, Admit(HEARTBEAT_S, LEASE_S))
            case Born(agent=agent, pid=pid):
                host.pids[agent] = pid
            case Died(agent=agent):
                host.pids.pop(agent)
            case FromAgent(peer=peer, notice=data):
                self._hear_agent(host, peer, decode(data, AnyNotice))

    def _hear_agent(self, host: Host, peer: bytes, notice: AnyNotice) -> None:
        if isinstance(notice, Hello):
            if peer not in host.agents:
                host.agents[peer] = Agent(notice)
                assert notice.agent is not None
                job = self._job_of(notice.agent)
                self.order(host, peer, Prepare(notice.agent, job, HEARTBEAT_S, 600.0))
            return
        agent = host.agents[peer]
        match notice:
            case Ready():
                agent.ready = notice
                self.order(host, peer, WarmUp(monotonic_ns() + _LEAD_NS))
            case Warmed():
                self.order(host, peer, Start(monotonic_ns() + _LEAD_NS))
            case Finished():
                agent.finished = notice
            case Samples():
                agent.count += len(notice)
            case Delivered():
                agent.delivered = True
            case Failed():
                agent.failed = notice

    def release(self) -> None:
        for host in self.hosts.values():
            for peer in host.agents:
                self.order(host, peer, Release())

    def close(self) -> None:
        self.hub.close()
        for host in self.hosts.values():
            end(host.process)


def end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    process.wait()
    for stream in (process.stdin, process.stderr):
        if stream is not None:
            with suppress(BrokenPipeError):
                stream.close()


def kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
