"""Whether a run with --scenario is valid by LoadGen's rules. Pure."""

from collections.abc import Iterator
from typing import Final

from ovbench.common.clock import NS_PER_MS

from ..result.findings import Code
from ..result.numbers import count, duration, milliseconds
from ..result.report import Finding
from ..result.scenario import EarlyStopping, Performance, ScenarioPart
from .evidence import Evidence

_LONGER: Final = "Measure for longer, -t."


def find_in_scenario(evidence: Evidence) -> Iterator[Finding]:
    """A finding for each of LoadGen's conditions that is not satisfied."""
    if evidence.run.request.scenario is None or evidence.merged is None or not evidence.merged.count:
        return
    part = evidence.scenario
    if part is None:
        message = "LoadGen's rules take the latency of every sample, and there were more than --sample-memory holds."
        yield _invalid(message, "Raise --sample-memory, or measure for a shorter time, -t.")
        return
    if part.performance is not None and not part.performance.satisfied:
        yield _slow(part.performance, part.queries)
    if not part.min_duration_s.satisfied:
        reached, least = duration(part.min_duration_s.reached), duration(part.min_duration_s.least)
        yield _invalid(f"By LoadGen's rules it was too short: {reached} of {least}.", "Let it run to its end.")
    if not part.min_queries.satisfied:
        what = "samples" if part.scenario == "Offline" else "queries"
        reached, least = count(round(part.min_queries.reached)), count(round(part.min_queries.least))
        yield _invalid(f"By LoadGen's rules there were too few {what}: {reached} of {least}.", _LONGER)
    if part.early_stopping is not None and not part.early_stopping.satisfied:
        yield _unsupported(part, part.early_stopping)


def _slow(performance: Performance, queries: int) -> Finding:
    target = milliseconds(performance.target_latency_ns / NS_PER_MS)
    message = (
        f"By LoadGen's rules p{performance.percentile:g} is not within {target}: "
        f"{count(performance.overlatency_queries)} of {count(queries)} queries took longer, or never completed."
    )
    return _invalid(message, "Lower --rate.")


def _unsupported(part: ScenarioPart, stopping: EarlyStopping) -> Finding:
    advice = _LONGER
    if part.performance is None:
        wanted = f"an estimate of the percentile takes {count(stopping.needed)} queries"
    else:
        over = part.performance.overlatency_queries
        advice = f"Lower --rate. {_LONGER}" if over else _LONGER
        wanted = f"with {count(over)} over its latency 99 % confidence takes {count(stopping.needed)} queries"
    message = f"By LoadGen's rules {wanted}, and there were {count(part.queries)}."
    return _invalid(message, advice)


def _invalid(message: str, advice: str) -> Finding:
    return Finding(Code.SCENARIO_NOT_VALID, "error", message, advice)
