"""When inferences become due in a load that arrives: laws, stages of the rate, and the two with a seed. Pure.

These are the values, which are read and shown without numpy; `offsets` makes the instants of them.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import accumulate
from typing import ClassVar, Final, Literal

Dispatch = Literal["shared", "round-robin", "random", "partition"]
"""How arrivals are dealt to agents: by one queue that all take from, or beforehand; see `dealing`."""

_NS: Final = 1_000_000_000
_BYTES: Final = 8
_RARE: Final = math.log(1e9)
"""`Arrivals.most` is exceeded by fewer than one seed in 1e9."""


@dataclass(frozen=True)
class Constant:
    """Equal gaps, the first arrival at once: R * T arrivals in T seconds."""

    cv: ClassVar[float] = 0.0

    def __str__(self) -> str:
        return "constant"


@dataclass(frozen=True)
class Poisson:
    """Independent exponential gaps: many users who know nothing of each other."""

    cv: ClassVar[float] = 1.0

    def __str__(self) -> str:
        return "poisson"


@dataclass(frozen=True)
class Gamma:
    """Independent gamma gaps. `cv`, their standard deviation over their mean: above 1 burstier than Poisson, below
    smoother."""

    cv: float

    def __str__(self) -> str:
        return f"gamma:{self.cv:g}"


@dataclass(frozen=True)
class Trace:
    """Recorded instants, stretched in time by `scale`: 2 takes twice as long, at half the rate.

    `due_ns`: int64 in the machine's order, as stretched; ascending from 0, the first arrival. `name` and `sha256` are
    of the file that they were read from.
    """

    name: str
    sha256: str
    due_ns: bytes
    scale: float = 1.0

    def __str__(self) -> str:
        return f"trace:{self.name}" + (f"@{self.scale:g}" if self.scale != 1 else "")

    @property
    def count(self) -> int:
        return len(self.due_ns) // _BYTES

    @property
    def last_s(self) -> float:
        """Instant of the last arrival."""
        return memoryview(self.due_ns).cast("q")[-1] / _NS

    @property
    def length_s(self) -> float:
        """Of one round, were it to be repeated: the last arrival, and a mean gap behind it, a ns at least. 0 where all
        are at once."""
        last = self.last_s
        return max(last * self.count / (self.count - 1), last + 1 / _NS) if last else 0.0


Renewal = Constant | Poisson | Gamma
Law = Renewal | Trace


@dataclass(frozen=True)
class Stage:
    """`duration_s` seconds in which the rate goes evenly from `rate_from` to `rate_to`, inferences per second."""

    duration_s: float
    rate_from: float
    rate_to: float

    def __str__(self) -> str:
        rate = f"{self.rate_from:.15g}"
        return f"{self.duration_s:.15g}s:{rate}" + (f"..{self.rate_to:.15g}" if self.rate_to != self.rate_from else "")

    @property
    def expected(self) -> Fraction:
        """Mean number of arrivals: the integral of the rate."""
        return _exact(self.duration_s) * (_exact(self.rate_from) + _exact(self.rate_to)) / 2


@dataclass(frozen=True)
class Arrivals:
    """A law, the stages of its rate, in order, and the seed of what it leaves to chance.

    The stages of a trace are one, of its mean rate.
    """

    law: Law
    stages: tuple[Stage, ...]
    seed: int = 0

    @property
    def duration_s(self) -> float:
        return float(sum(_exact(stage.duration_s) for stage in self.stages))

    @property
    def duration_ns(self) -> int:
        return self.edges_ns[-1]

    @cached_property
    def edges_ns(self) -> tuple[int, ...]:
        """Where stages begin, and the end of the last."""
        ends = accumulate((_exact(stage.duration_s) for stage in self.stages), initial=Fraction(0))
        return tuple(round(end * _NS) for end in ends)

    @cached_property
    def cumulative(self) -> tuple[Fraction, ...]:
        """Mean number of arrivals before each of those edges."""
        return tuple(accumulate((stage.expected for stage in self.stages), initial=Fraction(0)))

    @property
    def expected(self) -> float:
        """Mean number of arrivals in the window; of a trace and of equal gaps it is the number."""
        return self.law.count if isinstance(self.law, Trace) else float(self.cumulative[-1])

    @property
    def rate(self) -> float:
        """Mean, inferences per second."""
        return self.expected / self.duration_s

    def most(self, lead_in_s: float) -> int:
        """A bound of the number of arrivals, those of `lead_in_s` seconds before the window among them."""
        if isinstance(self.law, Trace):
            rounds = math.ceil(lead_in_s / self.law.length_s) if self.law.length_s else 0
            return self.law.count * (1 + rounds)
        return sum(_most(mean, self.law.cv) for mean in (self.expected, lead_in_s * self.stages[0].rate_from))


def _most(mean: float, cv: float) -> int:
    """Bernstein's inequality, for bursts of `cv` squared arrivals."""
    return math.ceil(mean + math.sqrt(2 * _RARE * mean) * cv + _RARE * cv**2) + 1


def _exact(number: float) -> Fraction:
    """As people write it: 0.07 s at 100 a second are 7 arrivals, where the product of the two floats is more."""
    return Fraction(repr(float(number)))
