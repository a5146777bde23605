"""The loop around a supervisor's duty: what is passed on when, and what waits where."""

from collections import deque
from collections.abc import Iterator

import pytest

from ovbench.agent.supervisor.duty import Duty, Ended
from ovbench.agent.supervisor.service import attend
from ovbench.common.errors import ExitCode
from ovbench.common.forks import Birth, Death
from ovbench.common.hostmessages import (
    Admit,
    AnyHostNotice,
    AnyHostOrder,
    Born,
    Died,
    FileChunk,
    FromAgent,
    Muster,
    Ping,
    Pong,
    Present,
    TookChunk,
)
from tests.unit.agent.supervisor.test_duty import PRESENT, FakeCrew, FakeFiles, FakeOutlook, FakeSchedules


class FakeLink:
    """Each wait is a step: what comes in it, and how much it takes."""

    def __init__(self, steps: list[list[AnyHostOrder]], room: list[int]) -> None:
        self._steps, self._room = deque(steps), deque(room)
        self._left = 0
        self._orders: list[AnyHostOrder] = []
        self.connected = True
        self.naps_s: list[float] = []
        self.sent: list[list[AnyHostNotice]] = []
        self.urgent: list[AnyHostNotice] = []

    @property
    def room(self) -> bool:
        return self._left > 0

    def wait(self, timeout_s: float) -> set[int]:
        if not self._steps:
            raise Ended(ExitCode.VALID)
        self.naps_s.append(timeout_s)
        self._orders = self._steps.popleft()
        self._left = self._room.popleft() if self._room else 1_000
        self.sent.append([])
        return set()

    def messages(self) -> Iterator[AnyHostOrder]:
        orders, self._orders = self._orders, []
        return iter(orders)

    def send(self, notice: AnyHostNotice, urgent: bool = False) -> bool:
        if urgent:
            self.urgent.append(notice)
            return True
        if self._left <= 0:
            return False
        self._left -= 1
        self.sent[-1].append(notice)
        return True


class FakeVoices(FakeCrew):
    def __init__(self, said: list[bytes], born: list[Birth], died: list[Death]) -> None:
        super().__init__()
        self.said, self.born, self.died = deque(said), deque(born), deque(died)

    @property
    def waiting(self) -> bool:
        return bool(self.said)

    def receive(self) -> tuple[bytes, bytes] | None:
        return (b"p", self.said.popleft()) if self.said else None

    def births(self) -> Iterator[Birth]:
        while self.born:
            yield self.born.popleft()

    def deaths(self) -> Iterator[Death]:
        while self.died:
            yield self.died.popleft()


def attended(link: FakeLink, voices: FakeVoices) -> None:
    files = FakeFiles()
    duty = Duty(PRESENT, voices, FakeOutlook(), files, FakeSchedules(), 60.0, 0)
    with pytest.raises(Ended):
        attend(link, duty, voices, files, lambda: None, lambda: 5)


ADMITTED: list[AnyHostOrder] = [Admit(0.25, 3.0), Muster(1, (0,), (0,), ())]


def test_messages_of_agents_are_passed_on_in_the_order_in_which_they_came() -> None:
    link = FakeLink([ADMITTED, []], [])
    voices = FakeVoices([b"one", b"two"], [Birth(0, 9)], [])
    attended(link, voices)
    assert link.sent[0] == [Born(1, 0, 9), FromAgent(1, b"p", b"one"), FromAgent(1, b"p", b"two"), PRESENT]


def test_where_there_is_no_room_messages_stay_with_the_agents() -> None:
    link = FakeLink([ADMITTED, [], [], []], [2, 0, 1, 1_000])
    voices = FakeVoices([b"%d" % number for number in range(4)], [], [])
    attended(link, voices)
    passed = [[one.notice for one in step if isinstance(one, FromAgent)] for step in link.sent]
    assert passed == [[b"0", b"1"], [], [], [b"2", b"3"]]
    assert isinstance(link.sent[2][0], Present)
    assert 0 < link.naps_s[1] <= 0.25, "it does not spin"


def test_the_death_of_an_agent_comes_after_what_it_has_said() -> None:
    link = FakeLink([ADMITTED, [], []], [1, 2, 1_000])
    voices = FakeVoices([b"a", b"b", b"c"], [], [Death(0, "killed")])
    attended(link, voices)
    told = [one for step in link.sent for one in step if not isinstance(one, Present)]
    assert told == [*(FromAgent(1, b"p", text) for text in (b"a", b"b", b"c")), Died(1, 0, "killed")]


def test_a_ping_is_answered_before_all_that_waits() -> None:
    link = FakeLink([[Ping(1, 2)]], [0])
    attended(link, FakeVoices([b"x"], [], []))
    assert link.urgent == [Pong(1, 2, 5)]
    assert link.sent == [[]]


def test_what_the_keeper_of_files_answers_is_passed_on() -> None:
    link = FakeLink([[FileChunk("a" * 64, 0, b"x")]], [])
    attended(link, FakeVoices([], [], []))
    assert link.sent == [[TookChunk("a" * 64, 1), PRESENT]]
