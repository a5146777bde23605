"""What a study says, in words and as data: the terminal and the page show it, programs read its JSON. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from ..result.study import KindName, Outcome, Study
from .capacity import Capacity
from .choices import Choice
from .curves import Curve
from .gate import Judged
from .layerchange import LayerChange
from .loadcurve import LoadCurve
from .ratio import Ratio
from .summary import Setting


@dataclass(frozen=True)
class Basis:
    """What an answer stands on: `settings` in the order of their values, and what their kind of study makes of them."""

    study: Study
    outcomes: Sequence[Outcome]
    stand: tuple[Outcome, ...]
    settings: tuple[Setting, ...]
    choices: tuple[Choice, ...]
    curves: tuple[Curve, ...] = ()
    comparisons: tuple[Ratio, ...] = ()
    shares: Mapping[str, float] = field(default_factory=dict)


class Answer(Struct, frozen=True):
    """`headline` first, then `lines`; `unsaid` is what is inconclusive, and what speaks against the
    figures. A sentence or two each."""

    kind: KindName
    headline: str
    lines: tuple[str, ...]
    choices: tuple[Choice, ...]
    front: Annotated[
        tuple[Setting, ...],
        Meta(description="Pareto, by means: none has more FPS at a p99 as short; fastest first"),
    ]
    unsaid: tuple[str, ...]
    settings: Annotated[tuple[Setting, ...], Meta(description="all; in the order of their values, or of their rank")]
    curves: Annotated[tuple[Curve, ...], Meta(description="of a scaling study")] = ()
    comparisons: Annotated[tuple[Ratio, ...], Meta(description="of an A/B study; the first is the verdict")] = ()
    layers: Annotated[
        tuple[LayerChange, ...], Meta(description="of a bisection, those whose time changed; largest change first")
    ] = ()
    capacities: Annotated[
        tuple[Capacity, ...], Meta(description="of a capacity study, one for each setting, the highest rate first")
    ] = ()
    loads: Annotated[tuple[LoadCurve, ...], Meta(description="of a load study, one for each setting")] = ()
    shares: Annotated[dict[str, float], Meta(description="percent of the variance of log throughput, by axis")] = {}
    gate: Annotated[tuple[Judged, ...], Meta(description="the conditions of --fail-if, as they were judged")] = ()


def answer_json(of: Answer) -> bytes:
    return msgspec.json.format(msgspec.json.encode(of), indent=2) + b"\n"
