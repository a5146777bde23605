"""The compiled loops on the null device: what they record, what they feed and when they start."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovbench.agent.host.libc import clock_addresses, memcpy_address, semaphore_addresses
from ovbench.agent.loop.cache import load_loops
from ovbench.agent.loop.layout import AT_RATE, IN_QUERIES, FedInput, FeedTable
from ovbench.agent.loop.null import NullDevice
from ovbench.agent.loop.nullrow import INVALID
from ovbench.agent.loop.recorder import Recorder
from ovbench.common.clock import monotonic_ns
from ovbench.common.histogram import Int64s
from ovbench.common.job import Api
from ovbench.common.samples import SampleArray
from tests.attempts import undisturbed
from tests.builders import ms

HANG_S = 30.0
MOST_INFERENCES = 100


@dataclass
class NullLoad:
    """A load of `requests` on the null device with one inference at a time per stream, each `service_ns` long."""

    api: Api
    requests: int = 1
    streams: int = 1
    service_ns: int = 1_000
    drain_ns: int = 0
    _kept: list[Int64s] = field(default_factory=list)
    _tables: list[FeedTable] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.device = NullDevice(
            self.service_ns, self.streams, self.requests, *clock_addresses(), semaphore_addresses()
        )
        self.record_with(Recorder.allocate(self.requests, 1))
        if self.api == "async":
            self.device.start()

    def record_with(self, recorder: Recorder) -> None:
        self.recorder, self.control, self.slots = recorder, recorder.control, recorder.slots
        self.control.clock, self.control.sleep = clock_addresses()
        self.control.call = load_loops().address("infer" if self.api == "sync" else "start_async")
        self.control.set_input = load_loops().address("set_input")
        self.control.copy = memcpy_address()
        for index, slot in enumerate(self.slots):
            slot.request = self.device.request(index)
            slot.turn = index
            slot.set_function(0, 0)
            self.device.connect(index, slot)

    def feed(self, request: int, inputs: Sequence["Fed"]) -> Int64s:
        """Have the request's inputs fed; returns the notes that the device takes, [inference, input]."""
        values, notes = self.device.trace(request, len(inputs), MOST_INFERENCES)
        table = FeedTable(len(inputs))
        for index, fed in enumerate(inputs):
            words = np.array(fed.items, np.int64)
            items = words if fed.way == "set" else words.ctypes.data + 8 * np.arange(len(words))
            target = 0 if fed.way == "set" else values.ctypes.data + 8 * index
            describe(table[index], index, items, target, 8)
            self._kept += [words, items]
        self.feed_table(request, table)
        return notes

    def feed_table(self, request: int, table: FeedTable) -> None:
        self._tables.append(table)
        self.control.inputs = len(table)
        self.slots[request].feed = table.address

    def pace(self, period_ns: float, phase_ns: float = 0.0) -> None:
        """At a rate, unless the period is 0."""
        if period_ns > 0:
            self.at_rate()
        self.control.period_ns, self.control.phase_ns = period_ns, phase_ns

    def at_rate(self, arrivals: int = 0) -> None:
        """Record when inferences were due, too; with a number of arrivals, all of them."""
        former, inputs = self.slots, self.control.inputs
        self.record_with(Recorder.allocate(self.requests, 1, timed=True, arrivals=arrivals))
        self.control.mode, self.control.inputs = AT_RATE, inputs
        for before, slot in zip(former, self.slots, strict=True):
            slot.feed, slot.turn = before.feed, before.turn

    def in_queries(self) -> None:
        """All requests make up one query after the other."""
        former, inputs = self.slots, self.control.inputs
        self.record_with(Recorder.allocate(self.requests, 1, timed=True))
        self.control.mode, self.control.inputs = IN_QUERIES, inputs
        for before, slot in zip(former, self.slots, strict=True):
            slot.feed, slot.turn = before.feed, before.turn

    def schedule(self, offsets_ns: Sequence[int], drain_ns: int = 0, timeout_ns: int = 0) -> None:
        """Arrivals at these instants, ns since the window's start, which is the load's but for a lead-in."""
        self.at_rate(len(offsets_ns))
        dues = np.array(offsets_ns, np.int64)
        self._kept.append(dues)
        self.control.dues, self.control.arrivals = dues.ctypes.data, len(dues)
        self.control.timeout_ns, self.drain_ns = timeout_ns, drain_ns

    def run(self, limit: int = 0, span_ns: int = 0, begin_ns: int | None = None, lead_in_ns: int = 0) -> None:
        """Run it to its end, beginning now or at an instant, and for `span_ns` from then and the lead-in."""
        thread = self.start(limit, span_ns, begin_ns, lead_in_ns)
        thread.join(HANG_S)
        assert not thread.is_alive(), "the load does not end"

    def start(
        self, limit: int = 0, span_ns: int = 0, begin_ns: int | None = None, lead_in_ns: int = 0
    ) -> threading.Thread:
        self.recorder.clear()
        begin = monotonic_ns() if begin_ns is None else begin_ns
        deadline = begin + lead_in_ns + span_ns if span_ns else 0
        self.control.begin_ns, self.control.deadline_ns, self.control.limit = begin, deadline, limit
        self.control.zero_ns, self.control.drain_until_ns = begin + lead_in_ns, deadline + self.drain_ns
        control, slots = self.control.address, self.slots.address
        if self.api == "sync":
            thread = threading.Thread(target=load_loops().run_sync, args=(control, slots), daemon=True)
        else:
            thread = threading.Thread(target=load_loops().run_async, args=(control, slots, self.requests), daemon=True)
        thread.start()
        return thread

    def samples(self, request: int) -> Int64s:
        return self.recorder.samples[request].table[: self.recorder.count(request)]

    def starts(self) -> Int64s:
        """Of all requests, in order."""
        starts: Int64s = np.sort(np.concatenate([self.samples(request)[:, 0] for request in range(self.requests)]))
        return starts

    def dues(self) -> Int64s:
        """When as many starts were due."""
        period_ns, phase_ns = self.control.period_ns, self.control.phase_ns
        offsets = (phase_ns + np.arange(self.recorder.completed) * period_ns).astype(np.int64)
        dues: Int64s = self.control.begin_ns + offsets
        return dues

    def all_done(self) -> bool:
        return bool((self.slots.done == 1).all())


def describe(row: FedInput, index: int, items: Int64s, target: int, size: int) -> None:
    row.input, row.count, row.items, row.target, row.bytes = index, len(items), items.ctypes.data, target, size


@dataclass(frozen=True)
class Fed:
    """An input: the way it is fed and with what in turn."""

    way: Literal["copy", "set"]
    items: tuple[int, ...]


MakeLoad = Callable[..., NullLoad]


@pytest.fixture(params=["sync", "async"])
def api(request: pytest.FixtureRequest) -> Api:
    chosen: Api = request.param
    return chosen


@pytest.fixture
def make_load() -> Iterator[MakeLoad]:
    made: list[NullLoad] = []

    def make(*arguments: object, **named: object) -> NullLoad:
        made.append(NullLoad(*arguments, **named))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for load in made:
        load.control.stop = 1
        load.device.stop()


def test_a_null_device_has_no_server_that_no_request_belongs_to(make_load: MakeLoad) -> None:
    load = make_load("async", requests=2, streams=5)
    assert [thread.name for thread in threading.enumerate()].count("null stream") == 2
    load.run(limit=MOST_INFERENCES)
    assert load.all_done()
    assert load.recorder.completed == MOST_INFERENCES


@pytest.mark.parametrize("period_ns", [0.0, 30_000.0])
@pytest.mark.parametrize(("requests", "streams"), [(1, 1), (2, 2), (8, 2), (5, 2)])
def test_every_latency_on_a_null_device_is_at_least_the_service_time(
    make_load: MakeLoad, requests: int, streams: int, period_ns: float
) -> None:
    load = make_load("async", requests, streams, service_ns=20_000)
    load.pace(period_ns)
    load.run(limit=1_000)
    samples = np.concatenate([load.samples(request) for request in range(requests)])
    assert len(samples) == 1_000
    assert (samples[:, 1] - samples[:, 0]).min() >= 20_000


FED = st.builds(Fed, st.sampled_from(["copy", "set"]), st.lists(st.integers(1, 9), min_size=1, max_size=5).map(tuple))


@settings(max_examples=50, deadline=None)
@given(inputs=st.lists(FED, min_size=1, max_size=3), turn=st.integers(0, 7), period_ns=st.sampled_from([0.0, 500.0]))
def test_each_inference_takes_the_next_item_of_each_input(inputs: list[Fed], turn: int, period_ns: float) -> None:
    load = NullLoad("sync")
    notes = load.feed(0, inputs)
    load.slots[0].turn = turn
    load.pace(period_ns)
    load.run(limit=12)
    assert notes[:13].tolist() == [
        *([fed.items[(turn + k) % len(fed.items)] for fed in inputs] for k in range(12)),
        [0] * len(inputs),
    ]


@pytest.mark.parametrize("period_ns", [0.0, 20_000.0])
def test_asynchronous_requests_begin_with_an_item_each_and_go_on_from_there(
    make_load: MakeLoad, period_ns: float
) -> None:
    load = make_load("async", requests=4, streams=2)
    inputs = [Fed("copy", (11, 12, 13)), Fed("set", (21, 22, 23, 24))]
    notes = [load.feed(request, inputs) for request in range(4)]
    load.pace(period_ns)
    load.run(limit=60)
    assert load.recorder.completed == 60
    for request in range(4):
        count = load.recorder.count(request)
        expected = [[fed.items[(request + k) % len(fed.items)] for fed in inputs] for k in range(count)]
        assert notes[request][: count + 1].tolist() == [*expected, [0, 0]]


def test_a_load_begins_with_the_first_items_again(make_load: MakeLoad, api: Api) -> None:
    load = make_load(api)
    load.run(limit=5)  # of a warm-up, say
    notes = load.feed(0, [Fed("set", (1, 2, 3))])
    load.run(limit=3)
    assert notes[:3, 0].tolist() == [1, 2, 3]


def test_an_input_that_cannot_be_set_ends_the_load(make_load: MakeLoad, api: Api) -> None:
    load = make_load(api)
    notes = load.feed(0, [Fed("set", (5, 6)), Fed("set", (7, 0))])
    load.run(limit=10)
    assert load.slots[0].status == INVALID
    assert load.all_done()
    assert load.recorder.completed == 1
    assert notes[:2].tolist() == [[5, 7], [0, 0]]


@pytest.mark.parametrize("period_ns", [0.0, 1e6])
def test_an_input_that_cannot_be_set_ends_the_load_of_all_requests(make_load: MakeLoad, period_ns: float) -> None:
    load = make_load("async", requests=3)
    for request in range(3):
        load.feed(request, [Fed("set", (5, 6, 0))])
    load.pace(period_ns)
    load.run(span_ns=ms(60_000))
    assert INVALID in load.slots.statuses
    assert load.control.stop == 1
    assert load.all_done()
    assert load.recorder.completed <= 3


def test_feeding_is_no_part_of_the_latency(make_load: MakeLoad, api: Api) -> None:
    load = make_load(api)
    source, target = np.ones(1 << 20, np.uint8), np.zeros(1 << 20, np.uint8)
    items = np.array([source.ctypes.data])
    table = FeedTable(1)
    describe(table[0], 0, items, target.ctypes.data, len(source))
    load.feed_table(0, table)
    load.run(limit=20)
    starts, ends = load.samples(0).T
    copying_ns = 5_000  # at 200 GB/s
    assert (starts[1:] - ends[:-1]).min() > copying_ns
    assert starts[0] - load.control.began_ns > copying_ns
    assert (source == target).all()


def test_without_feeding_an_inference_starts_when_the_last_one_ends(make_load: MakeLoad, api: Api) -> None:
    load = make_load(api)
    load.run(limit=20)
    starts, ends = load.samples(0).T
    assert (starts[1:] == ends[:-1]).all()


@undisturbed("a start that others make 40 ms late misses the deadline")
def test_a_paced_load_has_all_starts_that_are_due_before_the_deadline_and_none_early(
    make_load: MakeLoad, api: Api
) -> None:
    load = make_load(api, requests=1 if api == "sync" else 3)
    load.pace(ms(40), phase_ns=ms(10))
    load.run(span_ns=ms(10 + 3 * 40 + 39))
    assert load.recorder.completed == 4
    assert (load.starts() >= load.dues()).all()
    assert load.all_done()


@undisturbed("a start that others make 40 ms late misses the deadline")
def test_a_start_that_is_due_at_the_deadline_is_not_made(make_load: MakeLoad, api: Api) -> None:
    load = make_load(api, requests=1 if api == "sync" else 3)
    load.pace(ms(40), phase_ns=ms(40))
    load.run(span_ns=ms(2 * 40))
    assert load.recorder.completed == 1


@pytest.mark.parametrize(
    ("limit", "span_ms", "count"),
    [
        (5, 0, 5),
        (5, 10, 5),
        pytest.param(2, 3 * 40 + 39, 4, marks=undisturbed("a start that others make 40 ms late misses the deadline")),
    ],
)
def test_a_paced_load_runs_until_deadline_and_limit_are_both_reached(
    make_load: MakeLoad, api: Api, limit: int, span_ms: int, count: int
) -> None:
    load = make_load(api, requests=1 if api == "sync" else 2)
    load.pace(ms(40))
    load.run(limit, ms(span_ms))
    assert load.recorder.completed == count
    assert (load.starts() >= load.dues()).all()


@undisturbed("others can make each of the last starts late")
def test_late_starts_do_not_delay_later_ones(make_load: MakeLoad, api: Api) -> None:
    """Sleeps that follow from each other would be late by 50 us (the kernel's timer slack) each, and more in all."""
    load = make_load(api, requests=1 if api == "sync" else 2)
    load.pace(ms(1))
    load.run(limit=300)
    late = load.starts() - load.dues()
    assert late.min() >= 0
    assert late[-50:].min() < ms(5)


@undisturbed("54 sleeps that others make 8 ms longer each last beyond the deadline")
def test_a_load_that_fell_behind_catches_up(make_load: MakeLoad, api: Api) -> None:
    """All starts are overdue when it begins, and half a second is left for them."""
    load = make_load(api, requests=1 if api == "sync" else 2)
    load.pace(ms(500))
    load.run(span_ns=ms(54 * 500), begin_ns=monotonic_ns() - ms(53 * 500))
    assert load.recorder.completed == 54


@undisturbed("a load that others keep from its CPU for 30 ms starts nothing at all")
def test_nothing_starts_after_the_deadline_however_many_are_due(make_load: MakeLoad, api: Api) -> None:
    load = make_load(api, requests=1 if api == "sync" else 2, service_ns=ms(5))
    load.pace(ms(1))
    begin = monotonic_ns()
    load.run(span_ns=ms(30), begin_ns=begin)
    assert 1 <= load.recorder.completed <= 30 // 5 + 2
    ends = np.concatenate([load.samples(request)[:, 1] for request in range(load.requests)])
    assert (np.sort(ends)[: -load.requests] < begin + ms(30)).all()


@pytest.mark.parametrize("period_ns", [0.0, 2e6])
@pytest.mark.parametrize("ended_by", ["deadline", "stop"])
def test_what_is_under_way_at_the_end_of_a_load_is_recorded_when_it_ends(
    make_load: MakeLoad, api: Api, period_ns: float, ended_by: str
) -> None:
    """The share of it that was done before counts."""
    load = make_load(api, requests=1 if api == "sync" else 3, streams=1 if api == "sync" else 3, service_ns=ms(60))
    load.pace(period_ns)
    begin = monotonic_ns()
    thread = load.start(span_ns=ms(40 if ended_by == "deadline" else 60_000), begin_ns=begin)
    stop_when(load, thread, load.all_done if ended_by == "deadline" else lambda: monotonic_ns() > begin + ms(20))
    assert load.all_done()
    for request, slot in enumerate(load.slots):
        samples = load.samples(request)
        assert ((samples[:, 1] - samples[:, 0]) >= ms(60)).all()
        if api == "async" and slot.start_ns:
            assert samples[-1, 0] == slot.start_ns
    if ended_by == "deadline":
        assert (load.starts() < begin + ms(40)).all()


def test_nothing_starts_where_the_deadline_has_passed_before_the_load_begins(make_load: MakeLoad, api: Api) -> None:
    load = make_load(api, requests=1 if api == "sync" else 2)
    load.pace(ms(20))
    load.run(span_ns=ms(500), begin_ns=monotonic_ns() - ms(1000))
    assert load.recorder.completed == 0
    assert load.all_done()


@pytest.mark.parametrize("period_ns", [1.0, 3_000.5, 20_000.0])
def test_no_number_is_lost_or_given_out_twice(make_load: MakeLoad, period_ns: float) -> None:
    """Whether requests always start themselves, or mostly wait: each ends by taking one number that is not started."""
    load = make_load("async", requests=8, streams=4)
    load.pace(period_ns)
    load.run(limit=5_000)
    assert load.recorder.completed == 5_000
    assert load.control.next_arrival == 5_000 + 8
    assert (load.starts() >= load.dues()).all()


@undisturbed("starts that others make late are overdue together, and one request may take two")
def test_a_light_load_uses_each_request(make_load: MakeLoad) -> None:
    load = make_load("async", requests=3)
    load.pace(ms(20))
    load.run(limit=6)
    assert all(load.recorder.count(request) > 0 for request in range(3))


def test_a_stop_ends_the_sleep_before_the_first_start(make_load: MakeLoad, api: Api) -> None:
    load = make_load(api, requests=1 if api == "sync" else 3)
    load.pace(ms(1), phase_ns=ms(3_600_000))
    thread = load.start(limit=10)
    stop_when(load, thread, lambda: load.control.began_ns != 0)
    assert load.recorder.completed == 0
    assert load.all_done()


def test_a_stop_ends_the_sleep_before_a_later_start(make_load: MakeLoad, api: Api) -> None:
    load = make_load(api, requests=1 if api == "sync" else 3)
    load.pace(ms(3_600_000))
    thread = load.start(limit=10)
    stop_when(load, thread, lambda: load.recorder.completed == 1)
    assert load.recorder.completed == 1
    assert load.all_done()


def stop_when(load: NullLoad, thread: threading.Thread, condition: Callable[[], bool]) -> None:
    give_up = monotonic_ns() + int(HANG_S * 1e9)
    while not condition() and monotonic_ns() < give_up:
        thread.join(0.001)
    load.control.stop = 1
    thread.join(HANG_S)
    assert not thread.is_alive(), "the load does not end"


def test_a_paced_load_can_be_run_again(make_load: MakeLoad, api: Api) -> None:
    load = make_load(api, requests=1 if api == "sync" else 3)
    load.pace(100_000.0)
    for _ in range(3):
        load.run(limit=10)
        assert load.recorder.completed == 10
        assert (load.starts() >= load.dues()).all()


@pytest.mark.parametrize(("requests", "streams"), [(1, 1), (2, 2), (4, 2), (5, 3)])
def test_the_samples_of_a_query_are_due_together_and_the_next_begins_when_the_last_has_ended(
    make_load: MakeLoad, requests: int, streams: int
) -> None:
    load = make_load("async", requests, streams)
    load.in_queries()
    load.run(limit=500)
    assert load.all_done()
    assert load.recorder.completed == 500 * requests
    starts, ends, dues = np.stack([load.samples(request) for request in range(requests)]).transpose(2, 0, 1)
    assert (dues == dues[0]).all()
    assert (dues[0, 1:] >= ends.max(axis=0)[:-1]).all()
    assert (starts[0] == dues[0]).all()
    assert (np.diff(starts, axis=0) > 0).all()


def test_a_slow_sample_delays_the_next_query_of_all(make_load: MakeLoad) -> None:
    """Two of three requests belong to one stream, which takes them one after the other."""
    load = make_load("async", requests=3, streams=2, service_ns=ms(2))
    load.in_queries()
    load.run(limit=5)
    dues = load.samples(1)[:, 2]
    assert (np.diff(dues) >= 2 * ms(2)).all()


def test_queries_end_with_the_first_that_would_begin_after_the_deadline(make_load: MakeLoad) -> None:
    load = make_load("async", requests=2, streams=2, service_ns=ms(1))
    load.in_queries()
    load.run(span_ns=ms(20))
    assert load.all_done()
    assert (load.slots.counts == load.slots.counts[0]).all()
    last_end = max(load.samples(request)[-1, 1] for request in range(2))
    deadline = load.control.begin_ns + ms(20)
    assert load.samples(0)[-1, 2] < deadline <= last_end


def test_a_stop_ends_queries_with_the_one_that_is_under_way(make_load: MakeLoad) -> None:
    load = make_load("async", requests=4, streams=2, service_ns=ms(1))
    load.in_queries()
    thread = load.start(span_ns=ms(60_000))
    stop_when(load, thread, lambda: load.recorder.completed > 20)
    assert load.all_done()
    assert len(set(load.slots.counts.tolist())) == 1


def test_no_query_begins_where_the_deadline_has_passed(make_load: MakeLoad) -> None:
    load = make_load("async", requests=2)
    load.in_queries()
    load.run(span_ns=ms(500), begin_ns=monotonic_ns() - ms(1000))
    assert load.recorder.completed == 0
    assert load.all_done()


@pytest.mark.parametrize("failing", [{0}, {2}, {0, 1, 2}])
def test_samples_that_fail_end_the_queries_with_their_own(make_load: MakeLoad, failing: set[int]) -> None:
    load = make_load("async", requests=3, streams=2)
    for request in range(3):
        load.feed(request, [Fed("set", (5, 6, 7, 0 if request in failing else 8))])
    load.in_queries()
    for slot in load.slots:
        slot.turn = 0
    load.run(span_ns=ms(60_000))
    assert load.all_done()
    assert {index for index, slot in enumerate(load.slots) if slot.status == INVALID} == failing
    assert load.slots.counts.tolist() == [3 if request in failing else 4 for request in range(3)]


def test_inferences_that_throw_end_the_queries(make_load: MakeLoad) -> None:
    load = make_load("async", requests=3, streams=2)
    load.in_queries()
    thread = load.start(span_ns=ms(60_000))
    while load.recorder.completed < 20:
        thread.join(0.001)
    load.device.fail()
    thread.join(HANG_S)
    assert not thread.is_alive(), "the load does not end"
    assert load.all_done()
    assert (load.slots.statuses != 0).any()
    assert load.slots.counts.max() - load.slots.counts.min() <= 1


def test_each_sample_of_a_query_is_fed_after_the_query_was_due(make_load: MakeLoad) -> None:
    load = make_load("async", requests=3, streams=3)
    notes = [load.feed(request, [Fed("set", (1, 2, 3, 4))]) for request in range(3)]
    load.in_queries()
    load.run(limit=4)
    assert [note[:5, 0].tolist() for note in notes] == [[1, 2, 3, 4, 0], [2, 3, 4, 1, 0], [3, 4, 1, 2, 0]]
    for request in range(3):
        starts, _, dues = load.samples(request).T
        assert (starts > dues).all()


def test_queries_can_be_run_again(make_load: MakeLoad) -> None:
    load = make_load("async", requests=2, streams=2)
    load.in_queries()
    for _ in range(3):
        load.run(limit=10)
        assert load.recorder.completed == 20


OFFSETS = st.lists(st.integers(-2_000_000, 3_000_000), min_size=1, max_size=60).map(sorted)
"""Instants of a schedule, ns since the window's start; as in a lead-in, some are before it."""


def together(loads: Sequence[NullLoad], offsets_ns: Sequence[int], span_ns: int, begin_ns: int | None = None) -> None:
    """All of them run, and take arrivals of one schedule from one counter, as agents do that share a queue."""
    counter = np.zeros(1, np.int64)
    begin = monotonic_ns() + ms(1) if begin_ns is None else begin_ns
    for load in loads:
        load.schedule(offsets_ns, drain_ns=int(HANG_S * 1e9))
        load.control.queue = counter.ctypes.data
    threads = [load.start(span_ns=span_ns, begin_ns=begin) for load in loads]
    for thread in threads:
        thread.join(HANG_S)
        assert not thread.is_alive(), "the load does not end"


def served(*loads: NullLoad) -> SampleArray:
    """What they served, by when it was due."""
    arrays = [
        load.recorder.samples[request].at(np.arange(load.recorder.count(request)))
        for load in loads
        for request in range(load.requests)
    ]
    every = SampleArray.joined(arrays, timed=True)
    return every[np.argsort(every.dues, kind="stable")]


@pytest.mark.parametrize(("api", "requests"), [("sync", 1), ("async", 1), ("async", 3)])
@settings(max_examples=25, deadline=None)
@given(offsets_ns=OFFSETS)
def test_every_arrival_of_a_schedule_is_served_once_and_none_early(
    api: Api, requests: int, offsets_ns: list[int]
) -> None:
    load = NullLoad(api, requests, streams=2)
    load.schedule(offsets_ns, drain_ns=int(HANG_S * 1e9))
    try:
        load.run(span_ns=ms(4))
    finally:
        load.device.stop()
    samples = served(load)
    assert (samples.dues - load.control.zero_ns).tolist() == offsets_ns
    assert samples.waits.min() >= 0
    assert load.all_done()


@pytest.mark.parametrize("apis", [("sync", "sync"), ("async", "async"), ("sync", "async", "sync")])
@pytest.mark.parametrize("gap_ns", [0, 300, 20_000])
def test_loads_that_share_a_counter_serve_every_arrival_once_among_them(
    make_load: MakeLoad, apis: tuple[Api, ...], gap_ns: int
) -> None:
    loads = [make_load(api, requests=1 if api == "sync" else 4, streams=2) for api in apis]
    offsets_ns = (gap_ns * np.arange(3_000)).tolist()
    together(loads, offsets_ns, span_ns=max(ms(1), 3_000 * gap_ns))
    samples = served(*loads)
    assert (samples.dues - loads[0].control.zero_ns).tolist() == offsets_ns
    assert samples.waits.min() >= 0
    assert all(load.all_done() for load in loads)


def test_one_request_serves_in_the_order_in_which_arrivals_are_due(make_load: MakeLoad, api: Api) -> None:
    load = make_load(api)
    offsets_ns = np.sort(np.random.default_rng(1).integers(0, ms(5), 400)).tolist()
    load.schedule(offsets_ns, drain_ns=int(HANG_S * 1e9))
    load.run(span_ns=ms(6))
    samples = load.recorder.samples[0].at(np.arange(load.recorder.count(0)))
    assert (samples.dues - load.control.zero_ns).tolist() == offsets_ns
    assert (samples.starts[1:] >= samples.ends[:-1]).all()


def test_what_is_due_before_the_deadline_is_served_after_it(make_load: MakeLoad, api: Api) -> None:
    load = make_load(api, service_ns=ms(1))
    load.schedule([0] * 30, drain_ns=int(HANG_S * 1e9))
    load.run(span_ns=ms(5))
    assert load.recorder.completed == 30
    assert served(load).ends.max() >= load.control.begin_ns + 30 * ms(1)


def test_what_still_waits_when_the_drain_is_over_is_not_served_and_does_not_hold_up_the_end(
    make_load: MakeLoad, api: Api
) -> None:
    load = make_load(api, requests=1 if api == "sync" else 3, service_ns=ms(5))
    load.schedule([0] * 20_000, drain_ns=ms(20))
    load.run(span_ns=ms(20))
    assert load.recorder.completed <= 40 // 5 + load.requests
    assert (served(load).starts < load.control.drain_until_ns).all()
    assert load.all_done()


def test_a_load_without_a_drain_starts_nothing_after_its_deadline(make_load: MakeLoad, api: Api) -> None:
    load = make_load(api, requests=1 if api == "sync" else 3, service_ns=ms(5))
    load.schedule([0] * 1_000)
    load.run(span_ns=ms(20))
    assert (served(load).starts < load.control.deadline_ns).all()
    assert load.all_done()


def test_arrivals_that_waited_too_long_are_dropped_and_the_others_served(make_load: MakeLoad, api: Api) -> None:
    load = make_load(api, requests=1 if api == "sync" else 2, service_ns=ms(4))
    offsets_ns = [0] * 40 + [ms(300)]
    load.schedule(offsets_ns, drain_ns=int(HANG_S * 1e9), timeout_ns=ms(40))
    load.run(span_ns=ms(301))
    samples, dropped = served(load), load.recorder.dropped()
    assert samples.waits.max() < ms(40)
    assert sorted([*(samples.dues - load.control.zero_ns).tolist(), *dropped.tolist()]) == offsets_ns
    assert len(dropped) >= 40 - 2 - 40 // 4


def test_loads_that_share_a_counter_drop_an_arrival_once(make_load: MakeLoad) -> None:
    """Half of them are long overdue when they begin: who takes one of these drops it."""
    loads = [make_load("sync"), make_load("async", requests=3), make_load("sync")]
    offsets_ns = [-ms(10_000)] * 500 + [ms(60_000)] * 3
    counter = np.zeros(1, np.int64)
    for load in loads:
        load.schedule(offsets_ns, timeout_ns=ms(5_000))
        load.control.queue = counter.ctypes.data
    begin = monotonic_ns()
    threads = [load.start(span_ns=ms(30), begin_ns=begin) for load in loads]
    for thread in threads:
        thread.join(HANG_S)
    assert [len(served(load)) for load in loads] == [0, 0, 0]
    assert np.concatenate([load.recorder.dropped() for load in loads]).tolist() == offsets_ns[:500]


def test_a_load_at_a_rate_lasts_to_its_deadline_though_its_last_arrival_is_early(make_load: MakeLoad, api: Api) -> None:
    load = make_load(api, requests=1 if api == "sync" else 2)
    load.schedule([0, 1_000])
    load.run(span_ns=ms(60))
    assert monotonic_ns() >= load.control.deadline_ns
    assert load.recorder.completed == 2


@pytest.mark.parametrize("offsets_ns", [[ms(3_600_000)], [0, ms(3_600_000)], [0]])
def test_a_stop_ends_a_load_that_waits_for_an_arrival_or_its_deadline(
    make_load: MakeLoad, api: Api, offsets_ns: list[int]
) -> None:
    load = make_load(api, requests=1 if api == "sync" else 3)
    load.schedule(offsets_ns)
    thread = load.start(span_ns=ms(3_700_000))
    due_at_once = offsets_ns.count(0)
    stop_when(load, thread, lambda: load.control.began_ns != 0 and load.recorder.completed == due_at_once)
    assert load.recorder.completed == due_at_once
    assert load.all_done()


def test_a_stop_leaves_what_waits(make_load: MakeLoad, api: Api) -> None:
    load = make_load(api, requests=1 if api == "sync" else 3, service_ns=ms(2))
    load.schedule([0] * 50_000, drain_ns=ms(3_600_000))
    thread = load.start(span_ns=ms(3_600_000))
    stop_when(load, thread, lambda: load.recorder.completed >= 3)
    assert 3 <= load.recorder.completed < 50_000
    assert load.all_done()


@pytest.mark.parametrize("later", [[ms(3_600_000)], [], [0] * 50_000], ids=["waits", "has none", "has a backlog"])
def test_a_deadline_that_is_moved_earlier_ends_the_load_there(make_load: MakeLoad, api: Api, later: list[int]) -> None:
    load = make_load(api, requests=1 if api == "sync" else 3, service_ns=ms(1))
    load.schedule([0, *later], drain_ns=ms(10))
    thread = load.start(span_ns=ms(3_700_000))
    give_up = monotonic_ns() + int(HANG_S * 1e9)
    while load.recorder.completed < 1 and monotonic_ns() < give_up:
        thread.join(0.001)
    load.control.deadline_ns = monotonic_ns() + ms(20)
    load.control.drain_until_ns = load.control.deadline_ns + ms(10)
    thread.join(HANG_S)
    assert not thread.is_alive(), "the load does not end"
    assert monotonic_ns() >= load.control.deadline_ns
    assert (served(load).starts < load.control.drain_until_ns).all()
    assert load.all_done()


def test_arrivals_of_the_lead_in_are_due_before_the_windows_start(make_load: MakeLoad, api: Api) -> None:
    load = make_load(api, requests=1 if api == "sync" else 2)
    load.schedule([-ms(15), -ms(10), 0, ms(5)])
    load.run(span_ns=ms(30), lead_in_ns=ms(20))
    samples = served(load)
    assert (samples.dues - load.control.begin_ns).tolist() == [ms(5), ms(10), ms(20), ms(25)]
    assert samples.waits.min() >= 0


def test_an_agent_that_keeps_an_arrival_for_ever_holds_up_no_other(make_load: MakeLoad) -> None:
    """As one that is killed or stopped: the number that it has taken is nobody else's."""
    load = make_load("sync")
    offsets_ns = list(range(0, ms(10), 10_000))
    load.schedule(offsets_ns, drain_ns=int(HANG_S * 1e9))
    counter = np.array([1], np.int64)
    load.control.queue = counter.ctypes.data
    load.run(span_ns=ms(20))
    assert (served(load).dues - load.control.zero_ns).tolist() == offsets_ns[1:]


def test_one_server_is_lindleys_queue(make_load: MakeLoad, api: Api) -> None:
    """To the ns: what waits starts when the inference before it ends, and what does not wait is only late by itself."""
    load = make_load(api, service_ns=20_000)
    gaps = np.random.default_rng(5).exponential(25_000, 2_000)
    load.schedule(np.cumsum(gaps).astype(np.int64).tolist(), drain_ns=int(HANG_S * 1e9))
    load.run(span_ns=int(gaps.sum()) + 1)
    samples = served(load)
    former = np.concatenate([[0], samples.ends[:-1]])
    waiting = samples.dues <= former
    assert waiting.sum() > 500
    assert (samples.starts[waiting] == former[waiting]).all()
    assert (samples.starts[~waiting] >= samples.dues[~waiting]).all()
