"""Loads on the null device: the span of one at a limited rate and the rate that follows from it; one after another."""

import os
import threading
import time
from typing import Any

import pytest
from msgspec import structs

from ovbench.agent.host.threads import thread_ids
from ovbench.agent.measure import ReadyLoad, prepare
from ovbench.agent.openvino.model import StepTimes
from ovbench.common.clock import NS_PER_S, monotonic_ns
from ovbench.common.job import Api, Data, Job, Load, Model, NullService, Pace, Placement, Runtime
from ovbench.common.messages import Finished, Graph, Samples, Warmed
from ovbench.coordinator.analysis.merge import merge
from ovbench.coordinator.analysis.recording import Recorded, pieces_of
from tests.builders import ms
from tests.nullservices import service_times

PERIOD_NS = ms(1)


def null_job(api: Api, **load: Any) -> Job:
    return Job(
        model=Model(source=""),
        runtime=Runtime(streams=2, requests=2),
        load=Load(api=api, warmup_s=0.0, **load),
        placement=Placement(cpus=tuple(os.sched_getaffinity(0))),
        null=NullService(service_ns=1_000),
        data=Data(),
        sample_bytes=1 << 20,
    )


def paced(api: Api, late_ns: int, iterations: int | None = None) -> tuple[ReadyLoad, int, Finished]:
    """A load of 200 ms, or of a number of inferences, at 1000 per second, that begins so late; when it was due, and
    what came of it."""
    span = {"duration_s": 0.2 if iterations is None else None, "iterations": iterations}
    job = null_job(api, pace=Pace(frame_period_ns=PERIOD_NS), **span)
    load = prepare(job, thread_ids(), StepTimes())
    at = monotonic_ns() - late_ns
    finished = load.run(at)
    backend: Any = load.backend
    backend._device.stop()
    return load, at, finished


@pytest.mark.parametrize("api", ["sync", "async"])
@pytest.mark.parametrize("at_a_rate", [False, True])
def test_a_load_that_is_ended_at_an_instant_is_whole_to_it_and_is_counted_by_cells_until_then(
    api: Api, at_a_rate: bool
) -> None:
    pace = Pace(frame_period_ns=PERIOD_NS) if at_a_rate else None
    cells_ns = tuple(range(ms(10), ms(100_001), ms(10)))[:4096]
    job = null_job(api, pace=pace, duration_s=100.0, iterations=None, cells_ns=cells_ns)
    load = prepare(job, thread_ids(), StepTimes())
    at = monotonic_ns()
    ending = threading.Timer(0.1, lambda: load.end(at + ms(150)))
    ending.start()
    finished = load.run(at)
    ending.join()
    backend: Any = load.backend
    backend._device.stop()
    load.end(at + ms(120))  # too late, and no matter
    tallies = load.tallies()
    assert finished.stop_ns == pytest.approx(at + ms(150), abs=ms(50) if not at_a_rate else 0)
    assert [one.cell for one in tallies] == list(range(15))
    assert load.tallies() == []
    done = sum(one.inferences for one in tallies)
    assert done == pytest.approx(finished.completed, abs=4)


def fps(load: ReadyLoad, finished: Finished) -> float:
    samples = [part for part in load.contents() if isinstance(part, Samples)]
    span = (finished.start_ns, finished.stop_ns, finished.completed)
    return merge([Recorded(0, *span, pieces_of(samples), period_ns=PERIOD_NS)]).fps


@pytest.mark.parametrize("api", ["sync", "async"])
def test_a_load_that_begins_late_and_catches_up_is_not_above_the_limit(api: Api) -> None:
    load, at, finished = paced(api, late_ns=ms(150))
    assert (finished.start_ns, finished.stop_ns) == (at, at + ms(200))
    assert fps(load, finished) <= NS_PER_S / PERIOD_NS


@pytest.mark.parametrize("api", ["sync", "async"])
def test_a_number_of_inferences_lasts_to_where_the_next_start_would_be_due(api: Api) -> None:
    load, at, finished = paced(api, late_ns=ms(15), iterations=20)
    assert finished.start_ns == at
    assert finished.stop_ns >= at + 20 * PERIOD_NS
    assert fps(load, finished) <= NS_PER_S / PERIOD_NS


@pytest.mark.parametrize("api", ["sync", "async"])
def test_the_measured_load_has_the_same_exponential_services_whatever_the_warm_up_did(api: Api) -> None:
    service = NullService(service_ns=100_000, exponential_seed=7)
    job = null_job(api, duration_s=None, iterations=200)
    job = structs.replace(job, null=service, load=structs.replace(job.load, warmup_s=0.01))
    load = prepare(job, thread_ids(), StepTimes())
    assert isinstance(load.warm_up(monotonic_ns()), Warmed)
    load.run(monotonic_ns())
    backend: Any = load.backend
    backend._device.stop()
    for stream in range(2 if api == "async" else 1):
        latencies = load.recorder.latest_latencies(stream, 0, load.recorder.completed)
        assert (latencies >= service_times(service, len(latencies), stream)).all()  # as others would not be
        assert len(latencies) >= 20


def test_a_number_of_inferences_in_queries_is_that_of_all_samples() -> None:
    load = prepare(null_job("async", duration_s=None, iterations=21, samples_per_query=2), thread_ids(), StepTimes())
    load.warm_up(monotonic_ns())
    finished = load.run(monotonic_ns())
    backend: Any = load.backend
    backend._device.stop()
    assert finished.completed == 22
    assert finished.stop_ns == max(load.recorder.ends())
    arrays = [part.array for part in load.contents() if isinstance(part, Samples)]
    assert len(arrays) == 2
    assert (arrays[0].dues == arrays[1].dues).all()
    assert arrays[0].dues[0] == finished.start_ns


def test_a_load_after_one_that_was_abandoned_has_its_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = Graph(data=b"<net/>")
    monkeypatch.setattr("ovbench.agent.backend.NullBackend.findings", lambda _: iter([graph]))
    job = null_job("sync", duration_s=None, iterations=3)
    first = prepare(job, thread_ids(), StepTimes())
    first.run(monotonic_ns())
    first.stop()
    assert first.abandon().completed == 3
    assert graph not in list(first.contents())
    second = prepare(job, thread_ids(), StepTimes(), first)
    second.run(monotonic_ns())
    assert list(second.contents())[-1] == graph


def burn(seconds: float) -> None:
    """So much CPU time."""
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


@pytest.mark.parametrize("abandoned", [False, True])
def test_each_load_of_an_agent_counts_the_cpu_time_of_its_own(abandoned: bool) -> None:
    job = null_job("sync", duration_s=0.1, iterations=None, counts_s=0.0)
    load: ReadyLoad | None = None
    for _ in range(2):
        load = prepare(job, thread_ids(), StepTimes(), load)
        assert load.counted() == []
        burn(0.1)
        before = time.process_time()
        load.run(monotonic_ns())
        used_s = time.process_time() - before
        if abandoned:
            load.abandon()
        burn(0.1)
        (counted,) = load.counted()
        assert 0 < counted.cpu_s <= used_s
        burn(0.05)
        assert load.counted()[0].cpu_s == counted.cpu_s
    backend: Any = load.backend if load is not None else None
    backend._device.stop()


def test_what_an_abandoned_load_delivers_does_not_grow() -> None:
    """Its last inference may end while all before it is delivered."""
    load = prepare(null_job("sync", duration_s=None, iterations=3), thread_ids(), StepTimes())
    load.run(monotonic_ns())
    recorder = load.recorder
    load.abandon()
    recorder.slots[0].count += 1
    (samples,) = [part for part in load.contents() if isinstance(part, Samples)]
    assert len(samples.data) == 3 * 16


def test_a_stop_before_the_load_begins_leaves_nothing_to_do() -> None:
    load = prepare(null_job("async", duration_s=3600.0, iterations=None), thread_ids(), StepTimes())
    load.stop()
    finished = load.run(monotonic_ns())
    assert (finished.completed, finished.error) == (0, None)
    assert load.recheck() is None
    assert load.outputs() is None
    backend: Any = load.backend
    backend._device.stop()


@pytest.mark.parametrize("api", ["sync", "async"])
def test_a_load_at_a_rate_that_fails_before_its_end_does_not_report_that_it_lasted_to_it(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its end may lie in the future, and a report from there is not believed."""
    job = null_job(api, duration_s=3600.0, iterations=None, pace=Pace(frame_period_ns=PERIOD_NS))
    load = prepare(job, thread_ids(), StepTimes())
    monkeypatch.setattr(load.backend, "settle", lambda _: "broken")
    at = monotonic_ns()
    ending = threading.Timer(0.05, lambda: setattr(load.recorder.control, "stop", 1))
    ending.start()
    finished = load.run(at)
    ending.join()
    backend: Any = load.backend
    backend._device.stop()
    assert (finished.error, finished.start_ns, finished.stop_ns) == ("broken", at, at)
