"""How throughput grows with the number N of agents or cores: the laws, and what a fit of them says. Pure.

Amdahl (AFIPS 1967)           X(N) = X(1) N / (1 + a (N - 1))
Universal Scalability Law     X(N) = X(1) N / (1 + a (N - 1) + b N (N - 1))

Gunther, "A General Theory of Computational Scalability Based on Rational Functions", arXiv:0808.1431. a is contention,
the share of the work that only one may do at a time; b is coherency, what each pays for each other.
"""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from .estimate import Estimate

ScalingLaw = Literal["linear", "amdahl", "usl"]

MARGINAL_GAIN: Final = 0.05
"""The practical knee: the smallest N at which one more adds less than this share of X(1)."""


class Fit(Struct, frozen=True):
    """A law with the 95 % intervals of its parameters, which hold if the law does. A bound that is null is unknown."""

    model: ScalingLaw
    single: Annotated[Estimate, Meta(description="X(1), frames per second")]
    contention: Estimate | None
    coherency: Estimate | None
    scatter_percent: Annotated[float, Meta(description="of trials about the curve, one standard deviation")]
    aicc: Annotated[float | None, Meta(description="Akaike's criterion, corrected; null with too few trials")]
    misfit: Annotated[float | None, Meta(description="probability of so bad a fit by chance; null without repetitions")]


class CurvePoint(Struct, frozen=True):
    size: int
    fps: Estimate


class Measured(Struct, frozen=True):
    """What was measured at one N. `efficiency`: against N times the smallest N's throughput for each."""

    size: int
    fps: Estimate
    efficiency: Estimate
    fps_of_trials: tuple[float, ...]


class Scaling(Struct, frozen=True):
    """`why`: the reason where there is no fit; then `fits` and `curve` are empty."""

    points: tuple[Measured, ...]
    fits: tuple[Fit, ...] = ()
    believed: ScalingLaw | None = None
    curve: Annotated[
        tuple[CurvePoint, ...], Meta(description="of the believed model, within the 95 % band of the widest one")
    ] = ()
    peak: Annotated[Estimate | None, Meta(description="N* = sqrt((1 - a) / b); null unless the USL is believed")] = None
    knee: Annotated[
        Estimate | None,
        Meta(description="least N at which one more adds < 5 % of X(1); null if not within the data"),
    ] = None
    why: str = ""

    @property
    def fit(self) -> Fit | None:
        return next((fit for fit in self.fits if fit.model == self.believed), None)


def throughput(size: float, single: float, contention: float = 0.0, coherency: float = 0.0) -> float:
    """X(N), frames per second."""
    return single * size / (1 + contention * (size - 1) + coherency * size * (size - 1))
