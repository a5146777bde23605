"""What LoadGen's summary would have of a run, as rows of a name and a value: for the terminal and the page."""

from collections.abc import Callable, Iterator

from ovbench.common.clock import NS_PER_MS

from ..result.numbers import count, duration, milliseconds
from ..result.scenario import EarlyStopping, Minimum, Performance, ScenarioPart


def scenario_rows(part: ScenarioPart) -> Iterator[tuple[str, str]]:
    """In LoadGen's words and order. Its latencies are in ns; here they have three digits and their unit."""
    yield "Result is", "VALID" if part.valid else "INVALID"
    name, value = part.result.name, part.result.value
    if name.endswith(" (ns)"):
        yield name.removesuffix(" (ns)"), _latency(value)
    else:
        yield name, "unknown" if value is None else f"{value:,.2f}"
    if part.performance is not None:
        yield "Performance constraints satisfied", _performance(part.performance, part.queries)
    yield "Min duration satisfied", _minimum(part.min_duration_s, duration)
    whole = "samples" if part.scenario == "Offline" else "queries"
    yield "Min queries satisfied", f"{_minimum(part.min_queries, lambda number: count(round(number)))} {whole}"
    if part.early_stopping is not None:
        yield "Early stopping satisfied", _early_stopping(part.early_stopping, part.queries)
        for percentile, estimated_ns in part.early_stopping.estimates_ns.items():
            yield f"Early stopping {percentile}th percentile estimate", _latency(estimated_ns)


def _latency(ns: float | None) -> str:
    return milliseconds(None if ns is None else ns / NS_PER_MS)


def _answer(satisfied: bool) -> str:
    return "Yes" if satisfied else "NO"


def _minimum(minimum: Minimum, form: Callable[[float], str]) -> str:
    return f"{_answer(minimum.satisfied)}: {form(minimum.reached)} of {form(minimum.least)}"


def _performance(part: Performance, queries: int) -> str:
    target = f"p{part.percentile:g} within {_latency(part.target_latency_ns)}"
    return f"{_answer(part.satisfied)}: {target}, {count(part.overlatency_queries)} of {count(queries)} queries over it"


def _early_stopping(part: EarlyStopping, queries: int) -> str:
    return f"{_answer(part.satisfied)}: {count(queries)} queries, {count(part.needed)} needed"
