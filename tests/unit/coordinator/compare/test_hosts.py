"""Runs on several hosts side by side, and their export by host."""

import io

import numpy as np
import pytest
from msgspec import structs
from rich.console import Console

from ovbench.common.samples import SampleArray
from ovbench.coordinator.compare.comparison import Comparison, NamedRun, compare_runs
from ovbench.coordinator.compare.hdrlog import histogram_log
from ovbench.coordinator.compare.table import rows_of_run
from ovbench.coordinator.report.comparison import print_comparison
from ovbench.coordinator.result.estimates import estimates_of_host, estimates_of_run
from ovbench.coordinator.result.report import Report
from tests.builders import delivered, ms, over_hosts, pairs, report, seconds, steady


def of_hosts(period_ms: float = 10.0, names: str = "ab", **more: object) -> Report:
    members = {
        name: [delivered(id, cpus=(0,), data=steady(seconds(1), ms(period_ms), round(10_000 / period_ms)))]
        for id, name in enumerate(names)
    }
    return report(over_hosts(members, **more))  # type: ignore[arg-type]


def compared(first: Report, other: Report, *, force: bool = False) -> Comparison:
    return compare_runs(NamedRun("one", first), [NamedRun("two", other)], force=force)


def shown(of: Comparison) -> str:
    written = io.StringIO()
    print_comparison(Console(file=written, width=80, force_terminal=False), of, ())
    return written.getvalue()


def test_hosts_of_one_name_are_compared_by_their_own_figures() -> None:
    (pair,) = compared(of_hosts(10.0), of_hosts(5.0, "bc")).others
    (host,) = pair.hosts
    assert (host.name, host.unlike, host.comparable) == ("b", (), True)
    fps = next(change for change in host.changes if change.figure == "fps")
    assert fps.first is not None
    assert (fps.first.value, fps.change_percent) == pytest.approx((100, 100))
    assert fps.verdict == "better"


def test_a_host_that_is_another_machine_is_named_and_not_compared() -> None:
    other = of_hosts(5.0, environments={"b": {"cpu_model": "Another CPU", "physical_cores": 8}})
    found = compared(of_hosts(10.0), other)
    (pair,) = found.others
    same, changed = pair.hosts
    assert (same.comparable, changed.comparable) == (True, False)
    assert {change.verdict for change in changed.changes} == {"not comparable"}
    assert [(one.what, one.first, one.other) for one in changed.unlike] == [
        ("CPU", "A CPU", "Another CPU"), ("cores", "2", "8"),
    ]  # fmt: skip
    text = shown(found)
    assert "  b is another machine: CPU A CPU -> Another CPU; cores 2 -> 8" in text
    assert "b: cpu_model" in text
    (forced,) = compared(of_hosts(10.0), other, force=True).others
    assert all(change.verdict != "not comparable" for change in forced.hosts[1].changes)


def test_runs_that_are_doubtful_have_no_verdicts_of_their_hosts_either() -> None:
    whole = of_hosts()
    suspect = structs.replace(whole, validity=structs.replace(whole.validity, status="SUSPECT", because=("steal",)))
    (pair,) = compared(whole, suspect).others
    assert {change.verdict for host in pair.hosts for change in host.changes} == {"not comparable"}


def test_a_run_on_one_host_beside_one_on_several_has_no_hosts_to_compare() -> None:
    (pair,) = compared(report(), of_hosts()).others
    assert pair.hosts == ()
    assert "hosts" in [one.what for one in pair.environment]


def test_throughput_and_p99_of_each_host_stand_side_by_side_in_80_columns() -> None:
    lines = shown(compared(of_hosts(10.0), of_hosts(5.0))).splitlines()
    table = lines[lines.index("hosts") :]
    assert [line.split()[:2] for line in table if line.split()[:1] in (["a"], ["b"])] == [
        ["a", "fps"], ["a", "p99_ms"], ["b", "fps"], ["b", "p99_ms"],
    ]  # fmt: skip
    assert max(map(len, table)) <= 80


def test_a_table_has_rows_of_all_hosts_and_then_of_each() -> None:
    whole = of_hosts()
    rows = rows_of_run(whole)
    assert {row["host"] for row in rows} == {None, "a", "b"}
    assert {row["figure"]: row["value"] for row in rows if row["host"] is None and row["value"] is not None} == {
        name: one.value for name, one in estimates_of_run(whole).items()
    }
    for host in whole.hosts:
        mine = {row["figure"]: row["value"] for row in rows if row["host"] == host.name}
        assert mine == {name: one.value for name, one in estimates_of_host(host).items()}
        assert mine["fps"] == pytest.approx(100)
    assert {(row["host"], row["cores"], row["agents"]) for row in rows} == {(None, 2, 2), ("a", 1, 1), ("b", 1, 1)}
    assert [row["host"] for row in rows_of_run(report())] == [None] * len(rows_of_run(report()))


def test_a_histogram_log_tags_agents_with_their_host() -> None:
    samples = SampleArray(pairs(np.arange(1, 101) * ms(10), np.full(100, ms(5))))
    tags = {0: "a", 1: "user@b:2222, the other"}
    lines = histogram_log({0: samples, 1: samples}, 0, seconds(1), 0.0, "", tags).splitlines()
    found = [line.partition(",")[0] for line in lines if line.startswith("Tag=")]
    assert found == ["Tag=a/agent-0", "Tag=user@b:2222_the_other/agent-1"]
    alone = histogram_log({0: samples}, 0, seconds(1), 0.0, "")
    assert "Tag=agent-0," in alone
