"""Agents on other hosts, as a session and a study see those who start them."""

from ovbench.coordinator.launch import HostEnd
from ovbench.coordinator.plan.plan import SeatedHost, make_plan_over
from ovbench.coordinator.session.hosts.agents import RemoteAgents
from tests.builders import request
from tests.machines import machine
from tests.unit.coordinator.session.hosts.test_hosts import World, begun, plan


def test_no_more_can_be_run_on_hosts_of_which_one_is_lost() -> None:
    world = World()
    agents = RemoteAgents(begun(world), plan())
    assert agents.ended == ""
    world.news.append(HostEnd("b", "killed by SIGKILL"))
    agents.hosts.tick()
    assert agents.ended == "host b is lost: killed by SIGKILL"


def test_what_is_run_without_the_host_that_is_lost_goes_on() -> None:
    world = World()
    agents = RemoteAgents(begun(world), plan())
    world.news.append(HostEnd("b", "killed by SIGKILL"))
    agents.hosts.tick()
    hosts = [SeatedHost("a", machine(cores=4)), SeatedHost("b", machine(cores=4), agents=0)]
    agents.plan = make_plan_over(request("--agents", "2"), hosts)
    assert agents.ended == ""
