"""A run in the words of LoadGen's summary."""

from dataclasses import replace

import numpy as np

from ovbench.common.samples import SampleArray
from ovbench.coordinator.analysis.merge import merge_run
from ovbench.coordinator.checks.evidence import Evidence
from ovbench.coordinator.report.scenario import scenario_rows
from ovbench.coordinator.result.scenario import ScenarioPart
from ovbench.coordinator.session.record import RunRecord
from tests.builders import delivered, ms, request, run, seconds, steady


def judged(record: RunRecord) -> ScenarioPart | None:
    return Evidence(record, merge_run(record), samples_saved=False).scenario


def test_one_stream_has_its_percentile_and_the_estimates() -> None:
    part = judged(
        run(
            [delivered(0, data=steady(seconds(1), ms(10), 1000))],
            wanted=request("--scenario", "single-stream", "-t", "10"),
        )
    )
    assert part is not None
    assert list(scenario_rows(part)) == [
        ("Result is", "VALID"),
        ("90.0th percentile latency", "10.0 ms"),
        ("Min duration satisfied", "Yes: 10 s of 10 s"),
        ("Min queries satisfied", "Yes: 1,000 of 100 queries"),
        ("Early stopping satisfied", "Yes: 1,000 queries, 64 needed"),
        ("Early stopping 90.0th percentile estimate", "10.0 ms"),
        ("Early stopping 99.0th percentile estimate", "10.0 ms"),
    ]


def test_a_server_has_its_rate_and_its_target() -> None:
    offsets = ms(10) * np.arange(200)
    due = seconds(1) + offsets
    record = run(
        [delivered(0, data=SampleArray.of(due, due + ms(20), due).table)],
        wanted=request("--scenario", "server", "--rate", "100", "--slo-ms", "15", "-t", "600"),
        interrupted=True,
    )
    part = judged(replace(record, schedule_ns=offsets))
    assert part is not None
    assert list(scenario_rows(part)) == [
        ("Result is", "INVALID"),
        ("Completed samples per second", "99.00"),
        ("Performance constraints satisfied", "NO: p99 within 15.0 ms, 200 of 200 queries over it"),
        ("Min duration satisfied", "NO: 1.99 s of 10 min 00 s"),
        ("Min queries satisfied", "Yes: 200 of 100 queries"),
        ("Early stopping satisfied", "NO: 200 queries, 23,527 needed"),
    ]


def test_what_is_not_known_is_said_so() -> None:
    members = [delivered(0, data=steady(seconds(1), ms(10), 5))]
    part = judged(run(members, wanted=request("--scenario", "single-stream", "-t", "10")))
    assert part is not None
    assert dict(scenario_rows(part))["Early stopping 90.0th percentile estimate"] == "unknown"
