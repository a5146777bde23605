"""A run in benchmark_app's own report files, so that scripts made for them read ours.

Latency is from start to completion, as there: at a rate that is the service time, without the wait for the start. Keys,
units and formats are those of `utils/statistics_report.py` and `main.py` in OpenVINO's wheel; the figures are of
all agents together, and each agent's own are added. Left out are its mistakes: in JSON the latencies of shape groups
replace the overall ones and average counters end after the first layer; totals of sorted counters wrap at a second.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ovbench.common.topology import format_cpu_list

from ..request.request import PcSort, Request
from ..result.latency import LatencyPart
from ..result.report import (
    AgentPart,
    GroupPart,
    LayerPart,
    LayersPart,
    PhasesPart,
    Report,
    RequestLayer,
    RequestLayers,
    Throughput,
)
from .layers import ordered, share

Row = tuple[str, str | bool]

_SEPARATOR: Final = ";"
_LAYER_COLUMNS: Final = ("layerName", "execStatus", "layerType", "execType", "realTime (ms)", "cpuTime (ms)")
_SHARE_COLUMN: Final = "proportion (%)\n"
"""With the line break inside, as benchmark_app has it: it is a part of the name for whatever reads columns by name."""

_PHASES: Final[tuple[tuple[str, Callable[[PhasesPart], float]], ...]] = (
    ("read model time (ms)", lambda phases: phases.read_model),
    ("reshape model time (ms)", lambda phases: phases.reshape),
    ("compile model time (ms)", lambda phases: phases.compile),
    ("import model time (ms)", lambda phases: phases.import_model),
    ("first inference time (ms)", lambda phases: phases.first_inference),
)

AnyLayer = LayerPart | RequestLayer


def benchmark_files(report: Report, request: Request) -> dict[str, bytes]:
    """Contents by file name; none without -report_type, as with benchmark_app.

    `benchmark_report`, and `benchmark_sorted_report` with -pcsort, and `benchmark_average_counters_report` or
    `benchmark_detailed_counters_report` with these types; .json with -json_stats, otherwise .csv.
    """
    if request.output.report_type is None:
        return {}
    render = _json_files if request.output.json_stats else _csv_files
    return {name: text.encode() for name, text in render(report, request)}


def _json_files(report: Report, request: Request) -> Iterator[tuple[str, str]]:
    yield "benchmark_report.json", _json(_statistics_json(_statistics(report, request)))
    counted = report.layers
    if counted is None:
        return
    if request.output.pcsort is not None:
        sorted_layers = {"report_type": "sorted", "avg_performance": _sorted_json(counted, request.output.pcsort)}
        yield "benchmark_sorted_report.json", _json(sorted_layers)
    if request.output.report_type == "average_counters":
        average = {"report_type": "average", "avg_performance": _layers_json(counted.layers)}
        yield "benchmark_average_counters_report.json", _json(average)
    elif request.output.report_type == "detailed_counters" and counted.by_request:
        requests = [_request_json(one) for one in counted.by_request]
        detailed = {"report_type": "detailed", "detailed_performance": requests}
        yield "benchmark_detailed_counters_report.json", _json(detailed)


def _csv_files(report: Report, request: Request) -> Iterator[tuple[str, str]]:
    yield "benchmark_report.csv", _statistics_csv(_statistics(report, request))
    counted = report.layers
    if counted is None:
        return
    if request.output.pcsort is not None:
        yield "benchmark_sorted_report.csv", _sorted_csv(counted, request.output.pcsort)
    if request.output.report_type == "average_counters":
        yield "benchmark_average_counters_report.csv", _layers_csv(counted.layers)
    elif request.output.report_type == "detailed_counters" and counted.by_request:
        yield "benchmark_detailed_counters_report.csv", "".join(_request_csv(one) for one in counted.by_request)


@dataclass(frozen=True)
class _Statistics:
    """`before_groups` and `after_groups` are the execution results: the CSV has those of shape groups between them."""

    command: Sequence[Row]
    setup: Sequence[Row]
    before_groups: Sequence[Row]
    groups: Sequence[tuple[str, LatencyPart | None]]
    after_groups: Sequence[Row]
    agents: Sequence[tuple[AgentPart, Sequence[Row]]]


def _statistics(report: Report, request: Request) -> _Statistics:
    window_ms = 1000 * report.window.duration_s
    measured = report.throughput if report.throughput.count else None
    at_rate = report.arrivals is not None
    errors = [finding.message for finding in report.validity.findings if finding.severity == "error"]
    return _Statistics(
        command=command_line_arguments(report.command),
        setup=[] if request.load.compile_only else _setup(report, request),
        before_groups=[*_phases(report.phases_ms), *_load(measured, _latency(report, at_rate), window_ms)],
        groups=[(_group_name(group), _latency(group, at_rate)) for group in report.groups],
        after_groups=[*_throughput(measured), *_error(errors)],
        agents=[(agent, _agent(agent, _latency(agent, at_rate), request, window_ms)) for agent in report.agents],
    )


def _latency(part: Report | GroupPart | AgentPart, at_rate: bool) -> LatencyPart | None:
    """Of what completed, from its start."""
    return part.service_ms if at_rate else part.latency_ms


def command_line_arguments(argv: Sequence[str]) -> list[tuple[str, str]]:
    """Name and value pairs by benchmark_app's rule: of several values for one name the last, none for a switch."""
    pairs = []
    name = value = ""
    for word in argv[1:]:
        left, equals, right = word.partition("=")
        if equals or word.startswith("-"):
            if name:
                pairs.append((name, value))
            name, value = left, right
            if equals:
                pairs.append((name, value))
                name = value = ""
        else:
            value = word
    return [*pairs, (name, value)] if name else pairs


def _setup(report: Report, request: Request) -> list[Row]:
    """Streams and requests are of all agents together, as iterations are."""
    effective = report.effective
    if effective is None:
        return []
    rows: list[Row] = [
        ("topology", effective.model),
        ("target device", request.runtime.device),
        ("API", effective.api),
        ("inference_only", effective.inference_only),
        ("precision", "UNSPECIFIED"),
        ("batch size", _batch(report.throughput)),
        ("number of iterations", str(effective.iterations)),
        ("number of parallel infer requests", str(sum(agent.nireq or 0 for agent in report.agents))),
        ("duration (ms)", f"{1000 * (request.load.duration_s or 0.0):.12g}"),
    ]
    if request.runtime.streams is not None:
        streams = sum(agent.streams or 0 for agent in report.agents)
        rows.append((f"number of {request.runtime.device} streams", str(streams)))
    return rows


def _batch(throughput: Throughput) -> str:
    """benchmark_app's word for an open dimension where shapes of several batches were inferred in turn."""
    return "?" if throughput.frames != throughput.count * throughput.batch else str(throughput.batch)


def _phases(phases: PhasesPart | None) -> list[Row]:
    """Of what was done, in its order."""
    if phases is None:
        return []
    return [(name, f"{duration(phases):.2f}") for name, duration in _PHASES if duration(phases) > 0]


def _load(throughput: Throughput | None, latency: LatencyPart | None, window_ms: float) -> list[Row]:
    if throughput is None:
        return []
    iterations = ("total number of iterations", str(throughput.count))
    return [("total execution time (ms)", f"{window_ms:.2f}"), iterations, *_chosen(latency), *_spread(latency)]


def _chosen(latency: LatencyPart | None) -> list[Row]:
    if latency is None:
        return []
    percentile = latency.chosen_percentile
    if percentile == 50:
        return _known({"latency (ms)": latency.median})
    return _known({f"latency ({percentile} percentile) (ms)": latency.chosen})


def _spread(latency: LatencyPart | None) -> list[Row]:
    if latency is None:
        return []
    return _known({"avg latency": latency.mean, "min latency": latency.min, "max latency": latency.max})


def _known(values: Mapping[str, float | None]) -> list[Row]:
    return [(name, f"{value:.2f}") for name, value in values.items() if value is not None]


def _throughput(throughput: Throughput | None) -> list[Row]:
    return [] if throughput is None else [("throughput", f"{throughput.fps:.2f}")]


def _error(reasons: Sequence[str]) -> list[Row]:
    """On one line: OpenVINO's own messages have several."""
    return [("error", " ".join(" ".join(reasons).split()))] if reasons else []


def _agent(agent: AgentPart, latency: LatencyPart | None, request: Request, window_ms: float) -> list[Row]:
    rows: list[Row] = [("cpus", format_cpu_list(agent.cpus))]
    if agent.nireq is not None:
        rows.append(("number of parallel infer requests", str(agent.nireq)))
    if agent.streams is not None:
        rows.append((f"number of {request.runtime.device} streams", str(agent.streams)))
    measured = agent.throughput if agent.throughput is not None and agent.throughput.count else None
    rows += [*_phases(agent.phases_ms), *_load(measured, latency, window_ms), *_throughput(measured)]
    return [*rows, *_error([agent.reason] if agent.state != "ok" else [])]


def _group_name(group: GroupPart) -> str:
    return "".join(f" {name}: [{','.join(map(str, shape))}]" for name, shape in group.shapes.items())


def _statistics_json(statistics: _Statistics) -> dict[str, Any]:
    parts: dict[str, Any] = {"cmd_options": dict(statistics.command)}
    if statistics.setup:
        parts["configuration_setup"] = dict(statistics.setup)
    parts["execution_results"] = dict([*statistics.before_groups, *statistics.after_groups])
    if statistics.groups:
        parts["groups"] = [
            {"group": name, **dict([*_chosen(latency), *_spread(latency)])} for name, latency in statistics.groups
        ]
    parts["agents"] = [{"id": agent.id, **dict(rows)} for agent, rows in statistics.agents]
    return parts


def _statistics_csv(statistics: _Statistics) -> str:
    """An agent's rows begin with its name, so that they stay apart from the totals where all keys go to one mapping."""
    groups = [row for name, latency in statistics.groups for row in [("group", name), *_spread(latency)]]
    agents = [(f"agent {agent.id} {key}", value) for agent, rows in statistics.agents for key, value in rows]
    sections: dict[str, Sequence[Row]] = {
        "Command line parameters": statistics.command,
        "Configuration setup": statistics.setup,
        "Execution results": [*statistics.before_groups, *groups, *statistics.after_groups],
        "Agents": agents,
    }
    kept = {"Command line parameters", *(title for title, rows in sections.items() if rows)}
    return "".join(f"{title}\n{_lines(rows)}\n" for title, rows in sections.items() if title in kept)


def _lines(rows: Iterable[Row]) -> str:
    return "".join(f"{key}{_SEPARATOR}{value}\n" for key, value in rows)


def _json(value: Any) -> str:
    return json.dumps(value, indent=4)


def _status(layer: AnyLayer) -> str:
    return f"Status.{layer.status}"


def _layer_json(layer: AnyLayer) -> dict[str, str]:
    return {
        "name": layer.name,
        "node_type": layer.type,
        "status": _status(layer),
        "real_time": f"{layer.real:.3f}",
        "cpu_time": f"{layer.cpu:.3f}",
        "exec_type": layer.exec_type,
    }


def _totals(layers: Sequence[AnyLayer]) -> tuple[float, float]:
    """Real and CPU time, ms."""
    return sum(layer.real for layer in layers), sum(layer.cpu for layer in layers)


def _totals_json(layers: Sequence[AnyLayer]) -> dict[str, str]:
    real, cpu = _totals(layers)
    return {"total_real_time": f"{real:.3f}", "total_cpu_time": f"{cpu:.3f}"}


def _layers_json(layers: Sequence[AnyLayer]) -> dict[str, Any]:
    return {"nodes": [_layer_json(layer) for layer in layers], **_totals_json(layers)}


def _request_json(one: RequestLayers) -> dict[str, Any]:
    return {"agent": one.agent, "request": one.request, **_layers_json(one.layers)}


def _sorted_json(part: LayersPart, pcsort: PcSort) -> dict[str, Any]:
    layers = ordered(part.layers, pcsort)
    nodes = [{**_layer_json(layer), "%": _percent(layer, part)} for layer in layers]
    return {"nodes": nodes, **_totals_json(layers)}


def _percent(layer: LayerPart, part: LayersPart) -> str:
    return f"{100 * share(layer, part):.2f}%"


def _layer_cells(layer: AnyLayer) -> list[str]:
    real, cpu = f"{layer.real:.3f}", f"{layer.cpu:.3f}"
    return [layer.name, _status(layer), layer.type, layer.exec_type, real, cpu]


def _layers_csv(layers: Sequence[AnyLayer], more: Sequence[tuple[str, str]] = ()) -> str:
    """A line per layer and the totals; `more` are further columns, which have the same value on each line."""
    real, cpu = _totals(layers)
    total = ["Total", "", "", "", f"{real:.3f}", f"{cpu:.3f}"]
    added = [value for _, value in more]
    rows = [[*cells, *added] for cells in (*map(_layer_cells, layers), total)]
    header = [*_LAYER_COLUMNS, *(title for title, _ in more)]
    return "".join(f"{_SEPARATOR.join(row)}\n" for row in [header, *rows]) + "\n"


def _request_csv(one: RequestLayers) -> str:
    return _layers_csv(one.layers, (("agent", str(one.agent)), ("request", str(one.request))))


def _sorted_csv(part: LayersPart, pcsort: PcSort) -> str:
    """With commas, unlike the other files, as benchmark_app has it."""
    layers = ordered(part.layers, pcsort)
    real, cpu = _totals(layers)
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow([*_LAYER_COLUMNS, _SHARE_COLUMN])
    writer.writerows([*_layer_cells(layer), _percent(layer, part)] for layer in layers)
    written.write("\n")
    writer.writerow([f"Total time: {real:.2f} milliseconds"])
    writer.writerow([f"Total CPU time: {cpu:.2f} milliseconds"])
    written.write("\n\n")
    return written.getvalue()
