"""One host as the coordinator knows it: when its clock is asked, and what of its agents' words is let through."""

import numpy as np
import pytest

from ovbench.common.hostmessages import CpuReading, Pong
from ovbench.common.messages import PROTOCOL_VERSION, Finished, Hello, Samples, Start
from ovbench.coordinator.session.hosts.host import Host, Observed, TooMuch
from tests.builders import finished, samples, seconds, steady

OFFSET_NS = seconds(5_000)
"""By so much the host's clock is ahead."""


def known(index: int = 0) -> Host:
    """A host whose clock was asked once, in a round trip of 100 us about second 100."""
    host = Host(index, "b")
    host.muster(range(2, 4))
    ping = host.time.due(seconds(100))
    assert ping is not None
    host.pong(Pong(ping.number, ping.sent_ns, ping.sent_ns + 50_000 + OFFSET_NS), seconds(100) + 100_000)
    return host


def hello(agent: int | None, nonce: str = "0" * 32) -> Hello:
    return Hello(PROTOCOL_VERSION, 7, "its own name", agent, nonce)


# What it says of its agents


def test_an_agent_has_the_name_of_its_host_and_a_nonce_that_no_other_host_can_claim() -> None:
    first, second = known(0), known(1)
    heard = [host.heard(hello(2), seconds(101)) for host in (first, second)]
    assert all(isinstance(one, Hello) and one.host == "b" for one in heard)
    assert len({one.nonce for one in heard if isinstance(one, Hello)}) == 2


@pytest.mark.parametrize("agent", [None, 1, 4])
def test_a_place_on_another_host_is_no_place_of_its_agents(agent: int | None) -> None:
    assert known().heard(hello(agent), seconds(101)) is None


def test_orders_have_the_instants_of_its_clock() -> None:
    order = known().time.order(Start(seconds(102)))
    assert isinstance(order, Start)
    assert order.at_ns == pytest.approx(seconds(102) + OFFSET_NS, abs=60_000)


def test_a_result_is_by_the_coordinators_clock_and_its_latencies_are_those_of_the_host() -> None:
    host = known()
    begin_ns = seconds(110) + OFFSET_NS
    rows = steady(begin_ns, 10, 5)
    ended, measured = (
        host.heard(notice, seconds(111)) for notice in (finished(begin_ns, int(rows[-1, 1]), 5), samples(rows))
    )
    assert isinstance(ended, Finished)
    assert isinstance(measured, Samples)
    assert ended.start_ns == pytest.approx(seconds(110), abs=60_000)
    assert measured.array.latencies.tolist() == (rows[:, 1] - rows[:, 0]).tolist()
    assert int(measured.array.ends[-1]) == pytest.approx(ended.stop_ns, abs=1_000)


def test_the_clock_is_read_again_when_a_load_has_ended() -> None:
    host = known()
    host.heard(finished(seconds(110) + OFFSET_NS, seconds(111) + OFFSET_NS, 0), seconds(111))
    assert host.time.due(seconds(111)) is not None
    assert host.time.pinger.in_burst


# What it observes


def test_readings_of_its_cpus_are_by_the_coordinators_clock() -> None:
    host = known()
    told = np.arange(10, dtype="<f8")
    host.observes(CpuReading(0, seconds(101) + OFFSET_NS, (0, 3), told.tobytes(), 1.5, 3))
    (reading,) = host.observed.readings
    assert reading.at_ns == pytest.approx(seconds(101), abs=60_000)
    assert reading.cpus == {0: (0, 1, 2, 3, 4), 3: (5, 6, 7, 8, 9)}
    assert (reading.coordinator_s, reading.coordinator_cpu) == (1.5, 3)


def test_what_is_known_of_its_clock_has_a_bound_at_both_edges_of_the_window() -> None:
    host = known()
    record = host.time.record(seconds(100), seconds(110))
    assert record is not None
    assert record.offset_ns == pytest.approx(OFFSET_NS, abs=record.error_ns)
    assert record.error_ns > 50_000, "half of the round trip, and what may have drifted in ten seconds"
    assert (record.round_trips, record.least_round_trip_ns) == (1, 100_000)
    assert Host(1, "c").time.record(0, 1) is None


def test_a_host_that_reports_more_than_there_can_be_is_noticed() -> None:
    observed = Observed()
    for _ in range(20):
        observed.count(1_000_000)
    with pytest.raises(TooMuch):
        observed.count(1)


def test_all_that_is_reported_is_counted() -> None:
    host = known()
    host.observed = Observed(_numbers=20_000_000)
    with pytest.raises(TooMuch):
        host.observes(CpuReading(0, seconds(101) + OFFSET_NS, (0,), b"\0" * 40, 0.0, None))
