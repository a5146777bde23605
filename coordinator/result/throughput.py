"""What was done, what it cost, and how evenly agents were served, as `report.json` has it."""

from typing import Annotated

from msgspec import Meta, Struct

from .latency import Interval


class Throughput(Struct, frozen=True):
    fps: Annotated[
        float,
        Meta(description="frames done in the window / its length; what is under way at its edges counts by its share"),
    ]
    inferences_per_s: Annotated[
        float, Meta(description="inferences done in the window / its length, with shares as in fps")
    ]
    count: Annotated[int, Meta(description="inferences that ended in the window")]
    batch: int
    completed: Annotated[int, Meta(description="inferences after the warm-up, those outside the window included")]
    frames: Annotated[int, Meta(description="sum of the batches of the inferences that ended in the window")] = 0
    fps_ci95: Annotated[
        Interval | None,
        Meta(description="by the times of few inferences, else by batch means; null where nothing can be known"),
    ] = None


class EfficiencyPart(Struct, frozen=True):
    """What the throughput cost."""

    cpu_s: Annotated[float, Meta(description="user + system time of the agents in the window")]
    frames_per_cpu_s: Annotated[float | None, Meta(description="frames / cpu_s; null where no CPU time was used")]
    energy_j: Annotated[
        float | None, Meta(description="of the packages with measured CPUs, whole, in the window, by RAPL; else null")
    ] = None
    energy_per_inference_j: float | None = None
    power_w: float | None = None
    energy_by_domain_j: Annotated[dict[str, float], Meta(description="by RAPL domain, such as package-0 or dram")] = {}


class FairnessPart(Struct, frozen=True):
    """How evenly the agents were served. Frames per second and per CPU that an agent had, as agents may differ in size;
    of a CPU that several agents were given, each had an equal part."""

    min_fps_per_cpu: float
    max_fps_per_cpu: float
    spread_percent: Annotated[float, Meta(description="(max - min) / mean")]
    slowest_agent: int
    fastest_agent: int
    by_node: Annotated[dict[str, float], Meta(description="mean over the agents of a NUMA node")] = {}
    by_socket: dict[str, float] = {}
    by_host: Annotated[
        dict[str, float], Meta(description="mean over the agents of a host, instead of by node and by socket")
    ] = {}
    among: Annotated[
        tuple[str, ...],
        Meta(description="hosts, alike, whose agents were compared: of several classes the one with the widest spread"),
    ] = ()
