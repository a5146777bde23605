"""The OpenVINO that agents loaded, as `report.json` has it."""

from typing import Annotated

from msgspec import Meta, Struct


class LackPart(Struct, frozen=True):
    capability: str
    needs: Annotated[str, Meta(description="the function that it would need")]
    effect: Annotated[str, Meta(description="what follows, in a sentence")]


class BuildPart(Struct, frozen=True):
    """A build of OpenVINO, and what it lacks of what ovbench uses."""

    version: str
    tested: Annotated[bool, Meta(description="whether ovbench is tested with its release")]
    lacks: tuple[LackPart, ...]
    instead: Annotated[
        dict[str, str], Meta(description="functions that it does not have, and what does the same in their place")
    ]
    agents: Annotated[tuple[int, ...], Meta(description="their ids")]
