"""How a trial went, from its report: its figures, and what was in effect. Pure.

OpenVINO makes of what it is asked for what the CPUs allow: on one CPU two streams are one. So flags do not distinguish
trials; what the compiled models and the agents report does. What nothing reports back (time, rate, files, seed) is
taken as it was asked for. A setting that is not known here keeps trials apart: two runs are called the same only where
everything says so.
"""

import hashlib
import json
from typing import Any, Final

from ..result.cpu import CpuPart
from ..result.effective import InEffect
from ..result.estimates import bounds_of_run, estimates_of_run
from ..result.figures import BY_NAME
from ..result.report import AgentPart, Report
from ..result.study import LayerTime, Outcome, Trial

_REPORTED_BACK: Final = frozenset((
    "device", "api", "hint", "inference_only", "nstreams", "nthreads", "nireq", "infer_precision", "pin", "pc",
    "batch", "shape", "agents", "cpus_per_agent", "cpus", "nodes", "sockets", "smt", "core_kind", "spread",
    "cross_node", "memory",
))  # fmt: skip
"""What is requested, by its name in the report, and found there again as it was in effect."""

_OF_THE_REPORT: Final = frozenset((
    "strict", "require", "slo_ms", "latency_percentile", "report_type", "json_stats", "pcsort", "exec_graph_path",
    "dump_config",
))  # fmt: skip
"""Requests that change what is said of a run, not the run. Those that have layers counted show in PERF_COUNT."""

_NO_MATTER: Final = frozenset((
    "SUPPORTED_PROPERTIES", "NETWORK_NAME", "LOG_LEVEL", "LOADED_FROM_CACHE",
    "OPTIMAL_NUMBER_OF_INFER_REQUESTS", "PERFORMANCE_HINT_NUM_REQUESTS",
))  # fmt: skip
"""Properties of a compiled model that change nothing in the window: the last two are a proposal and what streams were
chosen by; how many requests and streams there are is known."""


COUNTING: Final = "-pc"
"""Where a study varies it, what was counted is in the outcomes."""


def outcome_of(
    trial: Trial, report: Report, seconds: float, exit_code: int, attempt: int = 0, start: int | None = None
) -> Outcome:
    """The line of `trials.jsonl` for a trial that was run. `start`: the number of its agents' start in the study."""
    latency, effective = report.latency_ms, report.effective
    agents = [agent for agent in report.agents if agent.state == "ok"]
    measured = report.measured
    return Outcome(
        trial=trial.id,
        point=trial.point,
        repetition=trial.repetition,
        started_at=report.started_at,
        seconds=seconds,
        exit_code=exit_code,
        status=report.validity.status,
        fps=report.throughput.fps if measured else None,
        fps_ci95=report.throughput.fps_ci95,
        latency_ms={
            name: value
            for name in ("min", "median", "mean", "p90", "p95", "p99", "p99_9", "max")
            if (value := getattr(latency, name, None)) is not None
        },
        agents=len(agents) if effective is not None else None,
        cores=report.measured_cpus,
        streams=sum(agent.streams or 0 for agent in agents),
        requests=sum(agent.nireq or 0 for agent in agents),
        busy_percent=report.cpu.busy_percent,
        frames_per_cpu_s=report.efficiency.frames_per_cpu_s if report.efficiency is not None else None,
        openvino=report.environment.openvino if effective and effective.backend == "openvino" else None,
        findings=tuple(finding.code for finding in report.validity.findings),
        attempt=attempt,
        files={} if effective is None else {file.name: file.sha256 for file in effective.files},
        in_effect=in_effect(report),
        figures={name: one.value for name, one in estimates_of_run(report).items() if BY_NAME[name].needs is not None},
        at_least=bounds_of_run(report),
        layers=_layer_times(report) if COUNTING in trial.point else (),
        covers=_covers(report.cpu),
        objectives=() if report.goodput is None else report.goodput.objectives,
        start=start,
    )


def _covers(cpu: CpuPart) -> dict[str, int]:
    """By the names in `Outcome.covers`; CPUs of several hosts are not in a report's own part."""
    places = [cpu.places[str(number)] for number in cpu.measured_cpus if str(number) in cpu.places]
    if not places:
        return {}
    return {
        "sockets": len({place.socket for place in places}),
        "nodes": len({place.node for place in places}),
        "cores": len({(place.socket, place.core) for place in places}),
    }


def _layer_times(report: Report) -> tuple[LayerTime, ...]:
    layers = report.layers.layers if report.layers is not None else ()
    return tuple(LayerTime(one.name, one.type, one.exec_type, one.real) for one in layers if one.status == "EXECUTED")


def failed(trial: Trial, attempt: int, started_at: str, seconds: float, why: str) -> Outcome:
    """The line of a trial that could not be run; `why` in words."""
    return Outcome(
        trial=trial.id,
        point=trial.point,
        repetition=trial.repetition,
        started_at=started_at,
        seconds=seconds,
        exit_code=2,
        status="FAILED",
        why=why,
        attempt=attempt,
    )


def in_effect(report: Report) -> InEffect | None:
    """None where an agent did not become ready, or was lost: what it would have done is not known."""
    effective, agents = report.effective, report.agents
    if effective is None or any(agent.streams is None for agent in agents):
        return None
    return InEffect(
        run=_digest(report),
        api=effective.api,
        agents=len(agents),
        cpus=_common([len(agent.cpus) for agent in agents]),
        streams=effective.streams,
        threads=effective.threads,
        requests=effective.nireq,
        hint=effective.hint,
        precision=effective.precision,
        batch=effective.batch,
    )


def _common(values: list[int]) -> int | None:
    return values[0] if len(set(values)) == 1 else None


def _digest(report: Report) -> str:
    effective = report.effective
    assert effective is not None
    skipped = _REPORTED_BACK | _OF_THE_REPORT | ({"niter"} if effective.iterations is not None else frozenset())
    facts: dict[str, Any] = {
        "requested": {name: value for name, value in report.requested.items() if name not in skipped},
        "effective": [effective.backend, effective.device, effective.api, effective.hint, effective.precision],
        "load": [effective.iterations, effective.batch, effective.inference_only],
        "inputs": [(port.name, port.type, port.partial_shape, port.layout) for port in effective.inputs],
        "fillings": [(filling.input, filling.text, filling.tensors) for filling in effective.fillings],
        "properties": {name: text for name, text in effective.properties.items() if name not in _NO_MATTER},
        "build": [host.openvino for host in report.hosts] or report.environment.openvino,
        "agents": list(map(_agent, report.agents)),
    }
    return hashlib.blake2b(json.dumps(facts, sort_keys=True).encode(), digest_size=8).hexdigest()


def _agent(agent: AgentPart) -> tuple[object, ...]:
    return agent.host, agent.cpus, agent.placement.memory_policy, agent.streams, agent.threads, agent.nireq
