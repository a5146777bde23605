"""Where the bus may be, and what happens to what is there already."""

import fcntl
import os
import socket
import stat
from pathlib import Path

import pytest

from ovbench.common.endpoint import checked, checked_tcp, host_and_port, listen, tcp_endpoint
from ovbench.common.errors import UsageError


def refused(endpoint: str) -> str:
    with pytest.raises(UsageError) as caught:
        checked(endpoint)
    return str(caught.value)


def test_a_folder_of_ones_own_will_do_and_links_to_it_are_resolved(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to("own")
    assert checked(f"ipc://{tmp_path}/own/bus") == f"ipc://{tmp_path}/own/bus"
    assert checked(f"ipc://{tmp_path}/link/bus") == f"ipc://{tmp_path}/own/bus"


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o777, 0o1777])
def test_a_folder_that_others_may_write_to_is_refused(mode: int, tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(mode)
    assert "others may write to" in refused(f"ipc://{folder}/bus")


@pytest.mark.parametrize(("mode", "fine"), [(0o1777, True), (0o777, False), (0o775, False), (0o755, True)])
def test_nobody_may_put_another_folder_in_its_place(mode: int, fine: bool, tmp_path: Path) -> None:
    parent, folder = tmp_path / "parent", tmp_path / "parent" / "own"
    parent.mkdir()
    folder.mkdir(mode=0o700)
    parent.chmod(mode)
    if fine:
        assert checked(f"ipc://{folder}/bus")
    else:
        assert "put another folder in the place of" in refused(f"ipc://{folder}/bus")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
@pytest.mark.parametrize("place", [".", ".."])
def test_a_folder_of_another_user_is_refused_and_so_is_one_in_it(place: str, tmp_path: Path) -> None:
    folder = tmp_path / "outer" / "inner"
    folder.mkdir(parents=True, mode=0o700)
    os.chown(folder / place, 12_345, 12_345)
    assert refused(f"ipc://{folder}/bus")


@pytest.mark.parametrize("name", ["nowhere/bus", "file/bus"])
def test_what_is_no_folder_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "mkdir -m 700" in refused(f"ipc://{tmp_path}/{name}")


@pytest.mark.parametrize(
    "endpoint", ["ipc://bus", "ipc://@bus", "ipc:///", "tcp://127.0.0.1:5555", "tcp://*:1", "bus", ""]
)
def test_any_other_address_is_refused(endpoint: str) -> None:
    assert "use ipc:///path/to/socket" in refused(endpoint)


def test_who_asks_for_a_port_hears_how_hosts_join() -> None:
    assert "ovbench-agent --host" in refused("tcp://127.0.0.1:5555")


@pytest.mark.parametrize(
    "bind", ["tcp://10.0.0.1:5555", "tcp://127.0.0.2:0", "tcp://[fd00::1]:1", "tcp://head-1.lan:7"]
)
def test_a_port_for_other_hosts_is_at_one_address(bind: str) -> None:
    assert checked_tcp(bind) == bind


@pytest.mark.parametrize(
    "bind",
    [
        "tcp://0.0.0.0:1", "tcp://*:1", "tcp://[::]:1", "tcp://0:1", "tcp://0x0:1", "tcp://:1", "tcp://[::ffff:0.0.0.0]:1",
        "tcp://a b:1", "10.0.0.1:5555", "ipc:///bus:1",
    ],
)  # fmt: skip
def test_a_port_at_all_addresses_is_refused(bind: str) -> None:
    with pytest.raises(UsageError, match="one address of this host"):
        checked_tcp(bind)


@pytest.mark.parametrize("bind", ["tcp://10.0.0.1", "tcp://10.0.0.1:65536", "tcp://10.0.0.1:http"])
def test_a_port_for_other_hosts_is_a_number(bind: str) -> None:
    with pytest.raises(UsageError, match="is not a port"):
        checked_tcp(bind)


def test_only_its_user_can_connect_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        listener = listen(f"ipc://{tmp_path}/bus")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "bus").stat().st_mode) == 0o600
    os.close(listener.fd)


def test_a_file_of_that_name_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "bus").write_text("precious")
    with pytest.raises(OSError, match="there is a file of that name"):
        listen(f"ipc://{tmp_path}/bus")
    assert (tmp_path / "bus").read_text() == "precious"


def test_a_link_of_that_name_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "bus").symlink_to("elsewhere")
    with pytest.raises(OSError, match="there is a file of that name"):
        listen(f"ipc://{tmp_path}/bus")
    assert (tmp_path / "bus").is_symlink()


def test_a_socket_at_which_somebody_listens_is_not_taken(tmp_path: Path) -> None:
    first = listen(f"ipc://{tmp_path}/bus")
    with pytest.raises(OSError, match="another coordinator listens there"):
        listen(f"ipc://{tmp_path}/bus")
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(str(tmp_path / "bus"))
    os.close(first.fd)


def test_a_socket_that_was_left_behind_is_replaced_and_ones_own_is_removed_in_the_end(tmp_path: Path) -> None:
    dead = listen(f"ipc://{tmp_path}/bus")
    os.close(dead.fd)
    alive = listen(f"ipc://{tmp_path}/bus")
    alive.remove()
    os.close(alive.fd)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_another_process_holds_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ovbench.common.endpoint._LOCK_NAP_S", 0.0)
    held = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    with pytest.raises(OSError, match="locked"):
        listen(f"ipc://{tmp_path}/bus")
    os.close(held)


def test_a_name_that_is_another_files_by_now_is_left_alone(tmp_path: Path) -> None:
    mine = listen(f"ipc://{tmp_path}/bus")
    (tmp_path / "bus").rename(tmp_path / "moved")
    (tmp_path / "bus").write_text("precious")
    mine.remove()
    os.close(mine.fd)
    assert (tmp_path / "bus").read_text() == "precious"


@pytest.mark.parametrize(
    ("endpoint", "found"),
    [
        ("tcp://127.0.0.1:5555", ("127.0.0.1", 5555)),
        ("tcp://[::1]:1", ("::1", 1)),
        ("tcp://localhost:65535", ("localhost", 65535)),
    ],
)
def test_a_port_has_a_host(endpoint: str, found: tuple[str, int]) -> None:
    assert host_and_port(endpoint) == found
    assert tcp_endpoint(*found) == endpoint


def test_port_0_is_any_that_is_free_where_that_will_do() -> None:
    assert host_and_port("tcp://127.0.0.1:0", least=0) == ("127.0.0.1", 0)


@pytest.mark.parametrize("port", ["", "x", "0", "65536", "-1", "*"])
def test_a_port_is_a_number(port: str) -> None:
    with pytest.raises(OSError, match="is not a port"):
        host_and_port(f"tcp://127.0.0.1:{port}")
