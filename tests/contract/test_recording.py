"""From the compiled loop to the figures: what an agent records, sends and folds is what the coordinator merges."""

from collections.abc import Iterator

import numpy as np
import pytest

from ovbench.agent.loop.cache import load_loops
from ovbench.agent.loop.recorder import Recorder
from ovbench.common.histogram import Int64s
from ovbench.common.messages import AnyNotice, Folded, Samples
from ovbench.common.samplememory import HEAD, LEAST_RING
from ovbench.common.wire import decode, encode
from ovbench.coordinator.analysis.latency import PERCENTILES
from ovbench.coordinator.analysis.merge import Merged, merge
from ovbench.coordinator.analysis.recording import Recorded, pieces_of

BEGIN = 7_000_000_000
MEMORY = 1
"""The least there is: 8192 exact samples for each request."""


def load(count: int, span_ns: int, seed: int) -> Int64s:
    """Latencies of about 5 ms with a long tail, ends ascending over the span."""
    random = np.random.default_rng(seed)
    ends = BEGIN + np.sort(random.integers(0, span_ns, count))
    return np.stack([ends - 1000 - random.lognormal(np.log(5e6), 0.7, count).astype(np.int64), ends], axis=1)


def received(recorder: Recorder) -> Iterator[AnyNotice]:
    """Over the bus, in bytes."""
    for message in recorder.contents():
        yield decode(encode(message), AnyNotice)


def merged(requests: list[Int64s], span_ns: int) -> Merged:
    recorder = Recorder.allocate(len(requests), MEMORY)
    recorder.control.begin_ns = BEGIN
    for slot, samples in zip(recorder.slots, requests, strict=True):
        for start, end in samples.tolist():
            load_loops()["record"](slot.address, start, end)
    notices = list(received(recorder))
    pieces = pieces_of([notice for notice in notices if isinstance(notice, Samples)])
    folded = tuple(notice for notice in notices if isinstance(notice, Folded))
    return merge([Recorded(0, BEGIN, BEGIN + span_ns, recorder.completed, pieces, folded)])


@pytest.mark.parametrize("span_s", [10, 600], ids=["ten seconds", "ten minutes"])
def test_figures_beyond_the_memory_are_those_of_all_samples(span_s: int) -> None:
    requests = [load(HEAD + LEAST_RING + 12_000, span_s * 10**9, 1), load(9_000, span_s * 10**9, 2), load(50, 10**9, 3)]
    everything = np.concatenate([samples[:, 1] - samples[:, 0] for samples in requests])
    found = merged(requests, span_s * 10**9)
    assert found.latency is not None
    assert not found.latency.exact
    assert found.count == found.latency.count == len(everything)
    assert (found.latency.min, found.latency.max) == (everything.min() / 1e6, everything.max() / 1e6)
    assert found.latency.mean == pytest.approx(everything.mean() / 1e6, rel=1e-12)
    assert found.latency.stddev == pytest.approx(everything.std() / 1e6, rel=1e-9)
    for percent, value in zip(PERCENTILES, found.latency.percentiles, strict=True):
        assert value == pytest.approx(np.percentile(everything, percent, method="inverted_cdf") / 1e6, rel=0.001)


@pytest.mark.parametrize("span_s", [10, 600], ids=["ten seconds", "ten minutes"])
def test_the_timeline_beyond_the_memory_counts_each_inference_in_its_slice(span_s: int) -> None:
    requests = [load(HEAD + LEAST_RING + 12_000, span_s * 10**9, 1), load(9_000, span_s * 10**9, 2)]
    ends = np.concatenate([samples[:, 1] for samples in requests])
    timeline = merged(requests, span_s * 10**9).timeline
    edges = [part.start_ns for part in timeline] + [timeline[-1].stop_ns]
    assert [part.count for part in timeline] == np.histogram(ends, edges)[0].tolist()


def test_within_the_memory_every_sample_is_exact() -> None:
    requests = [load(500, 10**9, seed) for seed in range(4)]
    everything = np.sort(np.concatenate([samples[:, 1] - samples[:, 0] for samples in requests]))
    found = merged(requests, 10**9)
    assert found.latency is not None
    assert found.latency.exact
    assert found.latency.percentiles[0] == everything[len(everything) // 2 - 1] / 1e6
