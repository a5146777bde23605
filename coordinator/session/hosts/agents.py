"""The agents on other hosts as a session sees its agents: something to hear and to send by, and who starts them."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ovbench.common.clock import NS_PER_S
from ovbench.common.hostmessages import EndAgent
from ovbench.common.messages import AnyNotice, AnyOrder, Foreign
from ovbench.common.runfolder import run_folder
from ovbench.common.wire import BadMessage

from ...launch import Death
from ...machine.limits import Reserve
from ...plan.plan import Plan
from ..session import Bus
from .hosts import Hosts


@dataclass
class RemoteAgents:
    """An `AgentHub` and a `Launcher` at once. `plan`: of the run that comes next, to be set before it begins."""

    hosts: Hosts
    plan: Plan | None = None
    gives_places: bool = True
    fd: None = None

    @contextlib.contextmanager
    def bus(self) -> Iterator[Bus]:
        """For one run, or for several one after the other; in the end the hosts are let go."""
        with run_folder() as folder, contextlib.closing(Reserve()) as reserve:
            try:
                yield Bus(self, self, self.hosts.interrupts, folder, "", reserve)
            finally:
                self.hosts.dismiss()

    # To hear and to send by

    @property
    def dropped(self) -> int:
        return self.hosts.hub.dropped + self.hosts.dropped

    @property
    def refused(self) -> int:
        return self.hosts.hub.refused

    def wait(self, timeout_s: float) -> set[int]:
        until_s = (self.hosts.next_ns - self.hosts.clock()) / NS_PER_S
        ready = self.hosts.hub.wait(max(0.0, min(timeout_s, until_s)))
        self.hosts.tick()
        return ready

    def messages(self, most: int, most_bytes: int) -> Iterator[tuple[bytes, AnyNotice | Foreign | BadMessage]]:
        yield from self.hosts.spoken(most, most_bytes)

    def send(self, peer: bytes, order: AnyOrder) -> bool:
        return self.hosts.send_to(peer, order)

    def let_nobody_in(self) -> None:
        """Whoever has no key comes no further than the handshake anyway."""

    # Who starts them

    @property
    def ended(self) -> str:
        """A host that is lost does not come back; what would be run without it is not what was asked for."""
        used = self.hosts.hosts if self.plan is None else [h for h in self.hosts.hosts if self.plan.agents_on(h.index)]
        return next((f"host {host.name} is lost: {host.lost}" for host in used if host.lost), "")

    def start(self, agents: int, endpoint: str, folder: Path, python: str | None = None) -> None:
        assert self.plan is not None
        self.hosts.muster(self.plan, python)

    def deaths(self) -> Iterator[Death]:
        self.hosts.raise_failure()
        while self.hosts.deaths:
            yield self.hosts.deaths.popleft()

    def kill(self, agent: int) -> None:
        for host in self.hosts.living:
            if agent in host.agents:
                self.hosts.send(host, EndAgent(self.hosts.epoch, agent))

    def await_ends(self, timeout_s: float) -> None:
        self.hosts.disband(timeout_s)
        self.hosts.deaths.clear()
        self.hosts.rest()

    def abandon(self) -> None:
        self.hosts.launcher.abandon()

    def close(self, linger_s: float = 0.0) -> None:
        """Whoever opened the hosts closes them."""
