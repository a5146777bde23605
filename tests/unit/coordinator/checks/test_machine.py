"""What the machine did beside the load, as it is told and judged."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from ovbench.common.sensors import Governor
from ovbench.coordinator.analysis.interference import Surroundings
from ovbench.coordinator.checks.evidence import Evidence
from ovbench.coordinator.checks.verdict import find
from ovbench.coordinator.result.cpu import CpuUse, Frequency, Neighbour
from ovbench.coordinator.result.findings import Code
from ovbench.coordinator.result.report import Finding
from tests.builders import evidence, request, with_host
from tests.machines import machine


def use(harness: float = 0.5, others: float = 0.0, steal: float = 0.0) -> CpuUse:
    """Of a CPU that was never idle."""
    return CpuUse(100 - harness - others - steal, harness, others, steal, 0.0)


def around(
    *uses: CpuUse,
    neighbours: Sequence[Neighbour] = (),
    frequency: Mapping[int, Frequency] | None = None,
    governors: Sequence[Governor] = (),
    throttles: Mapping[str, int] | None = None,
    quota: Mapping[int, tuple[int, float]] | None = None,
    behind: int = 3,
) -> Evidence:
    """Of two agents whose CPUs, 0, 1, ..., were used like that for ten seconds; `behind`: so many readings are behind
    the first and last of each clock."""
    return evidence(
        surroundings=Surroundings(
            dict(enumerate(uses)),
            10.0,
            neighbours,
            frequency or {},
            governors,
            throttles or {},
            quota or {},
            dict.fromkeys(frequency or {}, behind),
        )
    )


def clock(first: float, last: float) -> Mapping[int, Frequency]:
    return {0: Frequency(first, (first + last) / 2, last, last)}


def with_quota(cpus: float | None) -> Evidence:
    """Of two agents on CPUs 0 and 1."""
    return evidence(topology=replace(machine(), quota_cpus=cpus))


def only(of: Evidence) -> Finding:
    (finding,) = find(of)
    return finding


def test_who_took_time_is_named_with_pid_and_share_most_first() -> None:
    small = Neighbour(7, "cron (x)", 12.0, {"0": 2.0, "1": 10.0})
    large = Neighbour(42, "make", 39.0, {"1": 39.0})
    finding = only(around(use(others=3.0), use(others=50.0), neighbours=[small, large]))
    assert (finding.code, finding.severity) == (Code.OTHER_LOAD, "warning")
    assert "CPU 1: 50.0 %" in finding.message
    assert "make (pid 42): 39.0 % seen on CPU 1, cron (x) (pid 7): 10.0 % seen on CPU 1." in finding.message
    assert "cannot be seen" not in finding.message
    assert "--cpus" in finding.advice


def test_a_neighbour_of_a_cpu_that_is_not_complained_of_is_not_named() -> None:
    elsewhere = Neighbour(7, "cron", 3.0, {"0": 3.0})
    assert "cron" not in only(around(use(others=3.0), use(others=50.0), neighbours=[elsewhere])).message


def test_a_neighbour_of_several_cpus_is_reported_with_where_it_was_seen_most() -> None:
    wide = Neighbour(7, "cc", 60.6, {"0": 9.0, "1": 20.0, "2": 15.0, "3": 16.0, "4": 0.6})
    message = only(around(*[use(others=30.0)] * 5, neighbours=[wide])).message
    assert "20.0 % seen on CPU 1, 16.0 % seen on CPU 3, 15.0 % seen on CPU 2 and on 1 more." in message


def test_of_many_neighbours_the_greatest_are_named_and_the_rest_counted() -> None:
    crowd = [Neighbour(n, f"job{n}", 6.0, {"0": 6.0}) for n in range(8)]
    message = only(around(use(others=48.0), neighbours=crowd)).message
    assert "job4 (pid 4)" in message
    assert "job5" not in message
    assert "3 more" in message


@pytest.mark.parametrize(
    ("neighbours", "told"),
    [
        ((), "It went to what cannot be seen from here"),
        ((Neighbour(7, "cron", 5.0, {"0": 5.0}),), "The rest went to what cannot be seen from here"),
    ],
    ids=["none", "little"],
)
def test_load_of_those_that_cannot_be_seen_is_said_to_be_so(neighbours: Sequence[Neighbour], told: str) -> None:
    assert told in only(around(use(others=40.0), neighbours=neighbours)).message


def test_what_ticks_may_be_wrong_by_is_held_against_nobody() -> None:
    """A CPU that was half busy for a second is known to 5 points, as ticks sample it."""
    half = CpuUse(agents=42.0, harness=0.0, others=8.0, steal=0.0, idle=50.0)
    short = Surroundings({0: half}, window_s=1.0)
    assert list(find(evidence(surroundings=short))) == []
    assert only(evidence(surroundings=replace(short, window_s=100.0))).code == Code.OTHER_LOAD


def test_the_limits_are_those_that_were_asked_for() -> None:
    busy = around(use(harness=1.5, others=6.0, steal=2.0))
    asked = request("--agents", "2", "--max-others", "7", "--max-harness", "2", "--max-steal", "3")
    assert {finding.code for finding in find(busy)} == {Code.OTHER_LOAD, Code.HARNESS_LOAD, Code.STEAL}
    assert list(find(replace(busy, run=replace(busy.run, request=asked)))) == []


def test_a_share_that_was_stolen_is_reported_with_all_cpus_and_the_worst() -> None:
    finding = only(around(use(steal=2.0), use(steal=12.0), use(), use(steal=3.0)))
    assert "CPUs 0-1,3, most from CPU 1: 12.0 %" in finding.message


def test_a_clock_that_fell_is_reported_with_both_figures() -> None:
    finding = only(around(use(), frequency=clock(3500.0, 2800.0)))
    assert "from 3,500 to 2,800 MHz (20.0 %)" in finding.message


def test_a_clock_that_rose_is_no_drop() -> None:
    assert list(find(around(use(), frequency=clock(2800.0, 3500.0)))) == []


def test_a_cpu_that_had_little_to_do_may_slow_down() -> None:
    idle, loaded = (CpuUse(agents, 0.0, 0.0, 0.0, 100 - agents) for agents in (50.0, 51.0))
    falling = clock(3500.0, 2800.0)
    assert list(find(around(idle, frequency=falling))) == []
    assert only(around(loaded, frequency=falling)).code == Code.FREQUENCY_DROP
    assert list(find(around(frequency=falling))) == []


def test_a_clock_that_was_read_too_seldom_is_not_judged() -> None:
    assert list(find(around(use(), frequency=clock(3500.0, 2800.0), behind=2))) == []


@pytest.mark.parametrize(
    ("governor", "told"),
    [
        (Governor("powersave", "acpi-cpufreq"), "keeps the clock at its lowest"),
        (Governor("powersave", "intel_cpufreq"), "keeps the clock at its lowest"),
        (Governor("powersave", "intel_pstate"), "lets the clock follow the load"),
        (Governor("powersave", "amd-pstate-epp"), "lets the clock follow the load"),
        (Governor("schedutil", "cppc_cpufreq"), "lets the clock follow the load"),
    ],
    ids=lambda value: f"{value.name} by {value.driver}" if isinstance(value, Governor) else "",
)
def test_a_governor_is_named_with_what_it_does(governor: Governor, told: str) -> None:
    finding = only(around(governors=[governor]))
    assert finding.severity == "info"
    assert f"{governor.name} ({governor.driver}), which {told}" in finding.message


def test_heat_is_reported_with_what_was_throttled_how_often() -> None:
    message = only(around(throttles={"core 3": 1, "package 0": 12})).message
    assert "package 0 12 times, core 3 1 time." in message


def test_a_quota_that_ran_out_is_an_error_with_its_periods_and_seconds() -> None:
    finding = only(around(quota={0: (17, 1.25), 1: (16, 1.2)}))
    assert finding.severity == "error"
    assert "17 periods" in finding.message
    assert "1.25 s" in finding.message
    assert "all agents" in finding.message


@pytest.mark.parametrize(("cpus", "warned"), [(1.9, True), (2.0, False), (None, False)])
def test_a_quota_below_the_measured_cpus_is_warned_of_before_the_run(cpus: float | None, warned: bool) -> None:
    found = list(find(with_quota(cpus)))
    assert [(one.code, one.severity) for one in found] == ([(Code.CPU_QUOTA, "warning")] if warned else [])
    assert not warned or "1.9 CPUs" in found[0].message


def test_a_quota_that_ran_out_is_not_said_as_well_that_it_may() -> None:
    out = around(quota={0: (1, 0.1)})
    finding = only(replace(out, run=with_host(out.run, topology=replace(machine(), quota_cpus=1.9))))
    assert (finding.code, finding.severity) == (Code.CPU_QUOTA, "error")


def test_a_sibling_of_a_measured_cpu_that_others_use_is_other_load() -> None:
    """Nobody takes time of the measured CPU then, but its core does less."""
    quiet = Surroundings({0: use()}, 10.0, beside={4: 4.0})
    assert list(find(evidence(surroundings=quiet))) == []
    found = only(evidence(surroundings=replace(quiet, beside={4: 4.0, 5: 60.0})))
    assert (found.code, found.severity) == (Code.OTHER_LOAD, "warning")
    assert "SMT siblings of measured CPUs: CPU 5: 60.0 %" in found.message


@pytest.mark.parametrize(("window_s", "found"), [(10.0, True), (1.0, True), (0.5, False), (0.0002, False)])
def test_less_than_a_tick_of_harness_is_not_known(window_s: float, found: bool) -> None:
    """1.5 % of half a second are 7.5 ms; a reading is that far off where the window ends."""
    around_it = Surroundings({0: use(harness=1.5)}, window_s)
    assert bool(list(find(evidence(surroundings=around_it)))) is found
