"""What was in effect in a trial, whatever had been asked for (see `study/outcome`). Pure."""

from typing import Annotated

from msgspec import Meta, Struct


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


def text_of(found: InEffect) -> str:
    """Such as `2 agents of 1 CPU; 1 stream, 1 thread, 1 request each; latency, bf16, batch 1, sync`."""
    who = f"{_number(found.agents, 'agent')} of {_number(found.cpus, 'CPU')}"
    parts = [(found.streams, "stream"), (found.threads, "thread"), (found.requests, "request")]
    each = ", ".join(_number(number, name) for number, name in parts) + (" each" if found.agents > 1 else "")
    words = [found.hint.lower().replace("_", " "), found.precision, f"batch {found.batch}", found.api]
    return f"{who}; {each}; {', '.join(filter(None, words))}"


def _number(number: int | None, of: str) -> str:
    return f"unequal {of}s" if number is None else f"{number} {of}{'' if number == 1 else 's'}"
