"""Merging: time and peak resident memory for 64 agents with 1,000,000 exact samples each, in pieces of 65,536.

In a process of its own, samples included. What comes out is compared with numpy's on the whole.
"""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ovbench.common.messages import SAMPLES_PER_MESSAGE
from ovbench.common.samples import SampleArray
from ovbench.coordinator.analysis.latency import PERCENTILES
from ovbench.coordinator.analysis.merge import Merged, merge
from ovbench.coordinator.analysis.recording import Piece, Recorded

from .versus import Goal, Row, RunFailed, Settings, in_own_process, in_turn, parse, report, value_row

SECONDS = 1.0
RUNS = 5
AGENTS = 64
SAMPLES = 1_000_000
MOST_SECONDS = Goal(high=3.0, unit=" s")
MOST_MB = Goal(high=2000.0, unit=" MB")

Int64s = npt.NDArray[np.int64]


def measure(settings: Settings) -> Iterator[Row]:
    (runs,) = in_turn(settings.runs, lambda: in_own_process(_work))
    against = "numpy on the whole: equal"
    yield value_row("merge of 64 x 1,000,000 samples: time", [run[0] for run in runs], "s", MOST_SECONDS, against)
    yield value_row("merge of 64 x 1,000,000 samples: peak resident", [run[1] for run in runs], "MB", MOST_MB)


def _work() -> tuple[float, float]:
    """Seconds and MB."""
    agents = [_recorded(agent) for agent in range(AGENTS)]
    began = time.perf_counter()
    merged = merge(agents)
    seconds = time.perf_counter() - began
    peak_mb = _peak_mb()
    if problems := ", ".join(_differences(agents, merged)):
        raise RunFailed(f"merge and numpy differ: {problems}")
    return seconds, peak_mb


def _recorded(agent: int) -> Recorded:
    """A synchronous load of about 1 us per inference, skewed like real latencies; agents start and stop apart."""
    random = np.random.default_rng([1, agent])
    latencies = (random.lognormal(7.0, 0.5, SAMPLES)).astype(np.int64)
    start = 10**15 + int(random.integers(0, 200_000))
    ends = start + np.cumsum(latencies)
    pairs = np.stack((ends - latencies, ends), axis=1)
    parts = ((at, pairs[at : at + SAMPLES_PER_MESSAGE].copy()) for at in range(0, SAMPLES, SAMPLES_PER_MESSAGE))
    return Recorded(agent, start, int(ends[-1]), SAMPLES, tuple(Piece(0, at, SampleArray(part)) for at, part in parts))


def _peak_mb() -> float:
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024 / 1e6


def _differences(agents: list[Recorded], merged: Merged) -> Iterator[str]:
    start, stop = max(a.start_ns for a in agents), min(a.stop_ns for a in agents)
    by_agent: list[Int64s] = []
    for agent in agents:
        samples = SampleArray.joined([piece.samples for piece in agent.pieces])
        by_agent.append(samples.latencies[(samples.ends >= start) & (samples.ends <= stop)])
        if merged.agent_counts[agent.agent] != len(by_agent[-1]):
            yield f"count of agent {agent.agent}"
    values = np.sort(np.concatenate(by_agent))
    latency = merged.latency
    if (merged.window.start_ns, merged.window.stop_ns) != (start, stop):
        yield "window"
    if latency is None or not latency.exact or not merged.count == latency.count == len(values):
        yield "count"
        return
    expected = tuple(float(np.percentile(values, p, method="inverted_cdf")) / 1e6 for p in PERCENTILES)
    if latency.percentiles != expected:
        yield f"percentiles {latency.percentiles} and {expected}"
    if (latency.min, latency.max) != (float(values[0]) / 1e6, float(values[-1]) / 1e6):
        yield "extremes"
    if not np.allclose(
        [latency.mean or 0.0, latency.stddev or 0.0], [values.mean() / 1e6, values.std() / 1e6], rtol=1e-9
    ):
        yield "mean or deviation"
    for agent, mine in zip(agents, by_agent, strict=True):
        own = merged.agent_latencies[agent.agent]
        medians = float(np.percentile(mine, 50, method="inverted_cdf")) / 1e6
        if own is None or own.percentiles[0] != medians:
            yield f"median of agent {agent.agent}"
    if sum(part.count for part in merged.timeline) != len(values):
        yield "timeline"


if __name__ == "__main__":
    raise SystemExit(report(measure(parse(__doc__, SECONDS, RUNS))))
