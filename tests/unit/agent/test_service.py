"""The loop around an agent's control side, and the thread that measures."""

import os
import queue
import threading
from collections.abc import Sequence
from typing import Any, cast

import pytest

from ovbench.agent import service
from ovbench.agent.control import Ended
from ovbench.agent.service import MeasureThread
from ovbench.common.job import Job
from ovbench.common.lifecycle import IllegalMessage
from ovbench.common.messages import (
    Again,
    AnyNotice,
    AnyOrder,
    Delivered,
    Hello,
    Progress,
    Ready,
    Release,
    Samples,
    Start,
)
from ovbench.common.wire import Link
from tests.builders import finished, job, ready, samples, steady
from tests.unit.agent.test_control import NOW, PREPARE, FakeWork, new

PATIENCE_S = 60


class SlowPreparation:
    """In the place of `measure.prepare`: goes on when it may, and gives a load that counts its stops."""

    running = False

    def __init__(self) -> None:
        self.begun, self.may_go_on = threading.Event(), threading.Event()
        self.stops = 0

    def __call__(self, *_: object) -> "SlowPreparation":
        self.begun.set()
        assert self.may_go_on.wait(PATIENCE_S)
        return self

    def ready(self, notes: Sequence[str]) -> Ready:
        return ready()

    def stop(self) -> None:
        self.stops += 1


def test_a_stop_that_comes_while_a_load_is_prepared_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = SlowPreparation()
    monkeypatch.setattr(service, "prepare", slow)
    monkeypatch.setattr("ovbench.agent.host.affinity.pin_all", lambda *_: frozenset())
    work = MeasureThread(lambda: None)
    work.prepare(job())
    assert slow.begun.wait(PATIENCE_S)
    work.stop()
    assert slow.stops == 0
    slow.may_go_on.set()
    assert work.finished.get(timeout=PATIENCE_S) == ready()
    assert slow.stops == 1


def test_a_stop_of_one_load_is_not_one_of_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = SlowPreparation()
    slow.may_go_on.set()
    monkeypatch.setattr(service, "prepare", slow)
    monkeypatch.setattr("ovbench.agent.host.affinity.pin_all", lambda *_: frozenset())
    work = MeasureThread(lambda: None)
    work.prepare(job())
    assert work.finished.get(timeout=PATIENCE_S) == ready()
    work.stop()
    work.prepare(job())
    assert work.finished.get(timeout=PATIENCE_S) == ready()
    assert slow.stops == 1


def test_a_run_before_a_load_is_ready_is_a_fault_of_ours() -> None:
    with pytest.raises(IllegalMessage):
        MeasureThread(lambda: None).run(NOW)


class FakeLink:
    """Has orders to be read at each turn, and ends when there are none left; takes every second message only."""

    connected = True

    def __init__(self, *turns: tuple[AnyOrder, ...]) -> None:
        self._turns = list(turns)
        self._refuses = True
        self.sent: list[AnyNotice] = []

    def want_to_send(self, wanted: bool) -> None: ...

    def wait(self, timeout_s: float) -> None: ...

    def messages(self) -> tuple[AnyOrder, ...]:
        return self._turns.pop(0) if self._turns else (Release(),)

    def send(self, notice: AnyNotice) -> bool:
        self._refuses = not self._refuses
        if self._refuses:
            return False
        self.sent.append(notice)
        return True


class PromptWork(FakeWork):
    """Has done everything before the next thing is looked at."""

    def __init__(self, recorded: tuple[Samples, ...]) -> None:
        super().__init__(recorded)
        self.finished: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def prepare(self, job: Job) -> None:
        self.finished.put(ready())

    def run(self, at_ns: int) -> None:
        self.finished.put(finished())


def test_each_load_is_delivered_once_however_fast_it_is_prepared() -> None:
    recorded = (samples(steady(0, 10, 3)), samples(steady(0, 10, 2), request=1))
    work = PromptWork(recorded)
    load: tuple[tuple[AnyOrder, ...], ...] = ((Start(NOW),), *[()] * 10)
    link = FakeLink((PREPARE,), *[()] * 4, *load, (Again(job()),), *[()] * 4, *load, (Again(job()),), *[()] * 4, *load)
    wake, _ = os.pipe()
    os.set_blocking(wake, False)
    with pytest.raises(Ended):
        service.attend(cast(Link, link), new(work), work.finished, wake, lambda: NOW)
    sent = [notice for notice in link.sent if not isinstance(notice, Hello | Progress)]
    assert sent == 3 * [ready(), finished(), *recorded, Delivered(messages=2)]
    assert sum(isinstance(notice, Ready) for notice in sent) == 3
