"""Arrivals as the command line has them: `gamma:2`, `trace:FILE@0.5`, `10s:100,30s:100..500`. Pure.

Each raises ValueError, whose text ends a sentence that begins with the flag.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from ovbench.common.arrivals import Constant, Gamma, Poisson, Renewal, Stage
from ovbench.common.spelling import did_you_mean

from .durations import NUMBER, SECONDS_OF, as_float

MOST_SECONDS: Final = 1e7
"""Of a measurement, as with -t."""

LEAST_RATE: Final = 0.001
MOST_RATE: Final = 1e9

_LAWS: Final = "poisson, constant, gamma:CV or trace:FILE[@SCALE]"
_LEAST_CV: Final = 0.01
_MOST_CV: Final = 10.0
_MOST_SCALE: Final = 1e9
_MOST_STAGES: Final = 1000
_LEAST_SECONDS: Final = 0.001
_PLAIN: Final = re.compile(NUMBER, re.ASCII)
_STAGE: Final = re.compile(
    rf"(?P<length>{NUMBER})(?P<unit>ms|s|m|h):(?P<low>{NUMBER})(?:\.\.(?P<high>{NUMBER}))?", re.ASCII
)


@dataclass(frozen=True)
class TraceFile:
    """Recorded instants that are yet to be read; `scale` stretches them in time."""

    path: str
    scale: float = 1.0

    def __str__(self) -> str:
        """As on the command line."""
        return f"trace:{self.path}" + (f"@{self.scale:g}" if self.scale != 1 else "")


def law(text: str) -> Renewal | TraceFile:
    kind, colon, value = text.partition(":")
    if text == "poisson":
        return Poisson()
    if text == "constant":
        return Constant()
    if kind == "gamma" and colon:
        return _gamma(text, value)
    if kind == "trace" and value:
        return _trace(text, value)
    raise ValueError(f"'{text}' is none of {_LAWS}{did_you_mean(kind, ('poisson', 'constant', 'gamma', 'trace'))}")


def _gamma(text: str, value: str) -> Gamma:
    cv = float(value) if _PLAIN.fullmatch(value) else 0.0
    if not _LEAST_CV <= cv <= _MOST_CV:
        raise ValueError(
            f"'{text}' has no coefficient of variation from {_LEAST_CV:g} to {_MOST_CV:g}, as in gamma:2 for bursts "
            "or gamma:0.5 for gaps more alike than poisson's"
        )
    return Gamma(cv)


def _trace(text: str, value: str) -> TraceFile:
    """What stands behind the last @ is a scale where it is a number; the name of a file may have an @, too."""
    path, at, scale = value.rpartition("@")
    if not at or not path or not re.match(r"[-+.\d]", scale):
        return TraceFile(value)
    if not _PLAIN.fullmatch(scale) or not 0 < float(scale) <= _MOST_SCALE:
        raise ValueError(
            f"'{text}' is not scaled by a number above 0, at most {_MOST_SCALE:g}, as in @2 for twice the time at half "
            "the rate; behind the name of a file that ends so, write @1"
        )
    return TraceFile(path, float(scale))


def stages(text: str) -> tuple[Stage, ...]:
    parts = text.split(",")
    if len(parts) > _MOST_STAGES:
        raise ValueError(f"has {len(parts)} stages, more than {_MOST_STAGES}; record the instants for --arrivals trace")
    found = tuple(map(_stage, parts))
    total = sum(stage.duration_s for stage in found)
    if total > MOST_SECONDS:
        raise ValueError(f"'{text}' takes {total:g} seconds, more than {MOST_SECONDS:g}; shorten it")
    if not any(stage.expected for stage in found):
        raise ValueError(f"'{text}' has the rate 0 throughout; give a stage another, as in 10s:100")
    return found


def _stage(text: str) -> Stage:
    form = _STAGE.fullmatch(text.strip())
    if form is None:
        hint = ""
        if re.match(rf"\s*{NUMBER}:", text):
            hint = "; durations have a unit, ms, s, m or h"
        raise ValueError(f"'{text}' is not DURATION:RATE or DURATION:RATE..RATE, as in 10s:100,30s:100..500{hint}")
    duration_s = as_float(Fraction(form["length"]) * SECONDS_OF[form["unit"]])
    if not _LEAST_SECONDS <= duration_s <= MOST_SECONDS:
        raise ValueError(f"'{text}' does not last from 1ms to {MOST_SECONDS:g}s")
    low = float(form["low"])
    high = low if form["high"] is None else float(form["high"])
    if not all(rate == 0 or LEAST_RATE <= rate <= MOST_RATE for rate in (low, high)):
        raise ValueError(f"'{text}' has a rate that is neither 0 nor from {LEAST_RATE:g} to {MOST_RATE:g} a second")
    return Stage(duration_s, low, high)
