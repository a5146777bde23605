"""Other hosts on the command line: what is taken, and one sentence for what is not."""

from pathlib import Path

import pytest

from ovbench.common.errors import UsageError
from ovbench.coordinator.request.hosts import HostSpec
from ovbench.coordinator.request.remote import Remote
from ovbench.coordinator.request.request import Recorded
from tests.builders import request
from tests.trees import LAPTOP

BIND = ("--bind", "tcp://127.0.0.1:0")


def remote(*argv: str) -> Remote:
    found = request(*argv).launch.remote
    assert found is not None
    return found


def complaint(*argv: str) -> str:
    with pytest.raises(UsageError) as refused:
        request(*argv)
    return str(refused.value)


def test_hosts_are_reached_by_ssh_unless_something_else_is_said() -> None:
    assert request("--hosts", "a,b", *BIND).launch.launcher == "ssh"
    assert request("--hosts", "a,b", "--launcher", "external", *BIND).launch.launcher == "external"
    assert request().launch.remote is None


def test_hosts_have_their_own_numbers_of_agents_users_and_ports() -> None:
    assert remote("--hosts", "a,b=4,me@c:2222", *BIND).hosts == (
        HostSpec("a", "a"),
        HostSpec("b", "b", agents=4),
        HostSpec("c:2222", "c", "me", 2222),
    )


def test_a_file_names_hosts_as_well(tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    file.write_text("# the rack\na\nb=4\n")
    assert remote("--hosts-file", str(file), *BIND).hosts == remote("--hosts", "a,b=4", *BIND).hosts


def test_over_hosts_arrivals_are_dealt_in_turn_unless_something_else_is_said() -> None:
    assert request("--hosts", "a,b", *BIND, "--rate", "100").dispatch == "round-robin"
    assert request("--hosts", "a,b", *BIND, "--rate", "100", "--dispatch", "random").dispatch == "random"
    assert request("--rate", "100").dispatch == "shared"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("--hosts", "a"), "--bind tcp://ADDRESS:0"),
        (("--hosts", "a", "--bind", "ipc:///bus"), "--bind tcp://ADDRESS:0"),
        (("--hosts", "a", "--bind", "tcp://0.0.0.0:1"), "one address of this host"),
        (("--hosts", "a", "--bind", "tcp://[::]:1"), "one address of this host"),
        (("--hosts", "a", "--bind", "tcp://x:70000"), "is not a port"),
        (("--hosts", "", *BIND), "a host is empty"),
        (("--hosts", "a,a", *BIND), "is there twice"),
        (("--hosts", "a", "--hosts-file", "x", *BIND), "contradict each other"),
        (("--hosts-file", "no/such", *BIND), "cannot be read"),
        (("--launcher", "ssh", *BIND), "needs --hosts"),
        (("--hosts", "a", *BIND, "--rate", "5", "--dispatch", "shared"), "share memory"),
        (("--hosts", "a", *BIND, "--agent-python", "/x"), "--remote-python"),
        (("--hosts", "a", *BIND, "--advertise", "tcp://x"), "this is no address"),
        (("--hosts", "a", *BIND, "--ssh-config", "no/such"), "there is no such file"),
        (("--hosts", "a", *BIND, "--launcher", "external", "--install"), "--install is for --launcher ssh"),
        (("--install",), "--install is for other hosts"),
        (("--advertise", "x"), "--advertise is for other hosts"),
        (("--remote-python", "x"), "--remote-python is for other hosts"),
        (("--hosts", "a", *BIND, "--run-keys", "/x"), "--run-keys is for --launcher kubernetes; leave it out"),
        (("--launcher", "kubernetes", *BIND), "--launcher kubernetes needs --run-keys FILE"),
        (("--launcher", "kubernetes", *BIND, "--hosts", "a"), "--hosts and --launcher kubernetes contradict"),
        (("--launcher", "kubernetes", *BIND, "--advertise", "b"), "--advertise and --launcher kubernetes contradict"),
        (("--launcher", "kubernetes", *BIND, "--run-keys", "no/such"), "there is no such file"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(argv: tuple[str, ...], words: str) -> None:
    text = complaint(*argv)
    assert words in text
    assert "\n" not in text


def test_several_recorded_machines_have_the_names_of_hosts_or_of_their_folders(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        LAPTOP.write(folder)
    words = ("--dry-run", *(word for folder in folders for word in ("--sysfs", str(folder))))
    assert request(*words).sysfs == (Recorded("one", folders[0]), Recorded("two", folders[1]))
    assert request(*words, "--hosts", "a,b=3").sysfs == (Recorded("a", folders[0]), Recorded("b", folders[1], 3))
    assert request(*words, "--hosts", "a,b").launch.remote is None, "nothing is to be started"
    assert "these are 1 and 2" in complaint(*words, "--hosts", "a")
