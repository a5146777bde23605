"""The control side of an agent, given what came and what time it is: no socket, no thread, no clock."""

from collections.abc import Iterator

import pytest

from ovbench.agent.control import Control, Ended
from ovbench.common.errors import ExitCode
from ovbench.common.job import Job
from ovbench.common.lifecycle import IllegalMessage, State
from ovbench.common.messages import (
    PROTOCOL_VERSION,
    Again,
    AnyNotice,
    AnyOrder,
    Counted,
    Delivered,
    End,
    Failed,
    Finished,
    Hello,
    Prepare,
    Progress,
    Pulse,
    Reject,
    Release,
    Samples,
    Start,
    Stop,
    Tally,
    Warmed,
    WarmUp,
)
from tests.builders import finished, job, ms, ready, samples, seconds, steady


class FakeWork:
    """Remembers what it was asked for, and delivers what it was given."""

    def __init__(self, recorded: tuple[Samples, ...] = ()) -> None:
        self.asked: list[object] = []
        self.counted_cells: list[Tally] = []
        self.completed: list[Counted] = []
        self._recorded = recorded

    def prepare(self, job: Job) -> None:
        self.asked.append(("prepare", job))

    def warm_up(self, at_ns: int) -> None:
        self.asked.append(("warm_up", at_ns))

    def run(self, at_ns: int) -> None:
        self.asked.append(("run", at_ns))

    def end(self, at_ns: int) -> None:
        self.asked.append(("end", at_ns))

    def stop(self) -> None:
        self.asked.append("stop")

    def tallies(self) -> list[Tally]:
        counted, self.counted_cells = self.counted_cells, []
        return counted

    def counted(self) -> list[Counted]:
        counted, self.completed = self.completed, []
        return counted

    def abandon(self) -> Finished:
        self.asked.append("abandon")
        return finished(completed=7)

    def progress(self) -> Progress:
        return Progress(step=7, completed=0)

    def contents(self) -> Iterator[AnyNotice]:
        return iter(self._recorded)


HELLO = Hello(version=PROTOCOL_VERSION, pid=4711, host="box", agent=None, nonce="0" * 32)
PREPARE = Prepare(agent=0, job=job(), heartbeat_s=0.5, lease_s=3.0)
NOW = seconds(100)


def new(work: FakeWork | None = None) -> Control:
    """An agent that has just come, and says hello for twenty seconds."""
    return Control(work or FakeWork(), HELLO, 20.0, NOW)


def running(work: FakeWork, warmup: bool = False) -> Control:
    """An agent whose load has begun at NOW."""
    control = new(work)
    control.on_order(PREPARE, NOW)
    control.done(ready())
    if warmup:
        control.on_order(WarmUp(NOW), NOW)
        control.done(Warmed(completed=3))
    control.on_order(Start(NOW), NOW)
    return control


def test_orders_become_work_in_their_turn() -> None:
    work = FakeWork()
    control = new(work)
    control.on_order(PREPARE, NOW)
    states = [control.state]
    assert control.done(ready()) == [ready()]
    control.on_order(WarmUp(NOW + 1), NOW)
    assert control.done(Warmed(completed=3)) == [Warmed(completed=3)]
    control.on_order(Start(NOW + 2), NOW)
    states.append(control.state)
    assert control.done(finished()) == [finished()]
    states.append(control.state)
    assert states == [State.PREPARING, State.RUNNING, State.DELIVERING]
    assert work.asked == [("prepare", PREPARE.job), ("warm_up", NOW + 1), ("run", NOW + 2)]


def test_an_agent_may_start_without_a_warm_up() -> None:
    work = FakeWork()
    assert running(work).state is State.RUNNING
    assert ("run", NOW) in work.asked


@pytest.mark.parametrize("order", [WarmUp, Start, End])
@pytest.mark.parametrize("away_s", [7_200, -1_200])
def test_an_order_for_an_instant_that_makes_no_sense_ends_the_agent(
    order: type[WarmUp | Start | End], away_s: float
) -> None:
    control = new()
    control.on_order(PREPARE, NOW)
    control.done(ready())
    now = NOW + seconds(10_000)
    with pytest.raises(Ended, match="was refused") as ended:
        control.on_order(order(now + seconds(away_s)), now)
    assert ended.value.code is ExitCode.USAGE


def test_a_load_that_lasts_longer_than_its_owner_allows_ends_the_agent() -> None:
    control = Control(FakeWork(), HELLO, 20.0, NOW, longest_s=2.0)
    control.on_order(PREPARE, NOW)
    control.done(ready())
    control.on_order(Start(NOW + seconds(1)), NOW)
    control.tick(NOW + seconds(2.9), connected=True)
    with pytest.raises(Ended, match=r"longer than the 2 s of --max-duration"):
        control.tick(NOW + seconds(3.1), connected=True)


def test_what_was_counted_goes_before_the_heartbeat_and_before_the_end_of_the_load() -> None:
    work = FakeWork()
    control = running(work)
    first, last = (Tally(cell, 1.0, b"", b"") for cell in (0, 1))
    work.counted_cells = [first]
    assert control.tick(NOW + seconds(1), connected=True) == [first, Progress(step=7, completed=0)]
    work.counted_cells = [last]
    assert control.done(finished()) == [last, finished()]


def test_an_end_is_passed_on_also_where_it_comes_when_the_load_has_ended() -> None:
    work = FakeWork()
    control = running(work)
    control.on_order(End(NOW + 5), NOW)
    states = [control.state]
    control.done(finished())
    control.on_order(End(NOW + 6), NOW)
    assert work.asked[-2:] == [("end", NOW + 5), ("end", NOW + 6)]
    assert [*states, control.state] == [State.RUNNING, State.DELIVERING]


@pytest.mark.parametrize(
    "order", [WarmUp(NOW), Start(NOW), Stop()], ids=["a warm-up", "a start", "a stop"]
)  # fmt: skip
def test_an_order_that_cannot_come_yet_is_passed_over(order: AnyOrder) -> None:
    work = FakeWork()
    control = new(work)
    control.on_order(order, NOW)
    assert control.state is State.EXPECTED
    assert work.asked == []


@pytest.mark.parametrize("order", [PREPARE, WarmUp(NOW), Start(NOW)], ids=["a job", "a warm-up", "a start"])
def test_an_order_that_comes_twice_is_passed_over(order: AnyOrder) -> None:
    work = FakeWork()
    control = running(work, warmup=True)
    asked = list(work.asked)
    control.on_order(order, NOW)
    assert control.state is State.RUNNING
    assert work.asked == asked


def test_an_order_that_is_passed_over_still_shows_that_the_coordinator_lives() -> None:
    control = running(FakeWork())
    control.on_order(PREPARE, NOW + seconds(2))
    control.tick(NOW + seconds(4.9), connected=True)  # does not raise


def test_work_that_cannot_end_now_is_a_fault_of_ours() -> None:
    control = new()
    with pytest.raises(IllegalMessage):
        control.done(finished())


def test_a_failure_is_reported_and_nothing_more_is_done() -> None:
    work = FakeWork()
    control = new(work)
    control.on_order(PREPARE, NOW)
    failure = Failed(kind="usage", message="no such model")
    assert control.done(failure) == [failure]
    control.on_order(Start(NOW), NOW)
    assert control.state is State.FAILED
    assert work.asked == [("prepare", PREPARE.job)]


def test_a_release_ends_the_agent_well() -> None:
    with pytest.raises(Ended) as ended:
        running(FakeWork()).on_order(Release(), NOW)
    assert ended.value.code is ExitCode.VALID


def test_an_agent_that_is_rejected_ends_with_the_reason() -> None:
    with pytest.raises(Ended, match="another protocol") as ended:
        new().on_order(Reject("another protocol"), NOW)
    assert ended.value.code is ExitCode.USAGE


def test_an_agent_says_hello_until_it_has_a_job() -> None:
    """With a connection that breaks while it is made, what was sent is lost."""
    control = new()
    hellos = [at for at in range(0, 1201, 100) if control.tick(NOW + ms(at), connected=at > 300) == [HELLO]]
    assert hellos == [0, 500, 1000]
    control.on_order(PREPARE, NOW + ms(1200))
    assert control.tick(NOW + ms(1500), connected=True) == [Progress(step=7, completed=0)]


def test_an_agent_that_nobody_answers_ends() -> None:
    control = new()
    control.tick(NOW + seconds(20), connected=True)
    with pytest.raises(Ended, match="no coordinator") as ended:
        control.tick(NOW + seconds(20) + 1, connected=True)
    assert ended.value.code is ExitCode.PARTIAL


def test_heartbeats_come_at_once_and_then_as_often_as_was_asked_for() -> None:
    control = new()
    control.on_order(PREPARE, NOW)
    beats = [at for at in range(0, 2001, 100) if control.tick(NOW + ms(at), connected=True)]
    assert beats == [0, 500, 1000, 1500, 2000]


def test_heartbeats_that_were_missed_are_not_made_up_for() -> None:
    control = running(FakeWork())
    control.tick(NOW, connected=True)
    assert len(control.tick(NOW + seconds(2.7), connected=True)) == 1
    assert control.tick(NOW + seconds(2.8), connected=True) == []


def attend(control: Control, since_s: float, until_s: float) -> None:
    """Tick every half second, as the loop does, to the end given."""
    for half in range(1, round((until_s - since_s) * 2) + 1):
        control.tick(NOW + seconds(since_s + half / 2), connected=True)


def test_the_lease_ends_when_nothing_was_heard_for_so_long() -> None:
    control = running(FakeWork())
    attend(control, 0, 3)
    with pytest.raises(Ended, match="nothing was heard") as ended:
        control.tick(NOW + seconds(3) + 1, connected=True)
    assert ended.value.code is ExitCode.PARTIAL


def test_a_pulse_renews_the_lease() -> None:
    control = running(FakeWork())
    attend(control, 0, 2.5)
    control.on_order(Pulse(), NOW + seconds(2.5))
    attend(control, 2.5, 5.5)
    with pytest.raises(Ended):
        control.tick(NOW + seconds(5.5) + 1, connected=True)


def test_a_machine_that_stood_still_does_not_end_the_lease() -> None:
    """The coordinator stood still too, and may wake after the agent."""
    control = running(FakeWork())
    attend(control, 0, 1)
    attend(control, 6, 8)
    with pytest.raises(Ended, match="nothing was heard"):
        attend(control, 8, 9)


def test_a_connection_that_stays_closed_ends_the_agent_before_the_lease_does() -> None:
    control = running(FakeWork())
    control.tick(NOW, connected=False)
    control.tick(NOW + ms(250), connected=False)
    with pytest.raises(Ended, match="gone") as ended:
        control.tick(NOW + ms(251), connected=False)
    assert ended.value.code is ExitCode.PARTIAL


def test_a_connection_that_comes_back_in_time_is_forgiven() -> None:
    control = running(FakeWork())
    for at in (0, 200, 400, 600):
        control.tick(NOW + ms(at), connected=at in (200, 400))
    control.tick(NOW + ms(850), connected=False)  # a quarter of a second since it closed again
    with pytest.raises(Ended):
        control.tick(NOW + ms(851), connected=False)


def test_an_agent_introduces_itself_to_a_connection_that_is_new() -> None:
    control = running(FakeWork())
    control.tick(NOW, connected=True)
    assert control.tick(NOW + ms(100), connected=False) == []
    assert control.tick(NOW + ms(200), connected=True) == [HELLO]
    assert control.tick(NOW + ms(300), connected=True) == []


def test_an_agent_without_a_job_does_not_mind_that_it_has_no_connection_yet() -> None:
    control = new()
    for at in range(5):
        control.tick(NOW + seconds(at), connected=False)
    control.on_order(PREPARE, NOW + seconds(5))
    assert control.state is State.PREPARING


def test_a_stop_reaches_the_load_and_what_was_measured_is_delivered() -> None:
    work = FakeWork()
    control = running(work)
    control.on_order(Stop(), NOW + seconds(1))
    assert work.asked[-1] == "stop"
    assert control.done(finished()) == [finished()]
    assert control.state is State.DELIVERING


def test_a_stop_during_the_warm_up_reaches_the_load_as_well() -> None:
    work = FakeWork()
    control = new(work)
    control.on_order(PREPARE, NOW)
    control.done(ready())
    control.on_order(WarmUp(NOW), NOW)
    control.on_order(Stop(), NOW)
    assert work.asked[-1] == "stop"


def alive(control: Control, at_ns: int) -> list[AnyNotice]:
    """What a tick sends beside the heartbeat, of an agent that hears from its coordinator."""
    control.on_order(Pulse(), at_ns)
    return [notice for notice in control.tick(at_ns, connected=True) if not isinstance(notice, Progress)]


def test_an_inference_that_outlives_a_stop_is_abandoned() -> None:
    work = FakeWork()
    control = running(work)
    control.on_order(Stop(), NOW + seconds(1))
    assert alive(control, NOW + seconds(3)) == []
    assert alive(control, NOW + seconds(3) + 1) == [finished(completed=7)]
    assert control.state is State.DELIVERING
    assert work.asked[-1] == "abandon"


def test_a_second_stop_does_not_put_off_the_end() -> None:
    control = running(FakeWork())
    control.on_order(Stop(), NOW + seconds(1))
    control.on_order(Stop(), NOW + seconds(2.9))
    assert alive(control, NOW + seconds(3) + 1) == [finished(completed=7)]


def test_an_abandoned_load_that_ends_after_all_is_not_reported_twice() -> None:
    control = running(FakeWork())
    control.on_order(Stop(), NOW)
    assert alive(control, NOW + seconds(2.1))
    assert control.done(finished()) == []
    assert alive(control, NOW + seconds(4)) == []


@pytest.mark.parametrize("again", [False, True], ids=["delivered", "preparing"])
def test_an_abandoned_load_may_end_when_all_was_delivered_and_when_the_next_is_prepared(again: bool) -> None:
    control = running(FakeWork())
    control.on_order(Stop(), NOW)
    assert alive(control, NOW + seconds(2.1))
    assert list(control.delivery())
    if again:
        control.on_order(Again(job()), NOW + seconds(3))
    assert control.done(finished()) == []
    assert control.state is (State.PREPARING if again else State.DELIVERED)
    if again:
        assert control.done(ready()) == [ready()]


def delivering(*recorded: Samples) -> Control:
    control = running(FakeWork(recorded))
    control.done(finished())
    return control


def test_a_delivery_ends_with_the_number_of_its_messages() -> None:
    parts = (samples(steady(0, 10, 3), request=0), samples(steady(0, 10, 2), request=1))
    assert list(delivering(*parts).delivery()) == [*parts, Delivered(messages=2)]


def test_an_empty_delivery_says_that_it_is_empty() -> None:
    assert list(delivering().delivery()) == [Delivered(messages=0)]


def test_an_agent_that_has_delivered_ends_well_when_its_connection_closes() -> None:
    """The coordinator may have closed it before its last order was read."""
    control = delivering()
    assert list(control.delivery())
    with pytest.raises(Ended) as ended:
        control.tick(NOW + ms(1), connected=False)
    assert ended.value.code is ExitCode.VALID


def test_an_agent_sleeps_until_its_next_heartbeat_and_no_longer() -> None:
    control = running(FakeWork())
    control.tick(NOW, connected=True)
    assert control.timeout_s(NOW + ms(100)) == pytest.approx(0.4)
    assert control.timeout_s(NOW + seconds(1)) == 0.0


def test_an_agent_looks_more_often_while_its_connection_is_closed() -> None:
    control = running(FakeWork())
    control.tick(NOW, connected=False)
    assert control.timeout_s(NOW) <= 0.1
