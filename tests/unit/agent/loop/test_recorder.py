"""Memory for samples, and what is read out of it after the load and meanwhile."""

import errno
import mmap

import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovbench.agent.loop.cache import load_loops
from ovbench.agent.loop.recorder import Recorder
from ovbench.common.errors import UsageError
from ovbench.common.folded import FoldedTimes
from ovbench.common.histogram import COARSE, FINE, Int64s
from ovbench.common.messages import MAX_MESSAGE_BYTES, SAMPLES_PER_MESSAGE, Dropped, Folded, Samples
from ovbench.common.samplelayout import row_bytes
from ovbench.common.samplememory import HEAD, LEAST_RING, MOST_REQUESTS, head_and_ring, slices
from ovbench.common.samples import SampleArray, instants_of
from ovbench.common.wire import encode

SAMPLE_BYTES = row_bytes(False)
CAPACITY = HEAD + LEAST_RING


def record(recorder: Recorder, request: int, samples: Int64s) -> None:
    address = recorder.slots[request].address
    for start, end in samples.tolist():
        load_loops()["record"](address, start, end)


def load(count: int, first: int = 0) -> Int64s:
    """Sample i ends at 1000 i and has latency i + 1, from i = `first` on."""
    index = np.arange(first, first + count)
    return np.stack([1000 * index - index - 1, 1000 * index], axis=1)


def exact_of(recorder: Recorder) -> dict[int, Int64s]:
    """By request, all exact samples in the order of the messages."""
    found: dict[int, list[Int64s]] = {}
    for message in recorder.contents():
        if isinstance(message, Samples):
            found.setdefault(message.request, []).append(message.array.table)
    return {request: np.concatenate(parts) for request, parts in found.items()}


def folded_of(recorder: Recorder) -> list[Folded]:
    return [message for message in recorder.contents() if isinstance(message, Folded)]


@settings(max_examples=200, deadline=None)
@given(sample_bytes=st.integers(1, 1 << 40), requests=st.integers(1, MOST_REQUESTS))
def test_head_and_ring_fit_the_memory_or_are_the_least_there_is(sample_bytes: int, requests: int) -> None:
    head, ring = head_and_ring(sample_bytes, requests)
    assert head & (head - 1) == ring & (ring - 1) == 0
    least = 64 * (HEAD + LEAST_RING) * SAMPLE_BYTES
    assert (head + ring) * SAMPLE_BYTES * requests <= max(sample_bytes, least, requests * 128 * SAMPLE_BYTES)
    if requests <= 64:
        assert head == HEAD
        assert ring >= LEAST_RING


def test_a_ring_uses_at_least_half_of_the_memory_that_is_left_for_it() -> None:
    for sample_bytes in (1 << 20, 10_000_000, 1 << 30):
        room = sample_bytes // SAMPLE_BYTES - HEAD
        assert head_and_ring(sample_bytes, 1)[1] > room // 2


@pytest.mark.parametrize("requests", [1, 64, 65, 1_000, 10_000, MOST_REQUESTS])
def test_very_many_requests_share_what_few_have(requests: int) -> None:
    assert 16 <= slices(requests) <= 256
    assert requests * slices(requests) <= max(64 * 256, requests * 16)


def test_ten_thousand_requests_take_no_memory_before_they_record_and_what_they_do_comes_out_right() -> None:
    """Their histograms alone have 8 GB of address space."""
    before = psutil.Process().memory_info().rss
    recorder = Recorder.allocate(10_000, 1 << 28)
    recorder.clear()
    assert psutil.Process().memory_info().rss - before < 64 << 20
    head, ring = head_and_ring(1 << 28, 10_000)
    samples = load(head + ring + 500)
    record(recorder, 9_999, samples)
    exact, (rest,) = exact_of(recorder)[9_999], folded_of(recorder)
    assert np.array_equal(exact, np.concatenate([samples[:head], samples[-ring:]]))
    assert rest.count == 500
    recorder.clear()
    assert not recorder.fine[9_999].any()
    assert not recorder.coarse[9_999].any()


def test_more_requests_than_there_is_address_space_for_are_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_memory(*_: object, **__: object) -> None:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr(mmap, "mmap", no_memory)
    with pytest.raises(UsageError, match=r"-nireq: .* 10,000 requests .*Cannot allocate memory.*; use fewer"):
        Recorder.allocate(10_000, 1)


def test_rows_lie_on_cache_lines_of_their_own() -> None:
    recorder = Recorder.allocate(3, 1)
    addresses = [recorder.control.address, *(slot.address for slot in recorder.slots)]
    assert all(address % 128 == 0 for address in addresses)
    assert len({address // 128 for address in addresses}) == 4


def test_contents_are_the_samples_of_each_request_in_order() -> None:
    recorder = Recorder.allocate(2, 1)
    record(recorder, 0, load(10))
    record(recorder, 1, load(5))
    exact = exact_of(recorder)
    assert np.array_equal(exact[0], load(10))
    assert np.array_equal(exact[1], load(5))
    assert folded_of(recorder) == []


def test_an_agent_that_recorded_nothing_has_nothing_to_deliver() -> None:
    assert list(Recorder.allocate(2, 1).contents()) == []


@pytest.mark.parametrize("more", [1, 100, LEAST_RING, LEAST_RING + 1, 3 * LEAST_RING + 7])
def test_beyond_the_memory_the_first_and_the_latest_stay_exact_in_order(more: int) -> None:
    recorder = Recorder.allocate(1, 1)
    record(recorder, 0, load(CAPACITY + more))
    expected = np.concatenate([load(HEAD), load(LEAST_RING, first=HEAD + more)])
    assert np.array_equal(exact_of(recorder)[0], expected)
    (folded,) = folded_of(recorder)
    assert folded.count == more


def test_a_message_holds_consecutive_samples_whose_ends_ascend() -> None:
    recorder = Recorder.allocate(1, 1)
    record(recorder, 0, load(CAPACITY + 100))
    messages = [message for message in recorder.contents() if isinstance(message, Samples)]
    for message in messages:
        ends = np.frombuffer(message.data, "<i8").reshape(-1, 2)[:, 1]
        assert (np.diff(ends) > 0).all()
    assert len(messages) == 3


@pytest.mark.parametrize("more", [-LEAST_RING, 0, 1, 100, LEAST_RING, 3 * LEAST_RING + 7])
def test_a_message_says_which_of_the_requests_inferences_it_begins_with(more: int) -> None:
    recorder = Recorder.allocate(2, 1)
    record(recorder, 1, load(CAPACITY + more))
    messages = [message for message in recorder.contents() if isinstance(message, Samples)]
    for message in messages:
        first_end = np.frombuffer(message.data, "<i8")[1]
        assert first_end == 1000 * message.first
    assert messages[0].first == 0


def test_pieces_of_one_stretch_are_numbered_on() -> None:
    recorder = Recorder.allocate(1, (SAMPLES_PER_MESSAGE + 20_000) * 2 * SAMPLE_BYTES)
    record(recorder, 0, load(SAMPLES_PER_MESSAGE + 100))
    messages = [message for message in recorder.contents() if isinstance(message, Samples)]
    assert [message.first for message in messages] == [0, SAMPLES_PER_MESSAGE]


def test_no_message_is_larger_than_the_bus_takes() -> None:
    recorder = Recorder.allocate(1, (SAMPLES_PER_MESSAGE + 20_000) * 2 * SAMPLE_BYTES)
    record(recorder, 0, load(SAMPLES_PER_MESSAGE + 100))
    messages = list(recorder.contents())
    assert len(messages) == 2
    assert all(len(encode(message)) < MAX_MESSAGE_BYTES for message in messages)


def test_the_folded_samples_say_what_numpy_says_of_them() -> None:
    recorder = Recorder.allocate(1, 1)
    record(recorder, 0, load(CAPACITY + 3000))
    gone = load(3000, first=HEAD)
    latencies = gone[:, 1] - gone[:, 0]
    (folded,) = folded_of(recorder)
    assert (folded.first_end_ns, folded.last_end_ns) == (gone[0, 1], gone[-1, 1])
    assert (folded.least_ns, folded.most_ns) == (latencies.min(), latencies.max())
    fine = np.zeros(FINE.size, np.int64)
    fine[np.frombuffer(folded.fine_buckets, "<i4")] = np.frombuffer(folded.fine_counts, "<i8")
    assert np.array_equal(fine, FINE.count(latencies))
    coarse = np.zeros(COARSE.size, np.int64)
    coarse[np.frombuffer(folded.slice_buckets, "<i4")] = np.frombuffer(folded.slice_counts, "<i8")
    assert np.array_equal(coarse, COARSE.count(latencies))
    assert set(np.frombuffer(folded.slice_indices, "<i4").tolist()) == {0}
    assert folded.pivot_ns + folded.total_deviation_ns / folded.count == pytest.approx(latencies.mean())


def test_at_a_rate_services_and_waits_are_folded_apart_from_latencies() -> None:
    recorder = Recorder.allocate(2, 1, timed=True)
    head, ring = head_and_ring(1, 2, timed=True)
    random = np.random.default_rng(3)
    count = head + ring + 3000
    dues = np.sort(random.integers(0, 10**9, count))
    starts = dues + random.integers(0, 10**6, count)
    ends = starts + random.integers(10**5, 10**7, count)
    for due, start, end in zip(dues.tolist(), starts.tolist(), ends.tolist(), strict=True):
        load_loops()["record_due"](recorder.slots[1].address, due, start, end)
    (folded,) = folded_of(recorder)
    assert (folded.request, folded.count) == (1, 3000)
    gone = slice(head, head + 3000)
    assert FINE.count((ends - dues)[gone])[np.frombuffer(folded.fine_buckets, "<i4")].tolist() == (
        np.frombuffer(folded.fine_counts, "<i8").tolist()
    )
    assert_folded(folded.service, (ends - starts)[gone])
    assert_folded(folded.wait, (starts - dues)[gone])
    exact = [message.array for message in recorder.contents() if isinstance(message, Samples)]
    assert all(array.timed for array in exact)
    kept = SampleArray.joined(exact, timed=True)
    assert kept.dues.tolist() == np.concatenate([dues[:head], dues[head + 3000 :]]).tolist()


def assert_folded(times: FoldedTimes | None, values: Int64s) -> None:
    """That these values were folded, as numpy has it."""
    assert times is not None
    counts = np.zeros(FINE.size, np.int64)
    counts[np.frombuffer(times.fine_buckets, "<i4")] = np.frombuffer(times.fine_counts, "<i8")
    assert np.array_equal(counts, FINE.count(values))
    assert (times.least_ns, times.most_ns) == (values.min(), values.max())
    deviation = times.total_deviation_ns / len(values)
    assert times.pivot_ns + deviation == pytest.approx(values.mean(), rel=1e-12)
    assert times.total_square_ns2 / len(values) - deviation**2 == pytest.approx(values.var(), rel=1e-9)


def test_a_cleared_recorder_has_folded_no_services_and_waits() -> None:
    recorder = Recorder.allocate(1, 1, timed=True)
    head, ring = head_and_ring(1, 1, timed=True)
    for _ in range(2):
        recorder.clear()
        for number in range(head + ring + 10):
            load_loops()["record_due"](recorder.slots[0].address, number, number + 5, number + 12)
        (folded,) = folded_of(recorder)
        assert_folded(folded.service, np.full(10, 7))
        assert_folded(folded.wait, np.full(10, 5))


def test_a_closed_loop_folds_neither_services_nor_waits() -> None:
    recorder = Recorder.allocate(1, 1)
    record(recorder, 0, load(CAPACITY + 1))
    (folded,) = folded_of(recorder)
    assert (folded.service, folded.wait) == (None, None)


def test_with_a_number_of_arrivals_any_request_has_room_for_all_of_them() -> None:
    recorder = Recorder.allocate(2, 1, timed=True, arrivals=10_000)
    for number in range(10_000):
        load_loops()["record_due"](recorder.slots[1].address, number, number, number + 1)
    assert folded_of(recorder) == []
    assert len(SampleArray.joined([m.array for m in recorder.contents() if isinstance(m, Samples)], True)) == 10_000


def test_dropped_arrivals_are_delivered_in_the_order_in_which_they_were_due() -> None:
    recorder = Recorder.allocate(1, 1, timed=True, arrivals=5)
    recorder.control.zero_ns = 1_000
    recorder.drops[:3] = [1_030, 990, 1_020]
    recorder.control.dropped = 3
    (message,) = recorder.contents()
    assert isinstance(message, Dropped)
    assert instants_of(message.data).tolist() == [-10, 20, 30]
    recorder.clear()
    assert list(recorder.contents()) == []


def test_a_dropped_arrival_that_is_counted_and_not_yet_noted_is_not_delivered() -> None:
    recorder = Recorder.allocate(1, 1, timed=True, arrivals=5)
    recorder.control.zero_ns = 1_000
    recorder.drops[:2] = [1_030, 1_010]
    recorder.control.dropped = 2
    recorder.clear()
    recorder.drops[0] = 1_040
    recorder.control.dropped = 2
    (message,) = recorder.contents()
    assert isinstance(message, Dropped)
    assert instants_of(message.data).tolist() == [40]


def test_a_schedule_that_there_is_no_room_to_record_is_named_with_what_makes_it_smaller() -> None:
    with pytest.raises(UsageError, match=r"record of 1,000,000,000,000,000 arrivals .*lower --rate"):
        Recorder.allocate(2, 1, timed=True, arrivals=10**15)


def test_the_number_completed_is_that_of_all_requests() -> None:
    recorder = Recorder.allocate(2, 1)
    record(recorder, 0, load(CAPACITY + 5))
    record(recorder, 1, load(7))
    assert recorder.completed == CAPACITY + 12
    assert [recorder.count(0), recorder.count(1)] == [CAPACITY + 5, 7]


@pytest.mark.parametrize("count", [1, HEAD, HEAD + 1, CAPACITY, CAPACITY + 1, CAPACITY + 5000])
def test_the_last_end_is_found_wherever_the_ring_stands(count: int) -> None:
    recorder = Recorder.allocate(2, 1)
    record(recorder, 0, load(count))
    assert recorder.ends() == [1000 * (count - 1)]  # the second request completed none and is left out


def test_a_cleared_recorder_is_like_a_new_one() -> None:
    recorder = Recorder.allocate(1, 1)
    record(recorder, 0, load(CAPACITY + 3000))
    control = recorder.control
    control.stop = control.started = control.next_arrival = 1
    recorder.slots[0].idle = 1
    recorder.clear()
    assert recorder.completed == 0
    assert list(recorder.contents()) == []
    assert (control.stop, control.started, control.next_arrival, control.began_ns) == (0, 0, 0, 0)
    assert recorder.slots[0].idle == 0
    again = Recorder.allocate(1, 1)
    for each in (recorder, again):
        record(each, 0, load(CAPACITY + 10))
    assert list(recorder.contents()) == list(again.contents())


def test_clearing_forgets_neither_addresses_nor_requests() -> None:
    recorder = Recorder.allocate(1, 1)
    slot = recorder.slots[0]
    slot.request, slot.feed, slot.turn = 42, 43, 44

    def kept() -> list[int]:
        memory = [slot.control, slot.samples, slot.capacity, slot.mask, slot.fine]
        return [*memory, slot.request, slot.feed, slot.turn]

    before = kept()
    recorder.clear()
    assert kept() == before


def test_the_latest_latencies_are_those_since_the_last_look() -> None:
    recorder = Recorder.allocate(1, 1)
    record(recorder, 0, load(50))
    assert recorder.latest_latencies(0, since=40, most=100).tolist() == list(range(41, 51))
    assert recorder.latest_latencies(0, since=50, most=100).tolist() == []


def test_many_latencies_are_thinned_out_evenly() -> None:
    recorder = Recorder.allocate(1, 1)
    record(recorder, 0, load(4000))
    assert recorder.latest_latencies(0, since=0, most=4).tolist() == [1000, 2000, 3000, 4000]


def test_a_look_at_the_latest_keeps_away_from_what_the_load_overwrites_next() -> None:
    recorder = Recorder.allocate(1, 1)
    count = CAPACITY + 3000
    record(recorder, 0, load(count))
    latencies = recorder.latest_latencies(0, since=0, most=10_000)
    assert latencies.tolist() == list(range(count - CAPACITY // 2 + 1, count + 1))


@pytest.mark.parametrize("count", [0, 100, CAPACITY - 1])
def test_what_is_sealed_stays_as_it_was_when_an_inference_ends_later(count: int) -> None:
    recorder = Recorder.allocate(1, 1)
    record(recorder, 0, load(count))
    sealed = recorder.sealed()
    record(recorder, 0, load(1, first=count))
    assert sealed.completed == count
    assert sum(len(part) for part in exact_of(sealed).values()) == count
    assert recorder.completed == count + 1
