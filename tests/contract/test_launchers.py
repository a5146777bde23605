"""A launcher is a row of the command line's table and one of the table of those who start agents."""

import inspect
import shutil

import pytest

from ovbench.common.errors import UsageError
from ovbench.coordinator.launch import HostLauncher, Launcher
from ovbench.coordinator.launch.registry import HOST_MAKERS, MAKERS, make_host_launcher, make_launcher
from ovbench.coordinator.request.launchers import LAUNCHERS, NAMES
from tests.builders import request

AGENTS = tuple(name for name in NAMES if not LAUNCHERS[name].engine)
ENGINES = tuple(name for name in NAMES if LAUNCHERS[name].engine)


def asked(name: str) -> tuple[str, ...]:
    """A command line that has what this launcher needs."""
    if LAUNCHERS[name].engine:
        hosts = {"ssh": ("--hosts", "a,b=3"), "kubernetes": ("--run-keys", __file__)}.get(name, ())
        return ("--launcher", name, *hosts, "--bind", "tcp://127.0.0.1:0")
    by_hand = ("--bind", "ipc:///bus", "--agents", "1") if LAUNCHERS[name].by_hand else ()
    return ("--launcher", name, *by_hand)


def test_every_launcher_that_can_be_asked_for_is_there_and_no_other() -> None:
    assert (*MAKERS, *(name for name in HOST_MAKERS if name not in MAKERS)) == NAMES
    assert {name for name in NAMES if LAUNCHERS[name].engine} == set(HOST_MAKERS) - set(MAKERS)


@pytest.mark.parametrize("name", AGENTS)
def test_a_launcher_is_what_its_row_says(name: str) -> None:
    row = LAUNCHERS[name]
    launch = request(*asked(name)).launch
    assert (launch.launcher, launch.join_timeout_s, launch.lease_s) == (name, row.join_timeout_s, row.lease_s)
    launcher = make_launcher(launch)
    try:
        assert launcher.gives_places is not row.by_hand
        wanted = {name for name in vars(Launcher) if not name.startswith("_")}
        assert wanted <= {name for name, _ in inspect.getmembers_static(launcher)}
    finally:
        launcher.close()


@pytest.mark.parametrize("name", ENGINES)
def test_a_launcher_of_hosts_is_what_its_row_says(name: str) -> None:
    row = LAUNCHERS[name]
    launch = request(*asked(name)).launch
    assert launch.remote is not None
    assert (launch.launcher, launch.join_timeout_s, launch.lease_s) == (name, row.join_timeout_s, row.lease_s)


@pytest.mark.parametrize("name", ["ssh", "external"])
def test_a_launcher_of_named_hosts_knows_their_names(name: str) -> None:
    if name == "ssh" and shutil.which("ssh") is None:
        pytest.skip("there is no ssh here")
    launch = request("--launcher", name, "--hosts", "a,me@b:2222=3", "--bind", "tcp://127.0.0.1:0").launch
    launcher = make_host_launcher(launch, print)
    try:
        assert launcher.hosts == ("a", "b:2222")
        wanted = {name for name in vars(HostLauncher) if not name.startswith("_")}
        assert wanted <= {name for name, _ in inspect.getmembers_static(launcher)}
    finally:
        launcher.close()


@pytest.mark.parametrize("name", AGENTS)
def test_flags_of_agents_that_are_started_by_hand_are_refused_where_none_are(name: str) -> None:
    if LAUNCHERS[name].by_hand:
        with pytest.raises(UsageError, match=f"--launcher {name} needs --bind"):
            request("--launcher", name)
    else:
        with pytest.raises(UsageError, match="add --launcher external"):
            request("--launcher", name, "--bind", "ipc:///bus")
