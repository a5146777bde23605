"""How late arrivals of a window were started, by queue."""

from typing import Final

import numpy as np
import pytest

from ovbench.common.samples import SampleArray
from ovbench.coordinator.analysis.offered import Offered, in_order_of_due
from ovbench.coordinator.analysis.punctuality import Lateness
from ovbench.coordinator.analysis.queues import Queue

NONE: Final = np.empty(0, np.int64)


def queue(*rows: tuple[int, int, int], requests: int = 1, folded: int = 0) -> Queue:
    """Of inferences by due, start, end."""
    samples = in_order_of_due([SampleArray.of(*(np.array(rows, np.int64).reshape(-1, 3)[:, n] for n in (1, 2, 0)))])
    return Queue((0,), requests, requests, Offered(samples, NONE, NONE, 0), folded)


def test_an_arrival_of_the_window_waits_for_those_before_it() -> None:
    """The one due at 10 waits until 50 for the one due at 0, and is started 2 later."""
    found = Lateness.of([queue((0, 0, 50), (10, 52, 60), (70, 73, 80), (100, 150, 160))], 10, 100)
    assert found == Lateness(2, 2.5, 2, 3, 3)


def test_queues_are_late_each_by_themselves() -> None:
    found = Lateness.of([queue((0, 0, 50), (10, 11, 60), requests=2), queue((5, 9, 20))], 0, 100)
    assert found is not None
    assert (found.count, found.max) == (3, 4)
    assert found.mean == pytest.approx(5 / 3)


def test_nothing_is_known_where_nothing_started_or_samples_were_folded() -> None:
    assert Lateness.of([queue()], 0, 100) is None
    assert Lateness.of([queue((200, 200, 210))], 0, 100) is None
    assert Lateness.of([queue((0, 0, 50), folded=3)], 0, 100) is None
