"""What is shown while a run goes on: benchmark_app's eleven steps, then the load. Plain lines off a terminal."""

import os
from collections.abc import Callable, Iterator
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ovbench.common.clock import NS_PER_S
from ovbench.common.job import Runtime
from ovbench.common.lifecycle import State
from ovbench.common.messages import Phases, Port, Ready
from ovbench.common.shape import format_shape
from ovbench.common.topology import format_cpu_list

from ..fleet import Fleet, Member
from ..options import Options
from ..snapshot import Snapshot
from .numbers import count, duration, milliseconds, percent, rate

STEPS: Final = (
    "Parsing and validating input arguments",
    "Loading OpenVINO Runtime",
    "Setting device configuration",
    "Reading model files",
    "Resizing model to match image sizes and given batch",
    "Configuring input of the model",
    "Loading the model to the device",
    "Querying optimal runtime parameters",
    "Creating infer requests and preparing input tensors",
    "Measuring performance",
    "Dumping statistics report",
)
_MOST_ROWS: Final = 12
_PLAIN_LINES: Final = 10
_PATIENCE_NS: Final = 2 * NS_PER_S


class SteadyConsole(Console):
    """Goes on in silence when nobody reads any more, as in `| head`: a run is not lost for that."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


class Screen:
    """A `session.Watcher` that prints to a console."""

    def __init__(self, console: Console, options: Options) -> None:
        self._console = console
        self._options = options
        self._live: Live | None = None
        self._next_plain_s = 0.0
        self._told_ns: int | None = None

    def step(self, number: int, note: str = "", more: str = "") -> None:
        """Announce a step; `note` is how long it took, `more` what was done."""
        self._end_live()
        title = Text(f"[Step {number}/{len(STEPS)}] ", "bold cyan") + Text(STEPS[number - 1])
        if note:
            title += Text(f"  {note}", "dim")
        self._print(title)
        if more:
            self.say(more)

    def say(self, text: str) -> None:
        self._print(Text(f"            {text}"))

    def warn(self, text: str) -> None:
        self._print(Text(f"            {text}", "yellow"))

    def waiting(self, fleet: Fleet, now_ns: int) -> None:
        if self._told_ns is None:
            self._told_ns = now_ns
        text = waiting_line(fleet)
        if self._console.is_terminal:
            self._show(Text(f"            {text}", "dim"))
        elif now_ns - self._told_ns > _PATIENCE_NS:
            self._told_ns = now_ns + 3 * NS_PER_S
            self.say(text)

    def ready(self, fleet: Fleet) -> None:
        self._end_live()
        members = [member for member in fleet.living() if member.ready is not None]
        for number, note, more in preparation(members, self._options):
            self.step(number, note, more)
        if self._options.iterations != 0:
            self.step(10, more=load_line(members, self._options))

    def measuring(self, snapshot: Snapshot) -> None:
        if self._console.is_terminal:
            self._show(load_view(snapshot))
        elif snapshot.completed and snapshot.elapsed_s >= self._next_plain_s:
            length = self._options.duration_s or 10 * snapshot.elapsed_s
            self._next_plain_s = snapshot.elapsed_s + max(0.9, length / _PLAIN_LINES)
            self.say(load_summary(snapshot))

    def lost(self, name: str, why: str) -> None:
        self._print(Text(f"            {name} is lost: {why}", "bold red"))

    def stopping(self) -> None:
        self._print(Text("            stopping; press Ctrl-C again to leave at once", "yellow"))

    def close(self) -> None:
        self._end_live()

    def _show(self, view: RenderableType) -> None:
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        self._live.update(view, refresh=True)

    def _end_live(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _print(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True, highlight=False)


def waiting_line(fleet: Fleet) -> str:
    """Who is not ready yet, and what the slowest is doing."""
    total = len(fleet.members)
    missing = fleet.missing()
    if missing:
        names = ", ".join(str(member.id) for member in missing[:8]) + (", ..." if len(missing) > 8 else "")
        return f"waiting for agents: {total - len(missing)} of {total} have come; missing: {names}"
    if fleet.warm_up_ns is not None:
        return "warming up"
    preparing = [member for member in fleet.members if member.state is State.PREPARING]
    if not preparing:
        return "all agents are ready"
    slowest = min(preparing, key=lambda member: member.progress.step if member.progress else 0)
    step = max(2, slowest.progress.step if slowest.progress else 0)
    return f"{total - len(preparing)} of {total} agents are ready; agent {slowest.id}: {STEPS[step - 1].lower()}"


def preparation(members: list[Member], options: Options) -> Iterator[tuple[int, str, str]]:
    """Steps 2 to 9 with how long each took on the slowest agent, and what was done: (number, time, text)."""
    readies = {member.id: member.ready for member in members if member.ready is not None}
    if not readies:
        return
    first = next(iter(readies.values()))
    effective = first.effective
    if effective.backend != "openvino":
        yield 2, "", f"none: the null backend {effective.backend} stands in for it"
        return

    def slowest(phase: Callable[[Phases], float]) -> str:
        agent = max(readies, key=lambda id: phase(readies[id].phases))
        who = f" (slowest: agent {agent})" if len(readies) > 1 else ""
        return milliseconds(phase(readies[agent].phases)) + who

    yield 2, slowest(lambda p: p.load_runtime_ms), f"OpenVINO {first.openvino}"
    yield 3, "", f"{effective.device}: {_asked(members[0].job.runtime)}"
    yield 4, slowest(lambda p: p.read_model_ms), effective.model
    yield 5, slowest(lambda p: p.reshape_ms), f"batch {effective.batch}"
    yield (
        6,
        "",
        "; ".join([_port("input", p) for p in effective.inputs] + [_port("output", p) for p in effective.outputs]),
    )
    yield 7, slowest(lambda p: p.compile_ms), ""
    yield 8, "", "each agent: " + _common(list(readies.values()))
    if options.iterations == 0:
        return
    made = slowest(lambda p: p.create_requests_ms)
    yield 9, made, f"random inputs, seed {options.seed}; first inference {slowest(lambda p: p.first_inference_ms)}"


def _asked(runtime: Runtime) -> str:
    properties = runtime.properties()
    asked = [f"{name} {value}" for name, value in properties.items()]
    return ", ".join(asked if "PERFORMANCE_HINT" in properties else ["no performance hint", *asked])


def _port(kind: str, port: Port) -> str:
    shape = "[...]" if port.shape is None else format_shape(port.shape)
    return f"{kind} {port.name or '(unnamed)'} {port.type} {shape}"


def _common(readies: list[Ready]) -> str:
    """Streams, threads and requests, as a range where agents differ."""

    def span(values: list[int], one: str) -> str:
        low, high = min(values), max(values)
        number = str(low) if low == high else f"{low} to {high}"
        return f"{number} {one}{'' if low == high == 1 else 's'}"

    effective = [ready.effective for ready in readies]
    return ", ".join(
        (
            span([e.streams for e in effective], "stream"),
            span([e.threads for e in effective], "thread"),
            span([e.requests for e in effective], "infer request"),
            f"precision {effective[0].precision or 'unknown'}",
        )
    )


def load_line(members: list[Member], options: Options) -> str:
    how = "synchronously" if options.api == "sync" else "asynchronously"
    limits = []
    if options.duration_s is not None:
        limits.append(duration(options.duration_s))
    if options.iterations is not None:
        limits.append(f"{count(options.iterations)} inferences in total")
    agents = f"{len(members)} agent{'s' if len(members) != 1 else ''}"
    warmup = f", after {duration(options.warmup_s)} of warm-up" if options.warmup_s else ""
    return f"{agents} infer {how}, for {' and '.join(limits)}{warmup}"


def load_summary(snapshot: Snapshot) -> str:
    """One line: how far, and how it goes."""
    return "; ".join((f"{snapshot.elapsed_s:.0f} s, {_rest(snapshot)}", *_figures(snapshot)))


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
    if snapshot.busy_percent is not None:
        parts.append(f"CPU {percent(snapshot.busy_percent)}")
    return parts


def load_view(snapshot: Snapshot) -> RenderableType:
    """For a terminal: a bar, the totals, a line per agent."""
    bar = Table.grid(padding=(0, 2))
    bar.add_row(Text(" " * 10), ProgressBar(total=1.0, completed=snapshot.share or 0.0, width=32), _rest(snapshot))
    totals = Text(" " * 12) + Text("   ".join(_figures(snapshot)), "bold")
    rows = Table.grid(padding=(0, 2))
    for agent in snapshot.agents[:_MOST_ROWS]:
        speed = "starting" if agent.fps is None else f"{rate(agent.fps)} FPS"
        cpus = format_cpu_list(agent.cpus)
        rows.add_row(" " * 10, f"agent {agent.id}", Text(f"CPU {cpus}", "dim"), Text(speed, justify="right"))
    if len(snapshot.agents) > _MOST_ROWS:
        rows.add_row(" " * 10, f"... and {len(snapshot.agents) - _MOST_ROWS} more", "", "")
    return Group(bar, totals, rows)
