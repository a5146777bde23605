"""Whether all agents have the same model and inputs, before the load: a figure of two models means nothing. Pure."""

from collections.abc import Sequence

from msgspec import structs

from ovbench.common.effective import Effective, FileDigest
from ovbench.common.topology import format_cpu_list

from .member import Member

_DIGITS = 12
"""Of a digest, as it is shown."""


def disagreement(members: Sequence[Member]) -> str | None:
    """A sentence that names the agents that differ from the first one, and in what; None where all agree."""
    found = [(member.id, member.ready.effective) for member in members if member.ready is not None]
    if not found:
        return None
    first, reference = found[0]
    apart = {agent: how for agent, one in found[1:] if (how := _difference(reference, one)) is not None}
    if not apart:
        return None
    what, here, there = next(iter(apart.values()))
    alike = [agent for agent, how in apart.items() if how[0] == what]
    who = f"agent{'s' if len(alike) > 1 else ''} {format_cpu_list(alike)}"
    more = f" (and so have {len(apart) - len(alike)} more)" if len(apart) > len(alike) else ""
    return (
        f"-m: not all agents have the same: {what} of {who} is {there}, that of agent {first} {here}{more}; "
        "let all of them see the same files"
    )


def _difference(one: Effective, two: Effective) -> tuple[str, str, str] | None:
    """What differs, and what it is on either side. A null device may be slower on one: a fault to find."""
    for index in range(max(len(one.files), len(two.files))):
        here, there = (files[index] if index < len(files) else None for files in (one.files, two.files))
        if here is None or there is None or (here.kind, here.sha256) != (there.kind, there.sha256):
            known = here or there
            assert known is not None
            return f"the {known.kind} file {known.name}", _word(here), _word(there)
    one, two = (structs.replace(each, backend=each.backend.partition(":")[0]) for each in (one, two))
    for what in ("backend", "model", "batch", "inputs", "outputs"):
        if getattr(one, what) != getattr(two, what):
            named = {"model": "the model's name", "batch": "the batch"}.get(what, f"the {what}")
            return named, _value(getattr(one, what)), _value(getattr(two, what))
    return None


def _word(file: FileDigest | None) -> str:
    return "not there" if file is None else f"{file.sha256[:_DIGITS]}... ({file.size:,} bytes)"


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(f"{port.name} {port.type}" for port in value) or "none"
    return str(value)
