"""What is shown while a run goes on: benchmark_app's eleven steps, then the load. Plain lines off a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ovbench.common.clock import NS_PER_S
from ovbench.common.topology import format_cpu_list

from ..request.request import Request
from ..result.numbers import count, duration, milliseconds, percent, rate
from ..session.events import (
    AgentLoad,
    AgentLost,
    AgentsReady,
    Awaited,
    Delivering,
    Event,
    FilesUnderWay,
    Joining,
    Preparing,
    ReadyAgent,
    SinkFailed,
    Snapshot,
    Stopping,
    WarmingUp,
)
from .console import SteadyConsole
from .hosttable import short_names
from .lines import print_line
from .sparkline import Course
from .steps import STEPS, Step, load_lines, preparation, waiting_line

_MOST_ROWS: Final = 12
_INDENT: Final = 12
_PLAIN_LINES: Final = 10
_PATIENCE_NS: Final = 2 * NS_PER_S


class Screen:
    """A sink that prints to a console, and where a command shows what it does itself."""

    def __init__(self, console: Console, request: Request) -> None:
        self._console = console
        self._request = request
        self._live: Live | None = None
        self._next_plain_s = 0.0
        self._shown_ns: int | None = None
        self._backlog = Course()

    def step(self, number: int, note: str = "", more: str = "") -> None:
        """Announce a step; `note` is how long it took, `more` what was done."""
        self._end_live()
        title = Text.assemble((f"[Step {number}/{len(STEPS)}] ", "bold cyan"), STEPS[number - 1])
        if note:
            title += Text(f"  {note}", "dim")
        self._print(title)
        if more:
            self.say(more)

    def say(self, text: str) -> None:
        self._print(Text(f"            {text}"))

    def warn(self, text: str) -> None:
        self._print(Text(f"            {text}", "yellow"))

    def handle(self, event: Event) -> None:
        match event:
            case FilesUnderWay() | Joining() | Preparing() | WarmingUp() | Delivering():
                self._waiting(event)
            case AgentsReady(agents=agents):
                self._prepared(agents)
            case Snapshot():
                self._measuring(event)
            case AgentLost(name=name, why=why):
                self._print(Text(f"            {name} is lost: {why}", "bold red"))
            case Stopping():
                self.warn("stopping; press Ctrl-C again to leave at once")
            case SinkFailed(text=text):
                self.warn(text)

    def close(self) -> None:
        self._end_live()

    def _waiting(self, event: Awaited) -> None:
        if self._shown_ns is None:
            self._shown_ns = event.at_ns
        text = waiting_line(event)
        if self._console.is_terminal:
            self._show(Text(f"            {text}", "dim"))
        elif event.at_ns - self._shown_ns > _PATIENCE_NS:
            self._shown_ns = event.at_ns + 3 * NS_PER_S
            self.say(text)

    def _prepared(self, agents: Sequence[ReadyAgent]) -> None:
        self._shown_ns = None
        self._end_live()
        for step in preparation(agents, self._request):
            self._announce(step)
        if not self._request.load.compile_only:
            self._announce(Step(10, lines=tuple(load_lines(agents, self._request))))

    def _measuring(self, snapshot: Snapshot) -> None:
        self._shown_ns = None
        if snapshot.backlog is not None:
            self._backlog.add(snapshot.backlog)
        if self._console.is_terminal:
            self._show(load_view(snapshot, str(self._backlog)))
        elif snapshot.completed and snapshot.elapsed_s >= self._next_plain_s:
            length = self._request.load.duration_s or 10 * snapshot.elapsed_s
            self._next_plain_s = snapshot.elapsed_s + max(0.9, length / _PLAIN_LINES)
            self.say(load_summary(snapshot))

    def _announce(self, step: Step) -> None:
        self.step(step.number, step.note)
        for line in step.lines:
            self.say(line)
        for line in step.warnings:
            self.warn(line)

    def _show(self, view: RenderableType) -> None:
        if isinstance(self._console, SteadyConsole) and self._console.behind:
            return  # a picture that comes late is worth nothing
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        try:
            self._live.update(view, refresh=True)
        except Exception:
            self._live.update(Text(), refresh=True)  # what cannot be drawn would be drawn again with every line
            raise

    def _end_live(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _print(self, text: Text) -> None:
        print_line(self._console, text, _INDENT)


def load_summary(snapshot: Snapshot) -> str:
    """One line: how far, and how it goes."""
    return "; ".join((f"{snapshot.elapsed_s:.0f} s, {_rest(snapshot)}", *_figures(snapshot), *_waiting(snapshot)))


def _rest(snapshot: Snapshot) -> str:
    if snapshot.left_s is None:
        return f"{count(snapshot.completed)} done"
    return f"{duration(round(snapshot.left_s, 1))} left"


def _figures(snapshot: Snapshot) -> list[str]:
    parts = []
    if snapshot.fps is not None:
        parts.append(f"{rate(snapshot.fps)} FPS")
    if snapshot.p99_ms is not None:
        parts.append(f"p99 so far about {milliseconds(snapshot.p99_ms)}")
    if snapshot.half_width_percent is not None:
        parts.append(f"known to ±{snapshot.half_width_percent:.2g} %")
    if snapshot.busy_percent is not None:
        parts.append(f"CPU {percent(snapshot.busy_percent)}")
    return parts


def _waiting(snapshot: Snapshot) -> list[str]:
    """Arrivals that are due and not started, where inferences are due at instants of their own: fewer than a report's
    backlog, which has those in service, too."""
    return [] if snapshot.backlog is None else [f"waiting {count(snapshot.backlog)}"]


def load_view(snapshot: Snapshot, course: str = "") -> RenderableType:
    """For a terminal: a bar, the totals, how many arrivals wait with its `course`, a line per agent."""
    bar = Table.grid(padding=(0, 2))
    bar.add_row(Text(" " * 10), ProgressBar(total=1.0, completed=snapshot.share or 0.0, width=32), _rest(snapshot))
    totals = Text(" " * 12) + Text("   ".join(_figures(snapshot)), "bold")
    backlog = [Text(f"{' ' * 12}{words:<16}  {course}") for words in _waiting(snapshot)]
    rows = Table.grid(padding=(0, 2))
    for row in _load_rows(snapshot.agents):
        rows.add_row(" " * 10, *row)
    return Group(bar, totals, *backlog, rows)


def _load_rows(agents: Sequence[AgentLoad]) -> Iterator[tuple[RenderableType, ...]]:
    """One for each agent, with its host of several; one for each host where there is no room for all agents."""
    names = short_names(list(dict.fromkeys(agent.host for agent in agents))) if any(a.host for a in agents) else {}
    if names and len(agents) > _MOST_ROWS:
        yield from _host_rows(agents, names)
        return
    for agent in agents[:_MOST_ROWS]:
        speed = "starting" if agent.fps is None else f"{rate(agent.fps)} FPS"
        host = [names[agent.host]] if names else []
        cpus = Text(f"CPU {format_cpu_list(agent.cpus)}", "dim")
        yield f"agent {agent.id}", *host, cpus, Text(speed, justify="right")
    if len(agents) > _MOST_ROWS:
        yield f"... and {len(agents) - _MOST_ROWS} more", "", ""


def _host_rows(agents: Sequence[AgentLoad], names: Mapping[str, str]) -> Iterator[tuple[RenderableType, ...]]:
    for host in list(names)[:_MOST_ROWS]:
        mine = [agent for agent in agents if agent.host == host]
        known = [agent.fps for agent in mine if agent.fps is not None]
        speed = f"{rate(sum(known))} FPS" if known else "starting"
        number = Text(f"{len(mine)} agent{'s' if len(mine) != 1 else ''}", "dim")
        yield f"host {names[host]}", number, Text(speed, justify="right")
    if len(names) > _MOST_ROWS:
        yield f"... and {len(names) - _MOST_ROWS} hosts more", "", ""
