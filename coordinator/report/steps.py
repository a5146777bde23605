"""benchmark_app's eleven steps in words: who is awaited, what agents have prepared, what the load will be. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ovbench.common.arrivals import Gamma, Poisson
from ovbench.common.effective import Effective, Filling, Phases, Port
from ovbench.common.job import Runtime
from ovbench.common.messages import Ready
from ovbench.common.shape import format_shape, static_shape
from ovbench.common.topology import format_cpu_list

from ..request.request import Request
from ..request.scenario import least_server_s
from ..result.hosts import named_hosts
from ..result.numbers import count, duration, megabytes, milliseconds, rate
from ..session.events import (
    AgentLost,
    Awaited,
    Delivering,
    FilesUnderWay,
    HostsAwaited,
    Joining,
    Preparing,
    ReadyAgent,
    WarmingUp,
)

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
_MOST_GROUPS: Final = 12
_MOST_NAMED: Final = 8
_BYTES_PER_MB: Final = 1_000_000
_UNNAMED: Final = "***NO_NAME***"


@dataclass(frozen=True)
class Step:
    """What is shown of a step: how long it took, what was done, and what the user should know of it."""

    number: int
    note: str = ""
    lines: Sequence[str] = ()
    warnings: Sequence[str] = ()


def waiting_line(event: Awaited) -> str:
    """Who is awaited, and what the slowest is doing."""
    match event:
        case FilesUnderWay(hosts=hosts, missing=names, taken_bytes=taken):
            sent = megabytes(taken / _BYTES_PER_MB)
            return f"{hosts - len(names)} of {hosts} hosts have the files, {sent} sent; under way: {_some(names)}"
        case Joining(agents=agents, missing=missing, hosts=names):
            where = f" on {named_hosts(names)}" if names else ""
            return f"{agents - len(missing)} of {agents} agents have joined; missing: {_some(missing)}{where}"
        case Delivering(agents=agents, delivered=delivered):
            return f"{delivered} of {agents} agents have delivered their results"
        case WarmingUp():
            return "warming up"
        case Preparing(slowest=None):
            return "all agents are ready"
        case Preparing(agents=agents, ready=ready, slowest=slowest, step=step, host=host):
            doing = STEPS[max(2, step) - 1].lower()
            return f"{ready} of {agents} agents are ready; agent {slowest}{_on(host)}: {doing}"


def joining_line(event: HostsAwaited) -> str:
    """Which hosts are awaited, before anything is known of the run on them."""
    return f"{event.hosts - len(event.missing)} of {event.hosts} hosts have joined; missing: {_some(event.missing)}"


def lost_lines(lost: Iterable[AgentLost]) -> Iterator[str]:
    """One for each reason, however many agents were lost for it."""
    by_why: dict[str, list[AgentLost]] = {}
    for one in lost:
        by_why.setdefault(one.why, []).append(one)
    for why, some in by_why.items():
        if len(some) == 1:
            yield f"{some[0].name} is lost: {why}"
        else:
            yield f"{len(some)} agents are lost ({format_cpu_list(sorted(one.agent for one in some))}): {why}"


def _some(names: Sequence[object]) -> str:
    return ", ".join(map(str, names[:_MOST_NAMED])) + (", ..." if len(names) > _MOST_NAMED else "")


def _on(host: str) -> str:
    return f" on {host}" if host else ""


def preparation(agents: Sequence[ReadyAgent], request: Request) -> Iterator[Step]:
    """Steps 2 to 9: the times are those of the slowest agent, what was done is what the first one reported."""
    readies = {f"agent {agent.id}{_on(agent.host)}": agent.reported for agent in agents}
    if not readies:
        return
    first = next(iter(readies.values()))
    effective, runtime = first.effective, agents[0].runtime
    if effective.backend != "openvino":
        yield Step(2, lines=[f"none: the null backend {effective.backend} stands in for it"])
        return
    yield Step(
        2,
        _slowest(readies, lambda p: p.load_runtime_ms),
        [f"OpenVINO {_each(one.openvino for one in readies.values())}"],
    )
    yield Step(3, lines=[f"{effective.device}: {_asked(runtime)}"])
    if first.phases.read_model_ms:
        yield from _reading(readies, effective)
    else:
        skipped = "compiled model" if first.phases.import_ms else "loading model from file"
        yield from (Step(number, lines=[f"Skipping the step for {skipped}"]) for number in (4, 5, 6))
    yield _compiling(readies)
    yield Step(8, lines=["each agent: " + _common(list(readies.values()))])
    if not request.load.compile_only:
        yield _filling(readies, request)


def _slowest(readies: Mapping[str, Ready], phase: Callable[[Phases], float]) -> str:
    """How long it took, and which of several agents needed most; empty where it was not done."""
    agent = max(readies, key=lambda name: phase(readies[name].phases))
    longest = phase(readies[agent].phases)
    if not longest:
        return ""
    return milliseconds(longest) + (f" (slowest: {agent})" if len(readies) > 1 else "")


def _each(values: Iterable[str]) -> str:
    """What agents on unlike hosts have differs."""
    return " and ".join(dict.fromkeys(values))


def _reading(readies: Mapping[str, Ready], effective: Effective) -> Iterator[Step]:
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


def _compiling(readies: Mapping[str, Ready]) -> Step:
    imported = _slowest(readies, lambda p: p.import_ms)
    compiled = _slowest(readies, lambda p: p.compile_ms)
    lines = ["imported: the model was compiled before"] if imported else []
    agent = max(readies, key=lambda name: readies[name].peak_after_mb - readies[name].peak_before_mb)
    before, after = readies[agent].peak_before_mb, readies[agent].peak_after_mb
    if after:
        who = f" (most: {agent})" if len(readies) > 1 else ""
        grown = megabytes(after - before)
        lines.append(f"peak memory: {megabytes(before)} before, {megabytes(after)} after, {grown} more{who}")
    return Step(7, imported or compiled, lines)


def _filling(readies: Mapping[str, Ready], request: Request) -> Step:
    effective = next(iter(readies.values())).effective
    lines = [_filled(filling) for filling in effective.fillings] or [f"random inputs, seed {request.data.seed}"]
    if len(effective.groups) > 1:
        lines.append(f"Defined {len(effective.groups)} tensor groups:")
        lines += [f"    {_group(effective.inputs, group.shapes)}" for group in effective.groups[:_MOST_GROUPS]]
        more = len(effective.groups) - _MOST_GROUPS
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
            f"precision {_each(one.precision or 'unknown' for one in effective)}",
        )
    )


def load_lines(agents: Sequence[ReadyAgent], request: Request) -> Iterator[str]:
    """The load in a sentence, how it arrives, then whether inputs are set within it, in benchmark_app's words."""
    how = "synchronously" if request.load.api == "sync" else "asynchronously"
    limits = []
    if request.load.duration_s is not None:
        most = duration(request.load.duration_s)
        limits.append(most if request.until is None else f"at most {most}, until {request.until.text}")
    if request.load.iterations is not None:
        limits.append(f"{count(request.load.iterations)} inferences in total")
    who = f"{len(agents)} agents infer" if len(agents) != 1 else "1 agent infers"
    pace = f", at most {rate(request.max_irate)} FPS in total" if request.max_irate else ""
    before = "warm-up" if request.arrivals is None else "lead-in"
    warmup = f", after {duration(request.load.warmup_s)} of {before}" if request.load.warmup_s else ""
    yield f"{who} {how}, for {' and '.join(limits)}{pace}{warmup}"
    yield from arriving_lines(request)
    yield from _lengthened(request)
    if agents and agents[0].reported.effective.backend == "openvino":
        yield _mode(agents[0].reported.effective.inference_only)


def arriving_lines(request: Request) -> Iterator[str]:
    """How inferences become due at a rate, and what becomes of those that wait; none for another load."""
    arrivals, load = request.arrivals, request.load
    if arrivals is None:
        return
    staged = len(arrivals.stages) > 1 or arrivals.stages[0].rate_from != arrivals.stages[0].rate_to
    pace = f"{rate(arrivals.rate)} inferences/s{' on average' * staged}"
    by_chance = isinstance(arrivals.law, Poisson | Gamma) or request.dispatch == "random"
    seed = f", seed {arrivals.seed}" if by_chance else ""
    yield f"arrivals: {pace}, {arrivals.law}{seed}; dispatch {request.dispatch}"
    if staged:
        yield f"stages: {','.join(map(str, arrivals.stages))}"
    end = f"up to {duration(load.drain_s)} after the end" if load.drain_s else "only until the end"
    dropped = "" if load.timeout_s is None else f"; dropped after {milliseconds(load.timeout_s * 1e3)} of waiting"
    yield f"what is due may finish {end}{dropped}"


def _lengthened(request: Request) -> Iterator[str]:
    """That a server's load is longer than was asked for, where it is as its queries want it."""
    arrivals, rules = request.arrivals, request.rules
    if arrivals is None or rules is None:
        return
    least_s = least_server_s(rules, arrivals.rate)
    if request.load.duration_s == least_s:
        yield f"LoadGen wants {count(rules.min_queries)} queries: -t is at least {duration(least_s)} at this rate"


def _mode(inference_only: bool) -> str:
    mode, included = ("inference only", "are not") if inference_only else ("full", "are")
    return f"Benchmarking in {mode} mode (inputs filling {included} included in measurement loop)."
