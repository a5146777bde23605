"""Where a bisection stands: what its blocks say of each build, and the trials of a further block. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import exp, log
from random import Random
from statistics import fmean
from typing import Final

from ..request.release import is_release
from ..result.study import Outcome, Point, Study, Trial
from ..stats.changepoint import Block, difference
from .bisection import DOUBT, Bisection, Found
from .builds import PYTHON, RELEASE, names_of
from .outcome import COUNTING
from .pairs import change_of
from .ratio import Ratio
from .standing import measured

LAYER_BLOCKS: Final = 2
"""In which the time of layers is counted, when the first slow build is known."""


MEASURED: Final = ("VALID", "SUSPECT")
"""The trials that count."""


def flag_of(build: str) -> str:
    return RELEASE if is_release(build) else PYTHON


def build_of(point: Point) -> str:
    return point.get(RELEASE) or point.get(PYTHON, "")


def reason_of(one: Outcome) -> str:
    """Why a trial has no figures that count."""
    return one.why or ": ".join(filter(None, (one.status, ", ".join(one.findings))))


def there_and_back(points: Sequence[Point], seed: int, number: int) -> list[Point]:
    order = list(points)
    Random(f"{seed} {number}").shuffle(order)
    return [*order, *reversed(order)]


@dataclass
class BisectionState:
    """What is known of a bisection. `stand`: the outcomes that stand."""

    study: Study
    stand: Sequence[Outcome]

    @cached_property
    def builds(self) -> tuple[str, ...]:
        return next(iter(self.study.axes.values()), ())

    @cached_property
    def names(self) -> dict[str, str]:
        return names_of(self.builds)

    def name(self, place: int) -> str:
        return self.names[self.builds[place]]

    def place(self, point: Point) -> int:
        build = build_of(point)
        return self.builds.index(build) if build in self.builds else len(self.builds)

    @cached_property
    def counted(self) -> list[Outcome]:
        """Those of the search, without those that count layers."""
        return [one for one in self.stand if COUNTING not in one.point]

    @cached_property
    def counting(self) -> list[Outcome]:
        """Those that count the time of layers."""
        return [one for one in self.stand if COUNTING in one.point]

    @cached_property
    def blocks(self) -> list[Block]:
        """The mean logarithm of each build's figure, larger where it is slower, of blocks that have both ends."""
        found: dict[int, dict[int, list[float]]] = {}
        for one in self.counted:
            value = self._value(one)
            if value is not None and self.place(one.point) < len(self.builds):
                found.setdefault(one.repetition, {}).setdefault(self.place(one.point), []).append(value)
        ends = {0, len(self.builds) - 1}
        return [{p: fmean(v) for p, v in sorted(of.items())} for _, of in sorted(found.items()) if ends <= set(of)]

    def _value(self, one: Outcome) -> float | None:
        if one.status not in MEASURED or not measured(one):
            return None
        figure = one.fps if self.study.metric == "fps" else one.latency_ms.get(self.study.metric)
        if figure is None or figure <= 0 or (self.study.metric != "fps" and f"{self.study.metric}_ms" in one.at_least):
            return None
        return -log(figure) if self.study.metric == "fps" else log(figure)

    @cached_property
    def broken(self) -> dict[int, str]:
        """Builds that could not be measured, and why."""
        good = {self.place(one.point) for one in self.counted if self._value(one) is not None}
        return {
            place: reason_of(one)
            for one in self.counted
            if (place := self.place(one.point)) not in good and place < len(self.builds)
        }

    @property
    def ends_unmeasured(self) -> bool:
        return not self.blocks or not {0, len(self.builds) - 1}.isdisjoint(self.broken)

    @cached_property
    def found(self) -> Found | tuple[int, ...]:
        most = self.study.repetitions - self.without_figures
        return Bisection(len(self.builds), self.study.size_percent, most).next(self.blocks, self.broken)

    @property
    def without_figures(self) -> int:
        """Blocks of the plan that do not have those of both ends."""
        planned = len({trial.repetition for trial in self.study.trials if COUNTING not in trial.point})
        return planned - len(self.blocks)

    def block(self, places: Sequence[int], counted: bool = False, number: int | None = None) -> tuple[Trial, ...]:
        """The trials of a further one."""
        flag = next(iter(self.study.axes))
        points: list[Point] = [{flag: self.builds[place], **({COUNTING: "yes"} if counted else {})} for place in places]
        repetition = number if number is not None else self._next_number
        common = self.study.trials[0].argv[:-2]
        order = there_and_back(points, self.study.seed, repetition)
        begin = len(self.study.trials) + (0 if number is None else (number - self._next_number) * len(order)) + 1
        return tuple(
            Trial(f"{begin + at:04}", point, repetition, (*common, *(word for item in point.items() for word in item)))
            for at, point in enumerate(order)
        )

    @property
    def _next_number(self) -> int:
        return 1 + max((trial.repetition for trial in self.study.trials), default=-1)

    def layer_trials(self) -> Iterator[Trial]:
        """Where a slow build was found, and the time of layers was not counted yet."""
        found = self.found
        if not isinstance(found, Found) or found.what != "first" or found.first is None or found.last_good is None:
            return
        if any(COUNTING in trial.point for trial in self.study.trials):
            return
        for more in range(LAYER_BLOCKS):
            yield from self.block((found.last_good, found.first), counted=True, number=self._next_number + more)

    def layers(self, place: int | None) -> list[Outcome]:
        """The trials that say how long its layers take."""
        return [
            one for one in self.counting if one.layers and self.place(one.point) == place and one.status in MEASURED
        ]

    def ratio(self, before: int, after: int) -> Ratio | None:
        """Of the figure as it is reported; its interval is of all blocks."""
        found = difference(self.blocks, before, after, 1 - DOUBT)
        if found is None:
            return None
        sign = -1.0 if self.study.metric == "fps" else 1.0
        ends = sorted(exp(sign * end) for end in (found.low, found.high) if end is not None)
        low, high = (ends[0], ends[1]) if len(ends) == 2 else (None, None)
        slower = found.low is not None and found.low > 0
        faster = found.high is not None and found.high < 0
        return Ratio(
            figure="throughput" if self.study.metric == "fps" else self.study.metric,
            verdict="slower" if slower else "faster" if faster else "inconclusive",
            ratio=exp(sign * found.value),
            low=low,
            high=high,
            confidence_percent=100 * (1 - DOUBT),
            blocks=found.count,
            size_percent=self.study.size_percent,
            scatter_percent=None,
            side=self.name(after),
        )

    def comparisons(self) -> Iterator[Ratio]:
        """Each build that was measured against the good one."""
        places = sorted({place for block in self.blocks for place in block})
        yield from (one for place in places if place and (one := self.ratio(0, place)) is not None)

    def slower_by(self, before: int, after: int) -> str:
        """In words, with its interval."""
        found = self.ratio(before, after)
        return "" if found is None else change_of(found)
