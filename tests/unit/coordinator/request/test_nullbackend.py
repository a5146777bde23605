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


seeds = st.none() | st.integers(0, (1 << 31) - 1)


@settings(deadline=None)
@given(faults, seeds)
def test_what_is_reported_can_be_given_again(some: Faults, seed: int | None) -> None:
    spec = NullSpec(7.0, some, seed)
    assert parse_null(str(spec)) == spec


def test_exponential_times_have_a_seed_that_is_reported_unless_it_is_0() -> None:
    assert parse_null("null:1000,exp") == parse_null("null:1000,exp=0") == NullSpec(1000.0, Faults(), 0)
    assert str(parse_null("null:1000,slow=5,exp=0")) == "null:1000,exp,slow=5"
    assert str(parse_null("null:1000,exp=07")) == "null:1000,exp=7"


def test_every_agent_of_every_seed_has_exponential_times_of_its_own() -> None:
    texts = ["null:1000,exp", "null:1000,exp=1", "null:1000,exp=2147483647"]
    services = [service for text in texts for service in backends(text, 3)]
    assert {service.service_ns for service in services} == {1_000_000}
    assert len({service.exponential_seed for service in services}) == len(services)
    assert services[:3] == backends("null:1000,exp", 4)[:3]


def test_an_inference_may_take_no_time_at_all() -> None:
    assert backends("null:0,stall=1@2", 1) == [NullService(service_ns=0, stall_s=1.0, stall_at_s=2.0)]


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
        ("null:1000,exp,exp=2", "exp twice"),
        ("null:1000,exp=", "'exp='"),
        ("null:1000,exp=-1", "'exp=-1'"),
        ("null:1000,exp=2147483648", "'exp=2147483648'"),
        ("null:1000,exp=0.5", "'exp=0.5'"),
        ("null:0,exp", "no service time that exp"),
        ("null:0.0,wrong=after,slow=1", "no service time that slow"),
        ("null:0,drift=1", "no service time that drift"),
        ("null:,slow=1", "null:SERVICE_TIME_US"),
        ("null:1_000", "null:SERVICE_TIME_US"),
        ("nil:1000,slow=1", "null:SERVICE_TIME_US"),
    ],
)
def test_what_is_no_fault_is_refused_by_name(text: str, named: str) -> None:
    with pytest.raises(UsageError, match="--backend") as refused:
        request("--backend", text)
    assert named in str(refused.value)
