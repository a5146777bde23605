"""A run by LoadGen's rules: the result of its scenario, and what makes it valid (`results.cc` of LoadGen 6.0). Pure.

LoadGen waits for every query, without limit. Here one may never have completed; it then counts as the longest, and a
figure that depends on its latency is not known.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ovbench.common.clock import NS_PER_S, to_ns
from ovbench.common.histogram import Int64s
from ovbench.common.samples import SampleArray

from ..request.scenario import Rules, Scenario
from ..result.scenario import EarlyStopping, Minimum, Performance, ScenarioPart, ScenarioResult
from ..session.record import RunRecord
from ..stats.earlystopping import Support, estimate, fewest_queries
from .offered import Offered
from .recording import recorded

NEVER: Final = int(np.iinfo(np.int64).max)
"""The end of what did not complete."""

_OF_MULTI_STREAM: Final = 0.99
"""LoadGen estimates this percentile of single-stream, too: a multi-stream result may be inferred from it."""


@dataclass(frozen=True)
class Issued:
    """Samples, or the queries that they make, in the order in which they were due: int64 [n] each, in ns since the load
    began. `end` is NEVER for what did not complete."""

    due: Int64s
    start: Int64s
    end: Int64s

    def in_queries(self, samples: int) -> "Issued":
        """Queries of so many samples each, which end with their last one; a rest that makes none is left out."""
        due, start, end = (
            part[: len(part) // samples * samples].reshape(-1, samples) for part in (self.due, self.start, self.end)
        )
        return Issued(due.min(axis=1), start.min(axis=1), end.max(axis=1))

    @property
    def completed(self) -> int:
        return int(np.count_nonzero(self.end != NEVER))

    def latencies(self) -> Int64s:
        """In ns, sorted; NEVER for what did not complete."""
        return np.sort(np.where(self.end == NEVER, NEVER, self.end - self.due))


def judge_run(record: RunRecord, offered: Offered | None) -> ScenarioPart | None:
    """None without a scenario, where no agent delivered, and where not every sample is known. `offered`: all arrivals
    of a load with a schedule."""
    scenario, rules = record.request.scenario, record.request.rules
    loads = recorded(record.agents)
    if scenario is None or rules is None or not loads or any(load.folded for load in loads):
        return None
    if record.schedule_ns is None or offered is None:
        samples = SampleArray.joined([piece.samples for load in loads for piece in load.pieces])
        issued = _issued(samples, np.empty(0, np.int64))
    else:
        arrived = offered.between(loads[0].start_ns, NEVER)
        issued = _issued(arrived.samples, np.concatenate([arrived.dropped_ns, arrived.unfinished_ns]))
    # Unless it was interrupted. The first query is due a little later than its time begins.
    return judge(scenario, rules, issued, 0 if record.interrupted else to_ns(rules.min_duration_s))


def _issued(samples: SampleArray, unfinished_ns: Int64s) -> Issued:
    """`unfinished_ns`: when those were due that did not complete. Since the first was due."""
    never = np.full(len(unfinished_ns), NEVER)
    due = np.concatenate([samples.dues, unfinished_ns])
    order = np.argsort(due, kind="stable")
    begin = due[order[0]] if len(order) else 0
    start, end = np.concatenate([samples.starts - begin, never]), np.concatenate([samples.ends - begin, never])
    return Issued(due[order] - begin, start[order], end[order])


def judge(scenario: Scenario, rules: Rules, samples: Issued, issuing_ns: int = 0) -> ScenarioPart:
    """What LoadGen would have reported of these samples.

    `issuing_ns`: for how long queries were issued at least, where a window was set for that. LoadGen goes on to the
    first one that is issued (of a server, due) when the least duration has passed.
    """
    if scenario.name == "offline":
        return _judge_offline(rules, samples, issuing_ns)
    if scenario.name == "server":
        return _judge_server(rules, samples, max(issuing_ns, _last(samples.due)))
    queries = samples.in_queries(scenario.samples_per_query)
    return _judge_stream(scenario, rules, queries, max(issuing_ns, _last(queries.start)))


def _judge_stream(scenario: Scenario, rules: Rules, queries: Issued, issuing_ns: int) -> ScenarioPart:
    latencies = queries.latencies()
    count, percentile = len(latencies), rules.percentile
    own = estimate(count, percentile)
    estimates = {_percent(percentile): _estimated(latencies, own)}
    single = scenario.name == "single-stream"
    if single:
        estimates[_percent(_OF_MULTI_STREAM)] = _estimated(latencies, estimate(count, _OF_MULTI_STREAM))
    duration = _minimum(rules.min_duration_s, issuing_ns / NS_PER_S)
    least_count = _minimum(rules.min_queries, count)
    stopping = EarlyStopping(own.discarded is not None, own.needed, own.discarded, estimates)
    tail = _known(latencies, int(count * percentile))
    return ScenarioPart(
        scenario="SingleStream" if single else "MultiStream",
        valid=_all_satisfied(duration, least_count, stopping),
        result=ScenarioResult(f"{_percent(percentile)}th percentile latency (ns)", tail),
        samples_per_query=scenario.samples_per_query,
        queries=count,
        samples=queries.completed * scenario.samples_per_query,
        min_duration_s=duration,
        min_queries=least_count,
        early_stopping=stopping,
    )


def _judge_server(rules: Rules, samples: Issued, issuing_ns: int) -> ScenarioPart:
    latencies = samples.latencies()
    count, target = len(latencies), rules.target_latency_ns
    over = count - int(np.searchsorted(latencies, target, side="right"))
    needed = fewest_queries(over, rules.percentile)
    tail = _known(latencies, int(count * rules.percentile))
    duration = _minimum(rules.min_duration_s, issuing_ns / NS_PER_S)
    least_count = _minimum(rules.min_queries, count)
    stopping = EarlyStopping(count >= needed, needed)
    performance = Performance(tail is not None and tail <= target, float(_percent(rules.percentile)), target, over)
    end = _last(samples.end)  # as LoadGen has it, of the one that was due last, though others may have ended later
    return ScenarioPart(
        scenario="Server",
        valid=_all_satisfied(duration, least_count, stopping, performance),
        result=ScenarioResult(
            "Completed samples per second", (samples.completed - 1) * NS_PER_S / end if 0 < end < NEVER else None
        ),
        samples_per_query=1,
        queries=count,
        samples=samples.completed,
        min_duration_s=duration,
        min_queries=least_count,
        early_stopping=stopping,
        performance=performance,
    )


def _judge_offline(rules: Rules, samples: Issued, issuing_ns: int) -> ScenarioPart:
    """All samples are one query, due when the load begins, which ends with the last of them."""
    count = len(samples.end)
    end = _known(np.sort(samples.end), count - 1)
    duration = _minimum(rules.min_duration_s, max(end or 0, issuing_ns) / NS_PER_S)
    least_count = _minimum(rules.min_queries, samples.completed)
    return ScenarioPart(
        scenario="Offline",
        valid=_all_satisfied(duration, least_count),
        result=ScenarioResult("Samples per second", count * NS_PER_S / end if end else None),
        samples_per_query=count,
        queries=1,
        samples=samples.completed,
        min_duration_s=duration,
        min_queries=least_count,
    )


def _minimum(least: float, reached: float) -> Minimum:
    return Minimum(least, reached, reached >= least)


def _all_satisfied(*conditions: Minimum | EarlyStopping | Performance) -> bool:
    return all(condition.satisfied for condition in conditions)


def _estimated(latencies: Int64s, estimated: Support) -> int | None:
    return None if estimated.discarded is None else _known(latencies, len(latencies) - 1 - estimated.discarded)


def _known(latencies: Int64s, rank: int) -> int | None:
    """Of sorted latencies the one at a rank from 0; None where there is none, or it is of what did not complete."""
    if not 0 <= rank < len(latencies) or latencies[rank] == NEVER:
        return None
    return int(latencies[rank])


def _last(instants: Int64s) -> int:
    """0 of none."""
    return int(instants[-1]) if len(instants) else 0


def _percent(share: float) -> str:
    """As LoadGen writes it."""
    return f"{100 * share:.1f}"
