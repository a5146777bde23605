"""The report at a glance, rendered to a string as for a terminal of 80 columns."""

import io
from collections.abc import Sequence
from dataclasses import replace

import pytest
from msgspec import structs
from rich.console import Console

from ovbench.common.messages import OnNode
from ovbench.common.topology import Cpu, Topology
from ovbench.coordinator.plan.plan import make_plan
from ovbench.coordinator.report.text import print_plan, print_report
from ovbench.coordinator.request.request import Request
from ovbench.coordinator.result.cpu import CpuUse, Frequency, Neighbour
from ovbench.coordinator.result.latency import HistogramPart, Interval, LatencyPart
from ovbench.coordinator.result.numbers import milliseconds, percent, rate
from ovbench.coordinator.result.openvino import BuildPart, LackPart
from ovbench.coordinator.result.report import (
    EfficiencyPart,
    Finding,
    GroupPart,
    LayerPart,
    LayersPart,
    OutputsPart,
    Report,
    RequirementPart,
    Validity,
    from_json,
    to_json,
)
from ovbench.coordinator.session.record import AgentRecord
from tests.builders import delivered, effective, finished, folded, job, ms, ready, report, request, run, seconds, steady
from tests.machines import machine
from tests.pages import rate_report


def console(width: int = 80) -> tuple[Console, io.StringIO]:
    written = io.StringIO()
    return Console(file=written, width=width, force_terminal=False), written


def shown(of: Report, asked: Request | None = None) -> str:
    out, written = console()
    print_report(out, of if asked is None else structs.replace(of, requested=asked.requested()))
    return written.getvalue()


def section(text: str, title: str) -> list[str]:
    """The lines from a title to the next empty one."""
    lines = [line.rstrip() for line in text.splitlines()]
    first = next(index for index, line in enumerate(lines) if line.strip().startswith(title))
    end = next((index for index in range(first, len(lines)) if not lines[index].strip()), len(lines))
    return lines[first:end]


def last_block(text: str) -> list[str]:
    return text.rstrip().rpartition("\n\n")[2].splitlines()


def many(agents: int) -> Report:
    return report(run([delivered(i) for i in range(agents)]))


def test_the_last_block_begins_with_the_verdict_and_the_totals() -> None:
    found = report()
    head = last_block(shown(found))[0]
    assert found.latency_ms is not None
    assert head.split()[0] == "VALID"
    for figure in (
        f"{rate(found.throughput.fps)} FPS",
        milliseconds(found.latency_ms.median),
        milliseconds(found.latency_ms.p99),
        percent(found.cpu.busy_percent),
    ):
        assert figure in head


@pytest.mark.parametrize(
    ("duration_s", "count", "line"),
    [
        (0.00025, 1, "1 inference in 250 us"),
        (0.0423, 2, "2 inferences in 42.3 ms"),
        (2.0, 2, "2 inferences in 2.000 s"),
    ],
)
def test_a_short_window_is_shown_in_the_unit_that_fits(duration_s: float, count: int, line: str) -> None:
    found = report()
    window = structs.replace(found.window, duration_s=duration_s)
    totals = structs.replace(found.throughput, count=count, frames=count)
    assert f"  {line} · " in shown(structs.replace(found, window=window, throughput=totals))


def compared(checked: int, after: int, agree: bool | None, exact: bool) -> str:
    """What is shown of a comparison, of a run with two agents."""
    part = OutputsPart(checked=checked, agree=agree, exact=exact, checked_after=after)
    return shown(structs.replace(report(), outputs=part))


@pytest.mark.parametrize(
    ("checked", "after", "exact", "line"),
    [
        (2, 2, True, "outputs agree on all agents, before and after (to the bit)"),
        (2, 2, False, "outputs agree on all agents, before and after"),
        (2, 1, True, "outputs agree on all agents, after the load on 1 (to the bit)"),
        (1, 1, True, "outputs agree on 1 of 2 agents, before and after (to the bit)"),
        (2, 0, True, "outputs agree on all agents (to the bit)"),
    ],
)
def test_outputs_that_agree_are_reported_with_what_was_compared(
    checked: int, after: int, exact: bool, line: str
) -> None:
    assert f"  {line}\n" in compared(checked, after, True, exact)


@pytest.mark.parametrize(("checked", "agree"), [(2, False), (0, None)], ids=["they differ", "not compared"])
def test_outputs_that_differ_or_were_not_compared_are_no_line(checked: int, agree: bool | None) -> None:
    assert "outputs" not in compared(checked, checked, agree, False)


@pytest.mark.parametrize("status", ["VALID", "SUSPECT", "INVALID", "PARTIAL"])
def test_the_verdict_is_the_report_s_own(status: str) -> None:
    lost = AgentRecord(1, job((1,)), why="it was killed")
    by_status = {
        "VALID": run([delivered(0)]),
        "SUSPECT": run([delivered(0), delivered(1, cpus=(0,))]),
        "INVALID": run([delivered(0, load=finished(completed=1000, cpus=(0, 9)))]),
        "PARTIAL": run([delivered(0), lost]),
    }
    assert last_block(shown(report(by_status[status])))[0].split()[0] == status


def doubted(*codes: str) -> Report:
    """SUSPECT for these, with a message and advice for each."""
    findings = tuple(Finding(code, "warning", f"It is {code}. The figures say so.", f"No {code}.") for code in codes)
    return structs.replace(report(), validity=Validity("SUSPECT", findings, because=codes))


def test_why_a_run_is_suspect_and_what_to_do_stands_below_its_verdict() -> None:
    head, why, also, *_ = last_block(shown(doubted("other_load", "steal", "trend")))
    assert head.startswith(" SUSPECT   200.0 FPS")
    assert why == "  It is other_load. No other_load."
    assert also == "  also steal, trend; see above"
    lines = last_block(shown(doubted("steal")))
    assert not lines[2].startswith("  also")


def test_what_only_concerns_confidence_is_no_reason() -> None:
    few = Finding("few_samples", "warning", "p99 is from 3 inferences.")
    lines = last_block(shown(structs.replace(report(), validity=Validity("VALID", (few,)))))
    assert not any("p99 is from" in line for line in lines)


def tables(text: str) -> list[str]:
    """Everything that is laid out in columns; sentences may be wrapped by the terminal."""
    bars = [line.rstrip() for line in text.splitlines() if "·" in line or "█" in line]
    return [*section(text, "latency"), *section(text, "agents"), *bars]


@pytest.mark.parametrize("agents", [1, 2, 4, 16, 17, 200])
def test_the_tables_fit_a_terminal_of_80_columns(agents: int) -> None:
    text = shown(many(agents))
    assert max(len(line) for line in tables(text)) <= 80
    assert "…" not in text


def test_the_tables_fit_with_large_numbers_as_well() -> None:
    busy = delivered(0, cpus=tuple(range(128)), data=steady(seconds(1), ms(0.05), 200_000))
    text = shown(report(run([busy, delivered(1, cpus=tuple(range(128, 256)))])))
    assert max(len(line) for line in tables(text)) <= 80
    assert "…" not in text


def test_every_figure_of_the_latency_is_shown() -> None:
    found = report()
    latency = found.latency_ms
    assert latency is not None
    title, header, _, row, _ = section(shown(found), "latency")
    assert title == "latency  ± with 95 % confidence"
    assert header.split() == ["min", "median", "mean", "p90", "p95", "p99", "p99.9", "max"]
    assert row.split("  ")[-1].strip() == milliseconds(latency.max)
    assert row.count("ms") == 8


def with_percentile(percentile: int, value: float) -> Report:
    found = report()
    assert found.latency_ms is not None
    return structs.replace(
        found, latency_ms=structs.replace(found.latency_ms, chosen_percentile=percentile, chosen=value)
    )


@pytest.mark.parametrize(
    ("percentile", "columns"),
    [
        (25, ["min", "p25", "median", "mean", "p95", "p99", "p99.9", "max"]),
        (50, ["min", "median", "mean", "p90", "p95", "p99", "p99.9", "max"]),
        (75, ["min", "median", "mean", "p75", "p95", "p99", "p99.9", "max"]),
        (95, ["min", "median", "mean", "p90", "p95", "p99", "p99.9", "max"]),
        (100, ["min", "median", "mean", "p95", "p99", "p99.9", "p100", "max"]),
    ],
)
def test_a_percentile_that_was_asked_for_has_its_column_in_its_place(percentile: int, columns: list[str]) -> None:
    _, header, _, row, _ = section(shown(with_percentile(percentile, 12.3)), "latency")
    assert header.split() == columns
    assert len(row) <= 80
    if percentile in (25, 75, 100):
        assert row.split()[2 * columns.index(f"p{percentile}")] == "12.3"


def with_intervals(**bounds: tuple[float | None, float | None]) -> Report:
    """Of a median of 10 ms and 200 FPS."""
    found = report()
    assert found.latency_ms is not None
    intervals = {name: Interval(*both) for name, both in bounds.items() if name != "fps"}
    return structs.replace(
        found,
        throughput=structs.replace(found.throughput, fps_ci95=Interval(*bounds["fps"]) if "fps" in bounds else None),
        latency_ms=structs.replace(found.latency_ms, ci95=intervals),
    )


def test_an_interval_is_below_its_percentile() -> None:
    text = shown(with_intervals(median=(9.9, 10.05), p99=(9.0, 15.0), p99_9=(9.5, None)))
    _, header, _, row, below = section(text, "latency")
    assert below.split("  ")[-1].strip() == "±?"
    assert below.split() == ["±1.0", "%", "±50", "%", "±?"]
    for column, mark in (("median", "±1.0 %"), ("p99", "±50 %")):
        assert header.index(column) + len(column) == below.index(mark) + len(mark)
    assert len(row) <= 80


def test_the_interval_of_the_throughput_is_in_the_headline() -> None:
    head = last_block(shown(with_intervals(fps=(199.0, 201.0))))[0]
    assert "200.0 FPS ±0.5 %   median" in head


def test_where_there_is_no_interval_nothing_is_said_of_one() -> None:
    assert "±" not in shown(with_intervals())


def test_agents_are_compared_in_the_title_of_their_table() -> None:
    slower = delivered(1, data=steady(seconds(1), ms(12.5), 800))
    line = section(shown(report(run([delivered(0), slower]))), "agents")[0]
    assert line == "agents  FPS per CPU from 80.00 (agent 1) to 100.0 (agent 0), spread 22.2 %"
    assert section(shown(report(run([delivered(0)]))), "agents")[0] == "agents"


@pytest.mark.parametrize("place", ["node", "socket"])
def test_nodes_or_sockets_are_compared_where_there_are_several(place: str) -> None:
    found = report()
    assert found.fairness is not None
    means = {"0": 100.0, "1": 90.0}
    part = structs.replace(found.fairness, by_socket=means, by_node=means if place == "node" else {"0": 95.0})
    line = section(shown(structs.replace(found, fairness=part)), "agents")[1]
    assert line == f"  FPS per CPU from 90.00 ({place} 1) to 100.0 ({place} 0)"


def test_a_percentile_that_was_asked_for_is_in_the_headline() -> None:
    head = last_block(shown(with_percentile(75, 12.3)))[0]
    assert "p75 12.3 ms" in head
    assert "p99" not in head


def test_the_headline_has_p99_where_none_was_asked_for() -> None:
    assert "p99 10.0 ms" in last_block(shown(report()))[0]


def test_a_paced_run_says_its_limit() -> None:
    assert "limited to 120.0 FPS" in shown(report(), request("-max_irate", "120"))
    assert "limited" not in shown(report())


def test_each_requirement_is_shown_with_its_value_and_by_how_much_it_was_missed() -> None:
    asked = request("--require", "fps >= 150", "--require", "p99 < 5", "--require", "energy_per_inference_j < 1")
    found = report(run([delivered(0), delivered(1)], wanted=asked))
    lines = [line.strip() for line in shown(found).splitlines() if line.startswith(("  met", "  not met"))]
    assert lines == [
        "met     fps >= 150: fps is 200.0",
        "not met p99 < 5: p99_ms is 10.0 ms, beyond the limit by 5.00 ms",
        "not met energy_per_inference_j < 1: energy_per_inference_j is not known",
    ]
    assert found.requested["require"] == "fps >= 150; p99 < 5; energy_per_inference_j < 1"


def test_a_requirement_on_what_is_not_known_says_what_is() -> None:
    part = RequirementPart("p99 < 5", "p99_ms", None, False, None, 12.0, "it is > 12.0 ms, beyond the limit")
    text = shown(structs.replace(report(), requirements=(part,)))
    (line,) = (line.strip() for line in text.splitlines() if "not met" in line)
    assert line == "not met p99 < 5: p99_ms is not known: it is > 12.0 ms, beyond the limit"


def test_a_saved_report_reads_as_the_run_did() -> None:
    asked = request("-max_irate", "120", "--require", "fps >= 1", "-pcsort", "sort")
    found = structs.replace(with_layers(), requested=asked.requested())
    assert shown(from_json(to_json(found))) == shown(found)


def group(latency: LatencyPart | None, *lengths: int) -> GroupPart:
    shapes = {"data": (1, 3, *lengths), "a_rather_long_name_of_an_input": lengths}
    return GroupPart(shapes, 1, 0 if latency is None else latency.count, latency)


def test_each_combination_of_shapes_has_its_row() -> None:
    found = report()
    text = shown(structs.replace(found, groups=(group(found.latency_ms, 224, 448), group(None, 9))))
    _, header, _, *rows = section(text, "latency by shapes")
    assert header.split() == ["shapes", "count", "median", "mean", "min", "max"]
    assert "[1,3,224,448]" in rows[0]
    assert rows[0].count("10.0 ms") == 4
    (never,) = (row for row in rows if row.split()[-1] == "-")
    assert never.split() == ["data", "[1,3,9]", "0", "-", "-", "-", "-"]
    assert max(map(len, rows)) <= 80


def test_groups_show_the_percentile_that_was_asked_for() -> None:
    found = with_percentile(75, 12.3)
    _, header, _, row, *_ = section(
        shown(structs.replace(found, groups=(group(found.latency_ms, 8),))), "latency by shapes"
    )
    assert header.split()[2] == "p75"
    assert "12.3 ms" in row


def test_a_run_with_one_combination_of_shapes_has_no_rows_for_it() -> None:
    assert "latency by shapes" not in shown(report())


def with_layers() -> Report:
    slow = LayerPart("conv", "Convolution", "brgconv_f32", "EXECUTED", 1.0, 1.0, 1.5, 1)
    rest = LayerPart("softmax", "Softmax", "jit_f32", "EXECUTED", 3.0, 3.0, 3.0, 0)
    return structs.replace(report(), layers=LayersPart((slow, rest), 4.0, 4.0))


def test_layers_are_shown_where_they_were_asked_for() -> None:
    by_time = shown(with_layers(), request("-pcsort", "sort"))
    assert by_time.index("  softmax ") < by_time.index("  conv ")
    in_order = shown(with_layers(), request("-pc"))
    assert in_order.index("  conv ") < in_order.index("  softmax ")
    assert "agent 1: 1.500 ms" in in_order
    assert "layers" not in shown(with_layers())


def test_layers_that_were_not_delivered_are_not_shown() -> None:
    assert "layers" not in shown(report(), request("-pc"))


def test_on_a_terminal_the_layers_keep_to_its_width() -> None:
    long = LayerPart("x" * 90, "y" * 90, "z" * 90, "EXECUTED", 1.0, 1.0, 1.0, 0)
    asked = request("-pc").requested()
    found = structs.replace(report(), layers=LayersPart((long,), 1.0, 1.0), requested=asked)
    written = io.StringIO()
    terminal = Console(file=written, width=80, force_terminal=True, color_system=None)
    print_report(terminal, found)
    lines = written.getvalue().splitlines()
    assert max(map(len, lines[lines.index("layers") :])) <= 80


def test_only_the_verdict_is_marked_in_the_headline() -> None:
    written = io.StringIO()
    print_report(Console(file=written, width=80, force_terminal=True, color_system="standard"), report())
    head = last_block(written.getvalue())[0]
    assert head.startswith("\x1b[1;7;32m VALID \x1b[0m")
    assert "7;32m" not in head.removeprefix("\x1b[1;7;32m")


def test_percentiles_from_a_histogram_are_marked_with_their_error() -> None:
    exact = delivered(0)
    rest = replace(exact, samples=(), folded=(folded(steady(seconds(1), ms(10), 1000), seconds(1)),))
    assert "0.1 %" in section(shown(report(run([rest]))), "latency")[0]
    assert "histogram" not in shown(report(run([exact])))


def test_every_agent_has_its_row() -> None:
    _, header, _, *rows = section(shown(many(3)), "agents")
    assert header.split()[:2] == ["agent", "CPUs"]
    assert [row.split()[0] for row in rows] == ["0", "1", "2"]
    assert all("100.0" in row for row in rows)


def test_of_very_many_agents_the_rest_is_summed_up() -> None:
    rows = section(shown(many(40)), "agents")
    assert len(rows) < 25
    assert "24 more" in rows[-1]


def test_a_lost_agent_is_shown_as_such() -> None:
    lost = AgentRecord(1, job((1,)), why="it was killed")
    row = section(shown(report(run([delivered(0), lost]))), "agents")[-1]
    assert row.split()[0] == "1"
    assert row.split()[-1] == "lost"


def test_a_cpu_that_an_agent_strayed_to_is_shown() -> None:
    strayed = delivered(0, load=finished(completed=1000, cpus=(0, 9)))
    assert "0,9" in "".join(section(shown(report(run([strayed]))), "agents"))


def test_settings_in_which_agents_differ_are_shown_for_each() -> None:
    members = [delivered(i, prepared=ready(effective(streams=5 + i, requests=7))) for i in range(2)]
    header, _, *rows = section(shown(report(run(members))), "agents")[1:]
    place = header.split().index("streams")
    assert "requests" not in header
    assert place > 0
    assert [row.split()[-1] for row in rows] == ["5", "6"]


def used(*use: CpuUse, mhz: Sequence[float] = (), neighbours: Sequence[Neighbour] = ()) -> Report:
    """A report in which CPUs 0, 1, ... were used like that."""
    found = report()
    cpu = structs.replace(
        found.cpu,
        measured_cpus=tuple(range(len(use))),
        use={str(cpu): one for cpu, one in enumerate(use)},
        frequency_mhz={str(cpu): Frequency(one, one, one, one) for cpu, one in enumerate(mhz)},
    )
    return structs.replace(found, cpu=cpu, neighbours=tuple(neighbours))


def test_who_had_each_cpu_is_named_in_figures_and_drawn() -> None:
    header, _, row = section(shown(used(CpuUse(50.0, 10.0, 20.0, 5.0, 15.0))), "CPU")[1:]
    assert header.split() == ["CPU", "agents", "harness", "others", "stolen", "idle"]
    cpu, bar, *figures = row.replace(" %", "").split()
    assert (cpu, figures) == ("0", ["50.0", "10.0", "20.0", "5.0", "15.0"])
    assert [bar.count(sign) for sign in "█▓▒x·"] == [10, 2, 4, 1, 3]


@pytest.mark.parametrize(
    "use",
    [CpuUse(0, 0, 0, 0, 100.0), CpuUse(33.3, 33.3, 33.3, 0.05, 0.05), CpuUse(2.4, 2.4, 2.4, 2.4, 90.4)],
    ids=["idle", "thirds", "small parts"],
)
def test_a_bar_is_always_full(use: CpuUse) -> None:
    row = section(shown(used(use)), "CPU")[-1]
    assert sum(row.count(sign) for sign in "█▓▒x·") == 20


def test_clocks_stand_beside_the_cpus_where_they_are_known() -> None:
    text = shown(used(CpuUse(100.0, 0, 0, 0, 0), mhz=[3412.4]))
    assert section(text, "CPU")[1].split()[-1] == "MHz"
    assert section(text, "CPU")[-1].split()[-1] == "3,412"
    assert "MHz" not in shown(report())


def test_of_many_cpus_the_mean_and_the_extremes_are_shown() -> None:
    rows = section(shown(used(*(CpuUse(float(part), 0, 0, 0, 100.0 - part) for part in range(41)))), "CPU")[-3:]
    assert [row.split()[0] for row in rows] == ["mean", "least", "most"]
    assert "20.0 %" in rows[0]
    assert "60.0 %" in rows[1]
    assert "40.0 %" in rows[2]


@pytest.mark.parametrize("cpus", [1, 16, 17])
def test_the_table_of_cpus_fits_a_terminal_of_80_columns(cpus: int) -> None:
    full = [CpuUse(100.0, 100.0, 100.0, 100.0, 100.0)] * cpus
    lines = section(shown(used(*full, mhz=[4000.0] * cpus)), "CPU")
    assert max(map(len, lines)) <= 80
    assert "…" not in "".join(lines)


def test_neighbours_that_took_more_than_one_percent_are_named() -> None:
    many = [Neighbour(100 + n, f"job {n}", 60.0 - 5 * n, {"0": 60.0 - 5 * n}) for n in range(12)]
    text = shown(used(CpuUse(50.0, 0, 50.0, 0, 0), neighbours=many))
    assert "60.0 %  job 0 (pid 100), on CPU 0" in text
    assert "job 7" in text
    assert "job 8" not in text
    assert "and 4 other processes more" in text
    small = Neighbour(7, "small", 0.9, {"0": 0.9})
    assert "small" not in shown(used(CpuUse(99.0, 0, 1.0, 0, 0), neighbours=[small]))


def test_what_the_throughput_cost_is_shown() -> None:
    found = report()
    assert "efficiency  125.6 frames per CPU-second" in shown(found)  # 2000 frames in 15.92 s
    assert "per inference" not in shown(found)
    powered = EfficiencyPart(
        cpu_s=10.0, frames_per_cpu_s=200.0, energy_j=500.0, energy_per_inference_j=0.25, power_w=50.0
    )
    assert "200.0 frames per CPU-second · 250 mJ per inference · 50 W" in shown(
        structs.replace(found, efficiency=powered)
    )


def test_each_agent_s_efficiency_is_shown_where_there_is_room() -> None:
    _, header, _, *rows = section(shown(many(2)), "agents")
    assert "FPS per CPU-s" in header
    assert all("125.6" in row for row in rows)
    assert "FPS per CPU-s" not in shown(many(17))


def test_shapes_of_several_batches_have_their_frames_shown_and_no_one_batch() -> None:
    found = report(run([delivered(0, prepared=ready(effective(groups=(3, 1))))]))
    assert f"{found.throughput.frames:,} frames" in shown(found)
    assert "batch" not in shown(found)


def test_a_message_of_several_lines_is_shown_as_one() -> None:
    failed = delivered(0, load=structs.replace(finished(completed=10), error="Exception from node.cpp:\nshapes differ"))
    finding, why = (line for line in shown(report(run([failed]))).splitlines() if "Exception" in line)
    assert finding.endswith("Exception from node.cpp: shapes differ")
    assert why.endswith("Exception from node.cpp: shapes differ.")


def test_findings_come_above_the_last_block_with_their_severity() -> None:
    found = report(run([delivered(0), delivered(1, cpus=(0,))]))
    last = shown(found).rstrip().rpartition("\n\n")[0].splitlines()[-1]
    assert last.split()[0] == "warning"
    assert found.validity.findings[0].message in last


def test_a_run_that_measured_nothing_says_so_and_why() -> None:
    text = shown(report(run([AgentRecord(0, job(), why="it was killed")])))
    assert "nothing was measured" in text
    assert "it was killed" in text
    assert "latency" not in text


def test_the_plan_shows_the_cpus_of_each_agent() -> None:
    topology = Topology(tuple(Cpu(0, 0, cpu, cpu) for cpu in range(4)), frozenset(range(4)))
    out, written = console()
    asked = request("--agents", "2", "-t", "90", "-niter", "1000", "-nireq", "3")
    print_plan(out, asked, make_plan(asked, topology), topology, ())
    lines = [line.rstrip() for line in written.getvalue().splitlines() if line.strip()[:1].isdigit()]
    rows = [line.split() for line in lines]
    assert [row[:2] for row in rows] == [["0", "0-1"], ["1", "2-3"]]
    assert all("500 inferences" in " ".join(row) and "1 min 30 s" in " ".join(row) for row in rows)
    assert max(len(line) for line in lines) <= 80


def test_the_plan_shows_how_the_load_arrives() -> None:
    out, written = console()
    asked = request("--rate", "300", "--dispatch", "round-robin")
    print_plan(out, asked, make_plan(asked, machine()), machine(), ())
    assert "arrivals: 300.0 inferences/s, poisson, seed 0; dispatch round-robin\n" in written.getvalue()


def test_the_plan_shows_nodes_where_there_are_several() -> None:
    topology = machine(sockets=4, cores=1)
    out, written = console()
    asked = request("--agents", "3")
    print_plan(out, asked, make_plan(asked, topology), topology, ())
    rows = [line.split()[:3] for line in written.getvalue().splitlines() if line.strip()[:1].isdigit()]
    assert rows == [["0", "0-1", "several"], ["1", "2", "2"], ["2", "3", "3"]]


@pytest.mark.parametrize("nodes", [1, 2])
def test_memory_is_shown_by_node_where_there_are_several(nodes: int) -> None:
    parts = tuple(OnNode(node, 30.0 * (node == 0), 40.0) for node in range(nodes))
    text = "\n".join(section(shown(report(run([delivered(0, load=finished(completed=9, nodes=parts))]))), "agents"))
    assert ("memory by node" in text, "0: 30 MB" in text) == (nodes > 1, nodes > 1)
    assert "1: " not in text


def test_at_a_rate_the_headline_has_what_was_done_in_the_window_of_what_was_offered_and_latency_from_due() -> None:
    head, *facts = last_block(shown(rate_report(overloaded=True)))
    assert head == " INVALID   247.0 of 300.0/s   median 2.50 ms   p99 > 12.2 ms from due"
    assert any("· 400.0 FPS ·" in line for line in facts), "how arrivals scatter is no doubt about the throughput"


def test_at_a_rate_a_percentile_that_is_unknown_is_not_another_one_in_the_headline() -> None:
    found = rate_report(overloaded=True)
    assert found.latency_ms is not None
    asked = structs.replace(found.latency_ms, chosen_percentile=97, chosen=None, at_least={"chosen": 10.0})
    assert "p97 > 10.0 ms from due" in last_block(shown(structs.replace(found, latency_ms=asked)))[0]


def test_at_a_rate_latency_stands_above_its_parts_and_arrivals_and_stages_follow() -> None:
    text = shown(rate_report())
    assert section(text, "latency")[0] == "latency  from due  ± with 95 % confidence"
    titles = ["latency  from", "  wait ", "  service ", "arrivals ", "lateness ", "goodput ", "stages ", "agents\n"]
    places = [text.index(f"\n{title}") for title in titles]
    assert places == sorted(places)


def test_an_agent_of_which_a_percentile_is_unknown_has_its_bound_in_its_row() -> None:
    found = rate_report(overloaded=True)
    agents = tuple(structs.replace(agent, latency_ms=found.latency_ms, reason="") for agent in found.agents)
    rows = section(shown(structs.replace(found, agents=agents)), "agents")
    assert all("> 12.2 ms" in row for row in rows[3:])
    assert max(map(len, rows)) <= 80


def test_of_a_load_at_which_nothing_completed_the_arrivals_are_shown() -> None:
    found = rate_report(overloaded=True)
    assert found.arrivals is not None
    nothing = structs.replace(found, arrivals=structs.replace(found.arrivals, delivered=0), latency_ms=None)
    text = shown(nothing)
    assert "nothing was measured" in text
    assert "unfinished 390" in text


def test_a_load_of_which_all_completed_after_the_window_was_measured() -> None:
    found = rate_report()
    late = structs.replace(found, throughput=structs.replace(found.throughput, count=0))
    assert "nothing was measured" not in shown(late)
    assert "p99 12.2 ms from due" in shown(late)


def test_a_closed_loop_has_nothing_of_a_rate() -> None:
    text = shown(report())
    assert not any(word in text for word in ("due", "wait", "service", "arrivals", "stages"))


def test_a_scenario_is_shown_in_the_words_of_loadgens_summary() -> None:
    wanted = request("--scenario", "single-stream", "-t", "10")
    text = shown(report(run([delivered(0)], wanted=wanted)))
    assert section(text, "MLPerf scenario")[:3] == [
        "MLPerf scenario  SingleStream, by LoadGen's rules",
        "  Result is                                 : VALID",
        "  90.0th percentile latency                 : 10.0 ms",
    ]
    assert "MLPerf" not in shown(many(1))


def test_the_last_block_says_what_was_measured_with_what_and_on_what() -> None:
    found = report()
    assert found.effective is not None
    facts = " ".join(last_block(shown(found))[1:])
    environment = found.environment
    for fact in (
        found.effective.model, found.effective.precision, f"OpenVINO {environment.openvino}", environment.cpu_model,
        f"ovbench {found.ovbench.version}", "2 CPUs measured", "2 agents, async, 1 stream and 1 request each",
    ):  # fmt: skip
        assert fact in facts


def test_only_the_release_of_a_build_is_in_the_last_block() -> None:
    build = structs.replace(report().environment, openvino="2026.4.1-22982-e213a147257-releases/2026/4")
    assert "OpenVINO 2026.4.1 · " in shown(structs.replace(report(), environment=build))


def test_what_a_build_lacks_is_shown_in_a_line() -> None:
    lack = LackPart("extensions", "ov_core_add_extension", "-extensions is refused.")
    builds = (
        BuildPart("2024.6.0-17404-4c0f47d2335", True, (lack,), {}, (0,)),
        BuildPart("2026.4.1-22982-e213a147257", True, (), {}, (1,)),
        BuildPart("2027.1.0-1", False, (structs.replace(lack, capability="layouts"), lack), {}, (2,)),
        BuildPart("2027.2.0-1", False, (), {}, (3,)),
    )
    lines = shown(structs.replace(report(), openvino=builds)).splitlines()
    assert [line for line in lines if line.startswith("OpenVINO ")] == [
        "OpenVINO 2024.6.0  lacks extensions",
        "OpenVINO 2027.1.0  ovbench is not tested with it; lacks layouts, extensions",
        "OpenVINO 2027.2.0  ovbench is not tested with it",
    ]


def test_the_null_device_is_named_instead_of_openvino() -> None:
    found = report()
    assert found.effective is not None
    null = structs.replace(found, effective=structs.replace(found.effective, backend="null:1000"))
    assert " · backend null:1000 · " in shown(null)
    assert "OpenVINO" not in shown(null)


def test_the_sparkline_is_the_histogram_from_the_shortest_latency_to_the_longest() -> None:
    found = report()
    assert found.latency_distribution is not None
    part = HistogramPart(tuple(1.0 + edge for edge in range(81)), (0, 8, *[0] * 76, 4, 4))
    shape = structs.replace(found.latency_distribution, histogram=part)
    line = last_block(shown(structs.replace(found, latency_distribution=shape)))[-1]
    assert line == f"  latency 1.00 ms █{' ' * 38}█ 81.0 ms"


def test_a_report_without_a_histogram_has_no_sparkline() -> None:
    found = report()
    assert found.latency_distribution is not None
    old = structs.replace(found, latency_distribution=structs.replace(found.latency_distribution, histogram=None))
    assert "skew" in last_block(shown(old))[-1]
