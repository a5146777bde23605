"""Orders in any sequence, agents that end whenever they like: what a supervisor does makes sense all the same."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from ovbench.agent.supervisor.duty import Duty, Ended
from ovbench.common.forks import Death
from ovbench.common.hostmessages import (
    Admit,
    AnyHostNotice,
    AnyHostOrder,
    CutLoad,
    Died,
    Disband,
    Disbanded,
    Dismiss,
    EndAgent,
    EndObserving,
    FileChunk,
    FromAgent,
    Muster,
    ObserveLoad,
    Ping,
    Regroup,
    SchedulePart,
    ShareSchedule,
    ToAgent,
)
from tests.builders import seconds
from tests.unit.agent.supervisor.test_duty import PRESENT, FakeCrew, FakeFiles, FakeOutlook, FakeSchedules

EPOCHS = st.integers(0, 4)
ORDERS: st.SearchStrategy[AnyHostOrder] = st.one_of(
    st.just(Admit(0.25, 3.0)),
    st.builds(Ping, st.integers(0, 9), st.just(0)),
    st.builds(Muster, EPOCHS, st.just((1, 2)), st.just((0,)), st.just(())),
    st.builds(Regroup, EPOCHS, st.just((0,)), st.just(())),
    st.builds(ShareSchedule, EPOCHS, st.integers(1, 5)),
    st.builds(SchedulePart, EPOCHS, st.integers(0, 5), st.just(bytes(8))),
    st.builds(ToAgent, EPOCHS, st.just(b"p"), st.just(b"order")),
    st.builds(EndAgent, EPOCHS, st.integers(0, 3)),
    st.builds(ObserveLoad, EPOCHS, st.integers(0, seconds(5_000)), st.integers(0, seconds(5_000)), st.just(1.0)),
    st.builds(CutLoad, EPOCHS, st.integers(0, seconds(5_000))),
    st.builds(EndObserving, EPOCHS),
    st.builds(Disband, EPOCHS),
    st.just(FileChunk("a" * 64, 0, b"x")),
    st.just(Dismiss()),
)
EVENTS = st.lists(st.one_of(ORDERS, st.sampled_from(["an agent ends", "time passes", "an agent speaks"])), max_size=40)


class StrictCrew(FakeCrew):
    def muster(self, agents: Sequence[int], python: str | None) -> None:
        assert self.empty, "those before have ended"
        super().muster(agents, python)


class Story:
    def __init__(self) -> None:
        self.crew = StrictCrew()
        self.duty = Duty(PRESENT, self.crew, FakeOutlook(), FakeFiles(), FakeSchedules(), 60.0, 0)
        self.told: list[AnyHostNotice] = []
        self.now_ns = 0

    def happens(self, event: AnyHostOrder | str) -> None:
        if not isinstance(event, str):
            self.told += self.duty.on_order(event, self.now_ns)
        elif event == "an agent ends" and self.crew.living:
            self.crew.living -= 1
            self.told += self.duty.died(Death(1, "it ended"))
        elif event == "an agent speaks":
            self.told.append(self.duty.from_agent(b"p", b"x"))
        elif event == "time passes":
            self.now_ns += seconds(0.25)
            self.told += self.duty.tick(self.now_ns, connected=True)


@given(EVENTS)
def test_epochs_only_go_up_and_agents_start_when_those_before_have_ended(
    events: list[AnyHostOrder | str],
) -> None:
    story = Story()
    try:
        for event in events:
            story.happens(event)
    except Ended:
        assert Dismiss() in events
    of_agents = [one.epoch for one in story.told if isinstance(one, Died | FromAgent | Disbanded)]
    assert of_agents == sorted(of_agents)


@given(EVENTS)
def test_whatever_came_before_a_host_can_be_disbanded(events: list[AnyHostOrder | str]) -> None:
    story = Story()
    for event in events:
        if event != Dismiss():
            story.happens(event)
    story.happens(Disband(9))
    while story.crew.living:
        story.happens("an agent ends")
    story.happens("time passes")
    assert story.told.count(Disbanded(9)) == 1
    assert story.crew.empty
    assert story.duty.from_agent(b"p", b"x").epoch == 9
