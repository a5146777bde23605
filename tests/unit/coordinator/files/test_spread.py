"""Which piece goes to whom: each is read once for all who keep up, and nobody waits for ever."""

from collections import Counter, deque
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovbench.coordinator.files.spread import Limits, Piece, Spread

CHUNK = 10
LIMITS = Limits(memory_bytes=80, again_bytes=20, patience_ns=1_000, gather_ns=500, chunk_bytes=CHUNK)


@dataclass
class Host:
    """`offsets`: what it wants; `credit` in bytes. What came waits in `queue` until it takes it."""

    offsets: dict[int, int]
    credit: int = 4 * CHUNK
    queue: deque[Piece] = field(default_factory=deque)
    got: list[Piece] = field(default_factory=list)


class Network:
    def __init__(self, sizes: list[int], hosts: list[Host], limits: Limits = LIMITS) -> None:
        self.sizes, self.hosts, self.limits = sizes, hosts, limits
        self.spread = Spread(sizes, limits)
        self.reads: Counter[Piece] = Counter()
        self.now_ns = 0
        for number in range(len(hosts)):
            self.spread.expect(number, 1)

    def join(self, *numbers: int) -> None:
        for number in numbers or range(len(self.hosts)):
            host = self.hosts[number]
            self.spread.want(number, host.offsets, host.credit, self.now_ns)
            self.spread.answered(number)
        self.pump()

    def pump(self) -> None:
        """All that can be done at this time; what was promised of memory and credit holds at every step."""
        while True:
            for send in self.spread.sends(self.now_ns):
                assert len(send.data) == self.spread.length(send.piece)
                self.hosts[send.host].queue.append(send.piece)
            for host in self.hosts:
                under_way = sum(map(self.spread.length, host.queue))
                assert under_way <= max(host.credit, CHUNK)
            piece = self.spread.read_next(self.now_ns)
            if piece is None:
                return
            self.reads[piece] += 1
            self.spread.have(piece, bytes(self.spread.length(piece)))
            most_bytes = self.limits.memory_bytes + self.limits.again_bytes + CHUNK * len(self.hosts)
            assert self.spread.memory_bytes <= most_bytes

    def take(self, number: int, most: int = 1) -> None:
        host = self.hosts[number]
        for _ in range(min(most, len(host.queue))):
            piece = host.queue.popleft()
            host.got.append(piece)
            self.spread.took(number, piece.file, piece.offset + self.spread.length(piece))
        self.pump()

    def wait(self, ns: int) -> None:
        self.now_ns += ns
        self.pump()

    def finish(self) -> None:
        while any(host.queue for host in self.hosts):
            for number in range(len(self.hosts)):
                self.take(number, 2)

    def wanted(self, host: Host) -> list[Piece]:
        return [
            Piece(file, at)
            for file, offset in sorted(host.offsets.items())
            for at in range(offset - offset % CHUNK, self.sizes[file], CHUNK)
        ]


def test_a_file_is_read_once_for_all_hosts() -> None:
    network = Network([95, 20], [Host({0: 0, 1: 0}) for _ in range(4)])
    network.join()
    network.finish()
    assert all(host.got == network.wanted(host) for host in network.hosts)
    assert set(network.reads.values()) == {1}
    assert network.spread.bytes_read == 115


def test_nothing_is_read_until_all_have_answered() -> None:
    network = Network([30], [Host({0: 0}), Host({0: 0})])
    network.join(0)
    assert not network.reads
    assert network.spread.waits
    network.join(1)
    network.finish()
    assert set(network.reads.values()) == {1}


def test_a_host_that_does_not_answer_is_not_waited_for_without_end() -> None:
    network = Network([30], [Host({0: 0}), Host({0: 0})])
    network.join(0)
    network.wait(LIMITS.gather_ns - 1)
    assert not network.reads
    network.wait(1)
    network.finish()
    assert network.hosts[0].got == network.wanted(network.hosts[0])


def test_a_host_that_is_lost_is_not_waited_for() -> None:
    network = Network([30], [Host({0: 0}), Host({0: 0})])
    network.join(0)
    network.spread.lost(1)
    network.pump()
    assert network.hosts[0].queue


def test_whoever_is_ahead_waits_for_one_that_is_slower_and_nothing_is_read_again() -> None:
    network = Network([1000], [Host({0: 0}), Host({0: 0})])
    network.join()
    for _ in range(50):
        network.take(0, 3)
        network.wait(10)
        network.take(1, 1)
    network.finish()
    assert all(host.got == network.wanted(host) for host in network.hosts)
    assert set(network.reads.values()) == {1}


def test_one_that_stands_still_is_left_behind_and_served_later() -> None:
    network = Network([1000], [Host({0: 0}), Host({0: 0}), Host({0: 0})])
    network.join()
    for _ in range(200):
        network.take(0, 4)
        network.take(1, 4)
        network.wait(20)
    quick, other, slow = network.hosts
    assert quick.got == network.wanted(quick)
    assert other.got == network.wanted(other)
    assert max(network.reads.values()) == 1, "for it nothing was read so far"
    network.finish()
    assert slow.got == network.wanted(slow)
    assert sum(count - 1 for count in network.reads.values()) == 96, "all but the four that were under way to it"


def test_two_that_are_behind_at_the_same_place_share_what_is_read_again() -> None:
    network = Network([1000], [Host({0: 0}), Host({0: 0}), Host({0: 0})])
    network.join(0)
    network.wait(LIMITS.gather_ns)
    while len(network.hosts[0].got) < 100:
        network.take(0, 4)
    network.join(1, 2)
    network.finish()
    assert all(host.got == network.wanted(host) for host in network.hosts)
    assert max(network.reads.values()) == 2


def test_one_that_comes_late_does_not_hold_up_the_others() -> None:
    network = Network([1000], [Host({0: 0}), Host({0: 0})])
    network.join(0)
    network.wait(LIMITS.gather_ns)
    network.take(0, 4)
    network.take(0, 4)
    network.join(1)
    while network.hosts[0].queue:
        network.take(0, 4)
    assert network.hosts[0].got == network.wanted(network.hosts[0])


def test_one_that_catches_up_is_among_the_others_again() -> None:
    network = Network([1000], [Host({0: 0}), Host({0: 0})])
    network.join(0)
    network.wait(LIMITS.gather_ns)
    for _ in range(5):
        network.take(0, 4)
    network.join(1)
    for _ in range(40):
        network.take(1, 4)
        network.take(0, 1)
    network.finish()
    assert all(host.got == network.wanted(host) for host in network.hosts)
    again = sum(count - 1 for count in network.reads.values())
    assert 0 < again < 50


def test_after_a_reconnect_a_host_goes_on_where_it_was() -> None:
    network = Network([200], [Host({0: 0})])
    network.join()
    network.take(0, 4)
    host = network.hosts[0]
    taken = len(host.got) * CHUNK
    host.queue.clear()
    network.spread.lost(0)
    network.spread.want(0, {0: taken + 3}, host.credit, network.now_ns)
    network.pump()
    network.finish()
    assert host.got == network.wanted(host), "from the beginning of the piece that it has a part of"


def test_a_wish_for_what_is_not_there_is_no_wish() -> None:
    network = Network([30, 0], [Host({0: 30, 1: 0})])
    network.join()
    assert not network.reads
    assert not network.hosts[0].queue


@pytest.mark.parametrize("lost", [0, 1])
def test_what_is_kept_for_a_host_goes_with_it(lost: int) -> None:
    network = Network([500], [Host({0: 0}), Host({0: 0})])
    network.join()
    network.take(1 - lost, 4)
    network.hosts[lost].queue.clear()
    network.spread.lost(lost)
    network.finish()
    assert network.spread.memory_bytes == 0
    assert network.hosts[1 - lost].got == network.wanted(network.hosts[1 - lost])


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_whatever_the_pace_everybody_gets_all_in_order(data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(1, 300), min_size=1, max_size=4))
    offsets = st.dictionaries(st.integers(0, len(sizes) - 1), st.sampled_from([0, 0, 0, 55, 120]), min_size=1)
    hosts = [
        Host({file: min(at, sizes[file] - 1) for file, at in data.draw(offsets).items()}, data.draw(st.integers(1, 60)))
        for _ in range(data.draw(st.integers(1, 4)))
    ]
    network = Network(sizes, hosts)
    waiting = list(range(len(hosts)))
    for _ in range(data.draw(st.integers(0, 60))):
        number = data.draw(st.integers(0, len(hosts) - 1))
        match data.draw(st.sampled_from(["take", "take", "take", "join", "wait"])):
            case "take":
                network.take(number, data.draw(st.integers(1, 6)))
            case "join" if number in waiting:
                waiting.remove(number)
                network.join(number)
            case "wait":
                network.wait(data.draw(st.integers(1, 600)))
    for number in waiting:
        network.join(number)
    network.wait(LIMITS.gather_ns)
    network.finish()
    assert all(host.got == network.wanted(host) for host in hosts)
    assert network.spread.memory_bytes == 0
    assert not network.spread.waits


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_while_no_time_passes_nothing_is_read_twice(data: st.DataObject) -> None:
    """Time alone has anybody left behind, of those that begin at the same place."""
    sizes = data.draw(st.lists(st.integers(1, 400), min_size=1, max_size=3))
    hosts = [Host(dict.fromkeys(range(len(sizes)), 0), data.draw(st.integers(1, 60))) for _ in range(3)]
    network = Network(sizes, hosts)
    network.join()
    for number in data.draw(st.lists(st.integers(0, 2), max_size=60)):
        network.take(number, 3)
    network.finish()
    assert set(network.reads.values()) == {1}
    assert all(host.got == network.wanted(host) for host in hosts)
