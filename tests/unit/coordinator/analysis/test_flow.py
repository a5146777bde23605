"""Arrivals by slice of the window, counted one by one."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ovbench.common.samples import SampleArray
from ovbench.coordinator.analysis.backlog import Backlog
from ovbench.coordinator.analysis.flow import Flow
from ovbench.coordinator.analysis.offered import Offered, in_order_of_due

instants = st.lists(st.integers(0, 99), max_size=20)


@given(
    rows=st.lists(st.tuples(st.integers(0, 99), st.integers(0, 40), st.integers(0, 40)), max_size=20),
    dropped=instants,
    unfinished=instants,
    timeout=st.integers(1, 50),
)
@example(rows=[(60, 0, 0)], dropped=[], unfinished=[], timeout=1)
def test_each_slice_has_what_came_and_went_in_it(
    rows: list[tuple[int, int, int]], dropped: list[int], unfinished: list[int], timeout: int
) -> None:
    edges = [20, 40, 60, 80]
    dues, waits, services = np.array(rows, np.int64).reshape(-1, 3).T
    samples = in_order_of_due([SampleArray.of(dues + waits, dues + waits + services, dues)])
    offered = Offered(
        samples, np.sort(np.array(dropped, np.int64)), np.sort(np.array(unfinished, np.int64)), 99, timeout
    )
    flow = Flow.of(offered, Backlog.of(offered), np.array(edges))
    for index, (low, high) in enumerate(pairwise(edges)):
        due = [row for row in rows if low <= row[0] < high]
        every = [row[0] for row in rows] + dropped + unfinished
        assert flow.offered[index] == sum(low <= instant < high for instant in every)
        last = high + (high == edges[-1])
        assert flow.delivered[index] == sum(low <= sum(row) < last for row in rows)
        gone = sum(sum(row) < high for row in rows) + sum(at + timeout < high for at in dropped)
        assert flow.backlog[index] == sum(instant < high for instant in every) - gone
        if due:
            assert flow.wait_ns[index] == pytest.approx(sum(row[1] for row in due) / len(due))
            assert flow.service_ns[index] == pytest.approx(sum(row[2] for row in due) / len(due))
        else:
            assert np.isnan(flow.wait_ns[index])
            assert np.isnan(flow.service_ns[index])
