"""What a load did by cells of time, counted from what is recorded while it goes on."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovbench.agent.loop import tally
from ovbench.agent.loop.cache import load_loops
from ovbench.agent.loop.recorder import Recorder
from ovbench.agent.loop.tally import Counter
from ovbench.common.histogram import FINE
from ovbench.common.messages import Tally
from ovbench.common.samplememory import HEAD, LEAST_RING

BEGIN = 1_000_000
CELLS = (100, 200, 400, 800)


def closed(requests: int = 1) -> tuple[Recorder, Counter]:
    recorder = Recorder.allocate(requests, 1)
    return recorder, Counter(recorder, BEGIN, CELLS, at_a_rate=False)


def at_a_rate() -> tuple[Recorder, Counter]:
    recorder = Recorder.allocate(1, 1, timed=True, arrivals=100)
    return recorder, Counter(recorder, BEGIN, CELLS, at_a_rate=True)


def back_to_back(recorder: Recorder, ends: Sequence[int], request: int = 0, since: int = 0) -> None:
    """Inferences that end so long after the beginning, each started when the one before it ended."""
    for start, end in zip([since, *ends], ends, strict=False):
        load_loops()["record"](recorder.slots[request].address, BEGIN + start, BEGIN + end)


def work(tallies: Sequence[Tally]) -> dict[int, float]:
    return {one.cell: one.inferences for one in tallies}


def latencies(tallies: Sequence[Tally]) -> list[int]:
    """In the order of the cells, as precise as their histograms are."""
    found = []
    for one in tallies:
        values = FINE.values(np.frombuffer(one.buckets, "<i4").astype(np.int64))
        found += np.repeat(values, np.frombuffer(one.counts, "<i8")).tolist()
    return found


def test_what_is_under_way_at_an_edge_counts_on_either_side_by_its_share() -> None:
    recorder, counter = closed()
    back_to_back(recorder, [80, 180, 260])
    done = counter.take(BEGIN + 300)
    assert work(done) == pytest.approx({0: 1.2, 1: 1.05})
    assert latencies(done) == [80, 100]


def test_a_cell_is_over_when_every_request_has_ended_an_inference_beyond_it() -> None:
    recorder, counter = closed(requests=2)
    back_to_back(recorder, [150, 300], request=0)
    back_to_back(recorder, [90], request=1)
    assert counter.take(BEGIN + 900) == []
    back_to_back(recorder, [250], request=1, since=90)
    assert work(counter.take(BEGIN + 900)) == pytest.approx({0: 100 / 150 + 1 + 10 / 160, 1: 1.2917}, 1e-3)


def test_a_cell_is_sent_once_and_they_come_in_order() -> None:
    recorder, counter = closed()
    back_to_back(recorder, [110])
    first = counter.take(BEGIN + 110)
    assert counter.take(BEGIN + 120) == []
    back_to_back(recorder, [500], since=110)
    assert [one.cell for one in (*first, *counter.take(BEGIN + 500))] == [0, 1, 2]


def test_after_a_stop_nothing_is_sent_of_cells_that_were_not_run_to_their_end() -> None:
    recorder, counter = closed()
    back_to_back(recorder, [80, 390])
    assert [one.cell for one in counter.take(BEGIN + 800)] == [0, 1]
    assert counter.take(BEGIN + 800) == []


def test_at_a_rate_what_ended_counts_and_cells_are_over_by_the_clock() -> None:
    recorder, counter = at_a_rate()
    for due, start, end in ((-30, -20, -5), (-10, 5, 20), (30, 40, 95), (90, 95, 150)):
        load_loops()["record_due"](recorder.slots[0].address, BEGIN + due, BEGIN + start, BEGIN + end)
    done = counter.take(BEGIN + 420)
    assert work(done) == {0: 2.0, 1: 1.0, 2: 0.0}
    assert latencies(done) == [65, 60], "from due, of those that were due since the window began"


def test_an_end_that_comes_to_light_when_its_cell_was_sent_is_in_the_next() -> None:
    recorder, counter = at_a_rate()
    counter.take(BEGIN + 210)
    load_loops()["record_due"](recorder.slots[0].address, BEGIN + 150, BEGIN + 150, BEGIN + 190)
    assert work(counter.take(BEGIN + 500)) == {2: 1.0}


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 200), min_size=1, max_size=40), st.lists(st.integers(1, 40), max_size=4))
def test_however_often_one_looks_all_work_and_every_latency_is_counted_once(times: list[int], at: list[int]) -> None:
    recorder, counter = closed()
    ends = np.cumsum([*times, CELLS[-1]]).tolist()
    found: list[Tally] = []
    since = 0
    for low, high in zip([0, *sorted(at)], [*sorted(at), len(ends)], strict=True):
        back_to_back(recorder, ends[low:high], since=since)
        since = ends[:high][-1] if ends[:high] else 0
        found += counter.take(BEGIN + since)
    found += counter.take(BEGIN + CELLS[-1])
    within = [end for end in ends if end < CELLS[-1]]
    last = (within or [0])[-1]
    share = (CELLS[-1] - last) / (ends[len(within)] - last)
    assert [one.cell for one in found] == [0, 1, 2, 3]
    assert sum(work(found).values()) == pytest.approx(len(within) + share)
    assert len(latencies(found)) == len(within)


def test_of_very_many_since_the_last_look_some_stand_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "_MOST_AT_ONCE", 10)
    recorder, counter = closed()
    back_to_back(recorder, list(range(2, 802, 2)))
    done = counter.take(BEGIN + 800)
    assert work(done) == pytest.approx({0: 50, 1: 50, 2: 100, 3: 200})
    assert latencies(done) == [2] * 360, "of the last 40 one stands for all, and ended beyond the cells"


def test_samples_that_were_overwritten_before_a_look_still_count() -> None:
    recorder, counter = closed()
    count = HEAD + LEAST_RING + 1000
    back_to_back(recorder, [800 * (index + 1) // count for index in range(count)])
    done = counter.take(BEGIN + 800)
    assert sum(work(done).values()) == pytest.approx(count, rel=1e-3)
    assert len(latencies(done)) == pytest.approx(count, rel=1e-2)
