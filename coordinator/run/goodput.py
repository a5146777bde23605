"""What kept the limits of --slo-ms, as the report has it: of the run, and of the slices of its timeline. Pure."""

import numpy as np
import numpy.typing as npt

from ..analysis.goodput import goodput_of, within_by_slice
from ..analysis.merge import Merged
from ..result.arrivals import GoodputPart
from ..session.record import RunRecord

Int64s = npt.NDArray[np.int64]


def goodput_part(record: RunRecord, merged: Merged) -> GoodputPart | None:
    """At a rate of what was due in the window, in a closed loop of what ended in it. None without --slo-ms."""
    turnout, objectives = merged.turnout, record.request.criteria.objectives
    if not objectives:
        return None
    offered = merged.count if turnout is None else turnout.offered
    population = merged.population
    return goodput_of(
        population.samples,
        objectives,
        offered,
        merged.window.duration_s,
        population.folded,
        population.missing.at_least_ns,
    )


def kept_by_slice(record: RunRecord, merged: Merged) -> Int64s | None:
    """How many of what was due in each slice kept the first objective, [n]; None without one, and where it is not
    known when what was folded was due."""
    objectives = record.request.criteria.objectives
    if not objectives or merged.offered is None:
        return None
    edges = [merged.window.start_ns, *(part.stop_ns for part in merged.timeline)]
    return within_by_slice(merged.offered, objectives[0], np.asarray(edges, np.int64))
