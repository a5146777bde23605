"""Inferences apart from the load, on one request, to see that each of the inputs can be inferred with.

OpenVINO's synchronous call, which the compiled loop makes, does not report an inference that throws where there is one
inference thread (2026.4: CPUStreamsExecutor's Defer drops the exception), so the load would count it. Hence each turn
of the inputs is tried with `InferRequest.infer`, which does report it: before the load, and again after it, when a
state that the model keeps may be another one.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from ovbench.common.job import Api

from .package import OpenVinoError

MOST_S: Final = 2.0
"""Trying goes on for so long before a load, and after it, with an inference each time at least."""


class Inferring(Protocol):
    def infer(self) -> None:
        """Raises OpenVinoError."""


class TurnFailed(Exception):
    """The inference of a turn failed; the cause is OpenVINO's error."""

    def __init__(self, turn: int) -> None:
        super().__init__(f"the inference of turn {turn} failed")
        self.turn = turn


def turns(counts: Sequence[int], requests: int, fed: bool) -> int:
    """How many combinations of items a load infers with, given how many items each input has: all that come in turn, or
    where requests keep what they have, a request's each."""
    everything = math.lcm(*counts)
    return everything if fed else min(everything, requests)


def is_silent(api: Api, properties: Mapping[str, str]) -> bool:
    """Whether a load on a model compiled with these properties counts inferences that fail."""
    return api == "sync" and int(properties.get("INFERENCE_NUM_THREADS", "1")) <= 1


@dataclass
class Rehearsal:
    """`put` gives the request the inputs of a turn, of which there are `turns`."""

    request: Inferring
    put: Callable[[int], None]
    turns: int
    clock: Callable[[], float] = time.monotonic
    tried: int = field(default=0, init=False)
    """Turns 0 to `tried` - 1 were inferred with before the load."""
    first_s: float = field(default=0.0, init=False)

    def first(self, infer: Callable[[], None]) -> None:
        """The first inference of all, by `infer`, which may not report that it failed. Raises TurnFailed."""
        began = self.clock()
        self._infer(0, infer)
        self.first_s = self.clock() - began

    def before(self, least: int) -> None:
        """Try each turn, the first `least` of them however long it takes. The request, which has the inputs of turn 0,
        has them afterwards, too. Raises TurnFailed."""
        self._infer(0, self.request.infer)
        self.tried = 1
        if self.turns > 1:
            self.tried += self._go(range(self.tried, self.turns), least - self.tried)
            self.put(0)

    def after(self, last: int | None) -> None:
        """Try again after the load, unless an inference is too long: first the inputs that the request has, those of
        turn `last`, then the turns that were not tried before, then the others. With `last` None there is nothing to
        put. Raises TurnFailed."""
        if self.first_s > MOST_S:
            return
        self._infer(last or 0, self.request.infer)
        if last is not None and self.turns > 1:
            self._go([*range(self.tried, self.turns), *range(self.tried)], 0)

    def unseen(self, stateful: bool) -> Iterator[str]:
        """What could fail in the load and go unseen, in a sentence each, where OpenVINO does not report it."""
        if self.tried < self.turns:
            yield (
                f"{self.tried} of the {self.turns} inputs in turn were tried before the load, in the {MOST_S:g} s that "
                "this may take; with one thread, OpenVINO does not report an inference that fails on another."
            )
        if self.first_s > MOST_S:
            yield (
                f"The first inference took over {MOST_S:g} s, so none is repeated after the load to see that they "
                "still work; with one thread, OpenVINO does not report one that fails."
            )
        if stateful:
            yield (
                "The model keeps state, so an inference may fail that did not before the load; with one thread, "
                "OpenVINO does not report that, and only a failure that lasts is found after the load."
            )

    def _go(self, wanted: Iterable[int], least: int) -> int:
        """How many were inferred with before the time was over; `least` of them take the time that they take."""
        over = self.clock() + MOST_S
        done = 0
        for turn in wanted:
            if done >= least and self.clock() >= over:
                break
            self.put(turn)
            self._infer(turn, self.request.infer)
            done += 1
        return done

    @staticmethod
    def _infer(turn: int, infer: Callable[[], None]) -> None:
        try:
            infer()
        except OpenVinoError as error:
            raise TurnFailed(turn) from error
