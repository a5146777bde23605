"""Queues of whole runs, with a schedule as computed one by one, and as paced agents have them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from ovbench.common.arrivals import Dispatch
from ovbench.coordinator.analysis.queues import Queue, queues_of
from ovbench.coordinator.analysis.recording import recorded
from ovbench.coordinator.session.record import AgentRecord, RunRecord
from tests.builders import at_rate, delivered, effective, finished, folded, ms, ready, run, samples, seconds, timed
from tests.queueing import LENGTH_NS, ZERO, Served, Setting, record_of, serve

dispatches = st.sampled_from(("shared", "round-robin", "random", "partition"))


def queues(record: RunRecord) -> tuple[Queue, ...]:
    return queues_of(record, recorded(record.agents))


def instants(outcomes: list[Served], what: str) -> list[int]:
    return sorted(ZERO + one.due for one in outcomes if one.what == what)


loads = st.lists(st.tuples(st.integers(-200, 999), st.integers(0, 600)), min_size=1, max_size=40)
"""Of each arrival, in ms: when it is due, and its service."""


@settings(deadline=None)
@given(
    load=loads,
    dispatch=dispatches,
    agents=st.integers(1, 4),
    requests=st.integers(1, 3),
    timeout=st.sampled_from((0, 90)),
)
def test_every_arrival_is_in_one_queue_as_what_became_of_it(
    load: list[tuple[int, int]], dispatch: Dispatch, agents: int, requests: int, timeout: int
) -> None:
    setting = Setting(dispatch, agents, requests, ms(timeout), ms(100))
    load.sort()
    outcomes = serve(setting, [ms(due) for due, _ in load], [ms(service) for _, service in load])
    found = queues(record_of(setting, outcomes))
    assert [queue.agents for queue in found] == (
        [tuple(range(agents))] if dispatch == "shared" else [(agent,) for agent in range(agents)]
    )
    assert sum(queue.requests for queue in found) == agents * requests
    parts = [queue.offered for queue in found]
    assert sorted(due for part in parts for due in part.samples.dues.tolist()) == instants(outcomes, "done")
    assert sorted(due for part in parts for due in part.dropped_ns.tolist()) == instants(outcomes, "dropped")
    assert sorted(due for part in parts for due in part.unfinished_ns.tolist()) == instants(outcomes, "unfinished")
    assert {(part.ended_ns, part.timeout_ns) for part in parts} == {(ZERO + LENGTH_NS + ms(100), ms(timeout))}


@pytest.mark.parametrize("dispatch", ["shared", "round-robin"])
def test_what_a_lost_agent_took_is_unfinished_and_may_have_ended_at_any_time(dispatch: Dispatch) -> None:
    setting = Setting(dispatch, drain_ns=ms(100), lost=1)
    dues = [ms(10) * n for n in range(50)]
    outcomes = serve(setting, dues, [ms(1)] * 50)
    taken = [ZERO + one.due for one in outcomes if one.agent == 1]
    *others, queue = queues(record_of(setting, outcomes))
    assert taken
    assert queue.offered.unfinished_ns.tolist() == taken
    assert queue.offered.ended_ns == ZERO
    assert queue.requests == (1 if dispatch == "shared" else 0)
    assert [len(other.offered.unfinished_ns) for other in others] == ([] if dispatch == "shared" else [0])


def test_arrivals_of_a_run_that_was_interrupted_were_looked_for_until_then() -> None:
    setting = Setting(drain_ns=ms(100))
    record = replace(record_of(setting, serve(setting, [0], [ms(1)])), interrupted=True)
    assert queues(record)[0].offered.ended_ns == ZERO + LENGTH_NS


def paced(period_ms: float, served: int, *, phase: float = 0.0, limit: int | None = None) -> AgentRecord:
    """From second 1 to 11; it took the first so many arrivals."""
    dues = seconds(1) + (ms(period_ms) * phase + ms(period_ms) * np.arange(served)).astype(np.int64)
    agent = delivered(
        data=timed(dues, dues, dues + ms(0.1)), prepared=ready(structs.replace(effective(), iterations=limit))
    )
    return at_rate(agent, period_ms / 1e3, phase)


@given(period_ns=st.integers(10**6, 10**9), phase=st.floats(0, 0.999), missing=st.integers(0, 5))
def test_what_a_paced_agent_did_not_come_to_is_the_last_that_was_due(
    period_ns: int, phase: float, missing: int
) -> None:
    """Counted one by one, up to the load's end."""
    begin, length = seconds(1), seconds(10)
    every: list[int] = []
    while (due := int(period_ns * phase + len(every) * period_ns)) < length:
        every.append(begin + due)
    agent = paced(period_ns / 1e6, max(1, len(every) - missing), phase=phase)
    (queue,) = queues(run([agent]))
    assert queue.offered.unfinished_ns.tolist() == every[max(1, len(every) - missing) :]
    assert queue.folded == 0


@pytest.mark.parametrize(("limit", "unfinished"), [(None, 90), (10, 0), (11, 90)])
def test_no_more_was_to_come_of_a_number_of_inferences_that_was_asked_for(limit: int | None, unfinished: int) -> None:
    (queue,) = queues(run([paced(100, 10, limit=limit)]))
    assert len(queue.offered.unfinished_ns) == unfinished


def test_arrivals_of_a_paced_agent_that_was_lost_are_left_out() -> None:
    whole = paced(100, 100)
    lost = replace(whole, id=1, why="was killed by SIGKILL", samples=(), finished=None)
    assert [queue.agents for queue in queues(run([whole, lost]))] == [(0,)]


def test_what_was_folded_has_come_too() -> None:
    whole = paced(100, 95).samples[0].array
    agent = replace(
        paced(100, 95),
        samples=(samples(whole.table[:10]), samples(whole.table[90:], first=90)),
        folded=(folded(whole.table[10:90], seconds(1)),),
    )
    (queue,) = queues(run([agent]))
    assert (queue.folded, len(queue.offered.samples)) == (80, 15)
    assert queue.offered.unfinished_ns.tolist() == [seconds(1) + ms(100) * n for n in range(95, 100)]


def test_a_closed_loop_has_no_queue() -> None:
    assert queues(run([delivered(load=finished(completed=1000))])) == ()
