"""What is shown while a study goes on: which trial, how long still, the best so far; plain lines off a terminal."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.text import Text

from ..result.arrivals import ObjectivePart
from ..result.numbers import bounded, duration, rate
from ..result.study import Outcome, Study, Trial
from ..session.events import (
    AgentLost,
    AgentsReady,
    Delivering,
    Event,
    Joining,
    Preparing,
    SinkFailed,
    Snapshot,
    Stopping,
    WarmingUp,
)
from ..study.events import Installing, RoundBegins, StudyPlanned, TrialBegins, TrialEnded
from ..study.kinds.kind import Kind
from ..study.kinds.registry import KINDS, kind_of
from .console import SteadyConsole, renews
from .lines import print_line
from .live import noted_others
from .steps import lost_lines, waiting_line

_INDENT: Final = 5
_MOST_POINTS: Final = 40
_MOST_TRIALS: Final = 20


@dataclass
class StudyScreen:
    """A sink of a study's events and of every trial's."""

    console: Console
    _live: Live | None = None
    _current: TrialBegins | None = None
    _best: Outcome | None = None
    _lost: list[AgentLost] = field(default_factory=list)
    _nameless: str = Kind.nameless
    _of: str = "/"

    def remember(self, outcomes: Sequence[Outcome]) -> None:
        """Trials that have ended before, so that the best so far is that of the whole study."""
        for outcome in outcomes:
            self._weigh(outcome)

    def handle(self, event: Event) -> None:
        if not isinstance(event, AgentLost):
            self._mourn()
        match event:
            case StudyPlanned(kind=kind):
                self._nameless = KINDS[kind].nameless
                self._of = " of at most " if KINDS[kind].searches else "/"
            case RoundBegins(rerun=rerun, number=number, rounds=rounds, trials=trials):
                self.say(
                    f"{rerun} are run again, round {number} of {rounds}: {trials} trial{'' if trials == 1 else 's'}"
                )
            case Installing(text=text):
                self.say(text)
            case TrialBegins():
                self._current = event
                self._show("starting")
            case TrialEnded(outcome=outcome, number=number, trials=trials):
                self._weigh(outcome)
                self._print(trial_line(outcome, number, trials, self._nameless))
            case Joining() | Preparing() | WarmingUp() | Delivering():
                self._show(waiting_line(event))
            case AgentsReady():
                self._show("warming up")
            case Snapshot(elapsed_s=elapsed_s, fps=fps):
                known = [] if fps is None else [f"{rate(fps)} FPS"]
                self._show(", ".join((f"{elapsed_s:.0f} s", *known, *noted_others(event))))
            case AgentLost():
                self._lost.append(event)
            case Stopping():
                text = "stopping; the study can be resumed; press Ctrl-C again to leave at once"
                self._print(Text(text, "yellow"))
            case SinkFailed(text=text):
                self._print(Text(text, "yellow"))

    def say(self, text: str) -> None:
        self._print(Text(text))

    def close(self) -> None:
        self._mourn()
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _mourn(self) -> None:
        for line in lost_lines(self._lost):
            self._print(Text(f"  {line}", "bold red"))
        self._lost.clear()

    def _weigh(self, outcome: Outcome) -> None:
        better = outcome.status == "VALID" and outcome.fps is not None
        if better and (self._best is None or (outcome.fps or 0) > (self._best.fps or 0)):
            self._best = outcome

    def _show(self, doing: str) -> None:
        if not renews(self.console) or self._current is None:
            return
        if isinstance(self.console, SteadyConsole) and self.console.behind:
            return  # a picture that comes late is worth nothing
        if self._live is None:
            self._live = Live(console=self.console, auto_refresh=False, transient=True)
            self._live.start()
        try:
            self._live.update(self._line(self._current, doing), refresh=True)
        except Exception:
            self._live.update(Text(), refresh=True)  # what cannot be drawn would be drawn again with every line
            raise

    def _line(self, trial: TrialBegins, doing: str) -> Text:
        name = setting(trial.trial.point, self._nameless)
        text = Text.assemble(
            (f"trial {trial.number}{self._of}{trial.trials}  ", "bold cyan"), f"{name}: {doing}",
            overflow="ellipsis", no_wrap=True,
        )  # fmt: skip
        more = [] if trial.left_s is None else [f"{duration(trial.left_s)} left"]
        if trial.so_far:
            more.append(trial.so_far)
        elif self._best is not None and self._best.fps is not None:
            more.append(f"best so far {rate(self._best.fps)} FPS with {setting(self._best.point)}")
        return text + Text(f"\n            {' · '.join(more)}", "dim")

    def _print(self, text: Text) -> None:
        print_line(self.console, text, _INDENT)


def setting(point: dict[str, str], nameless: str = Kind.nameless) -> str:
    """What a trial has of its own, as on the command line."""
    return " ".join(f"{flag} {value}".rstrip() for flag, value in point.items()) or nameless


def trial_line(outcome: Outcome, number: int, trials: int, nameless: str = Kind.nameless) -> Text:
    """How a trial went, on one line."""
    width = len(str(trials))
    text = Text(f"{number:>{width}}/{trials}  {setting(outcome.point, nameless)}  ")
    if outcome.fps is None:
        return text + Text(f"{outcome.status}: {outcome.why or 'nothing was measured'}", "bold red")
    text += Text(f"{rate(outcome.fps)} FPS", "bold")
    if limits := [one for one in outcome.objectives if one.percent is not None]:
        text += Text("".join(f"  {_against_limit(one)}" for one in limits))
    elif outcome.latency_ms or outcome.at_least:
        known, least = outcome.latency_ms, outcome.at_least
        median, p99 = (bounded(known.get(name), least.get(f"{name}_ms")) for name in ("median", "p99"))
        text += Text(f"  median {median}  p99 {p99}")
    if outcome.status != "VALID":
        text += Text(f"  {outcome.status}: {', '.join(dict.fromkeys(outcome.findings))}", "yellow")
    return text


def _against_limit(one: ObjectivePart) -> str:
    """Such as `p99 18.4 ms of 20 ms`."""
    return f"p{one.percent:g} {bounded(one.latency_ms, one.at_least_ms)} of {one.limit_ms:g} ms"


def print_trials(console: Console, study: Study, trials: Sequence[Trial], seconds: float | None) -> None:
    """What a study would run: its settings, the number of its trials, the time they take, and which come first."""
    places = {flag: {value: place for place, value in enumerate(values)} for flag, values in study.axes.items()}
    ordered = sorted(study.trials, key=lambda t: [places[flag].get(value, 0) for flag, value in t.point.items()])
    sides, nameless = kind_of(study).sides(study), kind_of(study).nameless

    def named(trial: Trial) -> str:
        side = " ".join(trial.point.values())
        return setting(trial.point, nameless) + (f": {sides[side] or 'no flags of its own'}" if side in sides else "")

    points = list(dict.fromkeys(map(named, ordered)))
    for point in points[:_MOST_POINTS]:
        console.print(Text(f"  {point}"), highlight=False, soft_wrap=True)
    if len(points) > _MOST_POINTS:
        console.print(Text(f"  ... and {len(points) - _MOST_POINTS} more"), highlight=False)
    each = len(study.trials) // max(1, len(points))
    time = "until their inferences are done" if seconds is None else f"about {duration(seconds)}"
    left = "" if len(trials) == len(study.trials) else f", {len(trials)} of them left"
    text = f"{len(points)} settings x {each} repetitions = {len(study.trials)} trials{left}, {time}"
    if more := kind_of(study).foreseen(study):
        first = "1 trial" if len(study.trials) == 1 else f"{len(study.trials)} trials"
        text = (
            f"{first}{left}, {time}; then up to {more} that follow from what is measured{_in_all(study, more, seconds)}"
        )
    console.print(Text(text, "bold"), highlight=False, soft_wrap=True)
    for trial in trials[:_MOST_TRIALS]:
        console.print(Text(f"  {int(trial.id)}: {setting(trial.point, nameless)}"), highlight=False, soft_wrap=True)
    if len(trials) > _MOST_TRIALS:
        console.print(Text(f"  ... and {len(trials) - _MOST_TRIALS} more"), highlight=False)


def _in_all(study: Study, more: int, seconds: float | None) -> str:
    """With as long as the first ones for each of the others, but for what is known to be longer."""
    known = len(study.trials)
    if seconds is None or not known:
        return ""
    about = "at most about" if kind_of(study).searches else "about"
    count = known + more + kind_of(study).longer(study)
    return f", {about} {duration(seconds * count / known)} in all"
