"""Reports and studies for pages: with every part, and with names that would like to be HTML."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import chain, product

import numpy as np
from msgspec import structs

from ovbench.coordinator.request.slo import Objective
from ovbench.coordinator.result import report as result
from ovbench.coordinator.result.arrivals import ArrivalsPart, GoodputPart, LatenessPart, ObjectivePart
from ovbench.coordinator.result.cpu import CpuOfOne, CpuPart, CpuPlace, CpuTimeline, CpuUse, Neighbour
from ovbench.coordinator.result.latency import DistributionPart, Interval, LatencyPart
from ovbench.coordinator.result.report import Report
from ovbench.coordinator.result.study import Fingerprint, KindName, Outcome, Study, Trial
from ovbench.coordinator.result.timeline import StagePart, TimelineArrivals, TimelinePart
from ovbench.coordinator.session.record import AgentRecord
from tests import capacities
from tests.builders import clock, delivered, layer, over_hosts, pairs, report, request, run, seconds
from tests.loadstudies import Queue, begun, conducted
from tests.searches import Machine

HOSTILE = '</script><script>document.title = "taken"</script><img src=x onerror=alert(1)>"\'&'


@cache
def full_report(agents: int = 4, cpus: int = 16) -> Report:
    """Of two sockets and four nodes, with all that a report may have."""
    random = np.random.default_rng(3)
    members = []
    for agent in range(agents):
        latencies = (random.lognormal(1.2 + 0.03 * agent, 0.25, 2000) * 1e6).astype(np.int64)
        data = pairs(seconds(1) + np.cumsum(latencies), latencies)
        layers = [layer(f"conv {HOSTILE} {index}", 200 - 10 * index, 150) for index in range(18)]
        members.append(delivered(agent, data=data[data[:, 1] < seconds(11)], layers=layers))
    plain = report(run(members, wanted=request("--agents", str(agents), "-pc")))
    assert plain.latency_ms is not None
    assert plain.effective is not None
    names = ("median", "p90", "p95", "p99", "p99_9")
    intervals = {name: Interval(0.9 * getattr(plain.latency_ms, name), None) for name in names}
    return structs.replace(
        plain,
        throughput=structs.replace(plain.throughput, fps_ci95=_about(plain.throughput.fps)),
        latency_ms=structs.replace(plain.latency_ms, ci95=intervals),
        cpu=_cpu(plain.cpu, agents, cpus),
        agents=tuple(_with_interval(agent) for agent in plain.agents),
        fairness=result.FairnessPart(100.0, 120.0, 12.3, 3, 0),
        efficiency=result.EfficiencyPart(cpu_s=70.0, frames_per_cpu_s=312.2, energy_per_inference_j=0.0123),
        neighbours=(Neighbour(4242, HOSTILE, 12.5, {"3": 7.0}),),
        validity=result.Validity("INVALID", (result.Finding("others", "error", HOSTILE, "Stop them."),)),
        command=("ovbench-coord", "-m", f"{HOSTILE}.xml"),
        effective=structs.replace(plain.effective, model=HOSTILE, properties={HOSTILE: HOSTILE}),
    )


@cache
def hosts_report(hosts: int = 3, agents: int = 2) -> Report:
    """Over hosts of two classes, the last of which was lost; the second has a name that would like to be HTML."""
    random = np.random.default_rng(7)
    members: dict[str, list[AgentRecord]] = {}
    names = ["a", HOSTILE, *(f"node-{number}.cluster.example.org" for number in range(2, hosts))]
    for host, name in enumerate(names):
        members[name] = []
        for cpu in range(agents):
            id = host * agents + cpu
            latencies = (random.lognormal(1.2 + 0.1 * (host % 3), 0.25, 2500) * 1e6).astype(np.int64)
            data = pairs(seconds(1) + np.cumsum(latencies), latencies)
            members[name].append(delivered(id, cpus=(cpu,), data=data[data[:, 1] < seconds(11)]))
    lost = names[-1]
    members[lost] = [AgentRecord(agent.id, agent.job, pid=7, why=f"host {lost} was lost") for agent in members[lost]]
    other = {"cpu_model": f"Another CPU {HOSTILE}", "physical_cores": 8, "governor": None}
    return report(
        over_hosts(
            members,
            lost={lost: "its network was gone for 3 s"},
            clocks={name: clock(1234.5 * number - 10, 60 + 20 * number) for number, name in enumerate(names)},
            environments=dict.fromkeys(names[1::3], other),
        )
    )


@cache
def rate_report(agents: int = 2, overloaded: bool = False) -> Report:
    """A full one of 300 arrivals a second for ten seconds, in two stages, with two limits on latency.

    `overloaded`: of the arrivals 13 % never complete, so that what is beyond p90 is unknown, and so is the mean; 5 %
    complete after the window.
    """
    whole = full_report(agents)
    latency = _latency(2.5, missing=390 if overloaded else 0)
    good = _goodput(0.82 if overloaded else 0.9934)
    delivered = 2610 if overloaded else 3000
    stage = StagePart(0.0, 4.0, 100.0, 400.0, 1000, 1000, 0, 0, _latency(2.0), _latency(1.0), _latency(1.0), good)
    later = structs.replace(
        stage, start_s=4.0, duration_s=6.0, rate_from=333.0, rate_to=333.0, offered=2000, delivered=delivered - 1000,
        unfinished=3000 - delivered, latency_ms=latency,
    )  # fmt: skip
    return structs.replace(
        whole,
        throughput=structs.replace(whole.throughput, inferences_per_s=247.0 if overloaded else 299.8),
        latency_ms=latency,
        fairness=None,
        wait_ms=_latency(1.5),
        service_ms=_latency(1.0),
        latency_distribution=_parts_of(whole.latency_distribution),
        lateness_us=LatenessPart(3000, 2.5, 1.3, 18.0, 120.0),
        arrivals=ArrivalsPart(
            "poisson", 300.0, 3000, delivered, 3000 - delivered, 0, 300.0, delivered / 10, "shared", 7, 10.0,
            2, 392 if overloaded else 3, 39.0 if overloaded else 0.1,
        ),
        goodput=good,
        stages=(stage, later),
        timeline=tuple(_slice(at, overloaded) for at in range(1, 11)),
    )  # fmt: skip


def _latency(median_ms: float, missing: int = 0) -> LatencyPart:
    """Where some are missing, p95 is the first percentile that depends on them."""
    whole = LatencyPart(
        exact=True, count=3000 - missing, min=median_ms / 2, mean=1.3 * median_ms, stddev=0.8 * median_ms,
        median=median_ms, p90=2.4 * median_ms, p95=3.2 * median_ms, p99=4.9 * median_ms, p99_9=6.5 * median_ms,
        max=8 * median_ms, chosen=median_ms, ci95={"median": Interval(0.98 * median_ms, 1.02 * median_ms)},
    )  # fmt: skip
    if not missing:
        return whole
    bounds = {name: getattr(whole, name) for name in ("mean", "p95", "p99", "p99_9", "max")}
    unknown = structs.replace(whole, mean=None, stddev=None, p95=None, p99=None, p99_9=None, max=None)
    return structs.replace(unknown, missing=missing, at_least=bounds)


def _goodput(share: float) -> GoodputPart:
    objectives = (
        ObjectivePart(20.0, 99.0, share, 300 * share, share >= 0.99),
        ObjectivePart(5.0, 50.0, 0.7 * share, 210 * share, 0.7 * share >= 0.5),
    )
    return GoodputPart(20.0, 300 * share, share, objectives)


def _parts_of(shape: DistributionPart | None) -> DistributionPart:
    assert shape is not None
    service = tuple(0.4 * value for value in shape.merged)
    wait = tuple(value - served for value, served in zip(shape.merged, service, strict=True))
    return structs.replace(shape, service=service, wait=wait)


def _slice(second: int, overloaded: bool) -> TimelinePart:
    """Nothing that was due in the fourth second completed, where it is overloaded."""
    late = overloaded and second == 4
    wait = 0.7 + 0.1 * (second % 3) + (5.0 * second if overloaded else 0.0)
    delivered = 261.0 if overloaded else 300.0 - second % 2
    arrivals = TimelineArrivals(
        offered_per_s=300.0 + second % 2, delivered_per_s=delivered, backlog=39 * second if overloaded else second % 4,
        wait_ms=None if late else wait, service_ms=None if late else 1.0,
        goodput_per_s=0.0 if late else 0.9 * delivered, goodput_share=0.0 if late else 0.9,
    )  # fmt: skip
    return TimelinePart(float(second), delivered, None if late else 5.0, 80.0, arrivals)


def _about(fps: float) -> Interval:
    return Interval(0.97 * fps, 1.03 * fps)


def _with_interval(agent: result.AgentPart) -> result.AgentPart:
    assert agent.throughput is not None
    return structs.replace(
        agent, throughput=structs.replace(agent.throughput, fps_ci95=_about(agent.throughput.fps)), reason=HOSTILE
    )


def _cpu(cpu: CpuPart, measured: int, online: int) -> CpuPart:
    busy = {number: 96.0 - number if number < measured else 2.0 + number / 8 for number in range(online)}
    return structs.replace(
        cpu,
        per_cpu={str(n): CpuOfOne(part, 0.75 * part, 0.25 * part, 0.0, 0.5) for n, part in busy.items()},
        places={str(n): CpuPlace(2 * n // online, 4 * n // online, n) for n in range(online)},
        use={str(n): CpuUse(90.0 - n, 0.5, 1.5 + n, 1.0, 7.0) for n in range(measured)},
        timeline=CpuTimeline(
            tuple(2.0 * slice for slice in range(1, 61)),
            {str(n): tuple(100.0 - (7 * n + slice) % 30 for slice in range(60)) for n in range(measured)},
        ),
    )


def study_of(
    kind: KindName,
    axes: Mapping[str, Sequence[str]],
    fps: Callable[[dict[str, str]], float],
    repetitions: int = 3,
    p99_limit_ms: float | None = None,
) -> tuple[Study, list[Outcome]]:
    """Every combination, each so many times, at 2 % noise; the last trial is INVALID."""
    random = np.random.default_rng(5)
    points = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
    trials: list[Trial] = []
    outcomes: list[Outcome] = []
    for repetition in range(repetitions):
        for index in random.permutation(len(points)):
            point = points[int(index)]
            id = f"{len(trials) + 1:04d}"
            trials.append(Trial(id, point, repetition, ("-m", f"{HOSTILE}.xml", *chain(*point.items()))))
            outcomes.append(_outcome(trials[-1], fps(point) * (1 + 0.02 * random.normal())))
    outcomes[-1] = structs.replace(outcomes[-1], status="INVALID", findings=(HOSTILE,))
    fingerprint = Fingerprint({HOSTILE: "0123"}, {"cpu": HOSTILE})
    study = Study(
        "0.1.0", kind, "2026-01-02T03:04:05Z", ("ovbench-coord", "study", HOSTILE), 1, repetitions,
        {name: tuple(values) for name, values in axes.items()}, tuple(trials), fingerprint, p99_limit_ms,
    )  # fmt: skip
    return study, outcomes


def _outcome(trial: Trial, fps: float) -> Outcome:
    agents = int(trial.point.get("--agents", "2"))
    p99 = 1500 * agents / fps
    return Outcome(
        trial=trial.id, point=trial.point, repetition=trial.repetition, started_at="2026-01-02T03:04:05Z", seconds=12.1,
        exit_code=0, status="VALID", fps=fps, latency_ms={"median": 0.7 * p99, "p99": p99}, agents=agents, cores=agents,
        streams=agents, requests=agents, busy_percent=97.0, frames_per_cpu_s=fps / agents,
    )  # fmt: skip


def scaling_study() -> tuple[Study, list[Outcome]]:
    """That follows the Universal Scalability Law with a = 0.03 and b = 0.004."""

    def fps(point: dict[str, str]) -> float:
        n = int(point["--agents"])
        return 120 * n / (1 + 0.03 * (n - 1) + 0.004 * n * (n - 1))

    return study_of("scaling", {"--agents": ["1", "2", "4", "8"]}, fps, 4, p99_limit_ms=20.0)


def streams_study() -> tuple[Study, list[Outcome]]:
    axes = {"-nstreams": ["1", "2", "4"], "-nireq": ["1", "2", "4", "8"]}
    return study_of("streams", axes, lambda point: 100.0 * int(point["-nstreams"]) + int(point["-nireq"]))


def ab_study() -> tuple[Study, list[Outcome]]:
    return study_of("ab", {"-api": ["sync", "async"]}, lambda point: 390.0 if point["-api"] == "sync" else 404.0, 8)


def large_study() -> tuple[Study, list[Outcome]]:
    """200 trials."""
    axes = {"-nstreams": ["1", "2", "3", "4", "5"], "-b": ["1", "2", "4", "8"], "-api": ["sync", "async"]}
    return study_of("sweep", axes, lambda point: 100.0 * int(point["-nstreams"]) * int(point["-b"]) ** 0.5, 5)


def releases_study(models: Sequence[str] = ("a.xml", "b.xml")) -> tuple[Study, list[Outcome]]:
    """Of three releases, of which the last is 5 % slower, on one of two models 10 %."""

    def fps(point: dict[str, str]) -> float:
        speed = {"2025.4": 1.0, "2026.2": 1.02, "2026.4": 0.95}[point["--openvino"]]
        return 500.0 * (speed - 0.05 * (point.get("-m") == "b.xml" and speed < 1))

    axes = {**({"-m": models} if models else {}), "--openvino": ["2025.4", "2026.2", "2026.4"]}
    return study_of("releases", axes, fps, 5)


def load_study() -> tuple[Study, list[Outcome]]:
    """Of a queue that serves 500 a second, with limits that it keeps up to some rate; overloaded at the highest."""
    planned = begun("-m", f"{HOSTILE}.xml", slo=("p99:40", "p95:30"))
    known = structs.replace(planned, fingerprint=Fingerprint({HOSTILE: "0123"}, {"cpu": HOSTILE}))
    return conducted(known, Queue(service_ms=2.0, noise=0.03))


def capacity_study() -> tuple[Study, list[Outcome]]:
    """Of two cuts of the same four servers, which serve alike but for the law of their services."""
    planned = capacities.study([Objective(60.0, 99.0)], ("1", "4"))
    trials = tuple(structs.replace(one, argv=("-m", HOSTILE, *one.argv[2:])) for one in planned.trials)
    known = structs.replace(planned, trials=trials, fingerprint=Fingerprint({HOSTILE: "0123"}, {"cpu": HOSTILE}))
    return capacities.conducted(known, {"1": Machine("exponential", 4), "4": Machine("deterministic", 4)})


STUDIES = {
    "scaling": scaling_study, "streams": streams_study, "ab": ab_study, "sweep": large_study,
    "releases": releases_study, "load": load_study, "capacity": capacity_study,
}  # fmt: skip
