"""What a calibration measured of a machine, as `calibrate --json` and the state folder have it. Pure."""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from ..stats.estimate import Estimate
from .arrivals import LatenessPart
from .cpu import Frequency, Neighbour, Percent
from .noise import CalibrationVerdict, NoiseFloor

FLOOR_WORK: Final = "builtin:mlp"
FigureName = Literal["throughput", "median", "p99"]


class Machine(Struct, frozen=True):
    """`id`: a digest of what makes it this machine: its identity where the system has one, else its name; CPU, memory.
    It cannot be traced back."""

    id: str
    hostname: str
    cpu_model: str
    logical_cpus: int
    physical_cores: int


class NoiseOf(Struct, frozen=True):
    """Standard deviations of one figure, in percent of it."""

    figure: FigureName
    within_percent: Annotated[Percent, Meta(description="of trials that had the same agents")]
    between_percent: Annotated[Percent, Meta(description="from start to start of the agents, beyond that")]
    start_percent: Annotated[Percent, Meta(description="of the mean over the trials of a start, as measured")]
    two_runs_percent: Annotated[
        Percent, Meta(description="two runs of the same, agents anew, differ by more in 5 of 100 pairs")
    ]


class SameAgainstSame(Struct, frozen=True):
    """A against A in blocks of ABBA, a block in each start: B / A, which is 1."""

    ratio: float
    low: float
    high: float
    confidence_percent: float
    holds_1: bool


class WorkPart(Struct, frozen=True):
    """A fixed work, measured in `starts` of its agents with trials of `trial_s` each."""

    name: str
    command: Annotated[tuple[str, ...], Meta(description="of a trial")]
    agents: int
    starts: int
    trials: int
    trial_s: float
    fps: Estimate
    noise: tuple[NoiseOf, ...]
    same: SameAgainstSame | None
    first_to_last_percent: Annotated[float, Meta(description="of the last start's throughput against the first's")]

    def noise_of(self, figure: FigureName) -> NoiseOf | None:
        return next((one for one in self.noise if one.figure == figure), None)


class CpuProbe(Struct, frozen=True):
    """Of one logical CPU, on which nothing of ours ran but the probe."""

    hash_mb_per_s: Annotated[float, Meta(description="BLAKE2b in cache, the fastest of many short pieces")]
    late_median_us: Annotated[float, Meta(description="a sleeping thread wakes later than asked for by that")]
    late_p99_us: float
    late_max_us: float
    taken_percent: Annotated[Percent, Meta(description="of the time of a thread that never waits")]
    longest_gap_us: Annotated[float, Meta(description="in which that thread did not run")]


class ClockPart(Struct, frozen=True):
    """CLOCK_MONOTONIC. `frequency_mhz`: by measured CPU under load; empty where the kernel does not show it."""

    source: str
    read_ns: Annotated[float, Meta(description="of one reading, from Python, the fastest of many")]
    governor: str | None
    frequency_mhz: dict[str, Frequency] = {}


class DisturbancePart(Struct, frozen=True):
    """Who else used the measured CPUs while the works ran."""

    others_percent: Percent
    steal_percent: Percent
    most_others_percent: Annotated[Percent, Meta(description="of the CPU that they used most")]
    most_steal_percent: Percent
    disturbed_trials: Annotated[
        int, Meta(description="in which others and the hypervisor had 10 % of a CPU, or a finding below came up")
    ]
    trials: int
    findings: Annotated[
        dict[str, int], Meta(description="in how many trials: throttling, a CPU quota, a lower frequency")
    ] = {}
    neighbours: Annotated[tuple[Neighbour, ...], Meta(description="who used most, on average over the trials")] = ()


class EarlierPart(Struct, frozen=True):
    """Speed against earlier calibrations of this machine under the same conditions: against their median."""

    count: int
    since: str
    works_percent: Annotated[dict[str, float], Meta(description="change of throughput, by work")] = {}
    hash_percent: Annotated[float | None, Meta(description="change of the CPUs' plain speed")] = None


class Calibration(Struct, frozen=True):
    """What a calibration measured. `floor`: which differences of throughput cannot be seen."""

    ovbench: str
    taken_at: str
    seconds: float
    machine: Machine
    openvino: str
    kernel: str
    cpus: tuple[int, ...]
    verdict: CalibrationVerdict
    because: Annotated[tuple[str, ...], Meta(description="sentences; empty where it is quiet")]
    works: tuple[WorkPart, ...]
    probes: Annotated[dict[str, CpuProbe], Meta(description="by CPU; of a large machine some")]
    clock: ClockPart
    disturbance: DisturbancePart
    lateness_us: Annotated[LatenessPart | None, Meta(description="of ovbench's own starts at 1,000/s")] = None
    earlier: EarlierPart | None = None
    schema: Literal["ovbench.calibration/1"] = "ovbench.calibration/1"

    @property
    def floor(self) -> NoiseFloor | None:
        """None where the work that uses the CPUs was not reached."""
        work = next((one for one in self.works if one.name == FLOOR_WORK), None)
        noise = None if work is None else work.noise_of("throughput")
        if work is None or noise is None:
            return None
        return NoiseFloor(noise.start_percent, work.starts, self.verdict, self.taken_at, work.name)


def calibration_json(of: Calibration) -> bytes:
    return msgspec.json.format(msgspec.json.encode(of), indent=2) + b"\n"
