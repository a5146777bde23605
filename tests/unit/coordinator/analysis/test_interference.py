"""Who had a CPU, from totals made by hand: the parts are known, and always add up to the whole."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovbench.common.messages import OnCpu, Usage
from ovbench.common.neighbours import Process
from ovbench.common.sensors import SensorReading
from ovbench.common.utilization import CpuTotals
from ovbench.coordinator.analysis.interference import (
    MOST_NEIGHBOURS,
    AgentTime,
    coordinator_by_cpu,
    cpu_use,
    energy,
    frequencies,
    neighbours,
    package_energy,
    readings_behind,
    throttles,
    tick_error_percent,
)
from ovbench.coordinator.machine.utilization import CpuShare
from ovbench.coordinator.result.cpu import CpuUse
from tests.builders import seconds, usage

STOP = seconds(10)


def share(busy: float, steal: float = 0.0) -> CpuShare:
    return CpuShare(busy=busy, user=busy, system=0.0, iowait=0.0, steal=steal)


def telling(*cpus: tuple[int, float, float]) -> AgentTime:
    """An agent that used so many seconds of load and of control by CPU, in the ten of the window."""
    on = tuple(OnCpu(cpu=cpu, load_s=load_s, control_s=control_s) for cpu, load_s, control_s in cpus)
    last = Usage(STOP, 9.0, 0.0, 9.0, 0, 0, 0, cpus=on)
    return AgentTime((0, 1), (usage(0), last))


def silent(cpus: tuple[int, ...], user_s: float, control_s: float) -> AgentTime:
    """One that tells only of its process."""
    return AgentTime(cpus, (usage(0), usage(STOP, user_s=user_s, control_s=control_s)))


def parts(use: CpuUse) -> tuple[float, ...]:
    return (use.agents, use.harness, use.others, use.steal, use.idle)


def test_time_is_that_of_the_cpus_on_which_threads_were_seen() -> None:
    found = cpu_use({0: share(90), 1: share(50)}, [telling((0, 7.0, 0.1), (1, 2.0, 0.2))], {1: 0.3}, (), 0, STOP)
    assert parts(found[0]) == pytest.approx((70, 1, 19, 0, 10))
    assert parts(found[1]) == pytest.approx((20, 5, 25, 0, 50))


def test_several_agents_on_one_cpu_add_up() -> None:
    found = cpu_use({0: share(100)}, [telling((0, 3.0, 0.0)), telling((0, 4.0, 0.0))], {}, (), 0, STOP)
    assert parts(found[0]) == pytest.approx((70, 0, 30, 0, 0))


def test_an_agent_that_does_not_report_had_its_cpus_as_far_as_they_were_busy() -> None:
    found = cpu_use({0: share(90), 1: share(30)}, [silent((0, 1), user_s=10.2, control_s=0.2)], {}, (), 0, STOP)
    assert parts(found[0]) == pytest.approx((75, 1.5, 13.5, 0, 10))
    assert parts(found[1]) == pytest.approx((25, 0.5, 4.5, 0, 70))


def test_control_threads_that_have_cpus_of_their_own_take_nothing_from_measured_ones() -> None:
    found = cpu_use({0: share(60)}, [silent((0,), user_s=5.2, control_s=0.2)], {}, (7,), 0, STOP)
    assert parts(found[0]) == pytest.approx((50, 0, 10, 0, 40))


def test_what_was_used_before_and_after_the_window_does_not_count() -> None:
    readings = [usage(seconds(at), user_s=float(at)) for at in range(20)]
    found = cpu_use({0: share(100)}, [AgentTime((0,), readings)], {}, (), seconds(5), seconds(15))
    assert found[0].agents == pytest.approx(100)


def test_a_cpu_that_comes_up_later_has_risen_from_nothing() -> None:
    readings = [
        Usage(seconds(at), 0.0, 0.0, 0.0, 0, 0, 0, cpus=() if at < 5 else (OnCpu(cpu=0, load_s=at - 4.0, control_s=0),))
        for at in range(11)
    ]
    assert cpu_use({0: share(100)}, [AgentTime((0,), readings)], {}, (), 0, STOP)[0].agents == pytest.approx(60)


def test_stolen_time_is_its_own_and_was_nobody_s() -> None:
    """A kernel that does not tell threads of it has counted it to them as well."""
    found = cpu_use({0: share(75, steal=25)}, [telling((0, 9.9, 0.1))], {}, (), 0, STOP)
    assert parts(found[0]) == pytest.approx((74.25, 0.75, 0, 25, 0))


def test_an_empty_window_was_idle() -> None:
    assert parts(cpu_use({0: share(0)}, [telling((0, 1, 0))], {}, (), 0, 0)[0]) == (0, 0, 0, 0, 100)


@given(
    busy=st.floats(0, 100), steal=st.floats(0, 100), load_s=st.floats(0, 20), control_s=st.floats(0, 20),
    own_s=st.floats(0, 20),
)  # fmt: skip
def test_the_parts_are_no_less_than_nothing_and_add_up_to_the_whole(
    busy: float, steal: float, load_s: float, control_s: float, own_s: float
) -> None:
    """Whatever ticks and clocks say of each other."""
    of = {0: share(busy * (100 - steal) / 100, steal)}
    found = parts(cpu_use(of, [telling((0, load_s, control_s))], {0: own_s}, (), 0, STOP)[0])
    assert min(found) >= 0
    assert sum(found) == pytest.approx(100)


def test_time_beyond_what_a_cpu_was_busy_was_on_another_of_the_agent_s() -> None:
    """A thread moved from CPU 1 to CPU 0 just before it was looked at."""
    found = cpu_use({0: share(60), 1: share(60)}, [telling((0, 9.0, 0.9), (1, 2.0, 0.1))], {}, (), 0, STOP)
    assert [use.others for use in found.values()] == pytest.approx([0, 0])
    assert sum(use.agents for use in found.values()) == pytest.approx(110)
    assert sum(use.harness for use in found.values()) == pytest.approx(10)


def test_time_that_another_agent_had_is_not_given_to_one_that_was_elsewhere() -> None:
    free = telling((0, 2.0, 0.0), (1, 8.0, 0.0))
    bound = replace(telling((1, 8.0, 0.0)), cpus=(1,))
    found = cpu_use({0: share(100), 1: share(80)}, [free, bound], {}, (), 0, STOP)
    assert [parts(use) for use in found.values()] == [
        pytest.approx((100, 0, 0, 0, 0)),
        pytest.approx((80, 0, 0, 0, 20)),
    ]


def test_a_cpu_that_is_not_the_agent_s_is_not_explained_by_it() -> None:
    others = replace(telling((0, 9.0, 0.0)), cpus=(0,))
    found = cpu_use({0: share(50), 1: share(40)}, [others], {}, (), 0, STOP)
    assert parts(found[1]) == pytest.approx((0, 0, 40, 0, 60))
    assert found[0].agents == pytest.approx(90), "what finds no place stays where it was told"


CPUS = ((0, 1, 2), (1, 2), (3, 4), (3, 4))
fractions = st.tuples(*(st.floats(0, 1) for _ in range(3)))


@given(st.lists(st.tuples(fractions, fractions), min_size=4, max_size=4))
def test_with_agents_alone_there_are_no_others_wherever_their_threads_were_seen(
    agents: list[tuple[tuple[float, ...], tuple[float, ...]]],
) -> None:
    """Each ran on its CPUs for these shares of a third of the window, and tells the sum by other weights."""
    busy = dict.fromkeys(range(5), 0.0)
    told = []
    for cpus, (ran, weights) in zip(CPUS, agents, strict=True):
        own = [10 / 3 * part for part in ran[: len(cpus)]]
        for cpu, seconds_run in zip(cpus, own, strict=True):
            busy[cpu] += 10 * seconds_run
        some = [weight + 0.01 for weight in weights[: len(cpus)]]
        tells = telling(*((cpu, sum(own) * one / sum(some), 0.0) for cpu, one in zip(cpus, some, strict=True)))
        told.append(replace(tells, cpus=cpus))
    found = cpu_use({cpu: share(percent) for cpu, percent in busy.items()}, told, {}, (), 0, STOP)
    assert [use.others for use in found.values()] == pytest.approx([0] * 5, abs=1e-6)
    assert [sum(parts(use)) for use in found.values()] == pytest.approx([100] * 5)


def test_ticks_show_all_of_a_full_cpu_and_of_a_half_one_what_a_coin_would() -> None:
    assert tick_error_percent(CpuUse(99.0, 0.5, 0.5, 0, 0), 2.0) == 0
    assert tick_error_percent(CpuUse(50.0, 0, 0, 0, 50.0), 1.0) == pytest.approx(5.0)
    assert tick_error_percent(CpuUse(50.0, 0, 0, 0, 50.0), 100.0) == pytest.approx(0.5)


# The coordinator


def total(at_s: float, own_s: float, cpu: int | None) -> CpuTotals:
    return CpuTotals(seconds(at_s), {}, own_s, cpu)


def test_the_coordinator_s_time_is_that_of_the_cpu_it_was_found_on() -> None:
    readings = [total(0, 1.0, 0), total(4, 1.2, 0), total(8, 1.5, 1), total(12, 1.9, 1)]
    assert coordinator_by_cpu(readings, seconds(2), seconds(10), (0, 1)) == pytest.approx({0: 0.1, 1: 0.5})


def test_where_it_was_is_not_known_it_was_evenly_on_the_measured_ones() -> None:
    assert coordinator_by_cpu([total(0, 0, None), total(10, 1.0, None)], 0, STOP, (2, 3)) == {2: 0.5, 3: 0.5}


# Neighbours


def test_neighbours_are_reported_with_their_share_of_the_window_by_cpu_most_first() -> None:
    spent = {
        (Process(7, 1, "small"), 1): [(0, 0.0), (seconds(20), 2.0)],
        (Process(8, 1, "large"), 1): [(0, 0.0), (seconds(20), 10.0)],
        (Process(8, 1, "large"), 0): [(seconds(10), 0.0), (seconds(20), 4.0)],
    }
    large, small = neighbours(spent, seconds(5), seconds(15))
    assert (large.pid, large.name) == (8, "large")
    assert (large.percent, small.percent) == pytest.approx((70, 10))
    assert large.cpus == pytest.approx({"0": 20.0, "1": 50.0})
    assert small.pid == 7


def test_neighbours_of_less_than_half_a_percent_are_none() -> None:
    def of(seconds_spent: float) -> dict[tuple[Process, int], list[tuple[int, float]]]:
        return {(Process(7, 1, "x"), 0): [(0, 0.0), (STOP, seconds_spent)]}

    assert neighbours(of(0.049), 0, STOP) == ()
    assert len(neighbours(of(0.051), 0, STOP)) == 1
    assert neighbours(of(1.0), STOP, STOP) == ()


def test_of_a_crowd_the_greatest_are_reported() -> None:
    crowd = {(Process(n, 1, "x"), 0): [(0, 0.0), (STOP, 0.1 + n)] for n in range(50)}
    found = neighbours(crowd, 0, STOP)
    assert [one.pid for one in found] == list(range(49, 49 - MOST_NEIGHBOURS, -1))


# Sensors


def sensed(
    at_s: float, mhz: float = 3000.0, throttles: int = 0, energy_j: float = 0.0, domain: str = "package-0"
) -> SensorReading:
    return SensorReading(seconds(at_s), {0: mhz}, {"core 0": throttles}, {domain: energy_j})


def test_a_clock_is_that_of_the_readings_in_the_window() -> None:
    readings = [sensed(at, mhz) for at, mhz in ((0, 800), (2, 3600), (4, 3000), (6, 2800), (11, 900))]
    (one,) = frequencies(readings, seconds(1), STOP).values()
    assert (one.first, one.mean, one.min, one.last) == pytest.approx((3600, 9400 / 3, 2800, 2800))


@pytest.mark.parametrize(("count", "behind"), [(1, 1), (8, 2), (9, 3), (16, 4)])
def test_a_quarter_of_the_readings_in_the_window_is_behind_each_end_of_a_clock(count: int, behind: int) -> None:
    assert readings_behind([sensed(0), *(sensed(1 + at / 2) for at in range(count))], seconds(1), STOP) == {0: behind}


def test_a_single_reading_that_is_odd_makes_no_first_and_no_last() -> None:
    readings = [sensed(1 + at / 2, 800 if at in (0, 15) else 3000) for at in range(16)]
    (one,) = frequencies(readings, 0, STOP).values()
    assert (one.first, one.last, one.min) == (3000, 3000, 800)


def test_without_a_reading_in_the_window_no_clock_is_known() -> None:
    assert frequencies([sensed(0), sensed(11)], seconds(1), STOP) == {}


def test_throttling_is_by_how_much_the_counts_rose() -> None:
    assert throttles([sensed(0, throttles=5), sensed(1, throttles=5), sensed(2, throttles=9)]) == {"core 0": 4}
    assert throttles([sensed(0, throttles=5), sensed(1, throttles=5)]) == {}
    assert throttles([]) == {}


def test_energy_is_that_of_the_window() -> None:
    readings = [sensed(at, energy_j=50.0 * at) for at in range(0, 22, 3)]
    assert energy(readings, seconds(5), seconds(15)) == {"package-0": pytest.approx(500.0)}
    assert energy(readings[:1], seconds(5), seconds(15)) == {}
    assert energy(readings, STOP, STOP) == {}


def test_the_energy_of_a_run_is_that_of_its_packages() -> None:
    assert package_energy({"package-0": 1.0, "package-1-die-0": 2.0, "dram": 4.0, "core": 8.0}) == 3.0
    assert package_energy({"dram": 4.0}) is None
