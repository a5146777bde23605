"""What is shown while a run goes on: benchmark_app's eleven steps, then the load. Plain lines off a terminal."""

import atexit
import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TextIO, cast

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ovbench.common.clock import NS_PER_S
from ovbench.common.effective import Effective, Filling, Phases, Port
from ovbench.common.job import Runtime
from ovbench.common.lifecycle import State
from ovbench.common.messages import Ready
from ovbench.common.shape import format_shape, static_shape
from ovbench.common.topology import format_cpu_list

from ..request.request import Request
from ..result.numbers import count, duration, megabytes, milliseconds, percent, rate
from ..session.fleet import Fleet
from ..session.member import Member
from ..session.snapshot import Snapshot
from .console import SafeConsole
from .lines import print_line
from .outlet import Outlet

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
_INDENT: Final = 12
_PLAIN_LINES: Final = 10
_PATIENCE_NS: Final = 2 * NS_PER_S
_UNNAMED: Final = "***NO_NAME***"


class SteadyConsole(SafeConsole):
    """Goes on in silence when nobody reads any more, as in `| head`, or a disk is full: no run is lost for that."""

    _outlet: Outlet | None = None

    @property
    def behind(self) -> bool:
        """Whether something still waits to be shown; only while it is detached."""
        return self._outlet is not None and self._outlet.behind

    def detach(self) -> None:
        """From now on printing never waits for whoever reads, so whoever prints can be relied on meanwhile."""
        if self._outlet is None:
            stream = self.file
            self._outlet = Outlet(cast(TextIO, stream), self._failed)
            self.file = cast(TextIO, self._outlet)
            atexit.register(self.attach)

    def attach(self) -> None:
        """Wait until all that was printed has been written; from now on printing waits."""
        if self._outlet is not None:
            self._outlet.settle()
            self.file = self._outlet.stream
            self._outlet = None
            atexit.unregister(self.attach)

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())

    def print(self, *objects: Any, **how: Any) -> None:
        try:
            super().print(*objects, **how)
        except OSError as error:
            self._failed(error)

    def _failed(self, error: OSError) -> None:
        self.on_broken_pipe()
        if not isinstance(error, BrokenPipeError):
            with contextlib.suppress(OSError):  # of a terminal that has gone there is no other end
                print(f"ovbench-coord: what it prints cannot be written: {error.strerror}", file=sys.stderr)


@dataclass(frozen=True)
class Step:
    """What is told of a step: how long it took, what was done, and what the user should know of it."""

    number: int
    note: str = ""
    lines: Sequence[str] = ()
    warnings: Sequence[str] = ()


class Screen:
    """A `session.Watcher` that prints to a console."""

    def __init__(self, console: Console, request: Request) -> None:
        self._console = console
        self._request = request
        self._live: Live | None = None
        self._next_plain_s = 0.0
        self._told_ns: int | None = None

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
        self._told_ns = None
        self._end_live()
        members = [member for member in fleet.living() if member.ready is not None]
        for step in preparation(members, self._request):
            self._tell(step)
        if self._request.load.iterations != 0:
            self._tell(Step(10, lines=tuple(load_lines(members, self._request))))

    def measuring(self, snapshot: Snapshot) -> None:
        self._told_ns = None
        if self._console.is_terminal:
            self._show(load_view(snapshot))
        elif snapshot.completed and snapshot.elapsed_s >= self._next_plain_s:
            length = self._request.load.duration_s or 10 * snapshot.elapsed_s
            self._next_plain_s = snapshot.elapsed_s + max(0.9, length / _PLAIN_LINES)
            self.say(load_summary(snapshot))

    def lost(self, name: str, why: str) -> None:
        self._print(Text(f"            {name} is lost: {why}", "bold red"))

    def stopping(self) -> None:
        self._print(Text("            stopping; press Ctrl-C again to leave at once", "yellow"))

    def close(self) -> None:
        self._end_live()

    def _tell(self, step: Step) -> None:
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
        self._live.update(view, refresh=True)

    def _end_live(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _print(self, text: Text) -> None:
        print_line(self._console, text, _INDENT)


def waiting_line(fleet: Fleet) -> str:
    """Who is not ready yet, and what the slowest is doing."""
    total = len(fleet.members)
    missing = fleet.missing()
    if missing:
        names = ", ".join(str(member.id) for member in missing[:8]) + (", ..." if len(missing) > 8 else "")
        return f"{total - len(missing)} of {total} agents have joined; missing: {names}"
    if fleet.begin_ns is not None:
        return f"{fleet.still(State.DELIVERED)} of {total} agents have delivered their results"
    if fleet.warm_up_ns is not None:
        return "warming up"
    preparing = [member for member in fleet.members if member.state is State.PREPARING]
    if not preparing:
        return "all agents are ready"
    slowest = min(preparing, key=lambda member: member.progress.step if member.progress else 0)
    step = max(2, slowest.progress.step if slowest.progress else 0)
    return f"{total - len(preparing)} of {total} agents are ready; agent {slowest.id}: {STEPS[step - 1].lower()}"


def preparation(members: Sequence[Member], request: Request) -> Iterator[Step]:
    """Steps 2 to 9: the times are those of the slowest agent, what was done is told by the first one."""
    readies = {member.id: member.ready for member in members if member.ready is not None}
    if not readies:
        return
    first = next(iter(readies.values()))
    effective, runtime = first.effective, members[0].job.runtime
    if effective.backend != "openvino":
        yield Step(2, lines=[f"none: the null backend {effective.backend} stands in for it"])
        return
    yield Step(2, _slowest(readies, lambda p: p.load_runtime_ms), [f"OpenVINO {first.openvino}"])
    yield Step(3, lines=[f"{effective.device}: {_asked(runtime)}"])
    if first.phases.read_model_ms:
        yield from _reading(readies, effective)
    else:
        skipped = "compiled model" if first.phases.import_ms else "loading model from file"
        yield from (Step(number, lines=[f"Skipping the step for {skipped}"]) for number in (4, 5, 6))
    yield _compiling(readies)
    yield Step(8, lines=["each agent: " + _common(list(readies.values()))])
    if request.load.iterations != 0:
        yield _filling(readies, request)


def _slowest(readies: Mapping[int, Ready], phase: Callable[[Phases], float]) -> str:
    """How long it took, and which of several agents needed most; empty where it was not done."""
    agent = max(readies, key=lambda id: phase(readies[id].phases))
    longest = phase(readies[agent].phases)
    if not longest:
        return ""
    return milliseconds(longest) + (f" (slowest: agent {agent})" if len(readies) > 1 else "")


def _reading(readies: Mapping[int, Ready], effective: Effective) -> Iterator[Step]:
    """Steps 4 to 6, in benchmark_app's words: scripts look for them."""
    original = list(_ports(effective.original_inputs, effective.original_outputs))
    titled = ["Original model I/O parameters:", *original] if original else []
    yield Step(4, _slowest(readies, lambda p: p.read_model_ms), [effective.model, *titled])
    reshaping = _slowest(readies, lambda p: p.reshape_ms)
    shapes = ", ".join(f"'{port.name}': {_shape(port)}" for port in effective.inputs)
    reshaped = [f"Reshaping model: {shapes}"] if reshaping else []
    batches = {group.batch for group in effective.groups} or {effective.batch}
    batch = str(*batches) if len(batches) == 1 else "?"
    yield Step(5, reshaping, [f"Model batch size: {batch}", *reshaped])
    yield Step(6, lines=list(_ports(effective.inputs, effective.outputs)))


def _ports(inputs: Sequence[Port], outputs: Sequence[Port]) -> Iterator[str]:
    """To the letter as benchmark_app's print_inputs_and_outputs_info."""
    for title, ports in (("Model inputs:", inputs), ("Model outputs:", outputs)):
        if inputs or outputs:
            yield title
        for port in ports:
            names, node = " , ".join(port.names) or _UNNAMED, port.node or _UNNAMED
            yield f"    {names} (node: {node}) : {port.type} / {port.layout} / {_shape(port)}"


def _shape(port: Port) -> str:
    return "[...]" if port.shape is None else format_shape(port.shape)


def _compiling(readies: Mapping[int, Ready]) -> Step:
    imported = _slowest(readies, lambda p: p.import_ms)
    compiled = _slowest(readies, lambda p: p.compile_ms)
    lines = ["imported: the model was compiled before"] if imported else []
    agent = max(readies, key=lambda id: readies[id].peak_after_mb - readies[id].peak_before_mb)
    before, after = readies[agent].peak_before_mb, readies[agent].peak_after_mb
    if after:
        who = f" (most: agent {agent})" if len(readies) > 1 else ""
        grown = megabytes(after - before)
        lines.append(f"peak memory: {megabytes(before)} before, {megabytes(after)} after, {grown} more{who}")
    return Step(7, imported or compiled, lines)


def _filling(readies: Mapping[int, Ready], request: Request) -> Step:
    effective = next(iter(readies.values())).effective
    lines = [_filled(filling) for filling in effective.fillings] or [f"random inputs, seed {request.data.seed}"]
    if len(effective.groups) > 1:
        lines.append(f"Defined {len(effective.groups)} tensor groups:")
        lines += [f"    {_group(effective.inputs, group.shapes)}" for group in effective.groups[:_MOST_ROWS]]
        more = len(effective.groups) - _MOST_ROWS
        lines += [f"    and {count(more)} more"] if more > 0 else []
    first_inference = _slowest(readies, lambda p: p.first_inference_ms)
    lines.append(f"first inference {first_inference}" if first_inference else "no first inference")
    notes = dict.fromkeys(note for ready in readies.values() for note in ready.effective.notes)
    return Step(9, _slowest(readies, lambda p: p.create_requests_ms), lines, list(notes))


def _filled(filling: Filling) -> str:
    turns = f" ({count(filling.tensors)} tensors in turn)" if filling.tensors > 1 else ""
    return f"{filling.input or _UNNAMED}: {filling.text}{turns}"


def _group(inputs: Sequence[Port], shapes: Sequence[Sequence[int]]) -> str:
    """As benchmark_app prints it."""
    named = zip(inputs, shapes, strict=True)
    return "".join(f" {port.name}: {format_shape(static_shape(shape))}" for port, shape in named)


def _asked(runtime: Runtime) -> str:
    properties = runtime.properties()
    asked = [f"{name} {value}" for name, value in properties.items()]
    return ", ".join(asked if "PERFORMANCE_HINT" in properties else ["no performance hint", *asked])


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


def load_lines(members: Sequence[Member], request: Request) -> Iterator[str]:
    """The load in a sentence, then whether inputs are set within it, in benchmark_app's words."""
    how = "synchronously" if request.load.api == "sync" else "asynchronously"
    limits = []
    if request.load.duration_s is not None:
        limits.append(duration(request.load.duration_s))
    if request.load.iterations is not None:
        limits.append(f"{count(request.load.iterations)} inferences in total")
    agents = f"{len(members)} agent{'s' if len(members) != 1 else ''}"
    pace = f", at most {rate(request.load.max_irate)} FPS in total" if request.load.max_irate else ""
    warmup = f", after {duration(request.load.warmup_s)} of warm-up" if request.load.warmup_s else ""
    verb = "infer" if len(members) != 1 else "infers"
    yield f"{agents} {verb} {how}, for {' and '.join(limits)}{pace}{warmup}"
    ready = next((member.ready for member in members if member.ready is not None), None)
    if ready is not None and ready.effective.backend == "openvino":
        yield _mode(ready.effective.inference_only)


def _mode(inference_only: bool) -> str:
    mode, included = ("inference only", "are not") if inference_only else ("full", "are")
    return f"Benchmarking in {mode} mode (inputs filling {included} included in measurement loop)."


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
