"""All findings of a run, and the verdict that they add up to. Pure.

`error` means that the figures are not those of the run that was asked for; `warning` that they may mislead (`effect`
has which of them make the figures themselves doubtful); `info` that something differs from the request in a way that
a reader should know.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from ..result.findings import Code, because_of, verdict_of
from ..result.hosts import named_hosts
from ..result.report import Finding, Validity
from .arrivals import find_in_arrivals
from .evidence import Evidence
from .hosts import find_among_hosts, find_on_host
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
    if evidence.several_hosts:
        yield from _with_names(evidence)
        yield from find_among_hosts(evidence)
    else:
        yield from find_on_host(evidence, 0)
        yield from _find_in_places(evidence)
    yield from find_in_settings(evidence)
    yield from find_in_outputs(evidence)
    if not evidence.several_hosts:
        yield from find_in_machine(evidence)
    yield from find_in_until(evidence)
    yield from find_in_scenario(evidence)
    if evidence.merged is not None:
        yield from find_in_window(evidence, evidence.merged)
        yield from find_in_arrivals(evidence, evidence.merged)
        yield from find_in_sample_size(evidence, evidence.merged)
        yield from find_in_course(evidence, evidence.merged)
        yield from find_in_agents_speed(evidence, evidence.merged)


def find_by_host(evidence: Evidence) -> dict[str, tuple[Finding, ...]]:
    """Those of each host alone, by its name, which they do not have in them."""
    parts = {part.run.host.name: part for part in evidence.on_hosts}
    return {
        host.name: (
            *find_on_host(evidence, index),
            *(() if host.name not in parts else _find_in_places(parts[host.name])),
            *(() if host.name not in parts else find_in_machine(parts[host.name])),
        )
        for index, host in enumerate(evidence.run.hosts)
    }


def _with_names(evidence: Evidence) -> Iterator[Finding]:
    """What is so on several hosts is said once."""
    names: dict[Finding, list[str]] = {}
    for name, findings in find_by_host(evidence).items():
        for finding in findings:
            names.setdefault(finding, []).append(name)
    for finding, some in names.items():
        yield replace(finding, message=f"H{named_hosts(some)[1:]}: {finding.message}")


def _find_in_places(evidence: Evidence) -> Iterator[Finding]:
    """Of one host: its plan, and what became of it."""
    run = evidence.run
    for finding in find_in_plan(run.plan, run.host.topology, run.agents[0].id if run.agents else 0):
        if finding.code != Code.CPU_QUOTA or not evidence.surroundings.quota:  # else it did run out: see below
            yield finding
    yield from find_in_placement(evidence)
