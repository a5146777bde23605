"""Waits on the null device against an ideal dispatcher of the same arrivals.

By the recursions of Lindley, and of Kiefer and Wolfowitz for several servers, both of which chance has on either side:
to the nanosecond from one end to the next start, as they were recorded, and on average with the services asked for.
From a closed form a run of seconds is off by chance, by a half here; that the same arrivals and services in an ideal
queue are within three deviations of it, a few percent, is tested with the formulas, on a hundred thousand of them.
"""

import heapq

import numpy as np
import pytest

from ovbench.common.histogram import Int64s
from ovbench.common.samples import SampleArray
from ovbench.coordinator.request.nullbackend import parse_null
from scripts.bench.atrate import ideal_waits
from tests.attempts import undisturbed
from tests.nullservices import service_times
from tests.process.driver import Run

pytestmark = pytest.mark.long

SHARE = 0.15
"""Of the mean wait: what ends and starts may be late by on a busy machine, each of which holds up what waits."""


def ready_ns(samples: SampleArray, servers: int) -> Int64s:
    """From when each, in the order of due, could have been started: it was due, and one of so many had ended."""
    free = [0] * servers
    ready = np.empty(len(samples), np.int64)
    for index, (due, end) in enumerate(zip(samples.dues.tolist(), samples.ends.tolist(), strict=True)):
        ready[index] = max(due, free[0])
        heapq.heapreplace(free, end)
    return ready


@pytest.mark.parametrize(
    ("agents", "service", "rate"), [(1, "20000", 25), (1, "20000,exp", 25), (2, "20000", 60), (2, "20000,exp", 60)]
)
@undisturbed("services that others make end late hold up all that wait")
def test_waits_are_those_of_the_ideal_queue(run: Run, agents: int, service: str, rate: int) -> None:
    options = ("--backend", f"null:{service}", "-api", "sync", "--agents", str(agents), "--rate", str(rate))
    ran = run(*options, "-t", "4", "--warmup", "0.2", "--save-samples")
    assert (ran.folder / "samples.npz").exists(), ran.out + ran.err
    parts, services = [], []
    spec = parse_null(f"null:{service}")
    with np.load(ran.folder / "samples.npz") as arrays:
        for agent in range(agents):
            columns = (
                [arrays[f"agent_{agent}{where}_{what}_ns"] for what in ("start", "end", "due")]
                for where in ("", "_outside")
            )
            part = SampleArray.joined([SampleArray.of(*column) for column in columns], timed=True)
            parts.append(part[np.argsort(part.starts)])
            services.append(service_times(spec.of_agent(agent, agents), len(part)))
    every, nominal = SampleArray.joined(parts, timed=True), np.concatenate(services)
    order = np.argsort(every.dues, kind="stable")
    every, nominal = every[order], nominal[order]
    ready = ready_ns(every, agents)
    assert (every.starts >= ready).all()
    # What waits is started at the very reading of the clock that ended the one before it.
    waited = ready > every.dues
    assert waited.sum() > len(every) / 5
    assert (every.starts == ready)[waited].all()
    ideal = ideal_waits(every.dues, nominal, agents)
    assert ideal.mean() > 1e6
    # No service is shorter than asked for and no start is early, so none waits for less, however busy the machine is.
    assert (every.waits >= ideal).all()
    assert every.waits.mean() == pytest.approx(ideal.mean(), rel=SHARE)


@undisturbed("a start that others make late counts as a wait")
def test_equal_gaps_longer_than_equal_services_have_nothing_wait(run: Run) -> None:
    """D/D/1 at 60 %: by the median, starts are less than 1 % of a service late."""
    options = ("--backend", "null:20000", "-api", "sync", "--agents", "1", "--rate", "30", "--arrivals", "constant")
    report = run(*options, "-t", "1.5", "--warmup", "0.2").report
    assert report["arrivals"]["delivered"] == 45
    assert report["wait_ms"]["median"] < 0.2
