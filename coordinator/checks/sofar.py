"""What is known of a verdict while the run goes on. Pure.

Most findings need the whole run; losses show before, when a watcher can do something about them.
"""

from dataclasses import dataclass, field

from ..result.findings import Code
from ..result.report import Status
from ..session.events import AgentLost, Concluded, Event, Joining, Preparing, RunEnded, Standing, Stopping


@dataclass
class SoFar:
    """Is handed all events of a run, or of a study, where each trial has a verdict of its own."""

    _codes: set[Code] = field(default_factory=set)
    _over: bool = False
    _known: tuple[Status, tuple[str, ...]] | None = None

    def add(self, event: Event) -> Standing | None:
        """What is known now, where that has changed."""
        match event:
            case RunEnded():
                self._over = True
            case Joining() | Preparing() if self._over:  # the next trial
                self._codes.clear()
                self._over = False
            case AgentLost():
                self._codes.add(Code.AGENT_LOST)
            case Stopping():
                self._codes.add(Code.INTERRUPTED)
        now: tuple[Status, tuple[str, ...]] = ("PARTIAL" if self._codes else "VALID", tuple(sorted(self._codes)))
        if isinstance(event, Concluded):
            now = event.status, event.because
        elif self._over:
            return None
        if now == self._known:
            return None
        self._known = now
        return Standing(event.at_ns, *now)
