"""Both ends of the bus between hosts for soaks: a coordinator's in a process of its own, supervisors' in a thread.

A supervisor sends numbered notices, each with a checksum of what is in it, and gets an order for each. The coordinator
pings meanwhile.
"""

import contextlib
import ctypes
import json
import math
import random
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

import msgspec

from ovbench.common.clock import monotonic_ns
from ovbench.common.endpoint import tcp_endpoint
from ovbench.common.hostbus import HostHub
from ovbench.common.hostlink import HostLink
from ovbench.common.hostmessages import Disband, Disbanded, FromAgent, Ping, Pong
from ovbench.common.join import Join
from ovbench.common.keys import Keys, new_keys

PATIENCE_S: Final = 60.0
PING_EVERY_S: Final = 0.1
MOST: Final = 1_000
_CLONE_NEWNET: Final = 0x40000000
MOST_BYTES: Final = 8 << 20


class Outcome(msgspec.Struct):
    """What the coordinator's end has seen. `counts`: notices in order, by host. `strange`: what came and was neither
    the next notice of its host nor a pong. `longest_s`: of the round trips of pings. `peak_mb`: how much its memory
    has grown since it began to listen."""

    counts: dict[str, int] = {}
    strange: int = 0
    dropped: int = 0
    refused: int = 0
    longest_s: float = 0.0
    pongs: int = 0
    given_up_s: dict[str, float] = {}
    """By host: how long nothing had been heard of it when it was given up."""
    peak_mb: float = 0.0


@dataclass
class Coordinator:
    """A process. `own`: its keys; `keys`: those of the hosts that it knows."""

    own: Keys
    keys: Mapping[str, Keys]
    address: tuple[str, int]
    process: "subprocess.Popen[str]"

    def join(self, host: str, address: tuple[str, int] | None = None, own: Keys | None = None) -> Join:
        keys = own or self.keys[host]
        endpoint = tcp_endpoint(*(address or self.address))
        return Join(endpoint, host, self.own.public, keys.public, keys.secret)

    def end(self) -> Outcome:
        out, _ = self.process.communicate("", timeout=PATIENCE_S)
        return msgspec.json.decode(out.splitlines()[-1], type=Outcome)


@contextlib.contextmanager
def coordinator(
    hosts: Sequence[str],
    lease_s: float = PATIENCE_S,
    bind: str = "tcp://127.0.0.1:0",
    inside: Sequence[str] = (),
) -> Iterator[Coordinator]:
    """`lease_s`: a host that says nothing for so long is given up. `inside`: a command that runs the rest of its
    arguments elsewhere, as in another network namespace."""
    own, keys = new_keys(), {host: new_keys() for host in hosts}
    process = subprocess.Popen(
        [*inside, sys.executable, "-m", "scripts.endurance.hostends"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        guests = {of.public: host for host, of in keys.items()}
        process.stdin.write(json.dumps([lease_s, bind, own.public, own.secret, guests]) + "\n")
        process.stdin.flush()
        host, port = json.loads(process.stdout.readline())
        yield Coordinator(own, keys, (host, port), process)
    finally:
        process.kill()
        process.wait()


@dataclass
class Supervisor(threading.Thread):
    """Sends notices of these sizes, one every `every_s`, and takes an order for each, while it answers pings."""

    join_as: Join
    sizes: Sequence[int]
    every_s: float = 0.0
    namespace: str = ""
    orders: list[int] = field(default_factory=list)
    refused: str = ""
    problem: str = ""
    joined_s: float = math.inf
    """How long it took to be taken."""

    def __post_init__(self) -> None:
        super().__init__(daemon=True)
        self._over = threading.Event()

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        if self.namespace:
            _enter(self.namespace)
        link = HostLink(self.join_as)
        began_s = time.monotonic()
        sent, due_s, end_s = 0, time.monotonic(), time.monotonic() + PATIENCE_S
        while len(self.orders) < len(self.sizes) and not link.refused and not self._over.is_set():
            now_s = time.monotonic()
            if now_s > end_s:
                self.problem = f"{sent} of {len(self.sizes)} sent, {len(self.orders)} orders"
                break
            while sent < len(self.sizes) and due_s <= now_s and link.room:
                link.send(FromAgent(sent, b"agent", _checked(self.sizes[sent])))
                sent, due_s = sent + 1, due_s + self.every_s
            link.wait(0.02)
            if link.connected:
                self.joined_s = min(self.joined_s, time.monotonic() - began_s)
            self._take(link)
        self.refused = link.refused
        link.send(Disbanded(0))
        link.close(0.0 if self.refused or self._over.is_set() else 5.0)

    def _take(self, link: HostLink) -> None:
        for order in link.messages():
            if isinstance(order, Disband):
                self.orders.append(order.epoch)
            elif isinstance(order, Ping):
                link.send(Pong(order.number, order.sent_ns, monotonic_ns()), urgent=True)

    def leave(self) -> None:
        """As one that was killed."""
        self._over.set()
        self.join(PATIENCE_S)

    def result(self) -> str:
        """What went wrong; empty if every notice had its order, in turn."""
        self.join(PATIENCE_S)
        if self.problem or self.is_alive():
            return self.problem or "it does not end"
        return "" if self.orders == list(range(len(self.sizes))) else f"orders {self.orders[:20]}"


def _enter(namespace: str) -> None:
    """This thread, and those that it starts, as libzmq's are."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/run/netns/{namespace}") as where:
        if libc.setns(where.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {namespace}")


def _checked(size: int) -> bytes:
    data = random.Random(size).randbytes(size)
    return zlib.crc32(data).to_bytes(4, "big") + data


def _is_whole(data: bytes) -> bool:
    return data[:4] == zlib.crc32(data[4:]).to_bytes(4, "big")


def main() -> None:
    lease_s, bind, public, secret, guests = json.loads(sys.stdin.readline())
    hub = HostHub(bind, Keys(public, secret), guests)
    before_mb = _memory_mb("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    print(json.dumps(hub.address), flush=True)
    outcome = Outcome(counts=dict.fromkeys(guests.values(), 0))
    hub.watch(sys.stdin.fileno())
    _serve(hub, list(guests.values()), lease_s, outcome, sys.stdin)
    outcome.dropped, outcome.refused = hub.dropped, hub.refused
    outcome.peak_mb = _memory_mb("VmHWM") - before_mb
    hub.close(1.0)
    print(msgspec.json.encode(outcome).decode(), flush=True)


def _serve(hub: HostHub, hosts: Sequence[str], lease_s: float, outcome: Outcome, orders: IO[str]) -> None:
    pinged_s, number = 0.0, 0
    heard_s: dict[str, float] = {}
    done: set[str] = set()
    while orders.fileno() not in hub.wait(PING_EVERY_S):
        if time.monotonic() >= pinged_s + PING_EVERY_S:
            pinged_s, number = time.monotonic(), number + 1
            for host in hosts:
                hub.send(host, Ping(number, monotonic_ns()), urgent=True)
        for host, at_s in heard_s.items():
            if host not in outcome.given_up_s and host not in done and time.monotonic() > at_s + lease_s:
                outcome.given_up_s[host] = time.monotonic() - at_s
                hub.forget(host)
        for host, notice in hub.messages(MOST, MOST_BYTES):
            heard_s[host] = time.monotonic()
            if isinstance(notice, Pong):
                outcome.pongs += 1
                outcome.longest_s = max(outcome.longest_s, (monotonic_ns() - notice.sent_ns) / 1e9)
            elif isinstance(notice, FromAgent) and notice.epoch == outcome.counts[host] and _is_whole(notice.notice):
                outcome.counts[host] += 1
                hub.send(host, Disband(notice.epoch))
            elif isinstance(notice, Disbanded):
                done.add(host)
            else:
                outcome.strange += 1


def _memory_mb(what: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(what):
            return int(line.split()[1]) / 1024
    raise LookupError(what)


if __name__ == "__main__":
    main()
