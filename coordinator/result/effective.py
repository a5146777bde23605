"""What was in effect in a trial, whatever had been asked for: trials of which it is the same were the same run. Pure.

OpenVINO makes of what it is asked for what the CPUs allow: on one CPU two streams are one. So flags do not distinguish
trials; what the compiled models and the agents report does. What nothing reports back (time, rate, files, seed) is
taken as it was asked for. A setting that is not known here keeps trials apart: two runs are called the same only where
everything says so.
"""

import hashlib
import json
from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from .report import AgentPart, Report

_REPORTED_BACK: Final = frozenset((
    "device", "api", "hint", "inference_only", "nstreams", "nthreads", "nireq", "infer_precision", "pin", "pc",
    "batch", "shape", "agents", "cpus_per_agent", "cpus", "nodes", "sockets", "smt", "core_kind", "spread",
    "cross_node", "memory",
))  # fmt: skip
"""What is requested, by its name in the report, and found there again as it was in effect."""

_OF_THE_REPORT: Final = frozenset((
    "strict", "require", "latency_percentile", "report_type", "json_stats", "pcsort", "exec_graph_path",
    "dump_config",
))  # fmt: skip
"""Requests that change what is said of a run, not the run. Those that have layers counted show in PERF_COUNT."""

_NO_MATTER: Final = frozenset((
    "SUPPORTED_PROPERTIES", "NETWORK_NAME", "LOG_LEVEL", "LOADED_FROM_CACHE",
    "OPTIMAL_NUMBER_OF_INFER_REQUESTS", "PERFORMANCE_HINT_NUM_REQUESTS",
))  # fmt: skip
"""Properties of a compiled model that change nothing in the window: the last two are a proposal and what streams were
chosen by; how many requests and streams there are is known."""


class InEffect(Struct, frozen=True, forbid_unknown_fields=True):
    """Of each agent, where nothing else is said; null where they differ."""

    run: Annotated[str, Meta(description="digest of all that makes a run what it is; the same in trials that were one")]
    api: str
    agents: Annotated[int, Meta(description="how many there are")]
    cpus: int | None
    streams: int | None
    threads: int | None
    requests: int | None
    hint: Annotated[str, Meta(description="empty with the null device, as is the precision")]
    precision: str
    batch: int


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
        "build": report.environment.openvino,
        "agents": list(map(_agent, report.agents)),
    }
    return hashlib.blake2b(json.dumps(facts, sort_keys=True).encode(), digest_size=8).hexdigest()


def _agent(agent: AgentPart) -> tuple[object, ...]:
    return agent.host, agent.cpus, agent.placement.memory_policy, agent.streams, agent.threads, agent.nireq


def text_of(found: InEffect) -> str:
    """Such as `2 agents of 1 CPU; 1 stream, 1 thread, 1 request each; latency, bf16, batch 1, sync`."""
    who = f"{_number(found.agents, 'agent')} of {_number(found.cpus, 'CPU')}"
    parts = [(found.streams, "stream"), (found.threads, "thread"), (found.requests, "request")]
    each = ", ".join(_number(number, name) for number, name in parts) + (" each" if found.agents > 1 else "")
    words = [found.hint.lower().replace("_", " "), found.precision, f"batch {found.batch}", found.api]
    return f"{who}; {each}; {', '.join(filter(None, words))}"


def _number(number: int | None, of: str) -> str:
    return f"unequal {of}s" if number is None else f"{number} {of}{'' if number == 1 else 's'}"
