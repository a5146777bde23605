"""Runs over hosts that are reached by a real sshd each, which has one CPU where there are two."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

import ovbench
from ovbench.coordinator.session.events import Event, Snapshot
from tests.process.driver import ENDLESS, Ran, Start
from tests.sshd import Sshd, needs_sshd, sshd_environment, start_sshd

pytestmark = needs_sshd

NULL = ("--backend", "null:2000", "-api", "sync", "--agents", "1", "--warmup", "0.1")
NAMES = ("a", "b")


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[dict[str, Sshd]]:
    cpus = sorted(os.sched_getaffinity(0))
    with ExitStack() as ended_in_the_end:
        found = {}
        for number, name in enumerate(NAMES):
            folder = tmp_path / f"sshd-{name}"
            folder.mkdir()
            sshd = contextmanager(start_sshd)(folder, sshd_environment(), cpus[number % len(cpus)])
            found[name] = ended_in_the_end.enter_context(sshd)
        yield found


@pytest.fixture
def over_ssh(hosts: dict[str, Sshd], tmp_path: Path) -> tuple[str, ...]:
    """The flags that reach them, by aliases as a user has them."""
    config = tmp_path / "config"
    config.write_text("".join(_alias(name, sshd) for name, sshd in hosts.items()))
    reached = ("--hosts", ",".join(hosts), "--ssh-config", str(config), "--bind", "tcp://127.0.0.1:0")
    return (*reached, "--remote-python", sys.executable)


def _alias(name: str, sshd: Sshd) -> str:
    own = Path(sshd.config).read_text().removeprefix("Host *\n")
    return f"Host {name}\n  HostName 127.0.0.1\n  Port {sshd.port}\n{own}"


def test_a_run_has_both_hosts_and_their_agents_where_they_were_planned(
    over_ssh: tuple[str, ...], run: Callable[..., Ran]
) -> None:
    ran = run(*over_ssh, *NULL, "-t", "1")
    assert ran.code == 0, ran.err
    report = ran.report
    assert [host["name"] for host in report["hosts"]] == ["a", "b"]
    assert [agent["host"] for agent in report["agents"]] == ["a", "b"]
    for agent in report["agents"]:
        assert agent["placement"]["mask"] == agent["placement"]["requested"] == agent["cpus"]
    assert sum(host["throughput"]["count"] for host in report["hosts"]) == report["throughput"]["count"]


def test_a_run_from_python_has_both_hosts_and_ctrl_c_ends_it_with_what_they_measured(
    over_ssh: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    reached = dict(zip(("hosts", "ssh_config", "bind", "remote_python"), over_ssh[1::2], strict=True))
    handler = signal.getsignal(signal.SIGINT)
    stopped: list[Event] = []

    def stop(event: Event) -> None:
        if isinstance(event, Snapshot) and event.completed and not stopped:
            stopped.append(event)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(ovbench.Interrupted) as ended:
        ovbench.run(
            backend="null:2000", api="sync", agents=1, warmup_s=0.1, duration_s=600, hosts=reached["hosts"],
            ssh_config=reached["ssh_config"], bind=reached["bind"], remote_python=reached["remote_python"],
            on_event=stop,
        )  # fmt: skip
    report = ended.value.result
    assert [host.name for host in report.hosts] == ["a", "b"]
    assert report.throughput.count > 0
    assert report.status == "PARTIAL"
    assert signal.getsignal(signal.SIGINT) == handler
    assert capfd.readouterr() == ("", "")


def test_a_host_whose_connection_is_cut_is_lost_and_the_rest_is_kept(
    over_ssh: tuple[str, ...], hosts: dict[str, Sshd], start: Start
) -> None:
    coordinator = start(*over_ssh, *NULL, *ENDLESS)
    coordinator.wait_for("so far about")
    for pid in hosts["b"].sessions():
        os.kill(pid, signal.SIGKILL)
    coordinator.wait_for("b is lost")
    ran = coordinator.interrupt()
    report = ran.report
    assert [agent["state"] for agent in report["agents"]] == ["ok", "lost"]
    assert report["validity"]["status"] == "PARTIAL"
    assert report["hosts"][1]["throughput"] is None or report["hosts"][1]["throughput"]["count"] == 0


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--remote-python", "/no/such"), "host a: there is no such Python: /no/such; name a Python there, or the"),
        (("--hosts", "a,c.invalid"), "host c.invalid: there is no such host: "),
        (("--hosts", "a,127.0.0.1:1"), "host 127.0.0.1:1: connection refused at port 1: no sshd listens there"),
    ],
)
def test_a_host_that_cannot_take_part_is_one_sentence(
    more: tuple[str, ...], sentence: str, over_ssh: tuple[str, ...], run: Callable[..., Ran]
) -> None:
    ran = run(*over_ssh, *NULL, "-t", "1", *more)
    assert ran.code == 2
    assert ran.err.startswith("ovbench-coord: host ")
    assert sentence.removeprefix("host a") in ran.err
    assert ran.err.count("\n") == 1
