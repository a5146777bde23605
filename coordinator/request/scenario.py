"""MLPerf's scenarios: `single-stream`, `multi-stream:N`, `server` or `offline`, and LoadGen's rules for each. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from ovbench.common.clock import NS_PER_MS
from ovbench.common.errors import UsageError
from ovbench.common.samplememory import MOST_REQUESTS
from ovbench.common.spelling import did_you_mean

from .slo import Objective

Name = Literal["single-stream", "multi-stream", "server", "offline"]
Given = Mapping[str, str | int | float]
"""Values by the spelling of their flags, of those that were given."""

SYNTAX: Final = "single-stream, multi-stream:N, server and offline"
MIN_DURATION_S: Final = 600.0
"""Of every scenario in LoadGen's `mlperf.conf`."""

_MULTI_STREAM: Final = re.compile(r"multi-stream:([1-9][0-9]{0,4})", re.ASCII)
_PLAIN: Final[Mapping[str, Name]] = {"single-stream": "single-stream", "server": "server", "offline": "offline"}


@dataclass(frozen=True)
class Scenario:
    """What a query is and when the next one begins. `samples_per_query`: inferences that start together."""

    name: Name
    samples_per_query: int = 1

    def __str__(self) -> str:
        """As on the command line."""
        return f"{self.name}:{self.samples_per_query}" if self.name == "multi-stream" else self.name

    @property
    def one_query_at_a_time(self) -> bool:
        return self.name in ("single-stream", "multi-stream")


@dataclass(frozen=True)
class Rules:
    """By which LoadGen judges a run, and how long that lasts: until both minima are met.

    `percentile` (between 0 and 1) is that of the result, or of a server the one that `target_latency_ns` limits; it is
    of no account offline, where `min_queries` are samples, as there is only one query.
    """

    percentile: float
    min_duration_s: float
    min_queries: int
    target_latency_ns: int = 0


_RULES: Final[Mapping[Name, Rules]] = {
    "single-stream": Rules(0.90, MIN_DURATION_S, 100),
    "multi-stream": Rules(0.99, MIN_DURATION_S, 662),
    "server": Rules(0.99, MIN_DURATION_S, 100),
    "offline": Rules(0.99, MIN_DURATION_S, 100),
}
"""For any model: what LoadGen 6.0 has in `mlperf.conf`, else the defaults of its `test_settings.h`."""

_ENOUGH: Final = 1.5
"""A server's window lasts for so many times its least number of queries, so that there are enough by whatever seed."""

_NEEDED_BY_A_SERVER: Final = {
    "--rate": "the arrivals per second, as in --rate 300",
    "--slo-ms": "the latency that the 99th percentile has to be within, as in --slo-ms 15",
}


def parse_scenario(text: str) -> Scenario:
    """Raises ValueError, whose text ends a sentence that begins with the flag."""
    name = _PLAIN.get(text)
    if name is not None:
        return Scenario(name)
    found = _MULTI_STREAM.fullmatch(text)
    if found is not None and int(found[1]) <= MOST_REQUESTS:
        return Scenario("multi-stream", int(found[1]))
    if text.startswith("multi-stream"):
        numbers = f"number of samples per query from 1 to {MOST_REQUESTS}"
        raise ValueError(f"'{text}' has no {numbers}; write multi-stream:8 for 8")
    raise ValueError(f"'{text}' is none of {SYNTAX}{did_you_mean(text, (*_PLAIN, 'multi-stream'))}")


def rules_of(scenario: Scenario, duration_s: float | None = None, target: Objective | None = None) -> Rules:
    """LoadGen's rules for any model; `duration_s`, where given, in place of MLPerf's minimum. `target`: of a server."""
    rules = _RULES[scenario.name]
    if duration_s is not None:
        rules = replace(rules, min_duration_s=duration_s)
    if scenario.name != "server" or target is None:
        return rules
    percentile = rules.percentile if target.percent is None else target.percent / 100
    return replace(rules, percentile=percentile, target_latency_ns=round(target.limit_ms * NS_PER_MS))


def least_server_s(rules: Rules, rate: float) -> float:
    """How long a server's window lasts at the least, at so many arrivals per second."""
    return _ENOUGH * rules.min_queries / rate


def refuse_contradictions(scenario: Scenario, given: Given) -> None:
    """Raises UsageError, one sentence that names both flags, or the one that a scenario lacks."""
    for flag, reason in _conflicts(scenario, given):
        if flag in given:
            raise UsageError(
                f"{flag} {_written(given[flag])} and --scenario {scenario} contradict each other: {reason}"
            )
    if scenario.name == "server":
        _refuse_half_a_server(given)


def _refuse_half_a_server(given: Given) -> None:
    for flag, example in _NEEDED_BY_A_SERVER.items():
        if flag not in given:
            raise UsageError(f"--scenario server needs {flag}, {example}")
    if "," in str(given["--slo-ms"]):
        raise UsageError(f"--slo-ms {given['--slo-ms']}: a server is judged by one latency; give one")
    if str(given["--slo-ms"]).startswith("p100:"):
        raise UsageError(
            f"--slo-ms {given['--slo-ms']}: a server's target is for a percentile below 100, as LoadGen judges by how "
            "many queries may be over it; use p99, or p99.9"
        )


def _written(value: str | int | float) -> str:
    """As people write it: 10, not 10.0."""
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _conflicts(scenario: Scenario, given: Given) -> Iterator[tuple[str, str]]:
    """Flags that may not be given, each with the reason and what to do."""
    yield "-niter", "a scenario has its own number of queries; leave -niter out, and give the time with -t"
    yield "--until", "a scenario ends by its own time and number of queries; leave one of the two out"
    if scenario.name == "server":
        yield from _conflicts_with_a_server(given)
    else:
        yield from _conflicts_with_a_closed_loop(scenario)
    if scenario.one_query_at_a_time:
        yield from _conflicts_with_one_query_at_a_time(scenario, given)


def _conflicts_with_a_server(given: Given) -> Iterator[tuple[str, str]]:
    for flag in ("-max_irate", "--stages"):
        yield flag, "its queries arrive at one rate throughout, as Poisson has it; use --rate"
    if given.get("--arrivals") != "poisson":
        yield "--arrivals", "its queries arrive as Poisson has it; use --arrivals poisson, or leave it out"
    if given.get("--dispatch") != "shared":
        yield "--dispatch", "its queries have one queue; use --dispatch shared, or leave it out"
    yield "--timeout-ms", "LoadGen waits for every query and drops none; leave --timeout-ms out"


def _conflicts_with_a_closed_loop(scenario: Scenario) -> Iterator[tuple[str, str]]:
    offline = scenario.name == "offline"
    reason = "all its samples are there from the start" if offline else "a query begins when the one before has ended"
    for flag in ("--rate", "-max_irate", "--stages", "--arrivals"):
        yield flag, f"{reason}; leave {flag} out, or use --scenario server"


def _conflicts_with_one_query_at_a_time(scenario: Scenario, given: Given) -> Iterator[tuple[str, str]]:
    if given.get("--agents") != 1:
        yield "--agents", "there is one query at a time, so one agent; use --agents 1"
    if given.get("-nireq") != scenario.samples_per_query:
        wanted = scenario.samples_per_query
        yield "-nireq", f"{wanted} infer at a time; use -nireq {wanted}, or leave it out"
    if scenario.name == "multi-stream" and given.get("-api") != "async":
        yield "-api", "the samples of a query start together; use -api async, or leave it out"
