"""The last block of a report: the verdict and the figure, what was measured, with what and on what. It says what the
run was to somebody who sees nothing else of it."""

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console
from rich.text import Text

from ..result.hosts import HostPart
from ..result.latency import HistogramPart, LatencyPart
from ..result.numbers import count, deviation, microseconds, milliseconds, percent, rate
from ..result.report import EffectivePart, OutputsPart, Report, Throughput, Validity
from .latencytable import chosen_of, latency_figure
from .lines import gist, print_line
from .sparkline import spark
from .until import until_line

VERDICT: Final = {
    "VALID": "bold green",
    "SUSPECT": "bold yellow",
    "INVALID": "bold red",
    "PARTIAL": "bold magenta",
}
_SPARKS: Final = 40
_MOST_NAMED: Final = 3


def print_summary(console: Console, report: Report) -> None:
    """Fits a terminal of 80 columns."""
    for line in (headline(report), *_reasons(report.validity), *_facts(report)):
        print_line(console, line, 2)


def headline(report: Report) -> Text:
    status = report.validity.status
    text = Text.assemble((f" {status} ", f"reverse {VERDICT[status]}"))
    if not report.measured:
        return text + Text("  nothing was measured")
    if report.arrivals is not None:
        done, offered = rate(report.throughput.inferences_per_s), rate(report.arrivals.offered_per_s)
        return text + Text.assemble((f"  {done} of {offered}/s", "bold"), _gist_of(report.latency_ms), " from due")
    text += Text.assemble((f"  {rate(report.throughput.fps)} FPS", "bold"), _uncertainty(report.throughput))
    return text + Text(f"{_gist_of(report.latency_ms)}   CPU {percent(report.cpu.busy_percent)}")


def _uncertainty(throughput: Throughput) -> str:
    interval = throughput.fps_ci95
    return "" if interval is None else f" {deviation(throughput.fps, interval.low, interval.high)}"


def _gist_of(latency: LatencyPart | None) -> str:
    """The median and the percentile that was asked for, else the 99th."""
    if latency is None:
        return ""
    chosen = chosen_of(latency)
    percentile, field = (99, "p99") if chosen is None else (chosen, "chosen")
    return f"   median {latency_figure(latency, 'median')}   p{percentile} {latency_figure(latency, field)}"


def _reasons(validity: Validity) -> Iterator[Text]:
    """Why the verdict is not VALID: the first reason and what to do, the others by name."""
    if not validity.reasons:
        return
    first, *others = validity.reasons
    style = VERDICT[validity.status]
    yield Text.assemble("  ", (gist(first), style), (f" {first.advice}".rstrip(), "dim"))
    if others:
        yield Text.assemble("  ", (f"also {', '.join(one.code for one in others)}", style), ("; see above", "dim"))


def _facts(report: Report) -> Iterator[Text]:
    lines = [list(what(report)), list(where(report))]
    if report.measured:
        lines += _done(report)
    for facts in filter(None, lines):
        yield Text("  " + " · ".join(facts), "dim")
    sparks = _sparks(report)
    if sparks is not None:
        yield sparks


def what(report: Report) -> Iterator[str]:
    effective = report.effective
    if effective is None:
        yield str(report.requested.get("model", ""))
    else:
        batch = f", batch {effective.batch}" if effective.batch > 1 else ""
        yield f"{effective.model}{f' {effective.precision}' * bool(effective.precision)}{batch}"
    if effective is not None and effective.backend != "openvino":
        yield f"backend {effective.backend}"
    elif builds := _openvino(report):
        yield f"OpenVINO {builds}"
    yield f"ovbench {report.ovbench.version}"


def _openvino(report: Report) -> str:
    """What agents loaded: the releases alone, without the commit that they were built from."""
    environment = report.environment
    own = environment.openvino if environment.agent_python is None else environment.agent_python.openvino
    builds = [host.openvino for host in report.hosts] or [own]
    return _listed([build.partition("-")[0] for build in builds])


def where(report: Report) -> Iterator[str]:
    there = [host for host in report.hosts if host.state != "lost"]
    yield _listed([host.topology.model for host in there] or [report.environment.cpu_model])
    if report.measured_cpus:
        yield f"{_some(report.measured_cpus, 'CPU')} measured"
    yield from _on_hosts(report.hosts, there)
    if report.effective is not None:
        agents = sum(agent.state == "ok" for agent in report.agents)
        yield f"{_some(agents, 'agent')}, {report.effective.api}{_each(report.effective)}"


def _on_hosts(hosts: Sequence[HostPart], there: Sequence[HostPart]) -> Iterator[str]:
    """Nothing of the coordinator's own host alone."""
    if len(hosts) == 1:
        yield f"on host {hosts[0].name}"
    elif hosts:
        yield f"{len(there)} hosts" if len(there) == len(hosts) else f"{len(there)} of {len(hosts)} hosts"


def _listed(names: Sequence[str]) -> str:
    different = [name for name in dict.fromkeys(names) if name]
    return ", ".join(different[:_MOST_NAMED]) + " ..." * (len(different) > _MOST_NAMED)


def _some(number: int, of: str) -> str:
    return f"{number} {of}{'s' if number != 1 else ''}"


def _each(effective: EffectivePart) -> str:
    if effective.streams is None or effective.nireq is None:
        return ""
    return f", {_some(effective.streams, 'stream')} and {_some(effective.nireq, 'request')} each"


def _done(report: Report) -> Iterator[list[str]]:
    window, throughput = report.window, report.throughput
    length = milliseconds(window.duration_s * 1000) if window.duration_s < 0.1 else f"{window.duration_s:.3f} s"
    counted = [f"{count(throughput.count)} inference{'s' if throughput.count != 1 else ''} in {length}"]
    if throughput.frames != throughput.count * throughput.batch:
        counted.append(f"{count(throughput.frames)} frames")
    elif throughput.batch > 1:
        counted.append(f"batch {throughput.batch}")
    limit = report.requested.get("max_irate")
    if isinstance(limit, int | float) and limit:
        counted.append(f"limited to {rate(limit)} FPS")
    if report.arrivals is not None:
        # Without an interval: here it would be of how arrivals scatter.
        counted.append(f"{rate(throughput.fps)} FPS")
    if len(report.agents) > 1:
        error = "" if window.skew_error_us is None else f" ± {microseconds(window.skew_error_us)}"
        counted.append(f"start skew {microseconds(window.start_skew_us)}{error}")
    yield counted
    if report.until is not None:
        yield [until_line(report.until)]
    if report.outputs is not None and report.outputs.agree:
        yield [_agreement(report.outputs, len(report.agents))]


def _agreement(outputs: OutputsPart, agents: int) -> str:
    """What of it was compared: one agent only to itself."""
    checked, after = outputs.checked, outputs.checked_after
    who = "" if agents == 1 else " on all agents" if checked == agents else f" on {checked} of {agents} agents"
    when = ", before and after" if after == checked else f", after the load on {after}" if after else ""
    return f"outputs agree{who}{when}{' (to the bit)' if outputs.exact else ''}"


def _sparks(report: Report) -> Text | None:
    """How latencies are distributed, from the shortest to the longest."""
    shape = report.latency_distribution
    part = None if shape is None else shape.histogram
    if part is None or len(part.counts) < 2:
        return None
    least, most = milliseconds(part.edges_ms[0]), milliseconds(part.edges_ms[-1])
    return Text.assemble(("  latency ", "dim"), least, " ", (_bars(part), "cyan"), " ", most)


def _bars(part: HistogramPart) -> str:
    """Neighbouring bins together, as many each, where they are more than have room."""
    each = -(-len(part.counts) // _SPARKS)
    return spark([sum(part.counts[at : at + each]) for at in range(0, len(part.counts), each)])
