"""All that a load has completed, read while it goes on: every inference once, whatever was overwritten meanwhile."""

import dataclasses
from collections.abc import Iterable
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovbench.agent.loop import recording, totals
from ovbench.agent.loop.layout import Int64s, Slot, Slots
from ovbench.agent.loop.recorder import FoldedSoFar, Recorder
from ovbench.agent.loop.totals import Totals
from ovbench.common.histogram import FINE
from ovbench.common.messages import Counted
from ovbench.common.samplememory import HEAD, LEAST_RING

BEGIN = 1_000_000
ROOM = HEAD + LEAST_RING


class Load:
    """Inferences that are recorded by hand, and all latencies that there were."""

    def __init__(self, requests: int = 1) -> None:
        self.recorder = Recorder.allocate(requests, 1)
        self.totals = Totals(self.recorder, 0, lambda: 0)
        self.latencies: list[int] = []
        self._now = [BEGIN] * requests

    def infer(self, latencies: Iterable[int], request: int = 0) -> None:
        for latency in latencies:
            start = self._now[request]
            self._now[request] = start + latency
            recording.record(self.recorder.slots[request].address, start, self._now[request])
            self.latencies.append(latency)

    def is_whole(self, counted: Counted) -> bool:
        """Whether it has what there was: by buckets, in number and in sum."""
        expected = FINE.count(np.asarray(self.latencies, np.int64))
        found = np.zeros(FINE.size, np.int64)
        found[np.frombuffer(counted.buckets, "<i4")] = np.frombuffer(counted.counts, "<i8")
        return (
            bool((found == expected).all())
            and counted.completed == len(self.latencies)
            and counted.total_s == pytest.approx(sum(self.latencies) / 1e9)
        )


def test_before_the_first_inference_there_is_nothing() -> None:
    assert Load().totals.take() == Counted(completed=0, dropped=0, total_s=0.0, buckets=b"", counts=b"")


def test_each_inference_counts_once_however_often_one_looks() -> None:
    load = Load(requests=2)
    for step in range(5):
        load.infer([100 + step, 3_000 * step], request=0)
        load.infer([7 + step], request=1)
        assert load.is_whole(load.totals.take())
        assert load.is_whole(load.totals.take())


def test_samples_that_were_overwritten_before_they_were_read_are_taken_from_the_histograms() -> None:
    load = Load(requests=2)
    for _ in range(3):
        load.infer(range(1, 3 * ROOM))
        load.infer([12_345, 23_456], request=1)
        assert load.is_whole(load.totals.take())
    load.infer(range(50, 90))
    assert load.is_whole(load.totals.take())
    assert load.is_whole(load.totals.take(ended=True))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 2 * ROOM), max_size=4), st.integers(1, ROOM))
def test_whenever_one_looks_nothing_is_left_out_and_nothing_counts_twice(steps: list[int], spread: int) -> None:
    load = Load()
    for number in steps:
        load.infer(1 + np.arange(number) * 37 % spread)
        assert load.is_whole(load.totals.take())


def test_many_samples_are_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(totals, "_CHUNK", 64)
    load = Load()
    load.infer(range(1, ROOM - 1))
    assert load.is_whole(load.totals.take())
    load.infer(range(1, 2 * ROOM))
    assert load.is_whole(load.totals.take())


def test_many_requests_with_few_samples_are_counted_together() -> None:
    load = Load(requests=5_000)
    for _ in range(2):
        for request in range(5_000):
            load.infer([1_000 + request], request)
        assert load.is_whole(load.totals.take())


def test_a_look_ends_in_time_and_the_next_ones_count_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the clock finds that it is late."""
    monkeypatch.setattr(totals, "_MOST_TOGETHER", 1)
    load = Load(requests=3)
    hours = iter(range(0, 10**18, 10**12))
    load.totals = Totals(load.recorder, 0, lambda: next(hours))
    for request in range(3):
        load.infer([1_000 * (1 + request)] * 2, request)
    assert [load.totals.take().completed for _ in range(4)] == [2, 4, 6, 6]
    assert load.is_whole(load.totals.take())
    for request in range(3):
        load.infer(range(1, 3 * ROOM), request)
    found = [load.totals.take() for _ in range(4)]
    assert [counted.completed for counted in found[:3]] == [6, 6, 6]
    assert load.is_whole(found[3])
    load.infer([77], 0)
    load.infer([78], 2)
    assert load.is_whole(load.totals.take(ended=True))


@pytest.mark.parametrize("folds", [1, 7, 500])
def test_the_sum_is_of_as_many_latencies_as_it_says_whatever_is_folded_meanwhile(folds: int) -> None:
    load = Load()
    load.infer([10_000_000] * ROOM)
    load.infer([1_000] * 2 * ROOM)
    recorder = load.recorder

    class Fine:
        """Copied, while the load goes on."""

        def __getitem__(self, request: int) -> "Fine":
            return self

        def copy(self) -> Int64s:
            taken: Int64s = recorder.fine[0].copy()
            load.infer([1_000] * folds)
            return taken

    found = dataclasses.replace(recorder, fine=cast(Int64s, Fine())).folded_so_far(0)
    folded = load.latencies[HEAD : HEAD + found.number]
    assert found.total_ns == pytest.approx(sum(folded), rel=1e-12)
    assert found.number == recorder.slots[0].folded


def test_a_fold_between_the_readings_of_number_and_deviation_has_them_read_again() -> None:
    load = Load()
    load.infer([10_000_000] * ROOM)
    load.infer([1_000] * 2 * ROOM)
    recorder, left = load.recorder, iter(range(5))

    class Going(Slot):
        """Of which 10 more samples are folded after the deviation was read, five times."""

        @property
        def deviation_ns(self) -> float:  # type: ignore[override]
            if next(left, None) is not None:
                load.infer([1_000] * 10)
            return super().deviation_ns

    slots = cast(Slots, [Going(recorder.slots[0].words)])
    found = dataclasses.replace(recorder, slots=slots).folded_so_far(0)
    assert found.total_ns == pytest.approx(sum(load.latencies[HEAD : HEAD + found.number]), rel=1e-12)


def test_the_sum_of_latencies_never_falls_while_the_load_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    load = Load()
    load.infer([1_000] * 3 * ROOM)
    before = load.totals.take()
    load.infer([1_000] * 3 * ROOM)
    copy = Recorder.folded_so_far
    monkeypatch.setattr(Recorder, "folded_so_far", lambda *of: copy(*of)._replace(total_ns=-(10**15)))
    after = load.totals.take()
    assert after.completed == len(load.latencies)
    assert after.total_s == before.total_s
    monkeypatch.undo()
    assert load.is_whole(load.totals.take(ended=True))


def test_samples_that_are_folded_while_they_are_read_count_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The load goes on between the look at the samples and that at the histogram."""
    load = Load()
    load.infer(range(1, 3 * ROOM))
    copy = Recorder.folded_so_far

    meanwhile = iter((range(1, 100), range(1, ROOM)))

    def later(recorder: Recorder, request: int) -> FoldedSoFar:
        load.infer(next(meanwhile))
        return copy(recorder, request)

    monkeypatch.setattr(Recorder, "folded_so_far", later)
    for _ in range(2):
        seen = len(load.latencies)
        counted = load.totals.take(ended=True)
        assert seen <= counted.completed <= len(load.latencies)
        assert counted.completed == int(np.frombuffer(counted.counts, "<i8").sum())
    monkeypatch.undo()
    assert load.is_whole(load.totals.take(ended=True))


def test_what_was_due_before_the_window_does_not_count() -> None:
    recorder = Recorder.allocate(1, 1, timed=True, arrivals=100)
    counting = Totals(recorder, BEGIN, lambda: 0)
    for due in (-10, -1, 0, 5):
        recording.record_due(recorder.slots[0].address, BEGIN + due, BEGIN + due + 1, BEGIN + due + 500)
    recorder.control.dropped = 3
    counted = counting.take()
    assert (counted.completed, counted.dropped) == (2, 3)
    assert counted.total_s == pytest.approx(1e-6)
