"""What a study says, in words and as data: the terminal and the page show it, programs read its JSON. Pure."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from ..result.study import Kind, Outcome, Study
from ..stats.estimate import Estimate
from . import words
from .ab import Comparison, comparisons_of
from .choices import Choice, by_throughput, choices_of, eligible, pareto, shares_of_variance
from .curves import Curve, curves_of
from .summary import Setting, settings_of


class Answer(Struct, frozen=True):
    """`headline` first, then `lines`; `unsaid` is what cannot be said from the data. A sentence or two each."""

    kind: Kind
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
    comparisons: Annotated[tuple[Comparison, ...], Meta(description="of an A/B study; the first is the verdict")] = ()
    shares: Annotated[dict[str, float], Meta(description="percent of the variance of log throughput, by axis")] = {}

    def efficiency(self, setting: Setting) -> Estimate | None:
        """Of a setting on a curve, against the smallest size; a share."""
        for curve in self.curves:
            size = setting.agents if curve.unit == "agents" else setting.cores
            if curve.point.items() <= setting.point.items():
                return next((point.efficiency for point in curve.scaling.points if point.size == size), None)
        return None


def answer(study: Study, outcomes: Sequence[Outcome]) -> Answer:
    """Raises nothing: what the data do not tell is among what is unsaid."""
    settings = settings_of(study, outcomes)
    ranked = by_throughput(settings)
    curves = tuple(curves_of(study, settings)) if study.kind == "scaling" else ()
    comparisons = tuple(comparisons_of(settings, study, outcomes)) if study.kind == "ab" else ()
    shares = shares_of_variance(study.axes, settings) or {} if study.kind == "sweep" else {}
    choices = tuple(choices_of(study, settings))
    return Answer(
        kind=study.kind,
        headline=words.headline(study, settings, choices, comparisons),
        lines=tuple(words.lines(study, settings, choices, curves, comparisons, shares)),
        choices=choices,
        front=() if study.kind == "ab" else tuple(pareto(eligible(settings))),
        unsaid=tuple(words.unsaid(study, settings, outcomes, curves, comparisons)),
        settings=(*ranked, *(s for s in settings if s.fps is None)) if study.kind == "partition" else settings,
        curves=curves,
        comparisons=comparisons,
        shares=shares,
    )


def answer_json(of: Answer) -> bytes:
    return msgspec.json.format(msgspec.json.encode(of), indent=2) + b"\n"
