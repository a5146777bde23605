"""What rows of a study's charts have in common: a figure with its interval, and the words for it. Pure."""

from typing import Any

from ...result.numbers import milliseconds, rate
from ...stats.estimate import Estimate
from ...study.words import span_of

Rows = list[dict[str, Any]]


def with_bounds(figure: Estimate) -> str:
    span = span_of(figure)
    return f"{rate(figure.value)} FPS" + (f", {span}" if span else "")


def bounded(x: float, figure: Estimate, of: str, tip: str, factor: float = 1.0) -> dict[str, Any]:
    """A row with its interval where it has one; no less than 0."""
    row: dict[str, Any] = {"x": x, "y": figure.value * factor, "of": of, "tip": tip}
    if figure.low is not None and figure.high is not None:
        row |= {"low": max(0.0, figure.low) * factor, "high": figure.high * factor}
    return row


def span(figure: Estimate) -> str:
    span = span_of(figure, "ms")
    return milliseconds(figure.value) + (f", {span}" if span else "")
