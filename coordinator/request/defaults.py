"""What follows where a flag of a run is left out: benchmark_app's rules, and the few of ovbench's own. Pure."""

import argparse
from collections.abc import Mapping
from typing import Final

from ovbench.common import builtin
from ovbench.common.arrivals import Dispatch
from ovbench.common.job import Api, Hint

from .launchers import DEFAULT as DEFAULT_LAUNCHER
from .launchers import LAUNCHERS
from .scenario import Rules, least_server_s, rules_of

DEFAULT_MODEL: Final = builtin.PREFIX + "squeezenet1.1"
DEFAULT_SECONDS: Final = 10.0
DEFAULT_MOST_SECONDS: Final = 600.0
"""Of a load that ends when a figure is known."""
DEFAULT_WARMUP_SECONDS: Final = 1.0
DEFAULT_SAMPLE_MEMORY_MB: Final = 1024
DEFAULT_DRAIN_SECONDS: Final = 5.0
DEFAULT_SPIN_US: Final[Mapping[Api, float]] = {"sync": 200.0, "async": 50.0}
"""Sleeps of some 2 ms ended late by 31 us in the median, 70 to 120 at p99 (virtual machine, kernel 6.18). An agent that
infers synchronously has nothing else to do meanwhile; the thread that starts asynchronous requests may share its CPU
with the streams, and takes from them what it spins."""
DEFAULT_DISPATCH: Final[Dispatch] = "shared"
HINTS: Final[Mapping[str, Hint]] = {
    "throughput": "throughput",
    "tput": "throughput",
    "latency": "latency",
    "cumulative_throughput": "cumulative_throughput",
    "ctput": "cumulative_throughput",
    "none": "none",
}
"""benchmark_app's words."""

_PREPARE_TIMEOUT_S: Final = 600.0


def of_scenario(raw: argparse.Namespace) -> argparse.Namespace:
    """`raw` with what its scenario, if it has one, is run with where a flag was left out."""
    scenario = raw.scenario
    if scenario is None:
        return raw
    chosen: dict[str, object] = {"time": _scenario_s(raw, rules_of(scenario))}
    if scenario.one_query_at_a_time:
        chosen["agents"] = raw.agents or 1
        chosen["api"] = raw.api or ("sync" if scenario.name == "single-stream" else "async")
        if chosen["api"] == "async":
            chosen["requests"] = scenario.samples_per_query
    return argparse.Namespace(**vars(raw) | chosen)


def _scenario_s(raw: argparse.Namespace, rules: Rules) -> float:
    time_s = rules.min_duration_s if raw.time is None else float(raw.time)
    if raw.scenario.name != "server":
        return time_s
    return float(max(time_s, least_server_s(rules, raw.rate)))


def api_of(raw: argparse.Namespace) -> Api:
    api: Api = raw.api or ("sync" if HINTS.get(raw.hint) == "latency" else "async")
    return api


def hint_of(raw: argparse.Namespace, config: Mapping[str, str]) -> Hint:
    """benchmark_app's defaults, with one difference: fine tuning without -hint means -hint none.

    A hint in the configuration file stands where no flag says otherwise; it is not a flag, so it is `none` here.
    """
    if raw.hint is not None:
        return HINTS[raw.hint]
    if fine_tuning(raw) or "PERFORMANCE_HINT" in config:
        return "none"
    return "latency" if api_of(raw) == "sync" else "throughput"


def fine_tuning(raw: argparse.Namespace) -> list[str]:
    """The flags given that say by themselves what a hint would choose."""
    fine = (("-nstreams", raw.streams), ("-nthreads", raw.threads or None), ("-pin", raw.pinning))
    return [name for name, value in fine if value is not None]


def duration_s(raw: argparse.Namespace) -> float | None:
    """None where the number of iterations alone ends the load."""
    return raw.time if raw.time is not None or raw.iterations is not None else length_s(raw)


def length_s(raw: argparse.Namespace) -> float:
    """Of a load whose length nothing says."""
    return DEFAULT_SECONDS if raw.until is None else DEFAULT_MOST_SECONDS


def warmup_s(raw: argparse.Namespace) -> float:
    if raw.warmup is not None:
        return float(raw.warmup)
    return 0.0 if raw.no_warmup else DEFAULT_WARMUP_SECONDS


def of_hosts(raw: argparse.Namespace) -> argparse.Namespace:
    """Where hosts are named and nothing is said of who starts what there, ssh does."""
    if (raw.hosts is not None or raw.hosts_file is not None) and raw.launcher == DEFAULT_LAUNCHER:
        return argparse.Namespace(**{**vars(raw), "launcher": "ssh"})
    return raw


def remote(raw: argparse.Namespace) -> bool:
    """Whether the agents are on other hosts, each of which has a supervisor."""
    return LAUNCHERS[raw.launcher].engine or raw.hosts is not None or raw.hosts_file is not None


def dispatch(raw: argparse.Namespace) -> Dispatch:
    """Hosts have no memory that they share; what a load balancer does that knows nothing of its servers."""
    return "round-robin" if remote(raw) else DEFAULT_DISPATCH


def drain_s(raw: argparse.Namespace) -> float:
    return DEFAULT_DRAIN_SECONDS if raw.drain is None else float(raw.drain)


def spin_us(raw: argparse.Namespace) -> float:
    return DEFAULT_SPIN_US[api_of(raw)] if raw.spin_us is None else float(raw.spin_us)


def join_timeout_s(raw: argparse.Namespace) -> float:
    return raw.join_timeout or LAUNCHERS[raw.launcher].join_timeout_s


def prepare_timeout_s(raw: argparse.Namespace) -> float:
    return raw.prepare_timeout or _PREPARE_TIMEOUT_S


def count_layers(raw: argparse.Namespace, config: Mapping[str, str]) -> bool | None:
    """benchmark_app's rules (main.py, "Set performance counter"); None leaves it to the configuration file."""
    if raw.perf_counts is not None:
        return bool(raw.perf_counts)
    if config.get("PERF_COUNT") == "YES":
        return None
    return reports_layers(raw) or raw.exec_graph_path is not None or raw.pcsort is not None


def reports_layers(raw: argparse.Namespace) -> bool:
    return raw.report_type in ("average_counters", "detailed_counters")
