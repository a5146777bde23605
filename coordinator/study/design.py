"""Which settings a study compares, and in which order its trials are run. Pure.

Repetitions are interleaved: each repetition runs every setting once, in an order of its own drawn by a seed, so that
drift of the machine falls on all alike (a randomized complete block design). A against B is run in blocks of ABBA or
BAAB, drawn by the seed, which cancels a linear drift within each block.
"""

import random
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Final

from ovbench.common.errors import UsageError
from ovbench.common.topology import Cpu, Topology

from ..plan.selection import measurable
from ..request.commandline import placement_of
from ..result.study import Kind, Point, Trial
from .ab import BLOCKS, PER_BLOCK
from .settings import Settings, parse_settings

REPETITIONS: Final[dict[Kind, int]] = {
    "sweep": 3, "scaling": 5, "streams": 3, "partition": 5, "batch": 3, "ab": BLOCKS,
}  # fmt: skip
"""By default. Of `ab` it is the number of blocks, with two trials of each side: what finds a slowdown of 5 % at 3 %
noise in 95 of 100 studies (tests/unit/coordinator/study/test_ab.py)."""

MOST_TRIALS: Final = 2_000
SIDE: Final = "side"
_BATCHES: Final = "1,2,4,8,16,32"
_FEW: Final = 8


@dataclass(frozen=True)
class Design:
    """`points`: the settings to compare; `fixed`: those that they have in common; `sides`: the words of A and B."""

    kind: Kind
    points: tuple[Point, ...]
    fixed: Settings
    sides: Mapping[str, Settings] | None = None

    @property
    def axes(self) -> dict[str, tuple[str, ...]]:
        """Each setting that varies with its values, in the order in which they come."""
        names = dict.fromkeys(name for point in self.points for name in point)
        return {name: tuple(dict.fromkeys(p[name] for p in self.points if name in p)) for name in names}

    def argv(self, point: Point) -> tuple[str, ...]:
        if self.sides is None:
            return self.fixed.argv(point)
        side = self.sides[point[SIDE]]
        both = Settings({**self.fixed.values, **side.values})
        return both.argv({})


def design(kind: Kind, settings: Settings, topology: Topology, sides: Mapping[str, str] | None = None) -> Design:
    """The study of a kind with these settings. `sides`: the words of A and B. Raises UsageError, one sentence."""
    if kind == "ab":
        return _against(settings, sides or {})
    if kind == "sweep":
        if not settings.axes:
            raise UsageError(
                "study: no setting has several values; give some, as in -nstreams 1,2,4, or name a ready-made study: "
                "scaling, streams, partition, batch, ab"
            )
        _refuse_too_many(prod(map(len, settings.axes.values())))
        return Design(kind, tuple(settings.points()), settings)
    made = {"scaling": _scaling, "streams": _streams, "partition": _partition, "batch": _batch}
    return made[kind](settings, topology)


def trials(design: Design, repetitions: int, seed: int) -> tuple[Trial, ...]:
    """All trials in the order in which they are to be run. Raises UsageError where there are absurdly many."""
    _refuse_too_many(len(design.points), repetitions * (PER_BLOCK if design.kind == "ab" else 1))
    random_numbers = random.Random(seed)
    order: list[tuple[Point, int]] = []
    for repetition in range(repetitions):
        order += _block(design, repetition, random_numbers)
    return tuple(
        Trial(f"{number:04}", point, repetition, design.argv(point))
        for number, (point, repetition) in enumerate(order, start=1)
    )


def _refuse_too_many(points: int, repetitions: int = 1) -> None:
    total = points * repetitions
    if total > MOST_TRIALS:
        many = f" x {repetitions} repetitions are {total:,} trials," if repetitions > 1 else " are"
        raise UsageError(
            f"study: {points:,} settings{many} more than {MOST_TRIALS:,}; give fewer values or --repetitions"
        )


def _block(design: Design, repetition: int, random_numbers: random.Random) -> list[tuple[Point, int]]:
    if design.kind == "ab":
        a, b = design.points
        outer, inner = random_numbers.choice(((a, b), (b, a)))
        return [(point, repetition) for point in (outer, inner, inner, outer)]
    points = list(design.points)
    random_numbers.shuffle(points)
    return [(point, repetition) for point in points]


def _against(settings: Settings, sides: Mapping[str, str]) -> Design:
    if set(sides) != {"A", "B"}:
        raise UsageError("study ab: give both sides, as in --a '-nstreams 1' --b '-nstreams 2'")
    if settings.axes:
        flag, values = next(iter(settings.axes.items()))
        raise UsageError(f"study ab: {flag} has {len(values)} values; what differs goes into --a and --b")
    parsed = {}
    for name, text in sides.items():
        try:
            words = shlex.split(text)
        except ValueError as error:
            raise UsageError(f"study ab: --{name.lower()} {text!r} cannot be split into words: {error}") from None
        parsed[name] = parse_settings(words)
        if parsed[name].axes:
            flag = next(iter(parsed[name].axes))
            raise UsageError(f"study ab: --{name.lower()} {text!r}: {flag} has several values; a side has one of each")
    return Design("ab", ({SIDE: "A"}, {SIDE: "B"}), settings, parsed)


def _scaling(settings: Settings, topology: Topology) -> Design:
    """1 to N agents of one core each, unless the user says otherwise: with several sizes, one agent of each size."""
    if "cpus_per_agent" in {name for flag in settings.axes for name in Settings({flag: settings.values[flag]}).names}:
        return _scaling_of_one_agent(settings)
    _refuse_other_axes("scaling", settings, {"agents"})
    fixed = _without(settings, "agents")
    if not settings.has("cpus_per_agent"):
        fixed = _with(fixed, "--cpus-per-agent", "1")
    agents = _values(settings, "agents") or [str(number) for number in _counts(_agents_that_fit(fixed, topology))]
    _refuse_too_many(len(agents))
    return Design("scaling", tuple({"--agents": number} for number in agents), fixed)


def _scaling_of_one_agent(settings: Settings) -> Design:
    _refuse_other_axes("scaling", settings, {"cpus_per_agent"})
    fixed = _without(settings, "cpus_per_agent")
    if not settings.has("agents"):
        fixed = _with(fixed, "--agents", "1")
    sizes = _values(settings, "cpus_per_agent")
    _refuse_too_many(len(sizes))
    return Design("scaling", tuple({"--cpus-per-agent": size} for size in sizes), fixed)


def _streams(settings: Settings, topology: Topology) -> Design:
    """Streams x requests of one agent on all cores, unless the user says otherwise; no fewer requests than streams."""
    _refuse_other_axes("streams", settings, {"streams", "requests"})
    fixed = _without(_without(settings, "streams"), "requests")
    if not settings.has("agents"):
        fixed = _with(fixed, "--agents", "1")
    streams = _numbers(settings, "streams") or _counts(len(_cpus(fixed, topology)))
    requests = _numbers(settings, "requests")
    for number in streams if requests else ():
        if max(requests) < number:
            raise UsageError(
                f"study streams: -nstreams {number} is more than every -nireq, so streams would be idle; "
                f"give -nireq {number} or more, too, or leave -nstreams {number} out"
            )
    own = {number: requests or [number, 2 * number, 4 * number] for number in streams}
    _refuse_too_many(sum(many >= number for number, several in own.items() for many in several))
    points = [
        {"-nstreams": str(number), "-nireq": str(many)}
        for number, several in own.items()
        for many in several
        if many >= number
    ]
    return Design("streams", tuple(points), fixed)


def _partition(settings: Settings, topology: Topology) -> Design:
    """The same cores as one agent with all streams, as two with half of them each, and so on to one agent per core."""
    _refuse_other_axes("partition", settings, {"agents"})
    fixed = _without(settings, "agents")
    cpus = _cpus(fixed, topology)
    cores = len({cpu.physical_core for cpu in cpus})
    asked = _values(settings, "agents")
    counts = [number for number in range(1, cores + 1) if cores % number == 0]
    points: list[Point] = []
    for agents in asked or map(str, counts):
        if _is_number(agents) and not settings.has("streams"):
            points.append({"--agents": agents, "-nstreams": str(max(1, cores // int(agents)))})
        else:
            points.append({"--agents": agents})
    if not asked:
        parts = (("per-socket", len({cpu.socket for cpu in cpus})), ("per-node", len({cpu.node for cpu in cpus})))
        # One agent for each part, with streams by OpenVINO; a single part is what one agent has already.
        points += [{"--agents": name} for name, number in parts if number > 1]
    return Design("partition", tuple(points), fixed)


def _batch(settings: Settings, topology: Topology) -> Design:
    _refuse_other_axes("batch", settings, {"batch"})
    batches = _values(settings, "batch") or _BATCHES.split(",")
    return Design("batch", tuple({"-b": size} for size in batches), _without(settings, "batch"))


def _cpus(fixed: Settings, topology: Topology) -> tuple[Cpu, ...]:
    """Those that every trial may measure, at least one. Raises UsageError."""
    return measurable(placement_of(fixed.argv({})), topology)


def _agents_that_fit(fixed: Settings, topology: Topology) -> int:
    """By --cpus-per-agent; at least one, which is then refused with what there is."""
    each = placement_of(fixed.argv({})).cpus_per_agent or 1
    return max(1, len(_cpus(fixed, topology)) // each)


def _counts(most: int) -> list[int]:
    """1 to `most`: all of a few, else powers of two with what lies halfway, and the last."""
    if most <= _FEW:
        return list(range(1, most + 1))
    powers = [1 << shift for shift in range(most.bit_length()) if 1 << shift <= most]
    between = [3 * power // 2 for power in powers if power >= 4 and 3 * power // 2 <= most]
    return sorted({*powers, *between, most})


def _refuse_other_axes(kind: str, settings: Settings, own: set[str]) -> None:
    for flag, values in settings.axes.items():
        if not Settings({flag: settings.values[flag]}).names <= own:
            raise UsageError(
                f"study {kind}: {flag} has {len(values)} values, and such a study varies "
                f"{' and '.join(sorted(own))} only; give it one, or use a sweep: ovbench-coord study"
            )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0


def _numbers(settings: Settings, name: str) -> list[int]:
    """The alternatives that were given for a setting, which must be numbers here."""
    values = _values(settings, name)
    for value in values:
        if not _is_number(value):
            raise UsageError(
                f"study streams: {settings.flags(name)[0]} {value} is not a whole number of 1 or more, as such a "
                "study needs it; use a sweep: ovbench-coord study"
            )
    return list(map(int, values))


def _values(settings: Settings, name: str) -> list[str]:
    """The alternatives that were given for a setting."""
    return [" ".join(one) for flag in settings.flags(name) for one in settings.values[flag]]


def _without(settings: Settings, name: str) -> Settings:
    left = settings.flags(name)
    return Settings({flag: values for flag, values in settings.values.items() if flag not in left})


def _with(settings: Settings, flag: str, value: str) -> Settings:
    return Settings({**settings.values, flag: ((value,),)})
