"""Which settings a study compares, and in which order its trials are run.

Repetitions are interleaved: each repetition runs every setting once, in an order of its own drawn by a seed, so that
drift of the machine falls on all alike (a randomized complete block design); a kind may have blocks of its own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, TypeVar

from ovbench.common.errors import UsageError
from ovbench.common.topology import Cpu, Topology

from ..plan.selection import measurable
from ..request.commandline import placement_of
from ..result.study import KindName, Point, Trial
from .axes import Axes

MOST_TRIALS: Final = 2_000
SIDE: Final = "side"
_FEW: Final = 8
_Any = TypeVar("_Any")


@dataclass(frozen=True)
class Design:
    """`points`: the settings to compare; `fixed`: those that they have in common; `sides`: the words of A and B;
    `at_rate`: flags that further trials at a rate are to have, which the kind of study will want."""

    kind: KindName
    points: tuple[Point, ...]
    fixed: Axes
    sides: Mapping[str, Axes] | None = None
    at_rate: tuple[str, ...] = ()

    @property
    def axes(self) -> dict[str, tuple[str, ...]]:
        """Each setting that varies with its values, in the order in which they come."""
        names = dict.fromkeys(name for point in self.points for name in point)
        return {name: tuple(dict.fromkeys(p[name] for p in self.points if name in p)) for name in names}

    def argv(self, point: Point) -> tuple[str, ...]:
        if self.sides is None:
            return self.fixed.argv(point)
        return self.sides[point[SIDE]].over(self.fixed).argv({f: value for f, value in point.items() if f != SIDE})


def trials(
    design: Design, repetitions: int, seed: int, block: Callable[[Sequence[Point], Random], Sequence[Point]]
) -> tuple[Trial, ...]:
    """All trials in the order in which they are to be run; `block` orders the points of one repetition."""
    draw = Random(seed)
    order = [(point, repetition) for repetition in range(repetitions) for point in block(design.points, draw)]
    return tuple(
        Trial(f"{number:04}", point, repetition, design.argv(point))
        for number, (point, repetition) in enumerate(order, start=1)
    )


def shuffled(points: Sequence[_Any], draw: Random) -> Sequence[_Any]:
    """Each once."""
    order = list(points)
    draw.shuffle(order)
    return order


def refuse_too_many(points: int, repetitions: int = 1) -> None:
    """Raises UsageError where that makes absurdly many trials."""
    total = points * repetitions
    if total > MOST_TRIALS:
        many = f" x {repetitions} repetitions are {total:,} trials," if repetitions > 1 else " are"
        raise UsageError(
            f"study: {points:,} settings{many} more than {MOST_TRIALS:,}; give fewer values or --repetitions"
        )


def refuse_other_axes(kind: KindName, axes: Axes, own: set[str]) -> None:
    """`own`: the flags that such a study varies. Raises UsageError where another one has several values."""
    names = " and ".join(sorted(own))
    for flag, values in axes.varied.items():
        if flag not in own:
            raise UsageError(
                f"study {kind}: {flag} has {len(values)} values, and such a study varies {names} only; give it one, "
                "or use a sweep: ovbench-coord study"
            )


def usable_cpus(fixed: Axes, topology: Topology) -> tuple[Cpu, ...]:
    """Those that every trial may measure, at least one. Raises UsageError."""
    return measurable(placement_of(fixed.argv({})), topology)


def cpus_per_agent(fixed: Axes) -> int:
    """As it was asked for, else one."""
    return placement_of(fixed.argv({})).cpus_per_agent or 1


def counts_to(most: int) -> list[int]:
    """1 to `most`: all of a few, else powers of two with what lies halfway, and the last."""
    if most <= _FEW:
        return list(range(1, most + 1))
    powers = [1 << shift for shift in range(most.bit_length()) if 1 << shift <= most]
    between = [3 * power // 2 for power in powers if power >= 4 and 3 * power // 2 <= most]
    return sorted({*powers, *between, most})


def is_count(text: str) -> bool:
    """Whether it is a whole number of 1 or more."""
    return text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0
