"""Figures of whole runs at a rate, against those of every arrival one by one."""

from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovbench.common.arrivals import Dispatch
from ovbench.common.histogram import nearest_rank
from ovbench.coordinator.analysis.latency import INTERVALS, PERCENTILES, Latency
from ovbench.coordinator.analysis.merge import Merged, merge_run
from tests.builders import ms
from tests.queueing import LENGTH_NS, Served, Setting, record_of, serve

NEVER: Final = 1 << 62

loads = st.lists(st.tuples(st.integers(-200, 999), st.integers(0, 600)), min_size=1, max_size=60)
"""Of each arrival, in ms: when it is due, and its service."""

run_settings = st.builds(
    Setting,
    dispatch=st.sampled_from(("shared", "round-robin", "random", "partition")),
    agents=st.integers(1, 3),
    requests=st.integers(1, 2),
    timeout_ns=st.sampled_from((0, ms(90))),
    drain_ns=st.sampled_from((0, ms(300))),
)


def merged_of(setting: Setting, outcomes: list[Served]) -> Merged:
    merged = merge_run(record_of(setting, outcomes))
    assert merged is not None
    return merged


def check(found: Latency | None, known: list[int], at_least: list[int]) -> None:
    """A figure is that of all, with what never completed as the longest, or unknown and at least as given."""
    if not known:
        assert found is None
        return
    assert found is not None
    assert (found.count, found.missing) == (len(known), len(at_least))
    longer = [max(bound, max(known)) for bound in at_least]
    ordered, bounded = sorted(known) + [NEVER] * len(at_least), sorted(known + longer)
    for name, percent in zip(INTERVALS, (*PERCENTILES, 50.0), strict=True):
        rank = nearest_rank(len(ordered), percent)
        assert (name in found.at_least) == (ordered[rank] == NEVER)
        assert found.least(name) == (bounded[rank] if ordered[rank] == NEVER else ordered[rank]) / 1e6
    assert (found.mean is None) == (found.max is None) == bool(at_least)
    assert found.least("mean") == pytest.approx(sum(bounded) / len(bounded) / 1e6)
    assert found.least("max") == bounded[-1] / 1e6


@settings(deadline=None)
@given(load=loads, setting=run_settings)
def test_figures_are_of_all_that_was_due_in_the_window(load: list[tuple[int, int]], setting: Setting) -> None:
    load.sort()
    outcomes = serve(setting, [ms(due) for due, _ in load], [ms(service) for _, service in load])
    merged = merged_of(setting, outcomes)
    due = [one for one in outcomes if one.due >= 0]
    done = [one for one in due if one.what == "done"]
    dropped = [one for one in due if one.what == "dropped"]
    unfinished = [one for one in due if one.what == "unfinished"]
    assert merged.turnout is not None
    assert merged.turnout.offered == len(due)
    assert (merged.turnout.delivered, merged.turnout.dropped) == (len(done), len(dropped))
    late = [setting.timeout_ns] * len(dropped) + [LENGTH_NS + setting.drain_ns - one.due for one in unfinished]
    check(merged.latency, [one.end - one.due for one in done], late)
    check(merged.wait, [one.start - one.due for one in done], late)
    check(merged.service, [one.end - one.start for one in done], [])
    assert merged.count == sum(one.what == "done" and 0 <= one.end <= LENGTH_NS for one in outcomes)


@settings(deadline=None)
@given(load=loads, setting=run_settings)
def test_an_agent_has_what_it_served_and_what_is_its_own_alone(load: list[tuple[int, int]], setting: Setting) -> None:
    """Of one queue for several agents, nobody knows who would have served what is unfinished."""
    load.sort()
    outcomes = serve(setting, [ms(due) for due, _ in load], [ms(service) for _, service in load])
    merged = merged_of(setting, outcomes)
    missing = 0
    for agent, found in merged.agent_latencies.items():
        mine = [one for one in outcomes if one.agent == agent and one.due >= 0]
        done = [one for one in mine if one.what == "done"]
        assert (found.count if found is not None else 0) == len(done)
        check(merged.agent_services[agent], [one.end - one.start for one in done], [])
        if setting.dispatch == "shared" and setting.agents > 1:
            timeouts = [setting.timeout_ns] * sum(one.what == "dropped" for one in mine)
            check(found, [one.end - one.due for one in done], timeouts)
        elif found is not None:
            missing += found.missing
    if merged.latency is not None and all(merged.agent_latencies.values()) and missing:
        assert missing == merged.latency.missing


def test_what_a_lost_agent_took_is_longer_than_all_but_nobody_knows_by_how_much() -> None:
    setting = Setting(agents=2, drain_ns=ms(100), lost=1)
    outcomes = serve(setting, [ms(10) * n for n in range(100)], [ms(15)] * 100)
    merged = merged_of(setting, outcomes)
    mine = [one for one in outcomes if one.agent == 0]
    assert merged.latency is not None
    assert merged.latency.missing == 100 - len(mine) == 50
    assert merged.latency.percentiles[1:] == (None,) * 4
    assert merged.latency.percentiles[0] is not None
    assert all(bound >= merged.latency.percentiles[0] for bound in merged.latency.at_least.values())
    assert merged.latency.at_least["max"] == max(one.end - one.due for one in mine) / 1e6


@pytest.mark.parametrize("dispatch", ["shared", "round-robin"])
def test_slices_are_of_what_was_due_in_them(dispatch: Dispatch) -> None:
    """In the last 10 ms of the window a hundred more come, of which all but a few stay unserved."""
    setting = Setting(dispatch, agents=2)
    dues = [ms(10) * n for n in range(99)] + [ms(990)] * 100
    outcomes = serve(setting, dues, [ms(1)] * len(dues))
    merged = merged_of(setting, outcomes)
    *calm, last = merged.timeline
    assert [part.p99_ms for part in calm] == [1.0] * 9
    assert last.p99_ms is None
    assert merged.flow is not None
    assert merged.flow.offered.tolist() == [10] * 9 + [109]
    done = sum(one.what == "done" for one in outcomes)
    backlog = 199 - sum(one.what == "done" and one.end < LENGTH_NS for one in outcomes)
    assert merged.flow.backlog.tolist() == [0] * 9 + [backlog]
    assert 99 < done < 150


def test_without_a_wait_services_and_latencies_are_the_same_and_nothing_is_late() -> None:
    setting = Setting(agents=1)
    merged = merged_of(setting, serve(setting, [ms(10) * n for n in range(100)], [ms(5)] * 100))
    assert merged.latency is not None
    assert merged.service is not None
    assert merged.lateness is not None
    assert replace(merged.latency, ci95={}) == replace(merged.service, ci95={})
    assert merged.lateness.max == 0
    assert merged.latency.ci95.keys() == merged.service.ci95.keys() == set(INTERVALS)


def test_an_interval_that_reaches_what_never_completed_has_no_upper_bound() -> None:
    """Of 2000, 30 never completed: p95 is known, p99 is not; how high p95 may be depends on what was not seen."""
    setting = Setting(agents=1, timeout_ns=ms(20))
    dues = [n * ms(0.5) for n in range(2000)]
    services = [ms(0.3) if n % 500 else ms(24) for n in range(2000)]
    outcomes = serve(setting, dues, services)
    merged = merged_of(setting, outcomes)
    assert merged.latency is not None
    dropped = sum(one.what == "dropped" for one in outcomes)
    assert merged.latency.missing == dropped > 20
    assert merged.latency.percentiles[3] is None
    assert "p99" not in merged.latency.ci95
    median = merged.latency.ci95["median"]
    assert median.low is not None
    assert median.low <= merged.latency.least("median")
