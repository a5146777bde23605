"""The bus under abuse: whatever comes in on the socket is counted and dropped, and the run goes on."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
import zmq
from msgspec import structs

from ovbench.common.effective import FileDigest
from ovbench.common.messages import MAX_MESSAGE_BYTES, PROTOCOL_VERSION, Finished, Hello, Memory, Progress
from ovbench.common.wire import BadMessage, Hub, encode
from tests import spawned
from tests.builders import effective, ready
from tests.process.driver import AGENT, PATIENCE_S, Coordinator, Start

NULL = ("--backend", "null:1000", "-api", "sync", "--warmup", "0.2", "-niter", "1000")

NONCE = "0" * 32
FLOOD = """
import sys, zmq
peer = zmq.Context().socket(zmq.DEALER)
peer.connect(sys.argv[1])
while True:
    peer.send(b"hello")
"""


def external(start: Start, folder: Path, agents: int, *more: str) -> tuple[Coordinator, str]:
    endpoint = f"ipc://{folder}/bus"
    coordinator = start(*NULL, *more, "--launcher", "external", "--bind", endpoint, "--agents", str(agents))
    deadline = time.monotonic() + PATIENCE_S
    while not (folder / "bus").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return coordinator, endpoint


def test_garbage_is_counted_and_dropped(start: Start, tmp_path: Path) -> None:
    coordinator, endpoint = external(start, tmp_path, agents=1)
    context = zmq.Context()
    peer = context.socket(zmq.DEALER)
    peer.connect(endpoint)
    garbage = [
        b"",
        b"\xc1",
        b"hello",
        os.urandom(1000),
        msgspec.msgpack.encode({"type": "hello"}),
        msgspec.msgpack.encode({"type": "nonsense", "x": 1}),
        msgspec.msgpack.encode([[[]]] * 1000),
        b"\xdf\xff\xff\xff\xff" + b"\xc0" * 1000,  # a map that claims four billion entries
        encode(Hello(version=PROTOCOL_VERSION, pid=1, host="x", agent=0, nonce=NONCE))[:-1],
        encode(Progress(step=1, completed=1)),  # from nobody we know
    ]
    for data in garbage:
        peer.send(data)
    peer.send_multipart([b"two", b"parts"])
    peer.send(encode(Hello(version=PROTOCOL_VERSION + 1, pid=1, host="x", agent=None, nonce=NONCE)))
    assert peer.poll(1000 * PATIENCE_S), "it reads on, and has read all that came before"
    agent = spawned.Popen([AGENT, "--connect", endpoint])
    ran = coordinator.finish()
    context.destroy(linger=0)
    assert ran.code == 0
    assert ran.report["dropped_messages"] == len(garbage) + 1
    assert ran.report["throughput"]["count"] > 0
    assert agent.wait(PATIENCE_S) == 0


def test_peers_that_send_without_end_hold_up_nobody(start: Start, tmp_path: Path) -> None:
    """They are no agents, and faster than anybody could read, until the run has ended."""
    coordinator, endpoint = external(start, tmp_path, agents=1)
    flooding = [subprocess.Popen([sys.executable, "-c", FLOOD, endpoint]) for _ in range(2)]
    agent = spawned.Popen([AGENT, "--connect", endpoint])
    try:
        ran = coordinator.finish()
    finally:
        for flood in flooding:
            flood.kill()
            flood.wait()
    assert ran.code == 0
    assert ran.report["dropped_messages"] > 10_000
    assert ran.report["throughput"]["count"] == 1000
    assert agent.wait(PATIENCE_S) == 0


@pytest.mark.parametrize(("most", "most_bytes", "longest"), [(4, 1 << 20, 4), (100, 1, 1)], ids=["count", "bytes"])
def test_what_is_read_at_a_stretch_is_bounded(tmp_path: Path, most: int, most_bytes: int, longest: int) -> None:
    """By number, what is dropped among it, and by bytes, the message that goes beyond them the last."""
    hub = Hub(f"ipc://{tmp_path}/bus")
    context = zmq.Context()
    peer = context.socket(zmq.DEALER)
    peer.connect(f"ipc://{tmp_path}/bus")
    for _ in range(10):
        peer.send(encode(Progress(step=1, completed=1)))
        peer.send(b"garbage")
    turns: list[int] = []
    deadline = time.monotonic() + PATIENCE_S
    while sum(turns) < 20 and time.monotonic() < deadline:
        hub.wait(1.0)
        turns.append(len(list(hub.messages(most, most_bytes))))
    context.destroy(linger=0)
    hub.close()
    assert max(turns) <= longest
    assert (sum(turns), hub.dropped) == (20, 10)


def test_a_message_of_many_parts_is_dropped_a_stretch_at_a_time_and_the_next_one_is_read(tmp_path: Path) -> None:
    hub = Hub(f"ipc://{tmp_path}/bus")
    context = zmq.Context()
    peer = context.socket(zmq.DEALER)
    peer.connect(f"ipc://{tmp_path}/bus")
    peer.send_multipart([b"x"] * 5_500)
    peer.send_multipart([b"x"] * 3)
    peer.send(encode(Progress(step=1, completed=1)))
    heard: list[object] = []
    stretches = 0
    deadline = time.monotonic() + PATIENCE_S
    while len(heard) < 3 and time.monotonic() < deadline:
        hub.wait(1.0)
        heard += [message for _, message in hub.messages(100, 1 << 20)]
        stretches += 1
    context.destroy(linger=0)
    hub.close()
    assert [type(message) for message in heard] == [BadMessage, BadMessage, Progress]
    assert hub.dropped == 2
    assert stretches >= 6


def test_whole_messages_that_nobody_reads_wait_with_their_sender(tmp_path: Path) -> None:
    """By count: what libzmq takes of 64 full messages without a reader is by far not all of them."""
    hub = Hub(f"ipc://{tmp_path}/bus")
    context = zmq.Context()
    peer = context.socket(zmq.DEALER)
    peer.set(zmq.SNDHWM, 1)
    peer.set(zmq.SNDTIMEO, 1000)
    peer.connect(f"ipc://{tmp_path}/bus")
    sent = 0
    with contextlib.suppress(zmq.Again):
        for _ in range(64):
            peer.send(bytes(1 << 20))
            sent += 1
    context.destroy(linger=0)
    hub.close()
    assert 1 <= sent <= 24


def test_an_oversized_message_costs_its_sender_the_connection_and_nobody_else(start: Start, tmp_path: Path) -> None:
    coordinator, endpoint = external(start, tmp_path, agents=1)
    context = zmq.Context()
    peer = context.socket(zmq.DEALER)
    peer.connect(endpoint)
    peer.send(b"x" * (MAX_MESSAGE_BYTES + 1))
    agent = spawned.Popen([AGENT, "--connect", endpoint])
    ran = coordinator.finish()
    context.destroy(linger=0)
    assert ran.code == 0
    assert agent.wait(PATIENCE_S) == 0


def test_bytes_that_are_no_zeromq_do_no_harm(start: Start, tmp_path: Path) -> None:
    coordinator, endpoint = external(start, tmp_path, agents=1)
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(str(tmp_path / "bus"))
        raw.sendall(b"\xc1" + b"GET / HTTP/1.1\r\n\r\n" * 100)
    agent = spawned.Popen([AGENT, "--connect", endpoint])
    assert coordinator.finish().code == 0
    assert agent.wait(PATIENCE_S) == 0


def test_an_agent_that_speaks_another_version_is_sent_away(start: Start, tmp_path: Path) -> None:
    coordinator, endpoint = external(start, tmp_path, agents=1)
    context = zmq.Context()
    peer = context.socket(zmq.DEALER)
    peer.connect(endpoint)
    peer.send(encode(Hello(version=PROTOCOL_VERSION + 1, pid=1, host="x", agent=None, nonce=NONCE)))
    assert peer.poll(1000 * PATIENCE_S)
    reply = msgspec.msgpack.decode(peer.recv())
    assert reply["type"] == "reject"
    assert "protocol" in reply["reason"]
    agent = spawned.Popen([AGENT, "--connect", endpoint])
    assert coordinator.finish().code == 0
    context.destroy(linger=0)
    assert agent.wait(PATIENCE_S) == 0


def test_agents_that_have_read_different_models_are_not_measured(start: Start, tmp_path: Path) -> None:
    """With --check-outputs no, too: nothing else would see that one of them runs another model."""
    coordinator, endpoint = external(start, tmp_path, 2, "--check-outputs", "no")
    context = zmq.Context()
    for id, digest in enumerate(("a" * 64, "b" * 64)):
        peer = context.socket(zmq.DEALER)
        peer.connect(endpoint)
        peer.send(encode(Hello(version=PROTOCOL_VERSION, pid=1 + id, host="x", agent=id, nonce=f"{id:032x}")))
        assert peer.poll(1000 * PATIENCE_S)
        running = structs.replace(effective(), files=(FileDigest("model", "/m.bin", digest, 16),))
        peer.send(encode(ready(running)))
    ran = coordinator.finish()
    context.destroy(linger=0)
    assert ran.code == 2
    assert "the model file /m.bin of agent 1 is bbbbbbbbbbbb... (16 bytes), that of agent 0 aaaaaaaaaaaa..." in ran.err
    assert not list(tmp_path.glob("*results*/*")), "nothing was measured"


def test_messages_out_of_turn_are_dropped(start: Start, tmp_path: Path) -> None:
    """A peer that joins as an agent and then says things that cannot come yet: it is no agent's place to skip ahead."""
    coordinator, endpoint = external(start, tmp_path, agents=2)
    context = zmq.Context()
    peer = context.socket(zmq.DEALER)
    peer.connect(endpoint)
    peer.send(encode(Hello(version=PROTOCOL_VERSION, pid=1, host="x", agent=1, nonce=NONCE)))
    assert peer.poll(1000 * PATIENCE_S)
    early = Finished(0, 0, 0, (), Memory(0, 0, 0, 0), (), (), None)
    peer.send(encode(early))
    agent = spawned.Popen([AGENT, "--connect", endpoint])
    coordinator.wait_for("agent 1 (pid 1) is lost: nothing heard")
    ran = coordinator.finish()
    context.destroy(linger=0)
    assert ran.code == 3
    assert ran.report["dropped_messages"] >= 1
    assert [a["state"] for a in ran.report["agents"]] == ["ok", "lost"]
    assert agent.wait(PATIENCE_S) == 0


def test_a_second_coordinator_and_a_file_in_the_way_are_refused_and_nothing_is_left_behind(
    start: Start, tmp_path: Path
) -> None:
    coordinator, endpoint = external(start, tmp_path, agents=1)
    second = start(*NULL, "--launcher", "external", "--bind", endpoint, "--agents", "1").finish()
    assert second.code == 2
    assert second.err.count("\n") == 1
    assert f"--bind {endpoint}: another coordinator listens there" in second.err
    agent = spawned.Popen([AGENT, "--connect", endpoint])
    assert coordinator.finish().code == 0
    assert agent.wait(PATIENCE_S) == 0
    assert not (tmp_path / "bus").exists()
    (tmp_path / "bus").write_text("precious")
    third = start(*NULL, "--launcher", "external", "--bind", endpoint, "--agents", "1").finish()
    assert (third.code, (tmp_path / "bus").read_text()) == (2, "precious")


def test_an_agent_opens_no_file_that_its_owner_did_not_name(start: Start, tmp_path: Path) -> None:
    endpoint = f"ipc://{tmp_path}/bus"
    (tmp_path / "model.xml").write_text("<net/>")
    model = ("-m", str(tmp_path / "model.xml"))
    coordinator = start(*model, "--launcher", "external", "--bind", endpoint, "--agents", "1")
    agent = spawned.Popen([AGENT, "--connect", endpoint])
    ran = coordinator.finish()
    assert ran.code == 2
    assert f"-m {tmp_path}/model.xml: this agent was started by hand and opens no files" in ran.err
    agent.wait(PATIENCE_S)
