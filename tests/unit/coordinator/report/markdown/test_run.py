"""A run as Markdown: its figures are the report's."""

import re

from markdown_it import MarkdownIt
from msgspec import structs

from ovbench.coordinator.report.markdown.run import run_markdown
from ovbench.coordinator.result.finding import Finding
from ovbench.coordinator.result.latency import Interval
from ovbench.coordinator.result.numbers import figure_value
from ovbench.coordinator.result.report import Report
from tests.builders import delivered, report, request, run
from tests.ratereports import at_rate

PARSER = MarkdownIt("commonmark").enable("table")


def rows(text: str) -> list[list[str]]:
    """Of all tables, as they are drawn."""
    drawn = PARSER.render(text)
    return [
        [re.sub(r"<[^>]*>", "", cell) for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row)]
        for row in re.findall(r"<tr>(.*?)</tr>", drawn, re.DOTALL)
    ]


def of_two(**changes: object) -> Report:
    return structs.replace(report(), **changes)


def test_the_first_line_is_the_verdict_and_the_figure() -> None:
    first, *_ = run_markdown(report()).splitlines()
    assert first.startswith("### ✅ VALID · 200.0 FPS")
    assert "median 10.0 ms" in first


def test_figures_and_intervals_are_those_of_the_report() -> None:
    found = report()
    assert found.latency_ms is not None
    latency = structs.replace(found.latency_ms, p99=12.5, ci95={"p99": Interval(12.0, 14.0)})
    text = run_markdown(structs.replace(found, latency_ms=latency))
    table = {row[0]: row[1:] for row in rows(text) if len(row) == 3}
    assert table["99th percentile of the latency"] == ["12.5 ms", "12.0 ms to 14.0 ms"]
    assert table["frames per second"][0] == figure_value("fps", found.throughput.fps)
    assert table["median latency"][0] == "10.0 ms"


def test_at_a_rate_what_is_not_known_is_more_than_a_bound() -> None:
    found = at_rate()
    assert found.latency_ms is not None
    latency = structs.replace(found.latency_ms, p99=None, ci95={}, at_least={"p99": 20.0})
    text = run_markdown(structs.replace(found, latency_ms=latency))
    assert ["99th percentile of the latency", "&gt; 20.0 ms", ""] in rows(text)


def test_each_requirement_is_there_with_what_was_measured() -> None:
    wanted = request("--agents", "2", "--require", "fps >= 100", "--require", "p99_ms < 5")
    found = report(run([delivered(0), delivered(1)], wanted=wanted))
    text = run_markdown(found)
    assert ["fps &gt;= 100", "200.0", "✅ met"] in rows(text)
    assert ["p99_ms &lt; 5", "10.0 ms", "❌ not met by 5.00 ms"] in rows(text)


def test_findings_are_open_where_they_are_warnings_and_folded_where_they_are_not() -> None:
    validity = report().validity
    warned = structs.replace(validity, findings=(Finding("other_load", "warning", "A | took `time`.", "Stop it."),))
    text = run_markdown(of_two(validity=warned))
    assert "- ⚠️ `other_load` A \\| took \\`time\\`. Stop it." in text
    info = structs.replace(validity, findings=(Finding("governor", "info", "It is powersave.", ""),))
    assert "<summary>Findings (1)</summary>" in run_markdown(of_two(validity=info))
    assert "Findings" not in run_markdown(of_two(validity=structs.replace(validity, findings=())))


def test_many_findings_and_agents_do_not_fill_a_comment() -> None:
    validity = structs.replace(report().validity, findings=(Finding("other_load", "warning", "x" * 200, ""),) * 500)
    agent = report().agents[0]
    agents = tuple(structs.replace(agent, id=number) for number in range(1000))
    text = run_markdown(of_two(validity=validity, agents=agents))
    assert len(text) < 65_536, "the most that GitHub takes"
    assert "480 more, in the report" in text
    assert "936 more, in the report" in text


def test_a_command_is_one_for_a_shell() -> None:
    text = run_markdown(of_two(command=("ovbench-coord", "--require", "fps >= 9")))
    assert "```sh\novbench-coord --require 'fps >= 9'\n```" in text


def test_a_run_that_measured_nothing_says_so() -> None:
    nothing = structs.replace(report().throughput, count=0, fps=0.0)
    assert "nothing was measured" in run_markdown(of_two(throughput=nothing, latency_ms=None)).splitlines()[0]
