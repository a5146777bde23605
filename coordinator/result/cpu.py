"""Whom the CPUs' time went to, as `report.json` has it."""

from typing import Annotated

from msgspec import Meta, Struct

Percent = Annotated[float, Meta(ge=0)]


class CpuOfOne(Struct, frozen=True):
    """Percent of one logical CPU's time in the window."""

    busy: Percent
    user: Percent
    system: Percent
    iowait: Percent
    steal: Percent


class CpuPlace(Struct, frozen=True):
    """Where a logical CPU is; `core` is the lowest number among its SMT siblings."""

    socket: int
    node: int
    core: int


class CpuUse(Struct, frozen=True):
    """Who had a measured CPU in the window, in percent of its time; together 100.

    With an agent of several CPUs whose threads may move between them, its time is charged by where they were seen.
    """

    agents: Percent
    harness: Annotated[Percent, Meta(description="coordinator and control threads of the agents")]
    others: Percent
    steal: Percent
    idle: Annotated[Percent, Meta(description="iowait is idle, too")]


class Frequency(Struct, frozen=True):
    """Of a measured CPU in the window, MHz."""

    first: float
    mean: float
    min: float
    last: float


class CpuTimeline(Struct, frozen=True):
    """How busy each measured CPU was in slices of the window: of a second, doubled until there are at most 60.

    Totals are read every second; what lies between is on a straight line.
    """

    t_s: Annotated[tuple[float, ...], Meta(description="ends of the slices, since the window's start")]
    busy_percent: Annotated[dict[str, tuple[Percent, ...]], Meta(description="by measured CPU; to 0.01 %")]


class CpuPart(Struct, frozen=True):
    """Percent of the time of all measured CPUs together, so busy is about agents + coordinator + others.

    Over several hosts what is by CPU is with each of them alone, as CPUs are numbered on each anew.
    """

    busy_percent: Percent
    per_cpu: Annotated[dict[str, CpuOfOne], Meta(description="every online logical CPU of the host")]
    agents_percent: Percent
    coordinator_percent: Percent
    others_percent: Annotated[
        Percent, Meta(description="busy time of the measured CPUs that is neither the agents' nor the coordinator's")
    ]
    control_percent: Annotated[
        Percent, Meta(description="coordinator and control threads of the agents, in percent of ONE CPU")
    ]
    measured_cpus: tuple[int, ...]
    use: Annotated[dict[str, CpuUse], Meta(description="every measured CPU")] = {}
    frequency_mhz: Annotated[dict[str, Frequency], Meta(description="empty where the kernel does not report it")] = {}
    timeline: Annotated[CpuTimeline | None, Meta(description="null where the totals could not be read")] = None
    places: Annotated[dict[str, CpuPlace], Meta(description="every online logical CPU of the host")] = {}


class Neighbour(Struct, frozen=True):
    """A process that is not of this run and that took time from the measured CPUs in the window."""

    pid: int
    name: str
    percent: Annotated[Percent, Meta(description="in percent of ONE CPU, its time on measured CPUs")]
    cpus: Annotated[dict[str, Percent], Meta(description="by measured CPU")]
    host: Annotated[str, Meta(description="which it was on, of several")] = ""


class AgentCpu(Struct, frozen=True):
    """Of the agent's process, in the window."""

    user_s: float
    system_s: float
    percent: Annotated[Percent, Meta(description="user + system, in percent of one CPU")]
    control_s: Annotated[float, Meta(description="the part of its control threads")]
    voluntary_switches: int
    involuntary_switches: int
    migrations: Annotated[int | None, Meta(description="null where the kernel does not report it")]
    frames_per_cpu_s: float | None = None
    throttled_s: Annotated[float, Meta(description="in which its control groups' CPU quota was used up")] = 0.0
    throttled_periods: int = 0
