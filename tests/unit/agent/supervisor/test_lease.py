"""The lease of a host, by a clock of the test's own."""

import pytest

from ovbench.agent.supervisor.lease import Lease
from tests.builders import ms, seconds


def granted(heartbeat_s: float = 0.25, lease_s: float = 3.0) -> Lease:
    lease = Lease(60.0, 0)
    lease.grant(heartbeat_s, lease_s)
    lease.renew(0)
    return lease


def expires_at_ms(lease: Lease, step_ms: int = 50) -> int:
    """If it is asked every so often and nothing comes."""
    now_ms = 0
    while not lease.expired(ms(now_ms), True):
        now_ms += step_ms
        assert now_ms < 100_000
    return now_ms


def test_before_it_is_granted_it_is_the_time_to_wait_for_a_coordinator() -> None:
    lease = Lease(2.0, 0)
    assert not lease.granted
    assert expires_at_ms(lease) == 2_050


def test_without_a_word_it_expires() -> None:
    assert expires_at_ms(granted()) == 3_050


def test_every_word_renews_it() -> None:
    lease = granted()
    for at_ms in range(0, 60_000, 2_900):
        lease.renew(ms(at_ms))
        for later_ms in range(0, 2_900, 100):
            assert not lease.expired(ms(at_ms + later_ms), True)


def test_a_machine_that_stood_still_could_hear_nothing_and_its_lease_goes_on_where_it_was() -> None:
    lease = granted()
    for at_ms in range(0, 2_001, 250):
        assert not lease.expired(ms(at_ms), True)
    assert not lease.expired(seconds(1_000), True)
    assert not lease.expired(seconds(1_000.9), True)
    assert lease.expired(seconds(1_001.1), True)


@pytest.mark.parametrize("now_s", [0.0, 1.0, 2.9])
def test_it_is_looked_at_again_within_a_heartbeat_and_when_it_expires(now_s: float) -> None:
    lease = granted(heartbeat_s=3.0)
    lease.expired(seconds(now_s), True)
    assert lease.next_ns() == seconds(3)
    lease = granted()
    lease.expired(ms(100), True)
    assert lease.next_ns() == ms(350)
