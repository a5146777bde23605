"""What the system lets a run have: checked before it starts, and kept in reserve while it goes on."""

import contextlib
import os
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ovbench.common.errors import UsageError
from ovbench.coordinator.machine.limits import Reserve, check_descriptors, check_limits, scarce


@contextlib.contextmanager
def descriptors(soft: int, hard: int | None = None) -> Iterator[None]:
    former = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, former[1] if hard is None else hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, former)


def test_the_limit_is_raised_as_far_as_it_may() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with descriptors(256):
        check_limits(300)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= min(hard, 1 << 16)


def refusal(agents: int, limit: int, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("resource.getrlimit", lambda which: (limit, limit))
    monkeypatch.setattr("resource.setrlimit", lambda which, limits: None)
    with pytest.raises(UsageError) as refused:
        check_limits(agents)
    return str(refused.value)


def test_too_few_descriptors_are_one_sentence_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    said = refusal(1, 20, monkeypatch)
    assert said == "a run with 1 agent needs 65 open files, and the limit is 20; raise it, ulimit -n 65"
    assert refusal(100, 128, monkeypatch).endswith("raise it, ulimit -n 164, or have at most 64 --agents")


def test_more_agents_than_there_is_memory_for_are_refused_with_how_many_there_may_be(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 2097152 kB\nMemAvailable: 1048576 kB\n")
    check_limits(128, tmp_path)
    with pytest.raises(UsageError) as refused:
        check_limits(129, tmp_path)
    assert str(refused.value) == (
        "a run with 129 agents needs 1.1 GB of memory, without any model, and 1.1 GB are to be had; "
        "have at most 128 --agents"
    )


def test_what_needs_more_descriptors_than_it_may_have_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with descriptors(256):
        check_descriptors(300, "a run over 100 hosts")
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 364
    monkeypatch.setattr("resource.getrlimit", lambda which: (256, 256))
    monkeypatch.setattr("resource.setrlimit", lambda which, limits: None)  # else it stays so for all tests that follow
    with pytest.raises(UsageError) as refused:
        check_descriptors(300, "a run over 100 hosts")
    assert str(refused.value) == (
        "a run over 100 hosts needs 364 open files, and the limit is 256; raise it, ulimit -n 364"
    )


def test_too_few_threads_are_one_sentence_and_those_that_were_tried_end(monkeypatch: pytest.MonkeyPatch) -> None:
    before = threading.active_count()
    real = threading.Thread.start

    def refuses(thread: threading.Thread) -> None:
        if threading.active_count() >= before + 3:
            raise RuntimeError("can't start new thread")
        real(thread)

    monkeypatch.setattr(threading.Thread, "start", refuses)
    with pytest.raises(UsageError, match=r"16 threads more than run now, and only 3 could be started.* ulimit -u"):
        check_limits(2)
    assert threading.active_count() == before


def test_what_is_in_reserve_can_be_used_once() -> None:
    taken: list[int] = []
    before = len(os.listdir("/proc/self/fd"))
    with descriptors(before + 20), contextlib.closing(Reserve()) as reserve:
        try:
            assert scarce()
            with contextlib.suppress(OSError):
                while True:
                    taken.append(os.open(os.devnull, os.O_RDONLY))
            assert scarce()
            assert reserve.give()
            os.close(os.open(os.devnull, os.O_RDONLY))
            assert not reserve.give()
        finally:
            for one in taken:
                os.close(one)
    assert not scarce()


HUB = """
import resource, sys
from ovbench.common.wire import Hub
from ovbench.coordinator.machine.limits import scarce
hub = Hub(sys.argv[1])
print("bound", flush=True)
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (80, hard))
for line in sys.stdin:
    if scarce():
        hub.let_nobody_in()
        print("nobody", flush=True)
        break
    print("go on", flush=True)
sys.stdin.readline()
open(sys.argv[0]).close()
"""


def test_nobody_else_can_connect_when_descriptors_are_scarce(tmp_path_factory: pytest.TempPathFactory) -> None:
    """libzmq aborts where it cannot accept a connection of an ipc:// socket."""
    folder = tmp_path_factory.mktemp("b")
    (folder / "hub.py").write_text(HUB)
    bus = str(folder / "bus")
    command = [sys.executable, str(folder / "hub.py"), f"ipc://{bus}"]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as hub,
        contextlib.ExitStack() as strangers,
    ):
        assert hub.stdin is not None
        assert hub.stdout is not None
        assert hub.stdout.readline() == "bound\n"
        said = "go on\n"
        while said == "go on\n":
            stranger = strangers.enter_context(socket.socket(socket.AF_UNIX))
            stranger.connect(bus)
            stranger.recv(1)  # the greeting: it has been accepted
            hub.stdin.write("\n")
            hub.stdin.flush()
            said = hub.stdout.readline()
        assert said == "nobody\n"
        with socket.socket(socket.AF_UNIX) as late, pytest.raises(FileNotFoundError):
            late.connect(bus)
        assert _stands(stranger)
        hub.stdin.close()
        assert hub.wait() == 0


def _stands(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        while connection.recv(64):
            continue
    except BlockingIOError:
        return True
    return False
