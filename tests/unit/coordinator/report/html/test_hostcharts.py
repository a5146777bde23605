"""That the charts and tables of a page over several hosts have each host's own numbers."""

from typing import Any

import pytest

from ovbench.coordinator.report.html.chart import Chart
from ovbench.coordinator.report.html.hostsection import environments, hosts_section
from ovbench.coordinator.report.html.runcharts import run_charts
from ovbench.coordinator.result.report import Report
from ovbench.coordinator.session.record import AgentRecord
from tests.builders import delivered, job, over_hosts, report
from tests.pages import hosts_report

THREE = hosts_report()
MANY = hosts_report(40, 4)


def charts(of: Report = THREE) -> dict[str, Chart]:
    return {chart.name: chart for chart in run_charts(of)}


def rows(chart: Chart) -> list[dict[str, Any]]:
    values: list[dict[str, Any]] = chart.spec["data"]["values"]
    return values


def test_hosts_follow_the_distribution_and_every_host_has_its_cpus() -> None:
    assert list(charts())[:4] == ["latency", "histogram", "hosts", "hosts_latency"]
    assert list(charts())[-3:] == ["interference", "cpus", "cpus_over_time"]


def test_a_bar_is_what_the_agents_of_a_host_did_and_a_lost_one_has_none() -> None:
    measured = [host for host in THREE.hosts if host.throughput is not None]
    assert len(measured) == 2
    assert [(row["host"], row["x"]) for row in rows(charts()["hosts"])] == [
        (host.name, host.throughput.fps) for host in measured if host.throughput is not None
    ]
    assert {row["of"] for row in rows(charts()["hosts"])} == {"class 1", "class 2"}


def test_percentiles_of_a_host_are_those_of_its_part() -> None:
    found = {(row["host"], row["of"]): row["x"] for row in rows(charts()["hosts_latency"])}
    for host in THREE.hosts:
        if host.latency_ms is not None:
            for name, value in (("median", host.latency_ms.median), ("p99", host.latency_ms.p99)):
                assert found[host.name, name] == pytest.approx(value)
    assert {host for host, _ in found} == {host.name for host in THREE.hosts[:2]}


def test_curves_of_latency_are_of_hosts() -> None:
    names = {row["of"] for row in rows(charts()["latency"])}
    assert names == {"all agents", *(f"host {host.name}" for host in THREE.hosts[:2])}


def test_a_cpu_is_drawn_with_its_host_and_its_shares_add_up() -> None:
    found = rows(charts()["interference"])
    names = {f"{host.name}: {cpu}" for host in THREE.hosts[:2] for cpu in (0, 1)}
    assert {row["cpu"] for row in found} == names
    for name in names:
        assert sum(row["share"] for row in found if row["cpu"] == name) == pytest.approx(100, abs=0.01)
    assert {row["row"] for row in rows(charts()["cpus_over_time"])} == names
    assert {row["row"] for row in rows(charts()["cpus"])} == {f"{h.name}: socket 0, node 0" for h in THREE.hosts[:2]}


def test_of_many_hosts_there_is_a_bar_each_and_no_chart_of_every_cpu() -> None:
    found = charts(MANY)
    assert not {"cpus", "cpus_over_time"} & set(found)
    bars = rows(found["interference"])
    assert {row["cpu"] for row in bars} == {host.name for host in MANY.hosts[:-1]}
    assert sum(row["share"] for row in bars if row["cpu"] == "a") == pytest.approx(100, abs=0.01)
    assert {row["of"] for row in rows(found["agents"])} == {"hosts of class 1", "hosts of class 2"}
    assert max(len(rows(chart)) for chart in found.values()) < 2500


def test_where_all_hosts_were_lost_nothing_of_them_is_drawn() -> None:
    gone = {name: [AgentRecord(id, job((0,)), why="gone")] for id, name in enumerate("ab")}
    assert run_charts(report(over_hosts(gone, lost={"a": "gone", "b": "gone"}))) == ()


def test_the_table_of_hosts_has_how_its_clock_stood() -> None:
    text = str(hosts_section(report(over_hosts({"a": [delivered(0)], "b": [delivered(1, cpus=(0,))]})).hosts))
    assert "+0.000 ms" in text
    assert "50.0 us" in text
    assert "+1.50 ppm" in text


def test_hosts_that_are_alike_are_described_once() -> None:
    members = {name: [delivered(id, cpus=(0,))] for id, name in enumerate("abc")}
    whole = report(over_hosts(members, environments={"b": {"kernel": "6.1"}}))
    text = str(environments(whole.hosts))
    assert "a (a.example), c (c.example)" in text
    assert "b (b.example)" in text
    assert text.count("A CPU") == 2
