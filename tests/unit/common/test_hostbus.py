"""Two real ends over loopback: who is let in, what arrives, and what becomes of it when connections end."""

import contextlib
import secrets
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

import pytest
import zmq

from ovbench.common.endpoint import tcp_endpoint
from ovbench.common.errors import UsageError
from ovbench.common.hostbus import HostHub
from ovbench.common.hostlink import HostLink
from ovbench.common.hostmessages import (
    AnyHostNotice,
    AnyHostOrder,
    Born,
    Died,
    Disband,
    ForeignHost,
    FromAgent,
    Ping,
    Pong,
    Refuse,
)
from ovbench.common.join import Join
from ovbench.common.keys import Keys, new_keys
from ovbench.common.messages import MAX_MESSAGE_BYTES
from ovbench.common.wire import BadMessage
from ovbench.common.zmtp import GREETING_BYTES, SERVER_GREETING
from tests.process.driver import PATIENCE_S

OWN: Final = new_keys()
A: Final = new_keys()
B: Final = new_keys()
Got = tuple[str, AnyHostNotice | ForeignHost | BadMessage]


class Meeting:
    """A hub and its links, one thread for all of them."""

    def __init__(self) -> None:
        self.hub = HostHub("tcp://127.0.0.1:0", OWN, {A.public: "a", B.public: "b"})
        self.links: list[HostLink] = []
        self.notices: list[Got] = []
        self.orders: list[AnyHostOrder] = []

    def link(self, keys: Keys = A, coordinator: Keys = OWN, port: int | None = None) -> HostLink:
        host, own_port = self.hub.address
        endpoint = tcp_endpoint(host, port or own_port)
        link = HostLink(Join(endpoint, "a", coordinator.public, keys.public, keys.secret))
        self.links.append(link)
        return link

    def until(self, done: Callable[[], bool], patience_s: float = PATIENCE_S) -> bool:
        end_s = time.monotonic() + patience_s
        while not done() and time.monotonic() < end_s:
            for link in self.links:
                link.wait(0.002)
                self.orders += link.messages()
            self.hub.wait(0.002)
            self.notices += self.hub.messages(1000, 1 << 30)
        return done()

    def close(self) -> None:
        for link in self.links:
            link.close()
        self.hub.close()


@pytest.fixture
def meeting() -> Iterator[Meeting]:
    made = Meeting()
    yield made
    made.close()


def test_what_is_sent_before_there_is_a_connection_arrives_both_ways(meeting: Meeting) -> None:
    link = meeting.link()
    assert link.send(Born(0, 1, 2))
    assert meeting.hub.send("a", Disband(0))
    assert not link.send(Pong(1, 2, 3), urgent=True), "now or never"
    assert meeting.until(lambda: meeting.notices == [("a", Born(0, 1, 2))] and meeting.orders == [Disband(0)])
    assert link.send(Pong(1, 2, 3), urgent=True)
    assert meeting.hub.send("a", Ping(1, 2), urgent=True)
    assert meeting.until(lambda: len(meeting.notices) == len(meeting.orders) == 2)
    assert meeting.until(lambda: meeting.hub.unsent_bytes("a") == link.unsent_bytes == 0)
    assert meeting.hub.connected("a")
    assert not meeting.hub.connected("b")


def test_each_host_is_its_key_whatever_it_says(meeting: Meeting) -> None:
    for keys in (A, B):
        meeting.link(keys).send(Born(0, 1, 2))
    assert meeting.until(lambda: sorted(host for host, _ in meeting.notices) == ["a", "b"])


def test_a_host_may_be_expected_later(meeting: Meeting) -> None:
    late = new_keys()
    link = meeting.link(late)
    assert not meeting.until(lambda: link.connected, 0.1)
    meeting.hub.add_guests({late.public: "late"})
    assert meeting.until(lambda: link.connected)
    assert meeting.hub.connected("late")


@pytest.mark.parametrize(("keys", "coordinator"), [(new_keys(), OWN), (A, B), (Keys(A.public, A.secret), A)])
def test_who_has_another_key_or_takes_another_coordinator_is_kept_out(
    meeting: Meeting, keys: Keys, coordinator: Keys
) -> None:
    meeting.link(keys, coordinator).send(Born(0, 1, 2))
    assert meeting.until(lambda: meeting.hub.refused > 1)
    assert meeting.notices == []


def test_a_second_process_with_the_same_key_is_refused_also_when_the_first_is_gone(meeting: Meeting) -> None:
    first = meeting.link()
    first.send(Born(0, 1, 2))
    assert meeting.until(lambda: len(meeting.notices) == 1)
    second = meeting.link()
    second.send(Born(0, 3, 4))
    assert meeting.until(lambda: bool(second.refused))
    assert isinstance(meeting.orders[-1], Refuse)
    assert meeting.hub.connected("a")
    assert meeting.hub.refused == 1
    meeting.links.remove(first)
    first.close()
    third = meeting.link()
    assert meeting.until(lambda: bool(third.refused))
    assert len(meeting.notices) == 1


def test_nothing_is_taken_from_a_host_that_was_given_up(meeting: Meeting) -> None:
    link = meeting.link()
    assert meeting.until(lambda: link.connected)
    meeting.hub.forget("a")
    link.send(Born(0, 1, 2))
    assert meeting.until(lambda: "given this host up" in link.refused)
    assert not meeting.hub.send("a", Disband(0))
    assert not meeting.hub.connected("a")
    assert meeting.notices == []


def test_the_largest_message_of_an_agent_crosses(meeting: Meeting) -> None:
    largest = FromAgent(0, b"peer", secrets.token_bytes(MAX_MESSAGE_BYTES))
    meeting.link().send(largest)
    assert meeting.until(lambda: meeting.notices == [("a", largest)])


def test_who_sends_what_is_no_message_is_known_by_name_and_goes_on(meeting: Meeting) -> None:
    link = meeting.link()
    link._stream.offer(b"\xc1")
    link.send(Born(0, 1, 2))
    assert meeting.until(lambda: len(meeting.notices) == 2)
    (host, bad), (_, born) = meeting.notices
    assert (host, type(bad), born, meeting.hub.dropped) == ("a", BadMessage, Born(0, 1, 2), 1)


def test_a_supervisor_of_another_protocol_is_told_from_nonsense(meeting: Meeting) -> None:
    meeting.link()._stream.offer(b"\x83\xa4type\xa7present\xa7version\xcd\x03\xe7\xa3new\x01")
    assert meeting.until(lambda: meeting.notices == [("a", ForeignHost(999))])


def test_a_message_of_several_parts_is_dropped_and_its_connection_cut(meeting: Meeting) -> None:
    link = meeting.link()
    assert meeting.until(lambda: link.connected)
    link._socket.send_multipart([b"x" * 20] * 3)
    assert meeting.until(lambda: len(meeting.notices) == 1)
    assert meeting.hub.dropped == 1
    link.send(Born(0, 1, 2))
    assert meeting.until(lambda: len(meeting.notices) == 2), "it is a host of ours, and comes again"


class Line:
    """A TCP proxy in the same thread, which can be cut."""

    def __init__(self, to: tuple[str, int]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.port = int(self._listener.getsockname()[1])
        self._to = to
        self._pairs: list[tuple[socket.socket, socket.socket]] = []

    def pump(self) -> bool:
        with contextlib.suppress(BlockingIOError):
            while True:
                outer, _ = self._listener.accept()
                inner = socket.create_connection(self._to)
                outer.setblocking(False)
                inner.setblocking(False)
                self._pairs.append((outer, inner))
        for pair in list(self._pairs):
            for one, other in (pair, pair[::-1]):
                try:
                    data = one.recv(1 << 14)
                    if not data:
                        raise ConnectionAbortedError
                    other.setblocking(True)
                    other.sendall(data)
                    other.setblocking(False)
                except BlockingIOError:
                    continue
                except ConnectionError:
                    self._end(pair)
                    break
        return False

    def _end(self, pair: tuple[socket.socket, socket.socket]) -> None:
        self._pairs.remove(pair)
        for one in pair:
            one.close()

    def cut(self) -> None:
        for pair in list(self._pairs):
            self._end(pair)

    def close(self) -> None:
        self.cut()
        self._listener.close()


def test_what_was_under_way_when_a_connection_was_cut_arrives_once_by_the_next(meeting: Meeting) -> None:
    line = Line(meeting.hub.address)
    link = meeting.link(port=line.port)
    sent = 0
    for _ in range(8):
        for _ in range(40):
            link.send(Died(0, sent, "x" * 5_000))
            meeting.hub.send("a", Disband(sent))
            sent += 1
        before = len(meeting.notices)
        assert meeting.until(lambda before=before: line.pump() or len(meeting.notices) > before)  # type: ignore[misc]
        line.cut()
    assert meeting.until(lambda: line.pump() or len(meeting.notices) == len(meeting.orders) == sent)
    assert [notice.agent for _, notice in meeting.notices if isinstance(notice, Died)] == list(range(sent))
    assert meeting.orders == [Disband(number) for number in range(sent)]
    line.close()


def test_a_link_comes_back_after_bytes_that_no_hub_sends(meeting: Meeting, monkeypatch: pytest.MonkeyPatch) -> None:
    """libzmq itself gives such a connection up for good."""
    monkeypatch.setattr("ovbench.common.hostlink._REVIVE_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as false:
        port = int(false.getsockname()[1])
        link = meeting.link(port=port)
        link.wait(0.0)
        peer, _ = false.accept()
        peer.sendall(SERVER_GREETING + b"\x04\x07\x05ERROR\x00")
        with contextlib.suppress(ConnectionError):
            while peer.recv(1 << 12):
                pass
        peer.close()
        assert meeting.until(lambda: bool(select.select([false], [], [], 0)[0]))


def test_a_closed_end_has_delivered_its_last_word(meeting: Meeting) -> None:
    link = meeting.link()
    assert meeting.until(lambda: link.connected)
    meeting.hub.send("a", Disband(7))
    closing = threading.Thread(target=meeting.hub.close, args=(PATIENCE_S,))
    closing.start()
    while closing.is_alive():
        link.wait(0.01)
        meeting.orders += link.messages()
    assert meeting.orders == [Disband(7)]


def test_a_descriptor_wakes_either_end(meeting: Meeting) -> None:
    link = meeting.link()
    one, other = socket.socketpair()
    with one, other:
        meeting.hub.watch(one.fileno())
        link.watch(one.fileno())
        other.send(b"x")
        assert meeting.hub.wait(PATIENCE_S) == link.wait(PATIENCE_S) == {one.fileno()}


@pytest.mark.parametrize(
    "broken",
    [
        {"endpoint": "tcp://127.0.0.1:0"},
        {"coordinator_key": "~" * 40},
        {"public_key": B.public},
        {"secret_key": " " * 40},
    ],
)
def test_a_join_that_cannot_be_used_is_a_sentence(broken: dict[str, str]) -> None:
    whole = {
        "endpoint": "tcp://127.0.0.1:1",
        "host": "a",
        "coordinator_key": OWN.public,
        "public_key": A.public,
        "secret_key": A.secret,
    }
    with pytest.raises(UsageError) as caught:
        HostLink(Join(**(whole | broken)))  # type: ignore[arg-type]
    assert A.secret not in str(caught.value)


def test_an_address_that_cannot_be_had_is_an_error_with_the_reason(meeting: Meeting) -> None:
    host, port = meeting.hub.address
    with pytest.raises(OSError, match="in use"):
        HostHub(f"tcp://{host}:{port}", OWN, {})
    with pytest.raises(OSError, match="assign"):
        HostHub("tcp://192.0.2.1:0", OWN, {})


def test_libzmq_greets_as_the_gate_does_in_its_stead() -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    server = context.socket(zmq.ROUTER)
    server.set(zmq.CURVE_SERVER, 1)
    server.set(zmq.CURVE_SECRETKEY, OWN.secret.encode())
    port = server.bind_to_random_port("tcp://127.0.0.1")
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as peer:
        peer.sendall(SERVER_GREETING[:32] + bytes(32))
        greeting = b""
        while len(greeting) < GREETING_BYTES:
            greeting += peer.recv(GREETING_BYTES - len(greeting))
    server.close(0)
    context.term()
    assert greeting == SERVER_GREETING


def test_a_secret_is_in_no_text() -> None:
    assert OWN.secret not in repr(OWN)


def test_peers_without_a_key_are_cut_off_before_libzmq_sees_them(meeting: Meeting) -> None:
    plain: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
    plain.linger = 0
    plain.connect(tcp_endpoint(*meeting.hub.address))
    plain.send(b"x")
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", secrets.token_bytes(100)):
        with socket.create_connection(meeting.hub.address, timeout=PATIENCE_S) as peer:
            peer.sendall(garbage)
            with contextlib.suppress(ConnectionError):
                while peer.recv(4096):
                    pass
    assert meeting.until(lambda: meeting.hub.refused >= 3)
    plain.close()
    assert meeting.notices == []
