"""The report of a run on several hosts, as for a terminal of 80 columns."""

import io
from collections.abc import Callable
from functools import cache, partial

import pytest
from msgspec import structs
from rich.console import Console

from ovbench.coordinator.report.hosttable import short_names
from ovbench.coordinator.report.text import print_report
from ovbench.coordinator.result.report import Report
from ovbench.coordinator.session.record import AgentRecord
from tests.builders import clock, delivered, effective, job, ms, over_hosts, ready, report, seconds, steady


def shown(of: Report) -> str:
    written = io.StringIO()
    print_report(Console(file=written, width=80, force_terminal=False), of)
    return written.getvalue()


def lines_of(text: str, title: str) -> list[str]:
    """From a title to the next empty line."""
    lines = [line.rstrip() for line in text.splitlines()]
    first = next(index for index, line in enumerate(lines) if line.startswith(title))
    return lines[first : lines.index("", first)]


@cache
def of_hosts(hosts: int, agents: int = 1) -> Report:
    members = {
        f"node-{host}.cluster.example.org": [delivered(host * agents + n, cpus=(n,)) for n in range(agents)]
        for host in range(hosts)
    }
    return report(over_hosts(members))


def unlike() -> Report:
    fast = ready(structs.replace(effective(), precision="bf16", isa="avx512_core_bf16"))
    other = delivered(2, cpus=(0,), data=steady(seconds(1), ms(5), 2000), prepared=fast)
    gone = AgentRecord(3, job((0,)), why="host c was lost")
    return report(
        over_hosts(
            {"a": [delivered(0), delivered(1)], "user@b:2222": [other], "c": [gone]},
            lost={"c": "its network was gone for 3 s"},
            clocks={"a": clock(0, 42)},
            environments={"user@b:2222": {"cpu_model": "Another CPU"}},
        )
    )


def test_each_host_has_a_row_with_its_figures_and_how_well_its_clock_is_known() -> None:
    table = lines_of(shown(unlike()), "hosts")
    assert table[1].split() == ["host", "agents", "FPS", "median", "p99", "CPU", "clock", "±", "class", "state"]
    assert table[3].split() == ["a", "2", "200.0", *["10.0", "ms"] * 2, "80.0", "%", "42.0", "us", "1", "ok"]
    assert table[4].split()[:4] == ["user@b:2222", "1", "200.0", "5.00"]
    assert table[5].split()[-2:] == ["1", "lost"]


def test_what_the_hosts_of_a_class_are_stands_below() -> None:
    table = lines_of(shown(unlike()), "hosts")
    assert "  class 1: A CPU · 2 cores · OpenVINO 2026.4.0" in table
    assert "  class 2: Another CPU · 2 cores · OpenVINO 2026.4.0 · avx512_core_bf16 · bf16" in table


def test_cpus_and_agents_are_named_with_their_host() -> None:
    text = shown(unlike())
    assert [line.split()[:3] for line in lines_of(text, "agents")[-4:]] == [
        ["0", "a", "0"], ["1", "a", "1"], ["2", "user@b:2222", "0"], ["3", "c", "0"],
    ]  # fmt: skip
    assert [line.split()[:2] for line in lines_of(text, "CPU")[-3:]] == [
        ["a", "0"], ["a", "1"], ["user@b:2222", "0"],
    ]  # fmt: skip


def test_the_start_skew_stands_with_its_error_and_how_many_hosts_there_were() -> None:
    text = shown(unlike())
    assert "start skew 0.00 ns ± 92.0 us" in text
    assert " · 2 of 3 hosts · 3 agents" in text


def test_of_one_host_with_a_name_there_is_no_table_but_its_name() -> None:
    text = shown(report(over_hosts({"b": [delivered(0)]})))
    assert " · on host b · 1 agent" in text
    assert "\nhosts" not in text


@pytest.mark.parametrize(
    "made", [unlike, partial(of_hosts, 3, 2), partial(of_hosts, 40, 4)], ids=["3", "3 of 2", "40 of 4"]
)
def test_it_fits_80_columns_without_a_figure_that_is_cut(made: Callable[[], Report]) -> None:
    text = shown(made())
    tables = [line for title in ("hosts", "agents", "CPU") for line in lines_of(text, title)]
    assert all(len(line) <= 80 for line in tables)
    assert not [line for line in tables if line.rstrip().endswith("…") or "… " in line]


def test_of_many_hosts_the_rest_is_in_one_row_and_cpus_are_means_by_host() -> None:
    text = shown(of_hosts(40, 4))
    assert lines_of(text, "hosts")[-2].split() == ["...", "24", "more", "96", "mean", "400.0"]
    cpus = lines_of(text, "CPU")
    assert cpus[1].split()[:2] == ["host", "CPUs"]
    assert cpus[3].split()[:2] == ["node-0", "4"]
    assert cpus[-1].split()[:3] == ["...", "24", "more"]


def test_names_are_short_but_never_the_same() -> None:
    cloud = [f"ip-10-0-0-{n}.eu-west-1.compute.internal" for n in (12, 13)]
    assert list(short_names(cloud).values()) == ["ip-10-0-0-12", "ip-10-0-0-13"]
    assert short_names(["a", "user@b:2222"]) == {"a": "a", "user@b:2222": "user@b:2222"}
    assert list(short_names(["10.0.0.1", "10.0.1.1"]).values()) == ["10.0.0.1", "10.0.1.1"]
    assert list(short_names(["n1.example.org", "example.org"]).values()) == ["n1.example", "example"]
    long = "a-machine-with-a-long-name"
    assert short_names([long]) == {long: "a-machine-wi…name"}
    same = [f"a-machine-with-a-long-{n}-name" for n in range(2)]
    assert short_names(same) == dict(zip(same, same, strict=True))


def test_agents_that_are_furthest_apart_are_named_with_the_hosts_that_are_alike() -> None:
    slow = delivered(3, cpus=(0,), data=steady(seconds(1), ms(12.5), 800))
    members = {"a": [delivered(0)], "b": [delivered(1, cpus=(0,))], "c": [slow]}
    text = shown(report(over_hosts(members, environments={"b": {"cpu_model": "Another CPU"}})))
    assert lines_of(text, "agents")[:3] == [
        "agents  FPS per CPU from 80.00 (agent 3) to 100.0 (agent 0), spread 22.2 %",
        "  on hosts a, c, which are alike",
        "  FPS per CPU from 80.00 (c) to 100.0 (a)",
    ]
