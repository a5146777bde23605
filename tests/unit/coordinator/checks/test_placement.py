"""Findings on where agents were to run, and where they and their memory were."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from msgspec import structs

from ovbench.common.job import MemoryPolicy, NullService
from ovbench.common.messages import MaskChange, OnNode
from ovbench.common.topology import Topology
from ovbench.coordinator.checks.evidence import Evidence
from ovbench.coordinator.checks.placement import remote_percent
from ovbench.coordinator.checks.planned import find_in_plan
from ovbench.coordinator.checks.verdict import find
from ovbench.coordinator.plan.plan import Plan
from ovbench.coordinator.result.findings import Code
from ovbench.coordinator.result.report import Finding
from ovbench.coordinator.session.record import AgentRecord
from tests.builders import delivered, effective, evidence, finished, job, ready
from tests.machines import machine

NUMA = machine(sockets=2, cores=2)
"""CPUs 0-1 of node 0, 2-3 of node 1."""

SMT = machine(cores=2, threads=2)
"""CPUs 0 and 2 of one core, 1 and 3 of the other."""


def on(id: int, cpus: tuple[int, ...], seen: tuple[int, ...], mask: tuple[int, ...] | None = None) -> AgentRecord:
    load = replace(delivered(id, cpus=cpus)).finished
    assert load is not None
    return replace(delivered(id, cpus=cpus), finished=structs.replace(load, seen=seen, mask=mask or cpus))


def moved(*changes: MaskChange) -> AgentRecord:
    return delivered(0, cpus=(0, 1), load=finished(completed=1000, cpus=(0, 1), changes=changes))


def keeping(
    own_mb: Sequence[float], cpus: tuple[int, ...] = (0,), memory: MemoryPolicy | None = None, extra_mb: float = 0.0
) -> Evidence:
    """An agent with so much memory of its own on nodes 0, 1, ...; `extra_mb` more is not its own, on node 1."""
    nodes = tuple(OnNode(node, mb, mb + extra_mb * (node == 1)) for node, mb in enumerate(own_mb))
    order = job(cpus)
    order = structs.replace(order, placement=structs.replace(order.placement, memory=memory))
    load = finished(completed=1000, cpus=cpus, nodes=nodes)
    return evidence([delivered(0, cpus=cpus, order=order, load=load)], topology=NUMA)


def placed(topology: Topology, *blocks: tuple[int, ...], housekeeping: tuple[int, ...] = ()) -> Evidence:
    members = [delivered(i, cpus=cpus, load=finished(completed=1000, cpus=cpus)) for i, cpus in enumerate(blocks)]
    return evidence(members, topology=topology, housekeeping=housekeeping)


Case = tuple[Callable[[], Evidence], Callable[[], Evidence]]

COLLISION: Case = (
    lambda: evidence([on(0, (0,), (0,)), on(1, (1,), (0, 1))]),
    lambda: evidence([on(0, (0, 1), (0, 1)), on(1, (0, 1), (0, 1))]),
)
MASK_CHANGED: Case = (
    lambda: evidence([moved(MaskChange(thread=7, control=False, before=(0, 1), after=(0,)))]),
    lambda: evidence([moved()]),
)
REMOTE_MEMORY: Case = (lambda: keeping([94.9, 5.1]), lambda: keeping([95.0, 5.0], extra_mb=50.0))
SMT_SHARING: Case = (lambda: placed(SMT, (0,), (2,)), lambda: placed(SMT, (0, 2), (1, 3)))
SPANS_NODES: Case = (lambda: placed(NUMA, (0, 2)), lambda: placed(NUMA, (0, 1), (2, 3)))


def the(code: Code, of: Evidence) -> Finding:
    (finding,) = [one for one in find(of) if one.code == code]
    return finding


def test_agents_that_met_are_named_with_the_cpus() -> None:
    finding = the(Code.CPU_COLLISION, COLLISION[0]())
    assert (finding.severity, finding.advice != "") == ("error", True)
    assert "Agents 0-1 were seen inferring on CPUs 0," in finding.message


def test_agents_of_two_hosts_do_not_meet() -> None:
    here, there = on(0, (0,), (0,)), replace(on(1, (1,), (0, 1)), host="another")
    assert Code.CPU_COLLISION not in {finding.code for finding in find(evidence([here, there]))}


def test_agents_that_met_in_several_places_are_one_finding() -> None:
    members = [on(0, (0, 1), (0, 1)), on(1, (2, 3), (0, 1, 2, 3))]
    assert "CPUs 0-1," in the(Code.CPU_COLLISION, evidence(members)).message


def test_a_mask_that_changed_is_reported_with_before_and_after() -> None:
    change = MaskChange(thread=7, control=False, before=(0, 1), after=(0,))
    finding = the(Code.MASK_CHANGED, evidence([moved(change, structs.replace(change, thread=8))]))
    assert finding.severity == "error"
    assert "2 from 0-1 to 0." in finding.message


def test_a_control_thread_that_was_moved_is_only_a_warning() -> None:
    change = MaskChange(thread=7, control=True, before=(3,), after=(0,))
    finding = the(Code.MASK_CHANGED, evidence([moved(change)]))
    assert (finding.severity, "from 3 to 0" in finding.message) == ("warning", True)


def test_a_mask_that_is_narrower_at_the_end_is_wrong() -> None:
    finding = the(Code.WRONG_CPUS, evidence([on(0, (0, 1), (0,), mask=(0,))]))
    assert "none of its inference threads was allowed on 1." in finding.message


def test_a_mask_is_not_judged_where_an_inference_may_be_under_way() -> None:
    interrupted = evidence([on(0, (0, 1), (0,), mask=(0,))], interrupted=True)
    assert Code.WRONG_CPUS not in {finding.code for finding in find(interrupted)}


@pytest.mark.parametrize(
    ("memory", "severity"),
    [
        (None, "warning"),
        (MemoryPolicy("local"), "warning"),
        (MemoryPolicy("bind", (0,)), "warning"),
        (MemoryPolicy("bind", (1,)), "info"),
        (MemoryPolicy("interleave", (0, 1)), "info"),
    ],
)
def test_remote_memory_is_a_warning_unless_it_was_asked_for(memory: MemoryPolicy | None, severity: str) -> None:
    finding = the(Code.REMOTE_MEMORY, keeping([60.0, 40.0], memory=memory))
    assert finding.severity == severity
    assert "40.0 % of its own memory, 40 MB, on NUMA nodes 1," in finding.message


def test_memory_on_any_node_of_its_cpus_is_not_remote() -> None:
    assert Code.REMOTE_MEMORY not in {finding.code for finding in find(keeping([50.0, 50.0], cpus=(0, 2)))}


def test_the_share_of_remote_memory_is_unknown_where_there_is_no_memory_of_its_own() -> None:
    assert remote_percent([], [0]) is None
    assert remote_percent([OnNode(1, 0.0, 12.0)], [0]) is None
    assert remote_percent([OnNode(0, 3.0, 3.0), OnNode(1, 1.0, 9.0)], [0]) == 25.0


def test_two_agents_on_siblings_of_a_core_are_named_with_the_cpus() -> None:
    finding = the(Code.SMT_SHARING, SMT_SHARING[0]())
    assert finding.severity == "warning"
    assert "Agents 0-1 share 1 physical core as SMT siblings, on CPUs 0,2" in finding.message


def test_control_threads_on_siblings_of_measured_cpus_are_good_to_know() -> None:
    finding = the(Code.SMT_SHARING, placed(SMT, (0,), housekeeping=(2,)))
    assert (finding.severity, "CPUs 2," in finding.message) == ("info", True)
    assert Code.SMT_SHARING not in {one.code for one in find(placed(SMT, (0,), housekeeping=(1, 3)))}


def test_agents_with_cpus_of_several_nodes_are_named() -> None:
    finding = the(Code.SPANS_NODES, placed(NUMA, (0,), (1, 2)))
    assert (finding.severity, "Agent 1 has CPUs on several NUMA nodes" in finding.message) == ("info", True)


def test_what_is_known_of_a_plan_is_found_without_a_run() -> None:
    plan = Plan((job((0,)), job((2,))), ())
    assert {finding.code for finding in find_in_plan(plan, SMT)} == {Code.SMT_SHARING}


def crowded(threads: int, null: NullService | None = None) -> Evidence:
    order = job((0, 1), null=null)
    load = finished(completed=1000, cpus=(0, 1))
    return evidence([delivered(0, cpus=(0, 1), order=order, prepared=ready(effective(threads=threads)), load=load)])


def test_more_threads_than_cpus_are_oversubscription() -> None:
    assert "up to 3 threads on 2 CPUs" in the(Code.OVERSUBSCRIBED, crowded(3)).message
    assert list(find(crowded(2))) == []


def test_threads_of_the_null_device_need_no_cpu() -> None:
    assert list(find(crowded(3, NullService(service_ns=1000)))) == []
