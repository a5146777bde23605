"""What a supervisor does about what comes, by a clock of the test's own: no socket, no process."""

from collections.abc import Sequence

import pytest

from ovbench.agent.supervisor.duty import Duty, Ended
from ovbench.common.errors import ExitCode, UsageError
from ovbench.common.forks import Death
from ovbench.common.hostmessages import (
    HOST_PROTOCOL_VERSION,
    Admit,
    AnyHostNotice,
    AnyHostOrder,
    Born,
    CpuAt,
    CutLoad,
    Died,
    Disband,
    Disbanded,
    Dismiss,
    EndAgent,
    EndObserving,
    FileChunk,
    FromAgent,
    HostFailed,
    HostTopology,
    Muster,
    ObserveLoad,
    OfferFiles,
    Ping,
    Pong,
    Present,
    Refuse,
    Regroup,
    ScheduleAt,
    SchedulePart,
    ShareSchedule,
    Surveyed,
    ToAgent,
    TookChunk,
)
from tests.builders import ms, seconds

PRESENT = Present(
    version=HOST_PROTOCOL_VERSION,
    pid=7,
    nonce="0" * 32,
    hostname="b",
    kernel="6.1",
    machine="x86_64",
    python="3.11",
    libraries={},
    topology=HostTopology((CpuAt(0, 0, 0, 0, 0),), (0,)),
)
MUSTER = Muster(1, (4, 5), (0, 1), (2,))


class FakeCrew:
    """Remembers what it was asked for; its agents end when the test has them end."""

    def __init__(self) -> None:
        self.asked: list[object] = []
        self.living = 0
        self.reachable = True
        self.refusal: Exception | None = None

    @property
    def empty(self) -> bool:
        return self.living == 0

    def muster(self, agents: Sequence[int], python: str | None) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.asked.append(("muster", tuple(agents), python))
        self.living = len(agents)

    def pass_on(self, peer: bytes, order: bytes) -> bool:
        self.asked.append(("pass on", peer, order))
        return self.reachable

    def kill(self, agent: int) -> None:
        self.asked.append(("kill", agent))

    def kill_all(self) -> None:
        self.asked.append("kill all")


class FakeOutlook:
    def __init__(self) -> None:
        self.asked: list[object] = []
        self.next_ns: int | None = None
        self.news: list[AnyHostNotice] = []

    def begin(self, epoch: int, measured: Sequence[int], housekeeping: Sequence[int]) -> None:
        self.asked.append(("begin", epoch, tuple(measured), tuple(housekeeping)))

    def load_begins(self, begin_ns: int, window_ns: int, duration_s: float | None) -> None:
        self.asked.append(("load", begin_ns, window_ns, duration_s))

    def cut(self, end_ns: int) -> None:
        self.asked.append(("cut", end_ns))

    def look(self, now_ns: int) -> list[AnyHostNotice]:
        news, self.news = self.news, []
        return news

    def conclude(self) -> list[AnyHostNotice]:
        return [Surveyed(1)]

    def end(self) -> None:
        self.asked.append("end")


class FakeFiles:
    def __init__(self) -> None:
        self.orders: list[object] = []

    def heard(self, order: OfferFiles | FileChunk) -> None:
        self.orders.append(order)

    def notices(self) -> list[AnyHostNotice]:
        """An answer to each."""
        orders, self.orders = self.orders, []
        return [TookChunk(one.sha256, one.offset + len(one.data)) for one in orders if isinstance(one, FileChunk)]


class FakeSchedules:
    def __init__(self) -> None:
        self.asked: list[object] = []
        self.refusal: Exception | None = None

    def share(self, epoch: int, count: int) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.asked.append((epoch, count))

    def begin(self, epoch: int) -> None:
        self.asked.append(("begin", epoch))

    def add(self, epoch: int, first: int, data: bytes) -> ScheduleAt | None:
        return ScheduleAt(epoch, 1, 2, first + len(data) // 8, "0" * 32) if first else None


class Host:
    """A duty, and what it uses."""

    def __init__(self, *orders: AnyHostOrder, patience_s: float = 60.0) -> None:
        self.crew, self.outlook, self.files = FakeCrew(), FakeOutlook(), FakeFiles()
        self.schedules = FakeSchedules()
        self.duty = Duty(PRESENT, self.crew, self.outlook, self.files, self.schedules, patience_s, 0)
        for order in orders:
            self.duty.on_order(order, 0)

    def heard(self, order: AnyHostOrder, now_ns: int = 0) -> list[AnyHostNotice]:
        return self.duty.on_order(order, now_ns)


def test_it_presents_itself_once_when_there_is_a_connection() -> None:
    host = Host()
    assert host.duty.tick(0, connected=False) == []
    assert host.duty.tick(1, connected=True) == [PRESENT]
    assert host.duty.tick(2, connected=True) == []


def test_a_ping_is_answered_with_the_time_when_it_came() -> None:
    assert Host().heard(Ping(3, 100), 12_345) == [Pong(3, 100, 12_345)]


def test_without_a_coordinator_it_ends_after_its_patience() -> None:
    host = Host(patience_s=2.0)
    assert host.duty.tick(seconds(2), connected=False) == []
    with pytest.raises(Ended, match="no coordinator answered within 2 s") as caught:
        host.duty.tick(seconds(2.01), connected=False)
    assert caught.value.code is ExitCode.PARTIAL


def test_when_the_coordinator_is_silent_for_its_lease_it_ends() -> None:
    host = Host(Admit(0.25, 3.0))
    for at in range(0, 3_001, 250):
        host.duty.tick(ms(at), connected=False)
    with pytest.raises(Ended, match="nothing was heard") as caught:
        host.duty.tick(ms(3_050), connected=True)
    assert caught.value.code is ExitCode.PARTIAL


@pytest.mark.parametrize("order", [Ping(0, 0), ToAgent(9, b"x", b"y"), Disband(9), Admit(0.25, 3.0)])
def test_any_order_renews_the_lease(order: AnyHostOrder) -> None:
    host = Host(Admit(0.25, 3.0))
    for at in range(0, 20_000, 250):
        if at % 2_500 == 0:
            host.heard(order, ms(at))
        host.duty.tick(ms(at), connected=True)


def test_who_is_refused_or_dismissed_ends() -> None:
    with pytest.raises(Ended, match="install the same ovbench") as refused:
        Host().heard(Refuse("install the same ovbench"))
    assert refused.value.code is ExitCode.USAGE
    with pytest.raises(Ended) as dismissed:
        Host().heard(Dismiss())
    assert dismissed.value.code is ExitCode.VALID


def test_a_muster_forks_the_agents_and_observes_their_cpus() -> None:
    host = Host(MUSTER)
    assert host.crew.asked == [("muster", (4, 5), None)]
    assert host.outlook.asked == [("begin", 1, (0, 1), (2,))]
    assert host.duty.born(4, 100) == [Born(1, 4, 100)]
    assert host.duty.from_agent(b"p", b"hello") == FromAgent(1, b"p", b"hello")
    assert host.duty.died(Death(4, "killed")) == [Died(1, 4, "killed")]


def test_that_no_agent_can_run_here_is_told_as_what_cannot_be_done() -> None:
    refused = Death(4, "No memory can be made executable here", refused=True)
    assert Host(MUSTER).duty.died(refused) == [HostFailed("usage", "No memory can be made executable here")]


@pytest.mark.parametrize("refusal", [UsageError("that is no Python"), OSError(24, "Too many open files")])
def test_a_muster_that_cannot_be_done_is_told(refusal: Exception) -> None:
    host = Host()
    host.crew.refusal = refusal
    (failed,) = host.heard(MUSTER)
    assert isinstance(failed, HostFailed)
    assert failed.message.endswith(("that is no Python", "Too many open files"))


def test_messages_and_ends_are_for_agents_of_this_epoch_alone() -> None:
    host = Host(MUSTER)
    for epoch in (0, 2):
        host.heard(ToAgent(epoch, b"p", b"order"))
        host.heard(EndAgent(epoch, 4))
        host.heard(CutLoad(epoch, 5))
    assert host.crew.asked[1:] == []
    assert host.duty.dropped == 6
    host.heard(ToAgent(1, b"p", b"order"))
    host.heard(EndAgent(1, 4))
    assert host.crew.asked[1:] == [("pass on", b"p", b"order"), ("kill", 4)]
    assert host.duty.dropped == 6


def test_a_message_for_an_agent_that_is_gone_is_counted() -> None:
    host = Host(MUSTER)
    host.crew.reachable = False
    host.heard(ToAgent(1, b"p", b"order"))
    assert host.duty.dropped == 1


def test_an_epoch_begins_once_and_none_comes_back() -> None:
    host = Host(MUSTER)
    host.crew.living = 0
    for epoch in (1, 0):
        assert host.heard(Muster(epoch, (4,), (0,), ())) == []
        assert host.heard(Regroup(epoch, (0,), ())) == []
    assert host.duty.dropped == 4
    assert len(host.crew.asked) == 1


def test_the_same_agents_go_on_in_another_epoch() -> None:
    host = Host(MUSTER)
    host.heard(Regroup(2, (1,), ()))
    assert host.crew.asked == [("muster", (4, 5), None)]
    assert host.outlook.asked[-1] == ("begin", 2, (1,), ())
    assert host.duty.from_agent(b"p", b"x").epoch == 2


def test_who_is_disbanded_has_ended_when_it_is_told() -> None:
    host = Host(MUSTER)
    assert host.heard(Disband(1)) == []
    assert host.crew.asked[-1] == "kill all"
    assert host.outlook.asked[-1] == "end"
    assert host.duty.tick(1, connected=True) == [PRESENT]
    host.crew.living = 0
    assert host.duty.tick(2, connected=True) == [Disbanded(1)]
    assert host.duty.tick(3, connected=True) == []


def test_where_no_agent_is_left_disbanding_is_answered_at_once() -> None:
    host = Host(MUSTER)
    host.crew.living = 0
    assert host.heard(Disband(1)) == [Disbanded(1)]


def test_agents_of_the_next_epoch_start_when_those_before_have_ended() -> None:
    host = Host(MUSTER)
    assert host.heard(Muster(2, (7,), (1,), ())) == []
    assert len(host.crew.asked) == 2
    host.crew.living = 0
    assert host.duty.tick(1, connected=True) == [PRESENT, Disbanded(1)]
    assert host.crew.asked[1:] == ["kill all", ("muster", (7,), None)]
    assert host.duty.born(7, 9) == [Born(2, 7, 9)]


def test_a_load_is_observed_as_ordered() -> None:
    host = Host(MUSTER)
    host.heard(ObserveLoad(1, seconds(1), seconds(2), 10.0))
    host.heard(CutLoad(1, seconds(5)))
    assert host.outlook.asked[1:] == [("load", seconds(1), seconds(2), 10.0), ("cut", seconds(5))]
    assert host.heard(EndObserving(1)) == [Surveyed(1)]


@pytest.mark.parametrize(
    "order",
    [
        ObserveLoad(1, seconds(100_000), seconds(100_000), 1.0),
        ObserveLoad(1, seconds(50_000), seconds(100_000), 1.0),
        CutLoad(1, seconds(1)),
    ],
)
def test_an_instant_that_makes_no_sense_is_refused(order: AnyHostOrder) -> None:
    host = Host(MUSTER)
    (failed,) = host.heard(order, seconds(50_000))
    assert isinstance(failed, HostFailed)
    assert "was refused" in failed.message
    assert len(host.outlook.asked) == 1


def test_what_was_read_is_sent_when_it_is_there() -> None:
    host = Host(MUSTER)
    host.outlook.news = [Surveyed(1)]
    assert host.duty.tick(1, connected=False) == [Surveyed(1)]


def test_it_wakes_for_what_is_to_be_read() -> None:
    host = Host(Admit(1.0, 3.0), MUSTER)
    host.outlook.next_ns = ms(20)
    assert host.duty.timeout_s(ms(10)) == pytest.approx(0.01)
    assert host.duty.timeout_s(ms(30)) == 0
    host.outlook.next_ns = None
    assert 0 < host.duty.timeout_s(ms(30)) <= 0.25


def test_files_are_for_who_keeps_them() -> None:
    host = Host()
    chunk = FileChunk("a" * 64, 0, b"x")
    assert host.heard(chunk) == []
    assert host.files.orders == [chunk]


def test_a_schedule_comes_before_the_agents_that_are_to_serve_it() -> None:
    host = Host()
    assert host.heard(ShareSchedule(1, 3)) == []
    assert host.schedules.asked == [(1, 3)]
    assert host.heard(SchedulePart(1, 0, bytes(16))) == []
    assert host.heard(SchedulePart(1, 2, bytes(8))) == [ScheduleAt(1, 1, 2, 3, "0" * 32)]


def test_a_schedule_of_an_epoch_that_is_over_is_dropped() -> None:
    host = Host(Muster(2, (4,), (0,), ()))
    host.heard(ShareSchedule(1, 3))
    host.heard(SchedulePart(1, 0, bytes(8)))
    assert (host.schedules.asked, host.duty.dropped) == ([("begin", 2)], 2)


def test_a_schedule_that_there_is_no_memory_for_is_told() -> None:
    host = Host()
    host.schedules.refusal = UsageError("there is no memory")
    assert host.heard(ShareSchedule(1, 3)) == [HostFailed("usage", "there is no memory")]


def test_an_epoch_that_has_no_agents_yet_can_be_disbanded() -> None:
    assert Host().heard(Disband(3)) == [Disbanded(3)]


def test_a_connection_that_does_not_come_back_ends_it_however_long_the_lease() -> None:
    host = Host(Admit(0.25, 600.0))
    for at in range(0, 20_000, 250):  # a coordinator that is silent, as between two trials
        host.duty.tick(ms(at), connected=True)
    for at in range(20_000, 22_800, 250):
        host.duty.tick(ms(at), connected=False)
    host.duty.tick(ms(22_900), connected=True)
    for at in range(23_000, 25_900, 250):
        host.duty.tick(ms(at), connected=False)
    with pytest.raises(Ended, match="nothing was heard"):
        host.duty.tick(ms(25_950), connected=False)
