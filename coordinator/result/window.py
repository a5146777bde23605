"""The measured window, as `report.json` has it."""

from typing import Annotated

from msgspec import Meta, Struct


class WindowPart(Struct, frozen=True):
    """The measured window: the span in which the load of all agents was whole."""

    duration_s: Annotated[float, Meta(description="earliest stop of an agent minus latest start")]
    warmup_s: float
    start_skew_us: Annotated[float, Meta(description="latest start minus earliest start")]
    stop_skew_us: Annotated[float, Meta(description="latest stop minus earliest stop")]
    start_ns: Annotated[int, Meta(description="latest start, CLOCK_MONOTONIC")]
    stop_ns: Annotated[int, Meta(description="earliest stop, CLOCK_MONOTONIC")]
    edge_error_us: Annotated[
        float | None, Meta(description="what an edge may be wrong by on a host with another clock; null without any")
    ] = None
    skew_error_us: Annotated[
        float | None, Meta(description="what the skews may be wrong by, by the clocks of two hosts; null without any")
    ] = None
