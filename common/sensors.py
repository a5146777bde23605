"""The hardware's own sensors under load: clocks, throttling by heat, energy. What a machine lacks is left out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from .cpulist import read_text
from .topology import Cpu, Topology

_CPUS: Final = "sys/devices/system/cpu"
_POWER: Final = "sys/class/powercap"
_MHZ_PER_KHZ: Final = 1e-3
_J_PER_UJ: Final = 1e-6


@dataclass(frozen=True)
class SensorReading:
    """At an instant: MHz by CPU; running totals of throttling by what was throttled, of joules by RAPL domain."""

    at_ns: int
    mhz: Mapping[int, float]
    throttles: Mapping[str, int]
    energy_j: Mapping[str, float]


@dataclass(frozen=True)
class Governor:
    """How the clock of the measured CPUs is chosen, such as `powersave` by `intel_pstate`."""

    name: str
    driver: str


@dataclass(frozen=True)
class _Counter:
    """A RAPL domain's energy, which starts again from 0 after `most_uj`; None where the kernel does not say."""

    domain: str
    file: Path
    most_uj: int | None


@dataclass
class Sensors:
    """`cpus`: the measured ones. Energy is that of their sockets' packages: RAPL knows no smaller part.

    The files are those of Documentation/ABI/testing/sysfs-devices-system-cpu and Documentation/power/powercap in the
    kernel; AMD's processors have their energy under the same names. Energy can be read by root only on most systems.
    Between two readings a counter may start again once: at 400 W one of 65 kJ does so every 160 s.
    """

    cpus: Sequence[Cpu]
    root: Path = Path("/")
    readings: list[SensorReading] = field(default_factory=list)
    governors: tuple[Governor, ...] = ()
    _counters: tuple[_Counter, ...] = ()
    _clocks: dict[int, Path] = field(default_factory=dict)
    _throttles: dict[str, Path] = field(default_factory=dict)
    _last_uj: dict[Path, int] = field(default_factory=dict)
    _energy_uj: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        files = {cpu.id: self.root / _CPUS / f"cpu{cpu.id}/cpufreq" for cpu in self.cpus}
        self._clocks = {cpu: file for cpu, one in files.items() if _number(file := one / "scaling_cur_freq")}
        found = {
            (read_text(one / "scaling_governor").strip(), read_text(one / "scaling_driver").strip())
            for one in files.values()
        }
        self.governors = tuple(Governor(name, driver) for name, driver in sorted(found) if name)
        self._throttles = {what: file for what, file in self._throttle_files() if _number(file) is not None}
        self._counters = tuple(self._find_counters())

    @property
    def domains(self) -> frozenset[str]:
        """RAPL domains whose energy can be read."""
        return frozenset(counter.domain for counter in self._counters)

    def read(self, at_ns: int) -> None:
        mhz = {cpu: khz * _MHZ_PER_KHZ for cpu, file in self._clocks.items() if (khz := _number(file))}
        throttles = {what: number for what, file in self._throttles.items() if (number := _number(file)) is not None}
        for counter in self._counters:
            self._advance(counter)
        energy_j = {domain: uj * _J_PER_UJ for domain, uj in self._energy_uj.items()}
        self.readings.append(SensorReading(at_ns, mhz, throttles, energy_j))

    def _throttle_files(self) -> Iterator[tuple[str, Path]]:
        """A core's count is the same on its siblings, a package's on all of its CPUs."""
        for cpu in self.cpus:
            folder = self.root / _CPUS / f"cpu{cpu.id}/thermal_throttle"
            yield f"core {cpu.core}", folder / "core_throttle_count"
            yield f"package {cpu.socket}", folder / "package_throttle_count"

    def _find_counters(self) -> Iterator[_Counter]:
        """`intel-rapl:0` is a package (or the whole system, `psys`), `intel-rapl:0:1` a part of it, such as dram."""
        sockets = {cpu.socket for cpu in self.cpus}
        for folder in sorted((self.root / _POWER).glob("intel-rapl:*")):
            package = self.root / _POWER / ":".join(folder.name.split(":")[:2])
            if _socket(read_text(package / "name").strip()) not in sockets:
                continue
            counter = _Counter(
                read_text(folder / "name").strip(), folder / "energy_uj", _number(folder / "max_energy_range_uj")
            )
            value = _number(counter.file)
            if counter.domain and value is not None:
                self._last_uj[counter.file] = value
                self._energy_uj.setdefault(counter.domain, 0)
                yield counter

    def _advance(self, counter: _Counter) -> None:
        value = _number(counter.file)
        if value is None:
            return
        rise = value - self._last_uj[counter.file]
        if rise < 0:
            rise = rise + counter.most_uj if counter.most_uj is not None else 0
        self._last_uj[counter.file] = value
        self._energy_uj[counter.domain] += max(0, rise)


def make_sensors(topology: Topology, measured: Sequence[int], root: Path = Path("/")) -> Sensors:
    return Sensors(tuple(cpu for cpu in topology.cpus if cpu.id in set(measured)), root)


def _socket(domain: str) -> int | None:
    """Of `package-1`, and of `package-1-die-0`, as processors of several dies have it; None for other domains."""
    kind, _, rest = domain.partition("-")
    number = rest.partition("-")[0]
    return int(number) if kind == "package" and number.isdecimal() else None


def _number(file: Path) -> int | None:
    text = read_text(file).strip()
    return int(text) if text.isascii() and text.isdecimal() else None
