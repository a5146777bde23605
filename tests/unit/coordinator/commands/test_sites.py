"""Which hosts a study has to join: those that any of its trials names, wherever they are named."""

import pytest

from ovbench.common.errors import UsageError
from ovbench.coordinator.commands.sites import launch_of, over_hosts
from ovbench.coordinator.plan.plan import HostShare, Plan
from ovbench.coordinator.result.study import Trial
from ovbench.coordinator.run.site import LocalSite
from ovbench.coordinator.study.request import parse_study
from ovbench.coordinator.study.runner import PlacedTrial
from tests.builders import job, request
from tests.machines import machine

BIND = ("--bind", "tcp://127.0.0.1:0")


def names(*argv: str) -> list[str]:
    launch = launch_of(over_hosts(parse_study(argv)))
    return [] if launch is None or launch.remote is None else [host.name for host in launch.remote.hosts]


def test_hosts_of_an_axis_are_all_joined() -> None:
    assert names("--hosts", "a", "--hosts", "a,b", *BIND, "-t", "1") == ["a", "b"]


def test_hosts_of_the_sides_are_joined_too() -> None:
    assert names("ab", "--a", "--hosts x", "--b", "--hosts y -nstreams 2", *BIND) == ["x", "y"]
    assert names("ab", "--a", "-nstreams 1", "--b", "-nstreams 2", "--hosts", "x,y", *BIND) == ["x", "y"]


def test_a_study_of_this_host_joins_none() -> None:
    assert names("ab", "--a", "-nstreams 1", "--b", "-nstreams 2") == []
    assert names("-nstreams", "1,2") == []


def test_a_run_for_other_hosts_is_not_made_here() -> None:
    with pytest.raises(UsageError, match="--hosts to all of them"):
        LocalSite(machine()).plan(request("--hosts", "a", *BIND))


def test_hosts_are_reached_in_one_way() -> None:
    with pytest.raises(UsageError, match="in one way"):
        names("ab", "--a", "--hosts x --bind tcp://127.0.0.1:1", "--b", "--hosts y --bind tcp://127.0.0.1:2")


def test_agents_of_one_host_do_no_trial_of_another() -> None:
    def placed(host: str) -> PlacedTrial:
        plan = Plan((job((0,)),), (), (HostShare(host, 1, ()),))
        return PlacedTrial(Trial("0001", {}, 0, ()), request(), plan)

    assert placed("a").same_but_load(placed("a"))
    assert not placed("a").same_but_load(placed("b"))
