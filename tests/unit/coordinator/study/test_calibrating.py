"""What follows from a calibration's trials: simulated machines, quiet and not."""

from math import exp, expm1
from statistics import fmean

import pytest
from msgspec import structs

from ovbench.coordinator.request.commandline import parse_run
from ovbench.coordinator.result.cpu import CpuUse
from ovbench.coordinator.study import calibrating
from ovbench.coordinator.study.calibrating import LATENESS_ARGV, MLP, NULL, WORKS, Seen
from tests.builders import report
from tests.calibrations import NEIGHBOUR, calibration, probes, trials


def test_a_machine_that_hardly_scatters_is_quiet() -> None:
    found = calibration()
    assert (found.verdict, found.because) == ("quiet", ())
    assert found.floor is not None
    assert 0.5 < found.floor.two_runs_percent < 4


def test_a_planted_neighbour_changes_the_verdict_and_is_named() -> None:
    found = calibration(neighbour=NEIGHBOUR)
    assert found.verdict == "disturbed"
    text = " ".join(found.because)
    assert "others used 30.0 % of the measured CPUs' time; 40 of 40 trials were disturbed" in text
    assert "compiler (pid 4242) 60 %" in text


def test_a_machine_that_scatters_while_nobody_is_seen_is_noisy() -> None:
    found = calibration(between=0.05)
    assert found.verdict == "noisy"
    assert "by noise alone" in " ".join(found.because)


def test_without_the_work_that_uses_the_cpus_there_is_no_floor() -> None:
    found = calibration()
    assert structs.replace(found, works=found.works[:1]).floor is None


def test_single_disturbed_trials_make_no_disturbed_machine() -> None:
    one, *rest = trials(MLP)
    few = [with_findings(one, ("thermal_throttle",)), *rest]
    assert calibrating.verdict((), {}, calibrating.disturbance(few), None) == ("quiet", ())
    many = [with_findings(one, ("thermal_throttle",)) for one in trials(MLP)[:6]] + trials(MLP)[6:]
    verdict, because = calibrating.verdict((), {}, calibrating.disturbance(many), None)
    assert verdict == "disturbed"
    assert "thermal_throttle in 6 trials; 6 of 24 trials were disturbed" in because[0]


def test_a_tick_of_the_kernel_in_each_short_trial_is_no_disturbance() -> None:
    """10 ms of 300 ms that are charged to others now and then, and to nobody else."""
    quiet = trials(MLP)
    charged = [with_others(one, 3.4 * (number % 2)) for number, one in enumerate(quiet)]
    assert calibrating.verdict((), {}, calibrating.disturbance(charged), None) == ("quiet", ())


def test_a_neighbour_on_one_cpu_disturbs_the_machine() -> None:
    disturbed = [with_others(one, 0.0, 9.0) for one in trials(MLP)]
    assert calibrating.verdict((), {}, calibrating.disturbance(disturbed), None)[0] == "disturbed"


def with_others(one: Seen, *percents: float) -> Seen:
    use = {str(cpu): CpuUse(99.0 - percent, 0.5, percent, 0.0, 0.5) for cpu, percent in enumerate(percents)}
    return Seen(one.start, one.fps, one.latency_ms, structs.replace(one.cpu, use=use), (), (), 2)


def with_findings(one: Seen, findings: tuple[str, ...]) -> Seen:
    return Seen(one.start, one.fps, one.latency_ms, one.cpu, findings, one.neighbours, one.agents)


def test_what_is_taken_from_a_spinning_thread_is_a_disturbance() -> None:
    nothing = calibrating.disturbance([])
    verdict, because = calibrating.verdict((), probes(taken_percent=12.0), nothing, None)
    assert verdict == "disturbed"
    assert because == ("a thread that never waits lost 12.0 % of its time on CPU 1, up to 9.0 ms at a stretch",)


def test_late_starts_make_a_machine_noisy() -> None:
    assert calibrating.verdict((), {}, calibrating.disturbance([]), 2500.0) == (
        "noisy", ("1 in 100 starts at a rate is more than 2.5 ms late",),
    )  # fmt: skip


def test_what_a_work_scatters_by_is_found() -> None:
    parts = [calibrating.work_part(MLP, trials(MLP, within=0.01, between=0.02, seed=seed)) for seed in range(200)]
    noises = [noise for part in parts if part is not None and (noise := part.noise_of("throughput")) is not None]
    assert len(noises) == 200
    assert fmean(one.within_percent**2 for one in noises) == pytest.approx(1.0, rel=0.1)
    assert fmean(one.start_percent**2 for one in noises) == pytest.approx(4 + 1 / 4, rel=0.15)


def test_a_against_a_holds_1_in_98_of_100_calibrations() -> None:
    held = 0
    for seed in range(300):
        part = calibrating.work_part(MLP, trials(MLP, within=0.01, between=0.03, seed=seed))
        assert part is not None
        assert part.same is not None
        held += part.same.holds_1
    assert held / 300 == pytest.approx(0.98, abs=0.02)


def test_the_blocks_of_a_against_a_are_the_starts() -> None:
    """A drift that is linear over a block cancels in ABBA, also where every start begins higher."""
    drifting = [
        with_fps(one, 100.0 * exp(0.01 * number)) for number, one in enumerate(trials(MLP))
    ]  # fmt: skip
    part = calibrating.work_part(MLP, drifting)
    assert part is not None
    assert part.same is not None
    assert (part.same.ratio, part.same.low, part.same.high) == pytest.approx((1.0, 1.0, 1.0))
    assert part.first_to_last_percent == pytest.approx(100 * expm1(0.01 * 4 * 5))


def with_fps(one: Seen, fps: float) -> Seen:
    return Seen(one.start, fps, one.latency_ms, one.cpu, one.findings, one.neighbours, one.agents)


def test_one_start_shows_nothing() -> None:
    assert calibrating.work_part(MLP, trials(MLP)[:4]) is None
    assert calibrating.work_part(MLP, []) is None


def test_a_neighbour_that_was_there_for_half_of_the_trials_has_half_of_its_share() -> None:
    seen = [*trials(NULL, neighbour=NEIGHBOUR), *trials(NULL, first=5)]
    found = calibrating.disturbance(seen)
    assert [one.pid for one in found.neighbours] == [4242]
    assert found.neighbours[0].percent == pytest.approx(30.0)
    assert found.others_percent == pytest.approx((30 + 0.2) / 2)
    assert (found.disturbed_trials, found.trials) == (16, 32)


def test_half_the_speed_of_last_week_is_noticed_without_steal() -> None:
    before = [calibration(taken_at=f"2026-01-0{day}T10:00:00Z", seed=day) for day in (1, 2, 3)]
    now = calibration(before, fps=500.0, speed=520.0)
    assert now.verdict == "quiet"
    assert now.earlier is not None
    assert (now.earlier.count, now.earlier.since) == (3, "2026-01-01T10:00:00Z")
    changed = dict(calibrating.speed_changed(now))
    assert changed == {
        "null device": pytest.approx(-50, abs=1.5),
        "builtin:mlp": pytest.approx(-50, abs=1.5),
        "plain speed of the CPUs": pytest.approx(-48, abs=0.1),
    }


def test_the_same_speed_is_no_news() -> None:
    before = [calibration(seed=seed) for seed in (5, 6)]
    assert list(calibrating.speed_changed(calibration(before))) == []


def test_only_calibrations_under_the_same_conditions_are_compared() -> None:
    now = calibration()
    other_build = structs.replace(now, openvino="2025.1.0")
    found = calibrating.earlier(now, [other_build])
    assert found is not None
    assert found.works_percent == {}
    assert found.hash_percent == pytest.approx(0.0)
    assert calibrating.earlier(now, [structs.replace(now, cpus=(0,))]) is None
    assert calibrating.earlier(now, [structs.replace(now, machine=structs.replace(now.machine, id="other"))]) is None


def test_a_disturbed_calibration_is_no_measure_of_speed() -> None:
    slow = calibration(neighbour=NEIGHBOUR, fps=100.0)
    now = calibration([slow, calibration(seed=9)])
    assert now.earlier is not None
    assert now.earlier.count == 1
    assert list(calibrating.speed_changed(now)) == []
    assert dict(calibrating.speed_changed(calibration([calibration()], neighbour=NEIGHBOUR, fps=100.0))) == {}


def test_where_all_were_disturbed_the_plain_speed_alone_is_compared() -> None:
    now = calibration([calibration(neighbour=NEIGHBOUR, fps=100.0)], speed=500.0)
    assert now.earlier is not None
    assert (now.earlier.count, now.earlier.works_percent) == (1, {})
    assert dict(calibrating.speed_changed(now)) == {"plain speed of the CPUs": pytest.approx(-50.0)}


def test_what_is_run_is_understood_and_takes_less_than_a_minute() -> None:
    for argv in (*(work.argv for work in WORKS), LATENESS_ARGV):
        parse_run(argv)
    assert calibrating.estimate_s(WORKS, 8, 0.6) < 55


def test_a_trial_is_seen_in_its_report() -> None:
    found = calibrating.seen(report(), 3)
    assert found.start == 3
    assert found.fps == report().throughput.fps
    latency = report().latency_ms
    assert latency is not None
    assert found.latency_ms == {"median": latency.median, "p99": latency.p99}


def test_frequencies_go_from_the_first_trial_to_the_last() -> None:
    found = calibrating.frequencies(trials(MLP))
    assert (found["0"].first, found["0"].min, found["0"].last) == (3000.0, 2800.0, 2850.0)


def test_steal_is_of_the_measured_cpus() -> None:
    use = {"0": CpuUse(50.0, 0.0, 0.0, 40.0, 10.0), "1": CpuUse(90.0, 0.0, 0.0, 0.0, 10.0)}
    one = trials(MLP)[0]
    stolen = Seen(1, one.fps, one.latency_ms, structs.replace(one.cpu, use=use), (), (), 2)
    found = calibrating.disturbance([stolen])
    assert found.steal_percent == pytest.approx(20.0)
    verdict, because = calibrating.verdict((), {}, found, None)
    assert verdict == "disturbed"
    assert "the hypervisor took 20.0 %" in because[0]
