"""Traces, read back by Perfetto's own descriptions, against the samples that they were made of."""

import os
import shutil
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs
from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as pb

from ovbench.common.errors import UsageError
from ovbench.common.samples import SampleArray
from ovbench.coordinator.commands.export import parse_export
from ovbench.coordinator.compare.perfetto import lanes_of, trace_of
from ovbench.coordinator.result.report import Report
from tests.builders import delivered, over_hosts, report, seconds

BEGIN = seconds(1_000_000)
RANDOM = np.random.default_rng(3)


def samples(number: int, in_flight: int, timed: bool = False) -> SampleArray:
    """Of requests that infer back to back, in the order of their requests."""
    starts, ends = [], []
    for _ in range(in_flight):
        lengths = RANDOM.integers(0, 5_000_000, number)
        ended = BEGIN + np.cumsum(lengths)
        starts.append(ended - lengths)
        ends.append(ended)
    begun = np.concatenate(starts)
    return SampleArray.of(begun, np.concatenate(ends), begun - RANDOM.integers(0, 9_000, len(begun)) if timed else None)


def parsed(
    whole: Report, each: dict[int, SampleArray]
) -> tuple[dict[int, pb.TrackDescriptor], dict[int, list[pb.TracePacket]]]:
    """Tracks by their number, and the events of each in the order of the file."""
    trace = pb.Trace.FromString(b"".join(trace_of(whole, each)))
    tracks = {
        one.track_descriptor.uuid: one.track_descriptor for one in trace.packet if one.HasField("track_descriptor")
    }
    events: dict[int, list[pb.TracePacket]] = defaultdict(list)
    for packet in trace.packet:
        if packet.HasField("track_event"):
            events[packet.track_event.track_uuid].append(packet)
    assert set(events) <= set(tracks)
    return tracks, events


def slices(packets: list[pb.TracePacket]) -> list[tuple[int, int]]:
    """From when to when, of a track whose slices follow one another."""
    kinds = [one.track_event.type for one in packets]
    assert kinds == [pb.TrackEvent.TYPE_SLICE_BEGIN, pb.TrackEvent.TYPE_SLICE_END] * (len(packets) // 2)
    instants = [one.timestamp for one in packets]
    assert instants == sorted(instants)
    assert {one.track_event.name for one in packets[::2]} == {"inference"}
    return list(zip(instants[::2], instants[1::2], strict=True))


def test_each_inference_is_a_slice_below_its_agent_and_none_overlap_on_a_track() -> None:
    whole, each = report(), {0: samples(300, 3), 1: samples(50, 1)}
    tracks, events = parsed(whole, each)
    for agent, array in each.items():
        (process,) = (one for one in tracks.values() if one.process.process_name.startswith(f"agent {agent}"))
        mine = [uuid for uuid, one in tracks.items() if one.parent_uuid == process.uuid]
        assert sorted(tracks[uuid].name for uuid in mine) == [f"in flight {n + 1}" for n in range(len(mine))]
        found = sorted(pair for uuid in mine for pair in slices(events[uuid]))
        assert found == sorted(zip(array.starts.tolist(), array.ends.tolist(), strict=True))
        assert len(mine) <= (3, 1)[agent]


def pids(whole: Report) -> list[int]:
    """Of ovbench, then of its agents."""
    tracks, _ = parsed(whole, {agent.id: samples(1, 1) for agent in whole.agents})
    found = {one.process.process_name: one.process.pid for one in tracks.values() if one.HasField("process")}
    return [found.pop("ovbench"), *(found[name] for name in sorted(found))]


def test_every_agent_is_a_process_of_its_own_also_where_a_pid_is_not() -> None:
    def with_pids(*wanted: int | None, of: Report | None = None) -> Report:
        two = of or report()
        agents = zip(two.agents, wanted, strict=True)
        return structs.replace(two, agents=tuple(structs.replace(agent, pid=pid) for agent, pid in agents))

    assert pids(with_pids(17, 18)) == [1, 17, 18]
    for same in (17, 17), (1, 17), (None, 17), (None, None):
        found = pids(with_pids(*same))
        assert len(set(found)) == 3
        assert found[0] == 1
    hosts = report(over_hosts({"a": [delivered(0)], "b": [delivered(1)]}))
    for any_ in (17, 18), (17, 17):
        found = pids(with_pids(*any_, of=hosts))
        assert len(set(found)) == 3
        assert not {17, 18} & set(found)


def test_tracks_are_as_many_as_inferences_are_in_flight_at_a_time() -> None:
    starts, ends = np.asarray([0, 1, 2, 10, 10]), np.asarray([10, 3, 20, 12, 11])
    assert lanes_of(starts, ends).tolist() == [0, 1, 2, 0, 1]


def test_what_waits_is_a_counter_of_arrivals_that_were_due_and_had_not_started() -> None:
    array = samples(40, 2, timed=True)
    tracks, events = parsed(report(), {0: array})
    (track,) = (uuid for uuid, one in tracks.items() if one.name == "waiting")
    assert tracks[track].HasField("counter")
    for packet in events[track]:
        at = packet.timestamp
        assert packet.track_event.counter_value == ((array.dues <= at) & (array.starts > at)).sum()
    assert {one.timestamp for one in events[track]} == {*array.dues.tolist(), *array.starts.tolist()}


def test_figures_over_time_are_the_reports_from_the_beginning_of_their_slices_on() -> None:
    whole = report()
    assert whole.timeline
    tracks, events = parsed(whole, {})
    by_name = {one.name: events[uuid] for uuid, one in tracks.items()}
    fps = [(one.timestamp - whole.window.start_ns, one.track_event.double_counter_value) for one in by_name["FPS"]]
    begins = [0.0, *(part.t_s for part in whole.timeline[:-1])]
    assert fps == [(round(t_s * 1e9), part.fps) for t_s, part in zip(begins, whole.timeline, strict=True)]
    if whole.cpu is not None and whole.cpu.timeline is not None:
        for cpu, busy in whole.cpu.timeline.busy_percent.items():
            values = [one.track_event.double_counter_value for one in by_name[f"CPU {cpu} busy %"]]
            assert values == list(busy)


def test_a_run_without_figures_over_time_has_no_counters() -> None:
    whole = structs.replace(report(), timeline=(), cpu=None)
    assert all(not one.HasField("counter") for one in parsed(whole, {0: samples(1, 1)})[0].values())


def test_only_one_file_is_for_stdout() -> None:
    with pytest.raises(UsageError, match="--hlog - and --perfetto - are both for stdout"):
        parse_export(["results", "--hlog", "-", "--perfetto", "-"])
    with pytest.raises(UsageError, match="--perfetto FILE"):
        parse_export(["results"])


_SHELL = os.environ.get("TRACE_PROCESSOR_SHELL") or shutil.which("trace_processor_shell")


@pytest.mark.skipif(_SHELL is None, reason="no trace_processor_shell; the package downloads it, put it on PATH")
def test_perfettos_trace_processor_finds_every_slice_and_no_error(tmp_path: Path) -> None:
    from perfetto.trace_processor import TraceProcessor, TraceProcessorConfig

    file = tmp_path / "trace"
    array = samples(300, 3)
    file.write_bytes(b"".join(trace_of(report(), {0: array})))
    with TraceProcessor(trace=str(file), config=TraceProcessorConfig(bin_path=_SHELL)) as processor:
        (row,) = processor.query("select count(*) as number, sum(dur) as total from slice")
        errors = processor.query("select sum(value) as number from stats where severity = 'error'")
        assert (row.number, row.total) == (len(array), int(array.services.sum()))
        assert next(iter(errors)).number == 0
