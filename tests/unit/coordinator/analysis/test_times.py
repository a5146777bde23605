"""The three times of inferences, of samples and of what was folded."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovbench.common.histogram import Int64s
from ovbench.common.samples import SampleArray
from ovbench.coordinator.analysis.times import LATENCY, SERVICE, WAIT, Time
from tests.builders import folded, pairs, steady

rows = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6)), max_size=20)


def sample_array(instants: list[tuple[int, int, int]]) -> SampleArray:
    """Each due, started and ended at these."""
    ordered = np.sort(np.array(instants, np.int64).reshape(-1, 3), axis=1)
    return SampleArray.of(ordered[:, 1], ordered[:, 2], ordered[:, 0])


@given(st.lists(rows, max_size=5))
def test_times_of_several_arrays_are_in_their_order(parts: list[list[tuple[int, int, int]]]) -> None:
    expected = [sorted(row) for part in parts for row in part]
    arrays = [sample_array(part) for part in parts]
    assert LATENCY.joined(arrays).tolist() == [end - due for due, _, end in expected]
    assert SERVICE.joined(arrays).tolist() == [end - start for _, start, end in expected]
    assert WAIT.joined(arrays).tolist() == [start - due for due, start, _ in expected]


@pytest.mark.parametrize(
    ("time", "of"),
    [
        (LATENCY, lambda samples: samples.latencies),
        (SERVICE, lambda samples: samples.services),
        (WAIT, lambda samples: samples.waits),
    ],
)
def test_what_was_folded_has_the_same_time(time: Time, of: Callable[[SampleArray], Int64s]) -> None:
    samples = sample_array([(at, at + 7, at + 7 + 5 * at) for at in range(1, 100)])
    (part,) = time.all_folded([folded(samples.table, 0)])
    assert (part.least_ns, part.most_ns) == (of(samples).min(), of(samples).max())


def test_a_closed_loop_folds_no_waits() -> None:
    part = folded(steady(0, 5, 10), 0)
    assert WAIT.all_folded([part]) == SERVICE.all_folded([part]) == []
    assert WAIT.joined([SampleArray(pairs([10, 20], [5, 5]))]).tolist() == [0, 0]
