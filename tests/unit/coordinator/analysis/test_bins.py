"""The histogram of a run against numpy's, of exact and of folded samples."""

import numpy as np
import pytest

from ovbench.coordinator.analysis.bins import Binned
from ovbench.coordinator.analysis.merge import merge
from ovbench.coordinator.analysis.recording import Recorded
from tests.builders import folded, ms, pairs, recording, seconds


def binned(*recordings: Recorded) -> Binned:
    merged = merge(recordings)
    assert merged.latency is not None
    return Binned.of(merged.latency, (9.0, 11.0), merged.population)


def test_every_inference_is_in_the_bin_of_its_latency() -> None:
    latencies = np.random.default_rng(3).normal(10e6, 1e6, 2000).astype(np.int64)
    data = pairs(np.sort(np.random.default_rng(4).integers(seconds(1), seconds(9), 2000)), latencies)
    found = binned(recording(0, 0, seconds(10), data[:900]), recording(1, 0, seconds(10), data[900:]))
    counts, _ = np.histogram(latencies / 1e6, found.edges_ms)
    assert found.counts.tolist() == counts.tolist()
    assert (found.edges_ms[0], found.edges_ms[-1]) == (latencies.min() / 1e6, latencies.max() / 1e6)


def test_what_was_folded_counts_within_its_error() -> None:
    ends = ms(10) * np.arange(1, 901)
    latencies = np.random.default_rng(3).lognormal(2, 0.3, 900) * 1e6
    data = pairs(ends, latencies.astype(np.int64))
    found = binned(recording(0, 0, seconds(10), rest=(folded(data, 0),)))
    below, exact = np.cumsum(found.counts), np.searchsorted(np.sort(latencies / 1e6), found.edges_ms[1:])
    assert found.counts.sum() == 900
    assert np.abs(below - exact).max() <= 5


def test_equal_latencies_are_in_one_bin() -> None:
    found = binned(recording(0, 0, seconds(1), pairs(ms(10) * np.arange(1, 91), [ms(10)] * 90)))
    assert (found.edges_ms.tolist(), found.counts.tolist()) == ([10.0, 10.0], [90])


def test_latencies_of_nothing_have_a_bin() -> None:
    found = binned(recording(0, 0, seconds(1), pairs([ms(1), ms(2)], [0, ms(1)])))
    assert found.counts.sum() == 2
    assert found.edges_ms[0] == pytest.approx(1e-6)
