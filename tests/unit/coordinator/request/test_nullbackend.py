"""The null backend on the command line, and what each agent gets of its faults."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovbench.common.errors import UsageError
from ovbench.common.job import NullService
from ovbench.coordinator.plan.plan import make_plan
from ovbench.coordinator.request.nullbackend import Faults, NullSpec, parse_null
from tests.builders import request
from tests.machines import machine

EVERY = "null:1500,drift=10,stall=0.5@3,slow=20,wrong=after"


def backends(text: str, agents: int) -> list[NullService]:
    plan = make_plan(request("--backend", text, "--agents", str(agents)), machine(cores=agents))
    return [job.null for job in plan.jobs if job.null is not None]


def test_a_service_time_alone_is_a_device_without_faults() -> None:
    assert parse_null("null:1.5").faults == Faults()
    assert backends("null:1.5", 2) == [NullService(service_ns=1500)] * 2


def test_faults_come_in_any_order_and_are_reported_as_they_were_given() -> None:
    asked = request("--backend", "null:1500,wrong=after,slow=20,stall=0.5@3,drift=10")
    assert asked.backend == NullSpec(1500, Faults(10.0, 0.5, 3.0, 20.0, "after"))
    assert asked.requested()["backend"] == EVERY


positive = st.floats(0.001, 1e4).map(lambda number: float(f"{number:g}"))
faults = st.builds(Faults, st.just(0.0) | positive, positive, positive, positive, st.sampled_from([None, "agent"]))


@settings(deadline=None)
@given(faults)
def test_what_is_reported_can_be_given_again(some: Faults) -> None:
    assert parse_null(f"null:7{some}").faults == some


def test_drift_and_stall_are_of_all_agents() -> None:
    expected = NullService(service_ns=1_000_000, drift_percent_per_s=2.5, stall_at_s=3.0, stall_s=0.5)
    assert backends("null:1000,drift=2.5,stall=0.5@3", 3) == [expected] * 3


def test_only_the_last_agent_is_slow() -> None:
    assert [one.service_ns for one in backends("null:1000,slow=20", 3)] == [1_000_000, 1_000_000, 1_200_000]


@pytest.mark.parametrize(("wrong", "last"), [("agent", (1, 1)), ("after", (0, 1))])
def test_only_the_last_agent_is_wrong(wrong: str, last: tuple[int, int]) -> None:
    made = [(one.outputs, one.outputs_after) for one in backends(f"null:1000,wrong={wrong}", 3)]
    assert made == [(0, 0), (0, 0), last]


def test_one_agent_has_none_to_differ_from() -> None:
    assert backends("null:1000,wrong=after", 1)[0].outputs_after == 1
    with pytest.raises(UsageError, match="wrong=agent"):
        backends("null:1000,wrong=agent", 1)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("null:1000,", "''"),
        ("null:1000,drift", "'drift'"),
        ("null:1000,drift=0", "'drift=0'"),
        ("null:1000,drift=nan", "'drift=nan'"),
        ("null:1000,drift=-1", "'drift=-1'"),
        ("null:1000,slow=1e5", "'slow=1e5'"),
        ("null:1000,stall=1", "'stall=1'"),
        ("null:1000,stall=@1", "'stall=@1'"),
        ("null:1000,stall=1@", "'stall=1@'"),
        ("null:1000,wrong=always", "'wrong=always'"),
        ("null:1000,fast=1", "'fast=1'"),
        ("null:1000,slow=1,slow=2", "slow twice"),
        ("null:,slow=1", "null:SERVICE_TIME_US"),
        ("null:1_000", "null:SERVICE_TIME_US"),
        ("nil:1000,slow=1", "null:SERVICE_TIME_US"),
    ],
)
def test_what_is_no_fault_is_refused_by_name(text: str, named: str) -> None:
    with pytest.raises(UsageError, match="--backend") as refused:
        request("--backend", text)
    assert named in str(refused.value)
