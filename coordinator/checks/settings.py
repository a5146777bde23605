"""What was requested of OpenVINO against what it made of it. Pure."""

from collections.abc import Iterator

from ovbench.common.job import AUTO_STREAMS

from ..result.findings import Code
from ..result.report import Finding
from .evidence import Evidence


def find_in_settings(evidence: Evidence) -> Iterator[Finding]:
    """Requested against effective, said once for all agents that it is true of."""
    runtime = evidence.run.request.runtime
    only_compiled = evidence.run.plan.jobs[0].load.compile_only  # there are no requests then
    changed: dict[str, list[int]] = {}
    starved: list[int] = []
    for agent in evidence.run.agents:
        if agent.ready is None:
            continue
        effective = agent.ready.effective
        asynchronous = evidence.run.request.load.api == "async"
        for name, wanted, got in (
            ("-nstreams", None if runtime.streams == AUTO_STREAMS else runtime.streams, effective.streams),
            ("-nthreads", runtime.threads, effective.threads),
            ("-nireq", None if only_compiled else runtime.requests, effective.requests),
            ("-infer_precision", _definite(runtime.precision), _definite(effective.precision)),
        ):
            if wanted is not None and got is not None and wanted != got:
                why = "; -api sync has one request in flight" if name == "-nireq" and not asynchronous else ""
                changed.setdefault(f"{name} {wanted} became {got}{why}", []).append(agent.id)
        if asynchronous and effective.requests < effective.streams and not only_compiled:
            starved.append(agent.id)
    for text, agents in changed.items():
        yield Finding(Code.SETTINGS_CHANGED, "warning", f"{text} ({evidence.who(agents)}).")
    if starved:
        message = f"Fewer requests than streams keep some streams idle ({evidence.who(starved)})."
        yield Finding(Code.REQUESTS_BELOW_STREAMS, "warning", message, "Raise -nireq.")


def _definite(precision: str | None) -> str | None:
    """None where it is left to OpenVINO, whose word for that is another in what it answers, or is not known."""
    return None if precision in ("undefined", "dynamic", "", None) else precision
