"""The figures of each of the --stages of a run, as the report has them. Pure."""

from collections.abc import Iterator

from ovbench.common.arrivals import Stage
from ovbench.common.clock import NS_PER_S

from ..analysis.goodput import goodput_of
from ..analysis.latency import latency_of
from ..analysis.merge import Merged
from ..analysis.offered import Offered
from ..request.request import Request
from ..result.timeline import StagePart
from ..session.record import RunRecord
from .load import latency_part


def stage_parts(record: RunRecord, merged: Merged) -> Iterator[StagePart]:
    """Of what was due in each; of as much of it as was in the window, if the run was ended early. None where there is
    one stage alone, which is the whole run."""
    arrivals, offered, window = record.request.arrivals, merged.offered, merged.window
    if arrivals is None or offered is None or len(arrivals.stages) < 2:
        return
    edges = [min(window.start_ns + edge, window.stop_ns) for edge in arrivals.edges_ns]
    for stage, start_ns, stop_ns in zip(arrivals.stages, edges, edges[1:], strict=False):
        if start_ns < stop_ns:
            start_s, duration_s = (start_ns - window.start_ns) / NS_PER_S, (stop_ns - start_ns) / NS_PER_S
            yield _stage_part(record.request, stage, start_s, duration_s, offered.between(start_ns, stop_ns))


def _stage_part(request: Request, stage: Stage, start_s: float, duration_s: float, offered: Offered) -> StagePart:
    """Of what was `offered` in it."""
    chosen, samples, missing = request.output.latency_percentile, offered.samples, offered.at_least_ns
    return StagePart(
        start_s=start_s,
        duration_s=duration_s,
        rate_from=stage.rate_from,
        rate_to=stage.rate_to,
        offered=len(offered),
        delivered=len(samples),
        unfinished=len(offered.unfinished_ns),
        dropped=len(offered.dropped_ns),
        latency_ms=latency_part(latency_of(samples.latencies, chosen, at_least=missing), chosen),
        service_ms=latency_part(latency_of(samples.services, chosen), chosen),
        wait_ms=latency_part(latency_of(samples.waits, chosen, at_least=missing), chosen),
        goodput=goodput_of([samples], request.criteria.objectives, len(offered), duration_s, at_least=missing),
    )
