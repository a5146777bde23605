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
from .console import SteadyConsole, renews
from .hosttable import short_names
from .lines import print_line
from .sparkline import Course
from .steps import STEPS, Step, load_lines, lost_lines, preparation, waiting_line

_MOST_ROWS: Final = 12
_INDENT: Final = 12
_PLAIN_LINES: Final = 10
_NOTED_PERCENT: Final = 2.0
"""Of the measured CPUs: less of others' load comes from how CPUs are counted."""
_PATIENCE_NS: Final = 2 * NS_PER_S


class Screen:
    """A sink that prints to a console, and where a command shows what it does itself."""

    def __init__(self, console: Console, request: Request) -> None:
        self._console = console
        self._request = request
        self._live: Live | None = None
        self._next_plain_s = 0.0
        self._shown_ns: int | None = None
        self._lost: list[AgentLost] = []
        self._courses = Courses()

    def step(self, number: int, note: str = "", more: str = "") -> None:
        """Announce a step; `note` is how long it took, `more` what was done."""
        self._mourn()
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
        if not isinstance(event, AgentLost):
            self._mourn()
        match event:
            case FilesUnderWay() | Joining() | Preparing() | WarmingUp() | Delivering():
                self._waiting(event)
            case AgentsReady(agents=agents):
                self._prepared(agents)
            case Snapshot():
                self._measuring(event)
            case AgentLost():
                self._lost.append(event)
            case Stopping():
                self.warn("stopping; press Ctrl-C again to leave at once")
            case SinkFailed(text=text):
                self.warn(text)

    def close(self) -> None:
        self._mourn()
        self._end_live()

    def _mourn(self) -> None:
        """Agents that are lost together, mostly for one reason, are told of together."""
        for line in lost_lines(self._lost):
            self._print(Text(f"            {line}", "bold red"))
        self._lost.clear()

    def _waiting(self, event: Awaited) -> None:
        if self._shown_ns is None:
            self._shown_ns = event.at_ns
        text = waiting_line(event)
        if renews(self._console):
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
        self._courses.add(snapshot)
        if renews(self._console):
            self._show(load_view(snapshot, self._courses))
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


class Courses:
    """How throughput, the arrivals that wait and others' load went so far."""

    def __init__(self) -> None:
        self._fps, self._backlog, self._others = Course(min), Course(), Course()
        self._disturbed = False

    def add(self, snapshot: Snapshot) -> None:
        if snapshot.fps is not None:
            self._fps.add(round(snapshot.fps))
        if snapshot.backlog is not None:
            self._backlog.add(snapshot.backlog)
        if snapshot.others_percent is not None:
            self._others.add(round(snapshot.others_percent))
            self._disturbed = self._disturbed or snapshot.others_percent >= _NOTED_PERCENT

    def lines(self, snapshot: Snapshot) -> Iterator[Text]:
        """Others' load only where there was any to be noted."""
        if snapshot.fps is not None:
            yield Text(f"{'throughput':<16}  {self._fps}")
        for words in _waiting(snapshot):
            yield Text(f"{words:<16}  {self._backlog}")
        if self._disturbed and snapshot.others_percent is not None:
            yield Text(f"{_others(snapshot.others_percent):<16}  {self._others}", "yellow")


def load_summary(snapshot: Snapshot) -> str:
    """One line: how far, and how it goes."""
    head = f"{snapshot.elapsed_s:.0f} s, {_rest(snapshot)}"
    return "; ".join((head, *_figures(snapshot), *noted_others(snapshot), *_waiting(snapshot)))


def noted_others(snapshot: Snapshot) -> Iterator[str]:
    """Others' load, where there is any to be noted."""
    if snapshot.others_percent is not None and snapshot.others_percent >= _NOTED_PERCENT:
        yield _others(snapshot.others_percent)


def _others(share_percent: float) -> str:
    """Of the measured CPUs."""
    return f"others {share_percent:.0f} %"


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


def load_view(snapshot: Snapshot, courses: Courses) -> RenderableType:
    """For a terminal: a bar, the totals, how some of them went so far, a line per agent."""
    bar = Table.grid(padding=(0, 2))
    bar.add_row(Text(" " * 10), ProgressBar(total=1.0, completed=snapshot.share or 0.0, width=32), _rest(snapshot))
    totals = Text(" " * 12) + Text("   ".join(_figures(snapshot)), "bold")
    went = [Text(" " * 12) + line for line in courses.lines(snapshot)]
    rows = Table.grid(padding=(0, 2))
    for row in _load_rows(snapshot.agents):
        rows.add_row(" " * 10, *row)
    return Group(bar, totals, *went, rows)


def _load_rows(agents: Sequence[AgentLoad]) -> Iterator[tuple[RenderableType, ...]]:
    """One for each agent, with its host of several; one for each host where there is no room for all agents. Of more
    than there is room for, the slowest by their CPUs."""
    names = short_names(list(dict.fromkeys(agent.host for agent in agents))) if any(a.host for a in agents) else {}
    if names and len(agents) > _MOST_ROWS:
        yield from _host_rows(agents, names)
        return
    slowest = sorted(agents, key=lambda agent: _per_cpu([agent]))
    for agent in agents if len(agents) <= _MOST_ROWS else slowest[:_MOST_ROWS]:
        speed = "starting" if agent.fps is None else f"{rate(agent.fps)} FPS"
        host = [names[agent.host]] if names else []
        cpus = Text(f"CPU {format_cpu_list(agent.cpus)}", "dim")
        yield f"agent {agent.id}", *host, cpus, Text(speed, justify="right")
    yield from _rest_of("agents", [agent.fps for agent in slowest[_MOST_ROWS:]])


def _per_cpu(agents: Sequence[AgentLoad]) -> float:
    """What has not begun is slower than all that has."""
    known = [agent.fps for agent in agents if agent.fps is not None]
    return sum(known) / max(1, sum(len(agent.cpus) for agent in agents)) if known else -1.0


def _rest_of(what: str, speeds: Sequence[float | None]) -> Iterator[tuple[RenderableType, ...]]:
    if speeds:
        known = [fps for fps in speeds if fps is not None]
        span = f"{rate(min(known))} to {rate(max(known))} FPS" if known else ""
        yield Text(f"{len(speeds)} faster {what}", "dim"), "", Text(span, "dim", justify="right")


def _host_rows(agents: Sequence[AgentLoad], names: Mapping[str, str]) -> Iterator[tuple[RenderableType, ...]]:
    by_host = {host: [agent for agent in agents if agent.host == host] for host in names}
    slowest = sorted(by_host, key=lambda host: _per_cpu(by_host[host]))
    for host in slowest[:_MOST_ROWS] if len(names) > _MOST_ROWS else names:
        speed = _sum_of(by_host[host])
        number = Text(f"{len(by_host[host])} agent{'s' if len(by_host[host]) != 1 else ''}", "dim")
        words = "starting" if speed is None else f"{rate(speed)} FPS"
        yield f"host {names[host]}", number, Text(words, justify="right")
    yield from _rest_of("hosts", [_sum_of(by_host[host]) for host in slowest[_MOST_ROWS:]])


def _sum_of(agents: Sequence[AgentLoad]) -> float | None:
    known = [agent.fps for agent in agents if agent.fps is not None]
    return sum(known) if known else None
