"""Whether the same inputs gave the same outputs: on every agent, and before the load as after it. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ovbench.common.effective import OutputDigest, Outputs
from ovbench.common.messages import Ready

from ..result.report import OutputsPart
from ..session.record import AgentRecord

_FINE: Final = 1e-3
_COARSE: Final = 0.02
"""How far values may be apart, as a share of the largest, of two agents or of one before and after: agents with other
numbers of threads add up in another order. A sum's rounding errors grow with about the root of the number of layers,
times what is lost to cancellation. For bf16, whose values are 2^-8 apart, it is five such steps; the same for f16
(2^-11), which is used where bf16 is not. For f32 (2^-24) a thousandth leaves four digits to cancellation."""

_COARSE_TYPES: Final = ("bf16", "f16")
_REALS: Final = ("f32", "f64", *_COARSE_TYPES)


@dataclass(frozen=True)
class Mismatch:
    """`apart`: the largest distance of two values looked at, as a share of the largest value; inf where they are no
    numbers on both sides. `after`: from the agent's own before the load, else from the first agent's. `rounding`: it
    is no more than rounding may do, though as many threads and streams add up alike: of two agents, or of one."""

    agent: int
    output: str
    apart: float
    after: bool
    rounding: bool = False


@dataclass(frozen=True)
class Consistency:
    """`checked`: the agents that were compared, to one another or to themselves; `after`: those of them whose outputs
    were made again after the load, `unrepeated` those of which two inferences then made different ones. `reason`: why
    there are none."""

    checked: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    unrepeated: tuple[int, ...] = ()
    mismatches: tuple[Mismatch, ...] = ()
    exact: bool = False
    reason: str = ""
    first: int = 0
    """The agent that the others were compared to."""
    digests: tuple[tuple[str, str], ...] = ()

    @property
    def agree(self) -> bool:
        return all(mismatch.rounding for mismatch in self.mismatches)

    def part(self) -> OutputsPart:
        return OutputsPart(
            checked=len(self.checked),
            checked_after=len(self.after),
            agree=self.agree if self.checked else None,
            exact=self.exact,
            reason=self.reason,
            digests=dict(self.digests),
        )


@dataclass(frozen=True)
class _Made:
    """What one agent made: before the load, and after it where it was made again. `kind`: of its host."""

    agent: int
    ready: Ready
    before: Outputs
    after: Outputs | None
    kind: int = 0


def consistency_of(agents: Sequence[AgentRecord], kinds: Mapping[int, int] | None = None) -> Consistency:
    """Each agent's outputs to those of the first one whose outputs can be repeated, and to its own after the load.
    `kinds`: the class of each agent's host, of several; CPUs of two classes may round differently.

    An agent that does not repeat its outputs though the first one does is compared like the others. Where none does,
    the model keeps state or draws random numbers, and nothing is compared.
    """
    made = list(_made(agents, kinds or {}))
    first = next((one for one in made if one.before.repeatable and one.before.outputs), None)
    if first is None:
        return Consistency(reason=_why_not(agents, made))
    repeated = [one for one in made if one.after is not None and one.before.repeatable]
    if len(made) == 1 and not repeated:
        return Consistency(reason="there is one agent, and it did not repeat them after the load")
    others = [one for one in made if one is not first]
    between = [mismatch for one in others for mismatch in _between(first, one)]
    later = [mismatch for one in repeated for mismatch in _later(one)]
    unrepeated = tuple(one.agent for one in repeated if one.after is not None and not one.after.repeatable)
    return Consistency(
        checked=tuple(one.agent for one in made),
        after=tuple(one.agent for one in repeated),
        mismatches=(*between, *later),
        unrepeated=unrepeated,
        exact=not later and not unrepeated and all(_digests(one) == _digests(first) for one in others),
        first=first.agent,
        digests=tuple((output.name, output.digest) for output in first.before.outputs),
    )


def _made(agents: Sequence[AgentRecord], kinds: Mapping[int, int]) -> Iterator[_Made]:
    for agent in agents:
        if agent.ready is not None and agent.ready.outputs is not None:
            after = agent.finished.outputs if agent.finished is not None else None
            yield _Made(agent.id, agent.ready, agent.ready.outputs, after, kinds.get(agent.id, 0))


def _why_not(agents: Sequence[AgentRecord], made: Sequence[_Made]) -> str:
    if any(one.before.outputs and not one.before.repeatable for one in made):
        return "the same inputs give other outputs each time: the model draws random numbers"
    if any(not one.before.repeatable for one in made):
        return "the model keeps state from one inference to the next"
    if made:
        return "the model has no outputs that can be read"
    job = agents[0].job if agents else None
    if job is not None and not job.check_outputs:
        return "it was not asked for"
    if job is not None and (job.load.compile_only or not job.load.first_inference):
        return "there is no inference before the load"
    if all(agent.ready is None for agent in agents):
        return "no agent became ready"
    return "an inference takes too long, or failed"


def _digests(made: _Made) -> list[str]:
    return [output.digest for output in made.before.outputs]


def _between(first: _Made, other: _Made) -> Iterator[Mismatch]:
    """Of two agents: to the bit, or else within what rounding may do."""
    names, others = ([output.name for output in made.before.outputs] for made in (first, other))
    if names != others:
        yield Mismatch(other.agent, next(iter([*others, *names])), float("inf"), after=False)
        return
    types = {port.name: port.type for port in other.ready.effective.outputs}
    for one, two in zip(first.before.outputs, other.before.outputs, strict=True):
        tolerance = _tolerance(first, other, types.get(one.name, ""))
        if one.digest != two.digest and tolerance is not None:
            apart = _apart(one, two)
            rounding = tolerance > 0 and apart <= tolerance
            if not rounding or _alike(first, other):
                yield Mismatch(other.agent, one.name, apart, after=False, rounding=rounding)


def _later(made: _Made) -> Iterator[Mismatch]:
    """The same agent on the same inputs: to the bit, or else within what rounding may do."""
    assert made.after is not None
    before, after = made.before.outputs, made.after.outputs
    types = {port.name: port.type for port in made.ready.effective.outputs}
    changed = [(one, two) for one, two in zip(before, after, strict=False) if one.digest != two.digest]
    for one, two in changed:
        apart = _apart(one, two)
        tolerance = _tolerance(made, made, types.get(one.name, "")) or 0.0
        yield Mismatch(made.agent, one.name, apart, after=True, rounding=tolerance > 0 and apart <= tolerance)
    if not changed and len(before) != len(after):
        yield Mismatch(made.agent, (before or after)[0].name, float("inf"), after=True)


def _tolerance(first: _Made, other: _Made, element_type: str) -> float | None:
    """0: only the same bits will do. None: inconclusive, as an integer may be made of a number that was rounded,
    and the agents do not add up alike."""
    if element_type not in _REALS:
        return 0.0 if _alike(first, other) else None
    precisions = {first.ready.effective.precision, other.ready.effective.precision}
    return _FINE if precisions <= {"f32", "f64"} and element_type not in _COARSE_TYPES else _COARSE


def _alike(first: _Made, other: _Made) -> bool:
    """Whether they add up in the same order, as far as threads, builds and CPUs go."""
    return _manner(first) == _manner(other)


def _manner(made: _Made) -> tuple[object, ...]:
    found = made.ready.effective
    return found.threads, found.streams, found.precision, found.isa, made.ready.openvino, made.kind


def _apart(one: OutputDigest, two: OutputDigest) -> float:
    """See `Mismatch`. No number equals no number, as infinities of one sign do. The scale is looked at like a value:
    the one that matters, as the likeliest class, may be none of the sketch."""
    a, b = (np.frombuffer(output.sketch, "<f4").astype(np.float64) for output in (one, two))
    if len(a) != len(b) or not len(a):
        return float("inf")
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    if not (np.isfinite(a) & np.isfinite(b) | same).all():
        return float("inf")
    distances = np.abs(np.where(same, 0.0, a) - np.where(same, 0.0, b))
    most = max(float(distances.max()), abs(one.scale - two.scale))
    scale = max(one.scale, two.scale)
    return most / scale if scale > 0 else 0.0
