"""Findings of a run on several hosts: which they are of, and what hosts are held against each other for."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pytest
from msgspec import structs

from ovbench.common.sensors import Governor
from ovbench.coordinator.analysis.interference import Surroundings
from ovbench.coordinator.checks.evidence import Evidence
from ovbench.coordinator.checks.verdict import find, find_by_host, judge
from ovbench.coordinator.result.findings import Code
from ovbench.coordinator.result.hosts import named_hosts
from ovbench.coordinator.result.report import Finding
from ovbench.coordinator.session.record import AgentRecord, RunRecord
from tests.builders import (
    clock,
    delivered,
    effective,
    evidence_over,
    finished,
    job,
    made,
    ms,
    over_hosts,
    ready,
    request,
    seconds,
)
from tests.unit.coordinator.checks.test_machine import use

Case = tuple[Callable[[], Evidence], Callable[[], Evidence]]


def gone(id: int, why: str = "host b is silent") -> AgentRecord:
    return AgentRecord(id, job((0,)), pid=1000 + id, host="b", why=why)


def two(first: AgentRecord | None = None, other: AgentRecord | None = None) -> dict[str, list[AgentRecord]]:
    return {"a": [first or delivered(0, cpus=(0,))], "b": [other or delivered(1, cpus=(0,))]}


def inferring(id: int, **changes: object) -> AgentRecord:
    return delivered(id, cpus=(0,), prepared=ready(structs.replace(effective(), **changes)))


def clocked(error_ms: float) -> Evidence:
    return evidence_over(over_hosts(two(), clocks={"b": clock(0, 1000 * error_ms)}))


def unseen(record: RunRecord) -> RunRecord:
    """The second host has not sent all that it observed."""
    return replace(record, hosts=(record.hosts[0], replace(record.hosts[1], surveyed=False)))


HOST_LOST: Final[Case] = (
    lambda: evidence_over(over_hosts(two(other=gone(1)), lost={"b": "its network was gone for 3 s"})),
    lambda: evidence_over(over_hosts(two(other=gone(1, "was killed by SIGKILL")))),
)
CLOCK_ERROR: Final[Case] = (lambda: clocked(1.01), lambda: clocked(1.0))
HOST_UNSEEN: Final[Case] = (lambda: evidence_over(unseen(over_hosts(two()))), lambda: evidence_over(over_hosts(two())))
UNLIKE_HOSTS: Final[Case] = (
    lambda: evidence_over(over_hosts(two(other=inferring(1, precision="bf16")))),
    lambda: evidence_over(over_hosts(two(), environments={"b": {"kernel": "6.1"}})),
)


def only(of: Evidence, code: Code) -> Finding:
    (found,) = (finding for finding in find(of) if finding.code == code)
    return found


def test_a_lost_host_is_said_once_and_not_by_each_of_its_agents() -> None:
    members = {"a": [delivered(0, cpus=(0,))], "b": [gone(1), gone(2)]}
    verdict = judge(evidence_over(over_hosts(members, lost={"b": "its network was gone for 3 s"})))
    assert (verdict.status, verdict.because) == ("PARTIAL", ("host_lost",))
    (finding,) = verdict.findings
    assert finding.message.startswith("Host b: The host was lost: its network was gone for 3 s.")
    assert finding.message.endswith("What agents 1-2 did is left out.")


def test_of_a_host_that_was_lost_when_its_agents_had_delivered_their_figures_stand() -> None:
    record = over_hosts(two(), lost={"b": "its network was gone for 3 s"})
    assert only(evidence_over(record), Code.HOST_LOST).message.endswith(
        "Its agents had delivered before; what its CPUs did is not known."
    )


def test_a_lost_agent_is_named_with_its_host() -> None:
    found = only(evidence_over(over_hosts(two(other=gone(1, "was killed by SIGKILL")))), Code.AGENT_LOST)
    assert found.message == "agent 1 (pid 1001) on host b was lost: was killed by SIGKILL."


def test_what_is_so_on_one_host_begins_with_its_name_and_what_is_so_on_several_is_said_once() -> None:
    governed = Surroundings(governors=[Governor("schedutil", "")])
    record = over_hosts({**two(), "c": [delivered(2, cpus=(0,))]})
    around = {"a": governed, "b": replace(governed, use={0: use(others=50.0)}, window_s=10.0), "c": governed}
    of = evidence_over(record, around)
    assert only(of, Code.OTHER_LOAD).message.startswith("Host b: Other processes took time from CPU 0: 50.0 %.")
    assert only(of, Code.GOVERNOR).message.startswith("Hosts a, b, c: The frequency governor")
    own = find_by_host(of)
    assert [finding.code for finding in own["b"]] == [Code.OTHER_LOAD, Code.GOVERNOR]
    assert all(finding.message.startswith(("Other", "The")) for findings in own.values() for finding in findings)


def test_many_hosts_are_named_by_a_few_and_counted() -> None:
    assert named_hosts(["a"]) == "host a"
    assert named_hosts(list("abcdef")) == "hosts a, b, c, d and 2 more"


def test_cpus_of_two_hosts_are_not_taken_for_one() -> None:
    """Both agents are on CPU 0 of their hosts: that is neither oversubscription nor a collision."""
    assert judge(evidence_over(over_hosts(two()))).findings == ()


def test_agents_that_share_a_cpu_of_a_host_are_named_by_their_ids() -> None:
    members = {"a": [delivered(0)], "b": [delivered(1, cpus=(0,)), delivered(2, cpus=(0,))]}
    found = only(evidence_over(over_hosts(members)), Code.OVERSUBSCRIBED)
    assert found.message.startswith("Host b: 2 agents on 1 CPU")


@pytest.mark.parametrize(("error_ms", "severity"), [(1.5, "warning"), (99.0, "warning"), (101.0, "error")])
def test_a_clock_that_is_known_badly_is_an_error_where_it_moves_the_window_by_a_hundredth(
    error_ms: float, severity: str
) -> None:
    found = only(clocked(error_ms), Code.CLOCK_ERROR)
    assert found.severity == severity
    assert found.message.startswith("Host b: Its clock is known to ")


def test_a_clock_that_contradicts_itself_is_told_however_small_its_error_is() -> None:
    jumped = replace(clock(0, 100), contradictions=3)
    found = only(evidence_over(over_hosts(two(), clocks={"b": jumped})), Code.CLOCK_ERROR)
    assert found.message.endswith("3 of them contradict the rest, as if it had jumped.")
    assert found.advice.startswith("Run again")


def test_the_limit_of_the_clocks_error_can_be_raised() -> None:
    record = over_hosts(two(), wanted=request("--max-clock-error", "20"), clocks={"b": clock(0, 15_000)})
    assert judge(evidence_over(record)).findings == ()


def test_a_single_host_with_a_clock_of_its_own_is_judged_without_a_name_before_it() -> None:
    record = over_hosts({"b": [delivered(0)]}, clocks={"b": clock(0, 2_000)})
    assert only(evidence_over(record), Code.CLOCK_ERROR).message.startswith("Its clock")


def unlike(record: RunRecord) -> tuple[str, str]:
    found = only(evidence_over(record), Code.UNLIKE_HOSTS)
    return found.severity, found.message


def test_another_build_or_precision_is_a_warning_and_another_processor_is_good_to_know() -> None:
    build = delivered(1, cpus=(0,), prepared=structs.replace(ready(), openvino="2025.4.1"))
    assert unlike(over_hosts(two(other=build))) == (
        "warning", "The hosts infer differently: OpenVINO 2026.4.0 on host a, 2025.4.1 on host b."
    )  # fmt: skip
    assert unlike(over_hosts(two(other=inferring(1, precision="bf16"))))[1].endswith(
        "inference precision f32 on host a, bf16 on host b."
    )
    severity, message = unlike(over_hosts(two(inferring(0, isa="avx2"), inferring(1, isa="avx512_core"))))
    assert severity == "info"
    assert "instructions avx2 on host a, avx512_core on host b" in message


def test_a_host_that_was_lost_is_not_unlike_the_others() -> None:
    record = over_hosts(two(other=gone(1)), lost={"b": "it fell silent"}, environments={"b": {"cpu_model": "Another"}})
    assert Code.UNLIKE_HOSTS not in {finding.code for finding in find(evidence_over(record))}


def test_outputs_that_differ_are_named_by_their_hosts() -> None:
    first = delivered(0, cpus=(0,), prepared=ready(outputs=made(1.0)))
    other = delivered(1, cpus=(0,), prepared=ready(outputs=made(0.9)))
    found = only(evidence_over(over_hosts(two(first, other))), Code.OUTPUTS_DIFFER)
    assert "on agent 1 on host b than on agent 0 on host a" in found.message


@pytest.mark.parametrize(
    ("kind", "severity"), [({}, "warning"), ({"cpu_model": "Another CPU"}, None)], ids=["alike", "unlike"]
)
def test_rounding_is_expected_of_unlike_hosts_alone(kind: dict[str, str], severity: str | None) -> None:
    first = delivered(0, cpus=(0,), prepared=ready(outputs=made(1.0)))
    other = delivered(1, cpus=(0,), prepared=ready(outputs=made(0.9999)))
    of = evidence_over(over_hosts(two(first, other), environments={"b": kind}))
    found = [finding.severity for finding in find(of) if finding.code == Code.OUTPUTS_DIFFER]
    assert found == ([] if severity is None else [severity])
    assert of.outputs.agree
    assert not of.outputs.exact


def test_two_precisions_may_be_apart_by_what_the_coarser_one_rounds() -> None:
    first = inferring(0, precision="bf16")
    other = inferring(1, precision="f32")
    first, other = (
        replace(agent, ready=structs.replace(agent.ready, outputs=made(value)))
        for agent, value in ((first, 1.0), (other, 0.99))
        if agent.ready is not None
    )
    assert evidence_over(over_hosts(two(first, other))).outputs.agree


def test_the_start_skew_over_hosts_is_told_with_its_error() -> None:
    late = delivered(1, cpus=(0,), load=finished(seconds(1) + ms(20), completed=1000))
    record = over_hosts(two(other=late), clocks={"a": clock(0, 30), "b": clock(0, 12)})
    assert "20,000 us apart, which is known to 42 us" in only(evidence_over(record), Code.START_SKEW).message


def test_a_slow_agent_is_held_against_those_on_hosts_like_its_own() -> None:
    slow = [delivered(id, cpus=(id,), data=None) for id in range(2)]
    fast = delivered(2, cpus=(0,))
    record = over_hosts({"a": slow, "b": [fast]}, environments={"b": {"cpu_model": "Another CPU"}})
    assert Code.UNFAIR not in {finding.code for finding in find(evidence_over(record))}
