"""Clocks, heat and energy from trees of files that change between readings, as sysfs' do."""

from dataclasses import replace
from pathlib import Path

import pytest

from ovbench.common.sensors import Governor, Sensors, make_sensors
from ovbench.common.topology import read_topology
from tests.builders import seconds
from tests.trees import Tree, regular

CPUS = "sys/devices/system/cpu"
RAPL = "sys/class/powercap"
LAPTOP = regular(1, 2)
TWO_SOCKETS = regular(2, 1, threads=2)
"""CPUs 0 and 2 are the first socket, 1 and 3 the second."""


def write(root: Path, files: dict[str, object]) -> None:
    for name, value in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{value}\n")


def domain(name: str, folder: str, uj: int, most_uj: int | None = 1_000_000_000) -> dict[str, object]:
    found: dict[str, object] = {f"{RAPL}/{folder}/name": name, f"{RAPL}/{folder}/energy_uj": uj}
    return found if most_uj is None else found | {f"{RAPL}/{folder}/max_energy_range_uj": most_uj}


def sensors(tree: Tree, root: Path, files: dict[str, object], measured: tuple[int, ...] = (0, 1)) -> Sensors:
    write(root, files)
    return make_sensors(read_topology(replace(tree, allowed="0-3").write(root)), measured, root)


def energy(of: Sensors, at_s: int = 0) -> dict[str, float]:
    of.read(seconds(at_s))
    return dict(of.readings[-1].energy_j)


def test_a_machine_without_any_sensor_has_empty_readings(tmp_path: Path) -> None:
    none = sensors(LAPTOP, tmp_path, {})
    none.read(seconds(1))
    (reading,) = none.readings
    assert (reading.at_ns, reading.mhz, reading.throttles, reading.energy_j) == (seconds(1), {}, {}, {})
    assert none.governors == ()


def test_clocks_are_those_of_measured_cpus_in_mhz_as_they_are_now(tmp_path: Path) -> None:
    clocks: dict[str, object] = {f"{CPUS}/cpu{cpu}/cpufreq/scaling_cur_freq": 3_000_000 + cpu for cpu in (0, 1)}
    one = sensors(LAPTOP, tmp_path, clocks, measured=(1,))
    one.read(0)
    write(tmp_path, {f"{CPUS}/cpu1/cpufreq/scaling_cur_freq": 800_000})
    one.read(1)
    assert [reading.mhz for reading in one.readings] == [{1: pytest.approx(3000.001)}, {1: pytest.approx(800.0)}]


def test_governors_are_shown_with_their_drivers_once_each(tmp_path: Path) -> None:
    files: dict[str, object] = {f"{CPUS}/cpu{cpu}/cpufreq/scaling_governor": "powersave" for cpu in (0, 1)}
    files[f"{CPUS}/cpu0/cpufreq/scaling_driver"] = files[f"{CPUS}/cpu1/cpufreq/scaling_driver"] = "intel_pstate"
    assert sensors(LAPTOP, tmp_path, files).governors == (Governor("powersave", "intel_pstate"),)


def test_throttling_is_counted_by_core_and_by_package(tmp_path: Path) -> None:
    files: dict[str, object] = {
        f"{CPUS}/cpu{cpu}/thermal_throttle/{what}_throttle_count": 5 for cpu in range(4) for what in ("core", "package")
    }
    both = sensors(TWO_SOCKETS, tmp_path, files, measured=(0, 2))
    both.read(0)
    assert both.readings[-1].throttles == {"core 0": 5, "package 0": 5}
    write(tmp_path, {f"{CPUS}/cpu2/thermal_throttle/package_throttle_count": 9})
    both.read(1)
    assert both.readings[-1].throttles == {"core 0": 5, "package 0": 9}


def test_energy_is_what_was_used_since_the_beginning(tmp_path: Path) -> None:
    one = sensors(LAPTOP, tmp_path, domain("package-0", "intel-rapl:0", 5_000_000))
    assert energy(one) == {"package-0": 0.0}
    write(tmp_path, domain("package-0", "intel-rapl:0", 17_500_000))
    assert energy(one) == {"package-0": pytest.approx(12.5)}


def test_a_counter_that_starts_again_goes_on(tmp_path: Path) -> None:
    one = sensors(LAPTOP, tmp_path, domain("package-0", "intel-rapl:0", 990_000_000))
    write(tmp_path, domain("package-0", "intel-rapl:0", 2_000_000))
    assert energy(one) == {"package-0": pytest.approx(12.0)}
    write(tmp_path, domain("package-0", "intel-rapl:0", 3_000_000))
    assert energy(one) == {"package-0": pytest.approx(13.0)}


def test_a_counter_that_starts_again_where_nobody_knows_loses_a_span_and_does_not_run_back(tmp_path: Path) -> None:
    one = sensors(LAPTOP, tmp_path, domain("package-0", "intel-rapl:0", 990_000_000, None))
    write(tmp_path, domain("package-0", "intel-rapl:0", 2_000_000, None))
    assert energy(one) == {"package-0": 0.0}
    write(tmp_path, domain("package-0", "intel-rapl:0", 3_000_000, None))
    assert energy(one) == {"package-0": pytest.approx(1.0)}


def two_packages(first_uj: int, second_uj: int) -> dict[str, object]:
    return {
        **domain("package-0", "intel-rapl:0", first_uj),
        **domain("dram", "intel-rapl:0:1", first_uj // 10),
        **domain("package-1", "intel-rapl:1", second_uj),
        **domain("dram", "intel-rapl:1:1", second_uj // 10),
        **domain("psys", "intel-rapl:2", first_uj + second_uj),
        **domain("package-0", "intel-rapl-mmio:0", first_uj),
    }


@pytest.mark.parametrize(
    ("measured", "found"),
    [
        ((0,), {"package-0": 10.0, "dram": 1.0}),
        ((3,), {"package-1": 20.0, "dram": 2.0}),
        ((0, 1), {"package-0": 10.0, "package-1": 20.0, "dram": 3.0}),
    ],
)
def test_energy_is_that_of_measured_sockets_and_what_is_in_them(
    tmp_path: Path, measured: tuple[int, ...], found: dict[str, float]
) -> None:
    """The same package by another way (mmio) and the whole system (psys) are not added to it."""
    some = sensors(TWO_SOCKETS, tmp_path, two_packages(0, 0), measured)
    write(tmp_path, two_packages(10_000_000, 20_000_000))
    assert energy(some) == pytest.approx(found)


def test_a_package_of_several_dies_is_of_its_socket(tmp_path: Path) -> None:
    files = {**domain("package-1-die-0", "intel-rapl:0", 0), **domain("package-1-die-1", "intel-rapl:1", 0)}
    some = sensors(TWO_SOCKETS, tmp_path, files, measured=(1,))
    assert set(energy(some)) == {"package-1-die-0", "package-1-die-1"}


def test_energy_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    """As for users who are not root: the file's name is there, but not what is in it."""
    files = domain("package-0", "intel-rapl:0", 5)
    del files[f"{RAPL}/intel-rapl:0/energy_uj"]
    assert energy(sensors(LAPTOP, tmp_path, files)) == {}
