"""What is to be known of a result beside its figures: one entry of the closed list in `findings`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct


class Finding(Struct, frozen=True):
    code: str
    severity: Literal["info", "warning", "error"]
    message: Annotated[str, Meta(description="what is so, with the figures")]
    advice: Annotated[str, Meta(description="what to do about it; empty where there is nothing to do")] = ""
