"""Calibrations of machines that a test makes up: how much they scatter, and who else is there."""

from collections.abc import Sequence
from math import exp
from typing import Any

import numpy as np
from msgspec import structs

from ovbench.coordinator.result.calibration import Calibration, ClockPart, CpuProbe, Machine
from ovbench.coordinator.result.cpu import CpuPart, CpuUse, Frequency, Neighbour
from ovbench.coordinator.study import calibrating
from ovbench.coordinator.study.calibrating import MLP, NULL, Seen, Work

MACHINE = Machine("0123456789abcdef", "lab-1", "Some CPU", 2, 2)
NEIGHBOUR = Neighbour(4242, "compiler", 60.0, {"1": 60.0})


def probes(speed: float = 1000.0, taken_percent: float = 0.01) -> dict[str, CpuProbe]:
    return {
        "0": CpuProbe(speed, 5.0, 20.0, 90.0, 0.01, 40.0),
        "1": CpuProbe(speed * 0.99, 6.0, 25.0, 80.0, taken_percent, 50.0 if taken_percent < 1 else 9000.0),
    }


def trials(
    work: Work,
    *,
    fps: float = 1000.0,
    within: float = 0.002,
    between: float = 0.004,
    neighbour: Neighbour | None = None,
    seed: int = 0,
    first: int = 1,
) -> list[Seen]:
    """Of all its starts. `neighbour`: who uses the measured CPUs meanwhile; nothing else changes by that."""
    draw = np.random.default_rng(seed)
    others = 0.2 if neighbour is None else neighbour.percent / 2
    use = {str(cpu): CpuUse(99.0 - others, 0.5, others, 0.0, 0.5) for cpu in range(2)}
    cpu = CpuPart(
        busy_percent=99.5, per_cpu={}, agents_percent=99.0 - others, coordinator_percent=0.5, others_percent=others,
        control_percent=0.1, measured_cpus=(0, 1), use=use,
        frequency_mhz={"0": Frequency(3000.0, 2900.0, 2800.0, 2850.0)},
    )  # fmt: skip
    found = []
    for start in range(first, first + work.starts):
        level = draw.normal(0, between)
        for _ in calibrating.BLOCK:
            rate = fps * exp(level + draw.normal(0, within))
            found.append(
                Seen(start, rate, {"median": 1000 / rate, "p99": 1500 / rate}, cpu,
                     (), () if neighbour is None else (neighbour,), 2)
            )  # fmt: skip
    return found


def calibration(kept: Sequence[Calibration] = (), taken_at: str = "2026-01-08T10:00:00Z", **how: Any) -> Calibration:
    """Of both works, by the rules of a real one. `how`: as in `trials`, and `speed` of the CPUs."""
    speed = how.pop("speed", 1000.0)
    every = {work.name: trials(work, **{"seed": number, **how}) for number, work in enumerate((NULL, MLP))}
    works = tuple(part for work in (NULL, MLP) if (part := calibrating.work_part(work, every[work.name])) is not None)
    seen = [one for some in every.values() for one in some]
    found, probed = calibrating.disturbance(seen), probes(speed)
    verdict, because = calibrating.verdict(works, probed, found, 90.0)
    made = Calibration(
        ovbench="0.1.0",
        taken_at=taken_at,
        seconds=35.0,
        machine=MACHINE,
        openvino="2026.4.1",
        kernel="6.18",
        cpus=(0, 1),
        verdict=verdict,
        because=because,
        works=works,
        probes=probed,
        clock=ClockPart("tsc", 50.0, None, calibrating.frequencies(seen)),
        disturbance=found,
    )
    return structs.replace(made, earlier=calibrating.earlier(made, kept))
