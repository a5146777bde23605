"""The report's part `scenario`: the run as MLPerf's LoadGen would report it, in the terms of its summary."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

ScenarioName = Literal["SingleStream", "MultiStream", "Server", "Offline"]


class ScenarioResult(Struct, frozen=True):
    """The figure that the scenario is for."""

    name: Annotated[str, Meta(description="as LoadGen writes it, with its unit: '90.0th percentile latency (ns)'")]
    value: Annotated[float | None, Meta(description="null where too few queries completed to know it")]


class Minimum(Struct, frozen=True):
    least: Annotated[float, Meta(description="that a valid run takes")]
    reached: float
    satisfied: bool


class EarlyStopping(Struct, frozen=True):
    """Whether there were enough queries to say something of the percentile with 99 % confidence."""

    satisfied: Annotated[bool, Meta(description="'Early stopping satisfied'")]
    needed: Annotated[
        int,
        Meta(description="queries that an estimate takes; of a server, queries of which so many may be over"),
    ]
    discarded: Annotated[
        int | None, Meta(description="'Would discard': latencies above the estimate; null where there is none")
    ] = None
    estimates_ns: Annotated[
        dict[str, int | None],
        Meta(description="by percentile, as in '90.0'; null where there are too few queries; none of a server"),
    ] = {}


class Performance(Struct, frozen=True):
    """Of a server: whether its latency is within the target."""

    satisfied: Annotated[bool, Meta(description="'Performance constraints satisfied'")]
    percentile: Annotated[float, Meta(description="that has to be within the target, of 100")]
    target_latency_ns: int
    overlatency_queries: Annotated[int, Meta(description="beyond the target, or never completed")]


class ScenarioPart(Struct, frozen=True):
    """A run with --scenario as MLPerf's LoadGen would report it."""

    scenario: ScenarioName
    valid: Annotated[bool, Meta(description="'Result is': all of the following that there is, is satisfied")]
    result: ScenarioResult
    samples_per_query: int
    queries: Annotated[int, Meta(description="issued")]
    samples: Annotated[int, Meta(description="of queries that completed")]
    min_duration_s: Annotated[
        Minimum, Meta(description="reached: for how long queries were issued; offline, when the last sample was done")
    ]
    min_queries: Annotated[Minimum, Meta(description="offline, of samples")]
    early_stopping: Annotated[EarlyStopping | None, Meta(description="null offline")] = None
    performance: Annotated[Performance | None, Meta(description="null but for a server")] = None
