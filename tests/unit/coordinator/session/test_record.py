"""The record of a run over several hosts, and its part on one."""

from dataclasses import replace

from ovbench.coordinator.plan.plan import HostShare, Plan
from tests.builders import delivered, run


def test_the_part_of_a_record_on_a_host_has_its_agents_with_their_ids_and_its_own_readings() -> None:
    agents = [delivered(0, cpus=(0,)), delivered(1, cpus=(0,)), delivered(2, cpus=(1,))]
    jobs = tuple(agent.job for agent in agents)
    plan = Plan(jobs, (), (HostShare("a", 1, (3,)), HostShare("b", 2, ())))
    whole = run(agents, plan=plan)
    whole = replace(whole, hosts=(replace(whole.host, name="a"), replace(whole.host, name="b", readings=())))
    first, second = whole.on(0), whole.on(1)
    assert [agent.id for agent in first.agents] == [0]
    assert [agent.id for agent in second.agents] == [1, 2]
    assert (first.host.name, second.host.name) == ("a", "b")
    assert (first.plan.housekeeping, second.plan.measured_cpus) == ((3,), (0, 1))
    assert second.host.readings == ()
