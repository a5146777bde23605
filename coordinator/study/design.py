"""Which settings a study compares, and in which order its trials are run. Pure.

Repetitions are interleaved: each repetition runs every setting once, in an order of its own drawn by a seed, so that
drift of the machine falls on all alike (a randomized complete block design). A against B is run in blocks of ABBA or
BAAB, drawn by the seed, which cancels a linear drift within each block.
"""

import random
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ovbench.common.errors import UsageError
from ovbench.common.topology import Topology

from .record import Kind, Trial
from .settings import Settings, parse_settings

Point = dict[str, str]

REPETITIONS: Final[dict[Kind, int]] = {
    "sweep": 3, "scaling": 5, "streams": 3, "partition": 5, "batch": 3, "ab": 10,
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
        return Design(kind, tuple(settings.points()), settings)
    made = {"scaling": _scaling, "streams": _streams, "partition": _partition, "batch": _batch}
    return made[kind](settings, topology)


def trials(design: Design, repetitions: int, seed: int) -> tuple[Trial, ...]:
    """All trials in the order in which they are to be run. Raises UsageError where there are absurdly many."""
    each = 2 if design.kind == "ab" else 1
    total = len(design.points) * repetitions * each
    if total > MOST_TRIALS:
        raise UsageError(
            f"study: {len(design.points)} settings x {repetitions * each} repetitions are {total:,} trials, more than "
            f"{MOST_TRIALS:,}; give fewer values or --repetitions"
        )
    random_numbers = random.Random(seed)
    order: list[tuple[Point, int]] = []
    for repetition in range(repetitions):
        order += _block(design, repetition, random_numbers)
    return tuple(
        Trial(f"{number:04}", point, repetition, design.argv(point))
        for number, (point, repetition) in enumerate(order, start=1)
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
    """1 to N agents of one core each, unless the user says otherwise."""
    _refuse_other_axes("scaling", settings, {"agents"})
    agents = _values(settings, "agents") or [str(number) for number in _counts(_cores(topology))]
    fixed = _without(settings, "agents")
    if not settings.has("cpus_per_agent"):
        fixed = _with(fixed, "--cpus-per-agent", "1")
    return Design("scaling", tuple({"--agents": number} for number in agents), fixed)


def _streams(settings: Settings, topology: Topology) -> Design:
    """Streams x requests of one agent on all cores, unless the user says otherwise; no fewer requests than streams."""
    _refuse_other_axes("streams", settings, {"streams", "requests"})
    fixed = _without(_without(settings, "streams"), "requests")
    if not settings.has("agents"):
        fixed = _with(fixed, "--agents", "1")
    streams = _values(settings, "streams") or [str(number) for number in _counts(_cores(topology))]
    requests = _values(settings, "requests")
    points: list[Point] = []
    for number in streams:
        own = requests or [str(int(number) * times) for times in (1, 2, 4)]
        points += [{"-nstreams": number, "-nireq": many} for many in own if int(many) >= int(number)]
    if not points:
        raise UsageError(
            "study streams: every -nireq is below every -nstreams, so streams would be idle; give larger ones"
        )
    return Design("streams", tuple(points), fixed)


def _partition(settings: Settings, topology: Topology) -> Design:
    """The same cores as one agent with all streams, as two with half of them each, and so on to one agent per core."""
    _refuse_other_axes("partition", settings, {"agents"})
    cores = _cores(topology)
    fixed = _without(settings, "agents")
    asked = _values(settings, "agents")
    counts = [number for number in range(1, cores + 1) if cores % number == 0]
    points: list[Point] = []
    for agents in asked or map(str, counts):
        if agents.isdigit() and not settings.has("streams"):
            points.append({"--agents": agents, "-nstreams": str(max(1, cores // int(agents)))})
        else:
            points.append({"--agents": agents})
    if not asked:
        parts = (("per-socket", topology.sockets), ("per-node", topology.nodes))
        # One agent for each part, with streams by OpenVINO; a single part is what one agent has already.
        points += [{"--agents": name} for name, number in parts if number > 1]
    return Design("partition", tuple(points), fixed)


def _batch(settings: Settings, topology: Topology) -> Design:
    _refuse_other_axes("batch", settings, {"batch"})
    batches = _values(settings, "batch") or _BATCHES.split(",")
    return Design("batch", tuple({"-b": size} for size in batches), _without(settings, "batch"))


def _cores(topology: Topology) -> int:
    return max(1, len(topology.usable_cores))


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


def _values(settings: Settings, name: str) -> list[str]:
    """The alternatives that were given for a setting."""
    return [" ".join(one) for flag in settings.flags(name) for one in settings.values[flag]]


def _without(settings: Settings, name: str) -> Settings:
    left = settings.flags(name)
    return Settings({flag: values for flag, values in settings.values.items() if flag not in left})


def _with(settings: Settings, flag: str, value: str) -> Settings:
    return Settings({**settings.values, flag: ((value,),)})
