"""The span of a load at a limited rate, on the null device, and the rate that follows from it."""

import os
from typing import Any

import pytest

from ovbench.agent.host.threads import thread_ids
from ovbench.agent.measure import Measurement, Outcome
from ovbench.common.clock import NS_PER_S, monotonic_ns
from ovbench.common.job import Api, Data, Job, Load, Model, NullBackend, Pace, Placement, Runtime
from ovbench.common.messages import Samples
from ovbench.coordinator.analysis.merge import merge
from ovbench.coordinator.analysis.recording import Recorded, pieces_of
from tests.builders import ms

PERIOD_NS = ms(1)


def paced(api: Api, late_ns: int, iterations: int | None = None) -> tuple[Measurement, int, Outcome]:
    """A load of 200 ms, or of a number of inferences, at 1000 per second, that begins so late; when it was due, and
    what came of it."""
    job = Job(
        model=Model(source=""),
        runtime=Runtime(streams=2, requests=2),
        load=Load(
            api=api,
            duration_s=0.2 if iterations is None else None,
            iterations=iterations,
            warmup_s=0.0,
            pace=Pace(frame_period_ns=PERIOD_NS),
        ),
        placement=Placement(cpus=tuple(os.sched_getaffinity(0))),
        null=NullBackend(service_ns=1_000),
        data=Data(),
        sample_bytes=1 << 20,
    )
    measurement = Measurement(job, thread_ids())
    measurement.prepare()
    at = monotonic_ns() - late_ns
    outcome = measurement.run(at)
    backend: Any = measurement._backend
    backend._device.stop()
    return measurement, at, outcome


def fps(measurement: Measurement, outcome: Outcome) -> float:
    assert measurement.recorder is not None
    samples = [part for part in measurement.recorder.contents() if isinstance(part, Samples)]
    span = (outcome.start_ns, outcome.stop_ns, outcome.completed)
    return merge([Recorded(0, *span, pieces_of(samples), period_ns=PERIOD_NS)]).fps


@pytest.mark.parametrize("api", ["sync", "async"])
def test_a_load_that_begins_late_and_catches_up_is_not_above_the_limit(api: Api) -> None:
    measurement, at, outcome = paced(api, late_ns=ms(150))
    assert (outcome.start_ns, outcome.stop_ns) == (at, at + ms(200))
    assert fps(measurement, outcome) <= NS_PER_S / PERIOD_NS


@pytest.mark.parametrize("api", ["sync", "async"])
def test_a_number_of_inferences_lasts_to_where_the_next_start_would_be_due(api: Api) -> None:
    measurement, at, outcome = paced(api, late_ns=ms(15), iterations=20)
    assert outcome.start_ns == at
    assert outcome.stop_ns >= at + 20 * PERIOD_NS
    assert fps(measurement, outcome) <= NS_PER_S / PERIOD_NS
