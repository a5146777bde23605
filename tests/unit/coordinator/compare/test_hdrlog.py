"""Histogram logs, read back by the reference implementation for Python."""

import base64
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
from hypothesis import given, settings
from hypothesis import strategies as st

from ovbench.common.clock import NS_PER_S
from ovbench.common.histogram import FINE, MOST_VALUE
from ovbench.common.samples import SampleArray
from ovbench.coordinator.compare.hdrlog import TrialLatencies, encode_histogram, histogram_log, study_log, tag_of
from tests.builders import ms, pairs, seconds


def reference(values: list[int]) -> HdrHistogram:
    histogram = HdrHistogram(1, MOST_VALUE, 3)
    for value in values:
        assert histogram.record_value(value)
    return histogram


def payload(encoded: bytes | str) -> bytes:
    """What is compressed in it, apart from how well it is compressed."""
    packed = base64.b64decode(encoded)
    cookie, length = struct.unpack_from(">ii", packed)
    assert cookie == 0x1C849314
    assert length == len(packed) - 8
    return zlib.decompress(packed[8:])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, MOST_VALUE) | st.integers(0, 5000), min_size=1, max_size=50))
def test_a_histogram_is_byte_for_byte_what_hdrhistogram_writes(values: list[int]) -> None:
    ours = encode_histogram(FINE.count(np.asarray(values, np.int64)))
    theirs = payload(reference(values).encode())
    # The reference writes its own estimate of the highest value it can hold; everything else is the same.
    assert payload(ours)[:24] + payload(ours)[32:] == theirs[:24] + theirs[32:]


@pytest.mark.parametrize("count", [1, 63, 64, 8191, 8192, 1 << 20, 1 << 40, (1 << 56) - 1, 1 << 57, (1 << 62) - 1])
def test_counts_of_any_size_are_read_back(count: int) -> None:
    counts = np.zeros(FINE.size, np.int64)
    counts[1234] = count
    read = HdrHistogram.decode(encode_histogram(counts))
    assert read.get_total_count() == count
    assert read.get_count_at_value(1234) == count


def samples() -> dict[int, SampleArray]:
    """Two agents over 2.5 s from second 5, latencies of 1 to 20 ms."""
    random = np.random.default_rng(7)
    found = {}
    for agent in (0, 3):
        ends = seconds(5) + np.sort(random.integers(0, seconds(2.5) + 1, 4000))
        found[agent] = SampleArray(pairs(ends, random.integers(ms(1), ms(20), 4000)))
    return found


def written(folder: Path) -> HistogramLogReader:
    file = folder / "run.hlog"
    file.write_text(histogram_log(samples(), seconds(5), seconds(7.5), 1_700_000_000.0, "ovbench\nits command"))
    return HistogramLogReader(str(file), HdrHistogram(1, MOST_VALUE, 3))


def test_a_log_read_by_hdrhistogram_has_each_agents_counts_extremes_and_percentiles(tmp_path: Path) -> None:
    reader = written(tmp_path)
    totals = {f"agent-{agent}": HdrHistogram(1, MOST_VALUE, 3) for agent in samples()}
    while (interval := reader.get_next_interval_histogram()) is not None:
        totals[interval.get_tag()].add(interval)
    for agent, recorded in samples().items():
        read, latencies = totals[f"agent-{agent}"], np.sort(recorded.latencies)
        assert read.get_total_count() == len(latencies)
        assert read.values_are_equivalent(read.get_min_value(), int(latencies[0]))
        assert read.values_are_equivalent(read.get_max_value(), int(latencies[-1]))
        for percent in (50, 90, 99, 99.9):
            exact = int(latencies[int(np.ceil(percent / 100 * len(latencies))) - 1])
            assert read.values_are_equivalent(read.get_value_at_percentile(percent), exact), percent


def test_an_interval_has_what_ended_in_its_second(tmp_path: Path) -> None:
    reader = written(tmp_path)
    found = []
    while (interval := reader.get_next_interval_histogram()) is not None:
        found.append((interval.get_tag(), interval.get_start_time_stamp(), interval.get_total_count()))
    assert [tag for tag, _, _ in found] == ["agent-0", "agent-3"] * 3
    for index, (tag, _, count) in enumerate(found):
        second = index // 2
        place = np.minimum((samples()[int(tag[-1])].ends - seconds(5)) // NS_PER_S, 2)
        assert count == np.count_nonzero(place == second)


def test_the_head_of_a_log_is_what_readers_look_for() -> None:
    lines = histogram_log(samples(), seconds(5), seconds(7.5), 1_700_000_000.0, "ovbench\nits command").splitlines()
    assert lines[:4] == [
        "#[ovbench]",
        "#[its command]",
        "#[Histogram log format version 1.3]",
        "#[StartTime: 1700000000.000 (seconds since epoch)]",
    ]
    assert lines[4].startswith('"StartTimestamp","Interval_Length","Interval_Max"')
    assert [line.split(",")[1:3] for line in lines[5::2]] == [
        ["0.000", "1.000"],
        ["1.000", "1.000"],
        ["2.000", "0.500"],
    ]
    recorded = samples()[0]
    first = recorded.latencies[recorded.ends < seconds(6)]
    assert float(lines[5].split(",")[3]) == pytest.approx(first.max() / 1e6, abs=5e-4)


def of_trial(tag: str, start_s: float, latencies: list[int]) -> TrialLatencies:
    """By two agents, the second of which did one inference."""
    data = pairs(seconds(1) + ms(100) * np.arange(1, len(latencies) + 1), latencies)
    agents = {0: SampleArray(data[:-1]), 1: SampleArray(data[-1:])}
    return TrialLatencies(tag, start_s, 2.5, agents, f"trial at {start_s:g}")


def test_a_log_of_a_study_read_by_hdrhistogram_has_an_interval_for_each_trial_with_the_tag_of_its_setting(
    tmp_path: Path,
) -> None:
    trials = [
        of_trial("nstreams=1", 0, [ms(1), ms(2), ms(3)]),
        of_trial("nstreams=2", 4, [ms(10), ms(20)]),
        of_trial("nstreams=1", 8, [ms(5), ms(6)]),
    ]
    file = tmp_path / "study.hlog"
    file.write_text(study_log(trials, 1_700_000_000.0, "a study"))
    reader = HistogramLogReader(str(file), HdrHistogram(1, MOST_VALUE, 3))
    for tag, at, values in [("1", 0, [1, 2, 3]), ("2", 4, [10, 20]), ("1", 8, [5, 6])]:
        read = reader.get_next_interval_histogram()
        assert read is not None
        assert read.get_tag() == f"nstreams={tag}"
        assert read.get_start_time_stamp() == (1_700_000_000 + at) * 1000
        assert read.get_end_time_stamp() - read.get_start_time_stamp() == 2500
        assert read.get_total_count() == len(values)
        assert all(read.get_count_at_value(ms(value)) == 1 for value in values)
    assert reader.get_next_interval_histogram() is None
    assert "#[trial at 4]" in file.read_text().splitlines()


def test_a_tag_has_neither_commas_nor_spaces() -> None:
    assert tag_of({"-nstreams": "2", "-nireq": "4"}) == "nstreams=2+nireq=4"
    assert tag_of({"--cpus": "0,2-3", "-i": "my file.png"}) == "cpus=0_2-3+i=my_file.png"


def test_a_second_in_which_an_agent_ended_nothing_has_no_line() -> None:
    data = pairs([seconds(0.5), seconds(2.5)], [ms(1), ms(2)])
    lines = histogram_log({0: SampleArray(data)}, 0, seconds(3), 0.0, "x").splitlines()[4:]
    assert [line.split(",")[1] for line in lines] == ["0.000", "2.000"]


def test_at_a_rate_latency_is_from_due_and_in_the_second_for_which_it_counts(tmp_path: Path) -> None:
    """Due at 0.9 s, started at 1.2 s and done at 1.3 s: 400 ms in the first second. The next is due after it."""
    dues, starts, ends = (np.asarray([seconds(a), seconds(b)]) for a, b in ((0.9, 1.5), (1.2, 1.5), (1.3, 1.6)))
    file = tmp_path / "run.hlog"
    file.write_text(histogram_log({0: SampleArray.of(starts, ends, dues)}, 0, seconds(2), 0.0, "x"))
    reader = HistogramLogReader(str(file), HdrHistogram(1, MOST_VALUE, 3))
    for second, latency_ms in ((0, 400), (1, 100)):
        read = reader.get_next_interval_histogram()
        assert read is not None
        assert (read.get_start_time_stamp(), read.get_total_count()) == (1000 * second, 1)
        assert read.get_count_at_value(ms(latency_ms)) == 1
