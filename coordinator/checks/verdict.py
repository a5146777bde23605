"""All findings of a run, and the verdict that they add up to. Pure.

`error` means that the figures are not those of the run that was asked for; `warning` that they may mislead (`effect`
has which of them make the figures themselves doubtful); `info` that something differs from the request in a way that
a reader should know.
"""

from collections.abc import Iterator

from ..result.findings import Code, because_of, verdict_of
from ..result.report import Finding, Validity
from .arrivals import find_in_arrivals
from .evidence import Evidence
from .machine import find_in_machine
from .outputs import find_in_outputs
from .placement import find_in_placement
from .planned import find_in_plan
from .run import find_in_agents, find_in_window
from .scenario import find_in_scenario
from .settings import find_in_settings
from .stability import find_in_agents_speed, find_in_course, find_in_sample_size, find_in_until


def judge(evidence: Evidence) -> Validity:
    criteria = evidence.run.request.criteria
    findings = tuple(find(evidence))
    return Validity(
        status=verdict_of(findings, criteria.strict),
        findings=findings,
        strict=criteria.strict,
        thresholds=criteria.thresholds.report(),
        because=because_of(findings, criteria.strict),
    )


def find(evidence: Evidence) -> Iterator[Finding]:
    yield from find_in_agents(evidence)
    for finding in find_in_plan(evidence.run.plan, evidence.run.host.topology):
        if finding.code != Code.CPU_QUOTA or not evidence.surroundings.quota:  # else it did run out: see below
            yield finding
    yield from find_in_placement(evidence)
    yield from find_in_settings(evidence)
    yield from find_in_outputs(evidence)
    yield from find_in_machine(evidence)
    yield from find_in_until(evidence)
    yield from find_in_scenario(evidence)
    if evidence.merged is not None:
        yield from find_in_window(evidence, evidence.merged)
        yield from find_in_arrivals(evidence, evidence.merged)
        yield from find_in_sample_size(evidence, evidence.merged)
        yield from find_in_course(evidence, evidence.merged)
        yield from find_in_agents_speed(evidence, evidence.merged)
