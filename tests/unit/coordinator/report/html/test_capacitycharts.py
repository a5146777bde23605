"""The charts of a capacity study have the trials, the limit and the rates of its answer."""

import pytest

from ovbench.coordinator.report.html.capacitycharts import capacities, latency_by_trial
from ovbench.coordinator.request.slo import Objective
from ovbench.coordinator.study.answer import Answer
from ovbench.coordinator.study.kinds.registry import kind_of
from tests.capacities import conducted, study
from tests.searches import Machine

MACHINES = {"1": Machine("exponential", 4), "4": Machine("deterministic", 4)}


def concluded(*agents: str) -> Answer:
    of, outcomes = conducted(study([Objective(60.0, 99.0)], agents), MACHINES)
    return kind_of(of).conclude(of, outcomes)


def test_every_trial_is_a_point_at_its_rate_and_latency() -> None:
    (capacity,) = concluded("4").capacities
    (chart,) = latency_by_trial([capacity])
    drawn = sorted((row["x"], row["y"]) for row in chart.spec["data"]["values"])
    known = sorted((one.rate, one.latency_ms) for one in capacity.trials if one.latency_ms is not None)
    assert drawn == known


def test_the_line_is_the_fit_and_the_band_the_interval() -> None:
    (capacity,) = concluded("4").capacities
    (chart,) = latency_by_trial([capacity])
    assert capacity.rate is not None
    layers = [layer["data"]["values"] for layer in chart.spec["layer"] if "data" in layer]
    assert any([(row.get("x"), row.get("y")) for row in rows] == list(capacity.curve) for rows in layers)
    bands = [row for rows in layers for row in rows if "low" in row]
    assert (bands[0]["low"], bands[0]["high"]) == (capacity.rate.low, capacity.rate.high)
    limits = [row for rows in layers for row in rows if row.get("label") == "p99 within 60 ms"]
    assert limits[0]["y"] == pytest.approx(60)


def test_several_settings_are_drawn_with_their_intervals() -> None:
    found = concluded("1", "4").capacities
    (chart,) = capacities(found)
    rows = chart.spec["data"]["values"]
    assert [row["y"] for row in rows] == [one.rate.value for one in found if one.rate is not None]
    assert [row["low"] for row in rows] == [one.rate.low for one in found if one.rate is not None]
    assert list(capacities(found[:1])) == []


def test_without_a_trial_at_a_rate_there_is_no_chart() -> None:
    of, outcomes = conducted(study([Objective(8.0, 99.0)]), MACHINES)
    found = kind_of(of).conclude(of, outcomes).capacities
    assert list(latency_by_trial(found)) == list(capacities(found)) == []
