"""The layout of samples, and the times between their instants."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovbench.common.samplelayout import row_bytes
from ovbench.common.samples import SampleArray

INSTANTS = st.lists(st.tuples(*[st.integers(0, 1 << 61)] * 3), max_size=20)


@given(INSTANTS)
def test_a_latency_is_a_wait_and_a_service(rows: list[tuple[int, int, int]]) -> None:
    due, start, end = np.array(rows, np.int64).reshape(-1, 3).T
    samples = SampleArray.of(start, end, due)
    assert samples.latencies.tolist() == (end - due).tolist()
    assert samples.latencies.tolist() == (samples.waits + samples.services).tolist()


@given(INSTANTS)
def test_in_a_closed_loop_an_inference_is_due_when_it_starts(rows: list[tuple[int, int, int]]) -> None:
    _, start, end = np.array(rows, np.int64).reshape(-1, 3).T
    samples = SampleArray.of(start, end)
    assert not samples.timed
    assert samples.dues.tolist() == start.tolist()
    assert not samples.waits.any()
    assert samples.latencies.tolist() == samples.services.tolist()


@pytest.mark.parametrize("timed", [False, True])
def test_bytes_are_read_back_as_they_were(timed: bool) -> None:
    columns = np.arange(15).reshape(5, 3)
    samples = SampleArray.of(columns[:, 0], columns[:, 1], columns[:, 2] if timed else None)
    data = samples.to_bytes()
    assert len(data) == 5 * row_bytes(timed)
    assert np.array_equal(SampleArray.from_bytes(data, timed).table, samples.table)


def test_bytes_that_are_no_whole_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="reshape"):
        SampleArray.from_bytes(bytes(16), timed=True)


@pytest.mark.parametrize("timed", [False, True])
def test_parts_are_joined_in_their_order_and_none_makes_none(timed: bool) -> None:
    assert len(SampleArray.joined([], timed)) == 0
    assert SampleArray.joined([], timed).timed == timed
    columns = np.arange(12).reshape(4, 3)
    samples = SampleArray.of(columns[:, 0], columns[:, 1], columns[:, 2] if timed else None)
    assert np.array_equal(SampleArray.joined([samples[:1], samples[1:]]).table, samples.table)


def test_some_are_picked_by_place_or_by_condition() -> None:
    samples = SampleArray.of(np.arange(4), np.arange(4) + 10)
    assert samples[1:3].starts.tolist() == [1, 2]
    assert samples[np.array([3, 0])].ends.tolist() == [13, 10]
    assert samples[samples.starts > 2].starts.tolist() == [3]
