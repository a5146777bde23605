"""Numbers and texts with the bounds that messages set them, and texts of whatever origin made to fit."""

from typing import Annotated, Literal

from msgspec import Meta

MOST_TEXT = 20_000
"""Characters in a `Text`."""

MOST_NAME = 4_096
"""Characters in a `Name`."""

MOST_COUNT = 1 << 53
"""Of anything counted: up to here floats are exact, and the sums of a thousand such numbers fit 64 bits."""

MOST_PORTS = 4_096
"""Inputs or outputs of a model, and names of one of them."""

MOST_HOSTS = 1_024
"""In a run."""

MOST_AGENTS_OF_HOST = 4_096

Version = Annotated[int, Meta(ge=0, lt=1 << 31)]
Nonce = Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
AgentId = Annotated[int, Meta(ge=0, lt=1 << 20)]
Nanoseconds = Annotated[int, Meta(ge=0, lt=1 << 62)]
"""An instant, or a time; the sum and the difference of two of them fit 64 bits."""

Count = Annotated[int, Meta(ge=0, le=MOST_COUNT)]
RequestIndex = Annotated[int, Meta(ge=0, lt=1 << 31)]
Batch = Annotated[int, Meta(ge=1, lt=1 << 31)]
Milliseconds = Annotated[float, Meta(ge=0, le=1e12)]
Megabytes = Annotated[float, Meta(ge=0, le=1e12)]
Text = Annotated[str, Meta(max_length=MOST_TEXT)]
Name = Annotated[str, Meta(max_length=MOST_NAME)]
Names = Annotated[tuple[Name, ...], Meta(max_length=MOST_PORTS)]
LayerStatus = Literal["NOT_RUN", "OPTIMIZED_OUT", "EXECUTED"]
"""In the order of OpenVINO (ov_profiling_info_t in openvino/c/ov_infer_request.h)."""


def as_text(text: str) -> str:
    """A text of whatever origin as a `Text`: cut, and without the bytes of file names that are no characters."""
    return text.encode(errors="replace").decode()[:MOST_TEXT]


def as_name(text: str) -> str:
    """A text of whatever origin as a `Name`, which shows that it was cut."""
    fitting = text.encode(errors="replace").decode()
    return fitting if len(fitting) <= MOST_NAME else fitting[: MOST_NAME - 1] + "…"
