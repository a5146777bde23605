"""What is known of a verdict while the run goes on. Pure.

Most findings need the whole run; losses show before, when a watcher can do something about them.
"""

from dataclasses import dataclass, field
from typing import Final

from ..request.thresholds import Thresholds
from ..result.findings import EFFECTS, Code
from ..result.report import Status
from ..session.events import AgentLost, Concluded, Event, Joining, Preparing, RunEnded, Snapshot, Standing, Stopping

_LEAST_SNAPSHOTS: Final = 3
"""A second apart, before others' load is judged."""


@dataclass
class SoFar:
    """Is handed all events of a run, or of a study, where each trial has a verdict of its own.

    Others' load is judged by its mean so far over all measured CPUs; the report looks at each.
    """

    thresholds: Thresholds = field(default_factory=Thresholds)
    _codes: set[Code] = field(default_factory=set)
    _others_percent: list[float] = field(default_factory=list)
    _over: bool = False
    _known: tuple[Status, tuple[str, ...]] | None = None

    def add(self, event: Event) -> Standing | None:
        """What is known now, where that has changed."""
        match event:
            case RunEnded():
                self._over = True
            case Joining() | Preparing() if self._over:  # the next trial
                self._codes.clear()
                self._others_percent.clear()
                self._over = False
            case AgentLost():
                self._codes.add(Code.AGENT_LOST)
            case Stopping():
                self._codes.add(Code.INTERRUPTED)
            case Snapshot(others_percent=float(others)):
                self._judge_others(others)
        lost = any(EFFECTS[code] == "loss" for code in self._codes)
        status: Status = "PARTIAL" if lost else "SUSPECT" if self._codes else "VALID"
        now: tuple[Status, tuple[str, ...]] = (status, tuple(sorted(self._codes)))
        if isinstance(event, Concluded):
            now = event.status, event.because
        elif self._over:
            return None
        if now == self._known:
            return None
        self._known = now
        return Standing(event.at_ns, *now)

    def _judge_others(self, percent: float) -> None:
        self._others_percent.append(percent)
        number = len(self._others_percent)
        if number >= _LEAST_SNAPSHOTS and sum(self._others_percent) / number > self.thresholds.max_others_percent:
            self._codes.add(Code.OTHER_LOAD)
        else:
            self._codes.discard(Code.OTHER_LOAD)
