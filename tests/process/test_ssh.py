"""The launcher beside a real sshd; a small script stands for the supervisor, see `supervisorstandin`."""

import json
import os
import select
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ovbench.coordinator.launch import HostEnd, Seat
from ovbench.coordinator.launch.ssh import SshLauncher
from ovbench.coordinator.launch.sshcommand import Ssh
from ovbench.coordinator.request.hosts import HostSpec
from tests import supervisorstandin
from tests.sshd import Sshd, needs_sshd, sshd_environment, start_sshd

pytestmark = needs_sshd

ENDS_WITHIN_S = 4.0
PATIENCE_S = 20.0
SECRET = "an-unlikely-secret"


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    folder = tmp_path / "sshd"
    folder.mkdir()
    yield from start_sshd(folder, sshd_environment(CONFINED="1"))


@pytest.fixture
def standin(tmp_path: Path) -> Path:
    """What --remote-python names: a program that takes the supervisor's arguments."""
    program = tmp_path / "stand in" / "python"  # with a blank
    program.parent.mkdir()
    words = map(shlex.quote, (sys.executable, supervisorstandin.__file__, str(program.parent)))
    program.write_text(f'#!/bin/sh\nexec {" ".join(words)} "$@"\n')
    program.chmod(0o755)
    return program


@dataclass(frozen=True)
class Joined:
    """A supervisor that has its join."""

    pid: int
    join: str
    argv: list[str]
    environ: dict[str, str]
    child: int

    def gone(self) -> bool:
        return not _runs(self.pid) and not _runs(self.child)


Launch = Callable[..., SshLauncher]


@pytest.fixture
def launch(sshd: Sshd, standin: Path) -> Iterator[Launch]:
    """Starts supervisors on hosts of this sshd, 127.0.0.1 by itself."""
    launchers = []

    def start(*hosts: HostSpec, ssh: Ssh | None = None, python: str | None = None) -> SshLauncher:
        some = hosts or (sshd.host(),)
        launcher = SshLauncher(some, ssh or sshd.ssh, python or str(standin))
        launchers.append(launcher)
        launcher.start([Seat(host.name, f"{SECRET} of {host.name}\n".encode()) for host in some])
        return launcher

    yield start
    for launcher in launchers:
        launcher.close()


def joined(standin: Path, launcher: SshLauncher, number: int = 1) -> list[Joined]:
    """Of so many supervisors, in no order."""
    deadline = time.monotonic() + PATIENCE_S
    while len(files := sorted(standin.parent.glob("join-*"))) < number:
        assert list(launcher.ends()) == []
        assert time.monotonic() < deadline
        select.select([launcher.fd], [], [], 0.05)
    return [Joined(int(file.name.removeprefix("join-")), **json.loads(file.read_text())) for file in files]


def ends(launcher: SshLauncher, number: int = 1) -> list[HostEnd]:
    """The first so many, as they come; the descriptor says when."""
    found: list[HostEnd] = []
    deadline = time.monotonic() + PATIENCE_S
    while len(found) < number:
        assert select.select([launcher.fd], [], [], deadline - time.monotonic())[0]
        found += launcher.ends()
    return found


def await_gone(*supervisors: Joined) -> None:
    deadline = time.monotonic() + ENDS_WITHIN_S
    while not all(one.gone() for one in supervisors):
        assert time.monotonic() < deadline, "something is left on a host"
        time.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def test_supervisors_on_two_hosts_get_their_own_joins(launch: Launch, sshd: Sshd, standin: Path) -> None:
    launcher = launch(sshd.host("127.0.0.1"), sshd.host("127.0.0.2"))
    both = joined(standin, launcher, 2)
    assert {one.join for one in both} == {f"{SECRET} of 127.0.0.{n}:{sshd.port}\n" for n in (1, 2)}
    assert {tuple(one.argv) for one in both} == {("-m", "ovbench.agent.cli", "--host", "--join", "-")}
    launcher.close()
    await_gone(*both)


def test_the_secret_is_in_no_argument_and_in_no_environment(launch: Launch, standin: Path) -> None:
    launcher = launch()
    (supervisor,) = joined(standin, launcher)
    assert SECRET in supervisor.join
    assert supervisor.environ["PYTHONSAFEPATH"] == "1"
    marked = [pid for pid in os.listdir("/proc") if pid.isdigit() and int(pid) != os.getpid()]
    for pid in marked:
        for name in ("cmdline", "environ"):
            try:
                assert SECRET.encode() not in Path(f"/proc/{pid}/{name}").read_bytes()
            except OSError:
                continue


def test_a_supervisor_ends_when_it_is_asked_to(launch: Launch, sshd: Sshd, standin: Path) -> None:
    launcher = launch()
    supervisors = joined(standin, launcher)
    launcher.end(sshd.host().name)
    await_gone(*supervisors)
    assert ends(launcher) == [HostEnd(sshd.host().name, "it was ended from here")]


def test_a_host_can_be_started_again(launch: Launch, sshd: Sshd, standin: Path) -> None:
    launcher = launch()
    first = joined(standin, launcher)
    launcher.end(sshd.host().name)
    ends(launcher)
    launcher.start([Seat(sshd.host().name, b"again\n")])
    assert {one.join for one in joined(standin, launcher, 2)} == {first[0].join, "again\n"}


def kill_ssh(sshd: Sshd, launcher: SshLauncher, supervisor: Joined) -> None:
    for courier in launcher._couriers.running.values():
        os.kill(courier.pid, signal.SIGKILL)


def kill_sshd(sshd: Sshd, launcher: SshLauncher, supervisor: Joined) -> None:
    for pid in sshd.sessions():
        os.kill(pid, signal.SIGKILL)


def kill_supervisor(sshd: Sshd, launcher: SshLauncher, supervisor: Joined) -> None:
    os.kill(supervisor.pid, signal.SIGKILL)


@pytest.mark.parametrize(
    ("kill", "how"),
    [
        (kill_ssh, "its ssh was killed by SIGKILL"),
        (kill_sshd, "its connection was lost: Connection to 127.0.0.1 closed by remote host"),
        (kill_supervisor, "its supervisor was killed there"),
    ],
)
def test_whatever_is_killed_on_the_way_nothing_is_left(
    kill: Callable[[Sshd, SshLauncher, Joined], None], how: str, launch: Launch, sshd: Sshd, standin: Path
) -> None:
    launcher = launch()
    (supervisor,) = joined(standin, launcher)
    kill(sshd, launcher, supervisor)
    await_gone(supervisor)
    assert ends(launcher) == [HostEnd(sshd.host().name, how)]


def test_nothing_is_left_when_the_launcher_is_abandoned(launch: Launch, sshd: Sshd, standin: Path) -> None:
    launcher = launch(sshd.host("127.0.0.1"), sshd.host("127.0.0.2"))
    both = joined(standin, launcher, 2)
    launcher.abandon()
    await_gone(*both)


STARTER = """
import sys, time
from ovbench.coordinator.launch import Seat
from ovbench.coordinator.launch.ssh import SshLauncher
from ovbench.coordinator.launch.sshcommand import Ssh
from ovbench.coordinator.request.hosts import parse_hosts
config, hosts, python = sys.argv[1:]
specs = parse_hosts("--hosts", hosts)
launcher = SshLauncher(specs, Ssh(config), python)
launcher.start([Seat(host.name, b"secret\\n") for host in specs])
while True:
    assert list(launcher.ends()) == []
    time.sleep(0.01)
"""


def test_nothing_is_left_when_the_coordinator_is_killed(sshd: Sshd, standin: Path) -> None:
    """One of its hosts is one that never answers, so that its ssh is still connecting."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        hosts = f"127.0.0.1:{sshd.port},127.0.0.2:{sshd.port},127.0.0.1:{port}"
        starter = subprocess.Popen([sys.executable, "-c", STARTER, sshd.config, hosts, str(standin)])
        deadline = time.monotonic() + PATIENCE_S
        while len(files := list(standin.parent.glob("join-*"))) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        both = [Joined(int(file.name.removeprefix("join-")), **json.loads(file.read_text())) for file in files]
        children = Path(f"/proc/{starter.pid}/task/{starter.pid}/children").read_text().split()
        assert len(children) == 3
        starter.kill()
        starter.wait()
        await_gone(*both)
        assert [pid for pid in children if _runs(int(pid))] == []


def test_a_deaf_supervisor_does_not_keep_the_launcher_from_closing(launch: Launch, standin: Path) -> None:
    launcher = launch()
    (supervisor,) = joined(standin, launcher)
    os.kill(supervisor.pid, signal.SIGSTOP)
    begun = time.monotonic()
    launcher.close()
    assert time.monotonic() - begun < ENDS_WITHIN_S
    os.kill(supervisor.pid, signal.SIGCONT)
    await_gone(supervisor)


def how(launcher: SshLauncher) -> str:
    (end,) = ends(launcher)
    return end.how


def test_an_unknown_host_key_is_one_sentence_that_says_what_to_run(launch: Launch, sshd: Sshd, tmp_path: Path) -> None:
    (sshd.folder / "known_hosts").write_text("")
    by_hand = f"ssh -F {sshd.config} -p {sshd.port} 127.0.0.1 true"
    assert how(launch()) == (
        f"its host key is not known here; run: {by_hand}, and compare the fingerprint before you say yes"
    )
    strict = tmp_path / "strict"
    strict.write_text(Path(sshd.config).read_text() + "  StrictHostKeyChecking yes\n")
    assert "; run: ssh -o StrictHostKeyChecking=ask -F " in how(launch(ssh=Ssh(str(strict))))


def test_a_host_key_that_has_changed_is_said_with_the_way_to_remove_it(launch: Launch, sshd: Sshd) -> None:
    other = (sshd.folder / "user.pub").read_text()
    (sshd.folder / "known_hosts").write_text(f"[127.0.0.1]:{sshd.port} {other}")
    said = how(launch())
    assert said.startswith("its host key is not the one that is known: somebody else may be answering; ")
    assert f'run: ssh-keygen -f "{sshd.folder}/known_hosts" -R "[127.0.0.1]:{sshd.port}"' in said


def test_who_is_not_let_in_is_told_how_to_be(launch: Launch, sshd: Sshd) -> None:
    (sshd.folder / "authorized_keys").write_text("")
    said = how(launch(sshd.host(user="nobody")))
    assert said.startswith("permission denied (publickey) for nobody@127.0.0.1: a key has to let you in")
    assert f"ssh -F {sshd.config} -p {sshd.port} -l nobody 127.0.0.1 true" in said


def test_hosts_that_are_not_there_are_told_apart(launch: Launch, sshd: Sshd) -> None:
    assert how(launch(HostSpec("no-such-host.invalid", "no-such-host.invalid"))).startswith("there is no such host: ")
    assert how(launch(HostSpec("127.0.0.1:1", "127.0.0.1", port=1))) == (
        "connection refused at port 1: no sshd listens there; give its port, as in 127.0.0.1:2222"
    )


def test_a_configuration_that_ssh_does_not_take_is_said(launch: Launch, tmp_path: Path) -> None:
    assert how(launch(ssh=Ssh("/no/such"))) == (
        "ssh does not take its configuration: Can't open user config file /no/such: No such file or directory"
    )
    (tmp_path / "bad").write_text("NoSuchWord yes\n")
    assert "Bad configuration option: nosuchword" in how(launch(ssh=Ssh(str(tmp_path / "bad"))))


def test_a_python_that_is_not_there_or_has_no_ovbench_is_said(launch: Launch, tmp_path: Path) -> None:
    assert how(launch(python="/no/such/python")) == (
        "there is no such Python: /no/such/python; name a Python there, or the folder of a virtual environment"
    )
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    assert how(launch(python=str(tmp_path / "bare"))) == (
        f"{tmp_path}/bare has no ovbench; name one that has it with --remote-python, or give --install, which puts it "
        "there"
    )


def test_a_sentence_of_the_supervisor_is_the_sentence(launch: Launch, standin: Path) -> None:
    (standin.parent / "words").write_text("ovbench-agent: --model-cache /x: \x1b[31mit cannot be written")
    assert how(launch()) == "--model-cache /x: \\x1b[31mit cannot be written"


def test_a_python_is_found_in_the_home_of_the_host(
    launch: Launch, sshd: Sshd, standin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    relative = os.path.relpath(standin, Path.home())
    (supervisor,) = joined(standin, launch(python=f"~/{relative}"))
    assert not supervisor.gone()


def test_what_a_user_has_configured_for_sessions_by_hand_does_not_get_in_the_way(
    launch: Launch, sshd: Sshd, standin: Path, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    theirs = (
        "RequestTTY force", "ControlMaster auto", f"ControlPath {tmp_path}/control", "ControlPersist 60",
        "ForwardAgent yes", f"LocalForward {sshd.port + 1} localhost:1", "RemoteCommand sleep 5",
        "PermitLocalCommand yes", f"LocalCommand touch {tmp_path}/local", "BatchMode no", "LogLevel QUIET",
    )  # fmt: skip
    config.write_text(Path(sshd.config).read_text() + "".join(f"  {line}\n" for line in theirs))
    launcher = launch(ssh=Ssh(str(config)))
    (supervisor,) = joined(standin, launcher)
    assert supervisor.join == f"{SECRET} of {sshd.host().name}\n"
    assert "SSH_AUTH_SOCK" not in supervisor.environ
    assert "SSH_TTY" not in supervisor.environ
    assert list(tmp_path.glob("control*")) == list(tmp_path.glob("local")) == []
    (sshd.folder / "authorized_keys").write_text("")
    (end,) = ends(launch(sshd.host("127.0.0.2"), ssh=Ssh(str(config))))
    assert end.how.startswith("permission denied"), "it says why although it was told to be quiet"


def test_the_option_of_a_user_for_a_host_is_respected(
    launch: Launch, sshd: Sshd, standin: Path, tmp_path: Path
) -> None:
    """An alias with port and name, as ~/.ssh/config has them."""
    config = tmp_path / "aliases"
    config.write_text(f"Host cell\n  HostName 127.0.0.3\n  Port {sshd.port}\n{Path(sshd.config).read_text()}")
    launcher = launch(HostSpec("cell", "cell"), ssh=Ssh(str(config)))
    (supervisor,) = joined(standin, launcher)
    assert supervisor.join == f"{SECRET} of cell\n"
