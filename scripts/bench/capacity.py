"""The search for a capacity on the null device, whose services are equal, against M/D/c in closed form.

Two agents that share a queue, Poisson arrivals, limits of p99 that hold up to 60, 70, 80, 90 and 95 % of saturation; a
search of each from scratch, in turn. Judged is how far the estimate is from the rate at which the closed form reaches
the limit, with the services that were asked for. --seconds is the time of a trial: a search has a dozen of them.
"""

import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple

from ovbench.coordinator.store.saved import SavedStudy, read_saved
from ovbench.coordinator.study.capacity import Capacity
from ovbench.coordinator.study.kinds.registry import KINDS
from tests.closedforms import p_of_latency, rate_at

from .versus import Goal, Row, RunFailed, Settings, parse, program, quantity, report, say, workbench

SERVICE_US: Final = 2_000
AGENTS: Final = 2
LOADS: Final = (0.6, 0.7, 0.8, 0.9, 0.95)
PERCENT: Final = 99.0
WITHIN: Final = Goal(low=0.97, high=1.03)
SECONDS = 20.0
RUNS = 1
ENDED: Final = frozenset({0, 4})
"""Exit codes of a search that ended, whatever it says."""


class _Found(NamedTuple):
    capacity: Capacity
    truth: float


def measure(settings: Settings) -> Iterator[Row]:
    numbers = count(1)
    with workbench() as bench:
        for load in LOADS:
            if settings.only not in _name(load):
                continue
            found = [_search(bench.folder / str(next(numbers)), load, settings.seconds) for _ in range(settings.runs)]
            yield _row(load, found)


def _name(load: float) -> str:
    return f"M/D/{AGENTS} at {load:.0%}"


def _search(folder: Path, load: float, seconds: float) -> _Found:
    service_s = SERVICE_US * 1e-6
    at_load_s = p_of_latency("deterministic", AGENTS, service_s, load * AGENTS / service_s, PERCENT)
    limit_ms = float(f"{1000 * at_load_s:.4g}")
    device = ("--backend", f"null:{SERVICE_US}", "-api", "sync", "--agents", str(AGENTS))
    asked = ("--slo", f"p{PERCENT:g}:{limit_ms:g}", "--within", "3", "-t", f"{seconds:g}", "--warmup", "0.5")
    words = [program("ovbench-coord"), "study", "capacity", *device, *asked, "--report-folder", str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode not in ENDED:
        raise RunFailed(f"{' '.join(words)} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    saved = read_saved(str(folder))
    assert isinstance(saved, SavedStudy)
    (capacity,) = KINDS["capacity"].conclude(saved.study, saved.outcomes).capacities
    truth = rate_at("deterministic", AGENTS, service_s, limit_ms / 1000, PERCENT)
    say(f"{_name(load)}, p99:{limit_ms:g}: {_text(capacity)}; closed form {quantity(truth, '/s')}")
    return _Found(capacity, truth)


def _row(load: float, found: list[_Found]) -> Row:
    ratios = [one.capacity.rate.value / one.truth if one.capacity.rate is not None else 0.0 for one in found]
    held = sum(_holds(one) for one in found)
    return Row(
        what=f"capacity of {_name(load)} of saturation, services of {SERVICE_US} us",
        ours="; ".join(_text(one.capacity) for one in found),
        against=f"closed form {quantity(found[0].truth, '/s')}",
        outcome=f"ratio {', '.join(f'{ratio:.3f}' for ratio in ratios)}; interval holds it in {held} of {len(found)}",
        goal=str(WITHIN),
        reached=all(map(WITHIN.reached, ratios)),
    )


def _holds(found: _Found) -> bool:
    rate = found.capacity.rate
    return rate is not None and (rate.low or 0.0) <= found.truth <= (rate.high or float("inf"))


def _text(capacity: Capacity) -> str:
    rate = capacity.rate
    if rate is None:
        return capacity.verdict
    low, high = ("-" if bound is None else quantity(bound, "") for bound in (rate.low, rate.high))
    return f"{quantity(rate.value, '/s')} ({low} to {high}), {capacity.verdict}, {len(capacity.trials)} trials"


if __name__ == "__main__":
    raise SystemExit(report(measure(parse(__doc__, SECONDS, RUNS, [_name(load) for load in LOADS]))))
