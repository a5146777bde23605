"""The null backend as the command line has it: `null:SERVICE_TIME_US`, how its service times are distributed, and the
faults that a run must find. Pure."""

import re
from dataclasses import dataclass, replace
from typing import Final, Literal

from ovbench.common.errors import UsageError
from ovbench.common.job import NullService

SYNTAX: Final = (
    "null:SERVICE_TIME_US, with any of ,exp[=SEED] ,drift=PERCENT_PER_S ,stall=SECONDS@AT ,slow=PERCENT "
    ",wrong=agent|after"
)

_KIND: Final = "null:"
_PLAIN: Final = "null:SERVICE_TIME_US"
_NUMBER: Final = re.compile(r"\d+(\.\d*)?(e[+-]?\d+)?|\.\d+", re.ASCII | re.IGNORECASE)
_SEED: Final = re.compile(r"\d{1,10}", re.ASCII)
_AGENT_BITS: Final = 31
"""An agent's seed is the run's followed by its number; each has so many bits."""
_LEAST_US: Final = 0.001
_MOST_US: Final = 1e9
_MOST_PERCENT: Final = 1e4
_MOST_S: Final = 1e6
_OF_SERVICE: Final = ("exp", "drift", "slow")
_RIGHT: Final = 0
_WRONG: Final = 1


@dataclass(frozen=True)
class Faults:
    """Those of `job.NullService` for every agent, and two for the last one alone: slower, and wrong outputs.

    `wrong`: "agent" has that agent's outputs differ from the others', "after" after the load from those before it.
    """

    drift_percent_per_s: float = 0.0
    stall_s: float = 0.0
    stall_at_s: float = 0.0
    slow_percent: float = 0.0
    wrong: Literal["agent", "after"] | None = None

    def __str__(self) -> str:
        """As on the command line, behind the service time."""
        parts = (
            f",drift={self.drift_percent_per_s:g}" if self.drift_percent_per_s else "",
            f",stall={self.stall_s:g}@{self.stall_at_s:g}" if self.stall_s else "",
            f",slow={self.slow_percent:g}" if self.slow_percent else "",
            f",wrong={self.wrong}" if self.wrong else "",
        )
        return "".join(parts)


@dataclass(frozen=True)
class NullSpec:
    """A device that stands in for OpenVINO: an inference takes `service_us` on it, but for its faults.

    `exponential_seed`: service times are exponential with that mean, and different for each agent; None: all the same.
    """

    service_us: float
    faults: Faults
    exponential_seed: int | None = None

    def __str__(self) -> str:
        """As on the command line."""
        seed = self.exponential_seed
        law = "" if seed is None else f",exp={seed}" if seed else ",exp"
        return f"{_KIND}{self.service_us:g}{law}{self.faults}"

    def of_agent(self, index: int, agents: int) -> NullService:
        """As one of `agents` agents has it. Raises UsageError where there is no other agent to differ from."""
        faults = self.faults
        if faults.wrong == "agent" and agents == 1:
            raise UsageError("--backend null: wrong=agent has the last agent differ from others; use more --agents")
        last = index == agents - 1
        slower = faults.slow_percent / 100 if last else 0.0
        return NullService(
            service_ns=round(self.service_us * 1000 * (1 + slower)),
            exponential_seed=None if self.exponential_seed is None else self.exponential_seed << _AGENT_BITS | index,
            drift_percent_per_s=faults.drift_percent_per_s,
            stall_at_s=faults.stall_at_s,
            stall_s=faults.stall_s,
            outputs=_WRONG if last and faults.wrong == "agent" else _RIGHT,
            outputs_after=_WRONG if last and faults.wrong else _RIGHT,
        )


def parse_null(text: str) -> NullSpec:
    """Raises ValueError, the message to go behind the text that it is about."""
    service, *options = text.removeprefix(_KIND).split(",")
    service_us = _number(service)
    if not text.startswith(_KIND) or not (service_us == 0 or _LEAST_US <= service_us <= _MOST_US):
        raise ValueError(f"is neither 'openvino' nor '{_PLAIN}' (as in null:1000, a millisecond per inference)")
    spec, names = NullSpec(service_us, Faults()), set[str]()
    for option in options:
        name = option.partition("=")[0]
        more = _with_option(spec, option)
        if more is None:
            raise ValueError(f"has '{option}', which is none of exp, exp=SEED, drift=PERCENT_PER_S, stall=SECONDS@AT, "
                             "slow=PERCENT, wrong=agent and wrong=after")  # fmt: skip
        if name in names:
            raise ValueError(f"has {name} twice; give it once")
        if service_us == 0 and name in _OF_SERVICE:
            raise ValueError(
                f"has no service time that {name} could change; give one above 0, as in null:1000,{option}"
            )
        spec = more
        names.add(name)
    return spec


def _with_option(spec: NullSpec, option: str) -> NullSpec | None:
    """None where it is none."""
    name, _, value = option.partition("=")
    if option == "exp":
        return replace(spec, exponential_seed=0)
    if name == "exp":
        known = _SEED.fullmatch(value) and int(value) < 1 << _AGENT_BITS
        return replace(spec, exponential_seed=int(value)) if known else None
    faults = _with_fault(spec.faults, name, value)
    return None if faults is None else replace(spec, faults=faults)


def _with_fault(faults: Faults, name: str, value: str) -> Faults | None:
    """None where it is no fault."""
    if name == "drift" and 0 < _number(value) <= _MOST_PERCENT:
        return replace(faults, drift_percent_per_s=_number(value))
    if name == "slow" and 0 < _number(value) <= _MOST_PERCENT:
        return replace(faults, slow_percent=_number(value))
    if name == "stall":
        length, at, instant = value.partition("@")
        if at and 0 < _number(length) <= _MOST_S and 0 <= _number(instant) <= _MOST_S:
            return replace(faults, stall_s=_number(length), stall_at_s=_number(instant))
    if name == "wrong" and value == "agent":
        return replace(faults, wrong="agent")
    if name == "wrong" and value == "after":
        return replace(faults, wrong="after")
    return None


def _number(text: str) -> float:
    """-1 where it is none."""
    return float(text) if _NUMBER.fullmatch(text) else -1.0
