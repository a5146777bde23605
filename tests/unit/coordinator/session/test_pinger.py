"""When pings go out, and which answers complete a round trip."""

from ovbench.common.clock import NS_PER_MS, NS_PER_S
from ovbench.common.hostclock import RoundTrip
from ovbench.common.hostmessages import Ping, Pong
from ovbench.coordinator.session.pinger import BURST, Pinger

BEGIN = 5 * NS_PER_S


def answer(ping: Ping, host_ns: int = 7) -> Pong:
    return Pong(ping.number, ping.sent_ns, host_ns)


def sent(pinger: Pinger, now_ns: int) -> Ping:
    ping = pinger.due(now_ns)
    assert ping is not None
    return ping


def test_in_a_burst_each_ping_follows_the_answer_to_the_one_before() -> None:
    pinger, now_ns = Pinger(NS_PER_S), BEGIN
    pinger.burst(now_ns)
    for _ in range(BURST):
        ping = sent(pinger, now_ns)
        assert ping.sent_ns == now_ns
        assert pinger.due(now_ns + 50_000) is None
        now_ns += 100_000
        assert pinger.heard(answer(ping), now_ns) == RoundTrip(ping.sent_ns, 7, now_ns)
    assert not pinger.in_burst
    assert pinger.due(now_ns) is None
    assert pinger.next_ns == ping.sent_ns + NS_PER_S
    assert sent(pinger, pinger.next_ns).number == BURST + 1


def test_a_ping_that_is_lost_holds_the_burst_up_for_20_ms_only() -> None:
    pinger = Pinger(NS_PER_S)
    pinger.burst(BEGIN)
    first = sent(pinger, BEGIN)
    assert pinger.next_ns == BEGIN + 20 * NS_PER_MS
    second = sent(pinger, pinger.next_ns)
    # The late answer counts, and does not have a third one sent beside the second.
    assert pinger.heard(answer(first), second.sent_ns + 1) is not None
    assert pinger.due(second.sent_ns + 2) is None
    assert pinger.heard(answer(second), second.sent_ns + 3) is not None
    assert sent(pinger, second.sent_ns + 3).number == 3


def test_a_burst_is_over_though_nothing_is_answered() -> None:
    pinger = Pinger(NS_PER_S)
    pinger.burst(BEGIN)
    assert sum(pinger.due(BEGIN + ms * NS_PER_MS) is not None for ms in range(20 * BURST)) == BURST
    assert not pinger.in_burst


def test_bursts_are_planned_for_later_and_heartbeats_go_on_until_then() -> None:
    pinger = Pinger(NS_PER_S)
    assert sent(pinger, BEGIN).number == 1
    pinger.burst(BEGIN + 5 * NS_PER_S // 2)
    pinger.burst(BEGIN + NS_PER_S // 2)
    assert pinger.next_ns == BEGIN + NS_PER_S // 2
    for begin_ns in (pinger.next_ns, BEGIN + 5 * NS_PER_S // 2):
        while pinger.next_ns < begin_ns:
            sent(pinger, pinger.next_ns)
            assert not pinger.in_burst
        pings = [sent(pinger, pinger.next_ns) for _ in range(BURST)]
        assert pings[0].sent_ns == begin_ns
        assert not pinger.in_burst


def test_a_burst_may_be_short_and_one_within_another_is_part_of_it() -> None:
    pinger = Pinger(NS_PER_S)
    pinger.burst(BEGIN, 3)
    pinger.burst(BEGIN + 1, 5)
    for number in range(6):
        assert pinger.due(BEGIN + 20 * number * NS_PER_MS) is not None
    assert not pinger.in_burst
    pinger.burst(2 * BEGIN, 3)
    pinger.burst(2 * BEGIN)
    sent(pinger, 2 * BEGIN)
    for _ in range(BURST - 1):
        sent(pinger, pinger.next_ns)
    assert not pinger.in_burst


def test_an_answer_to_nothing_that_was_asked_is_counted_and_completes_nothing() -> None:
    pinger = Pinger(NS_PER_S)
    ping = sent(pinger, BEGIN)
    assert pinger.heard(Pong(ping.number + 1, BEGIN, 7), BEGIN + 1) is None
    assert pinger.heard(Pong(ping.number, BEGIN - 1, 7), BEGIN + 1) is None
    assert pinger.heard(answer(ping), BEGIN + 1) is not None
    assert pinger.heard(answer(ping), BEGIN + 2) is None
    assert pinger.strange == 3


def test_what_is_never_answered_takes_no_more_memory() -> None:
    pinger = Pinger(1)
    pings = [sent(pinger, BEGIN + number) for number in range(10_000)]
    assert len(pinger._sent_ns) <= 256
    assert pinger.heard(answer(pings[0]), BEGIN + 20_000) is None
    assert pinger.heard(answer(pings[-1]), BEGIN + 20_000) is not None
