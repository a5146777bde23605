"""Which settings of a scaling study make a curve."""

from ovbench.coordinator.result.study import Outcome, Study
from ovbench.coordinator.stats.scaling import throughput
from ovbench.coordinator.study.curves import curves_of
from tests.studies import outcome, outcomes, settings_of, study


def sizes(planned: Study, done: list[Outcome]) -> list[tuple[str, dict[str, str], list[int]]]:
    found = curves_of(planned, settings_of(planned, done))
    return [(curve.unit, curve.point, [point.size for point in curve.scaling.points]) for curve in found]


def test_agents_are_the_size_where_they_are_varied() -> None:
    planned = study({"--agents": ("1", "2", "4")}, "scaling")
    done = outcomes(planned, lambda p: throughput(int(p["--agents"]), 100, 0.1), lambda p: 2.0)
    (curve,) = curves_of(planned, settings_of(planned, done))
    assert (curve.unit, curve.point) == ("agents", {})
    assert curve.scaling.fit is not None
    assert {size: p99.value for size, p99 in curve.p99_ms.items()} == {"1": 2.0, "2": 2.0, "4": 2.0}
    assert curve.cpus == {"1": 1, "2": 2, "4": 4}


def test_cores_are_the_size_where_one_agent_has_more_of_them() -> None:
    planned = study({"--cpus-per-agent": ("1", "2", "4")}, "scaling", repetitions=1)
    done = [outcome(t, 100.0, 2.0, agents=1, cores=int(t.point["--cpus-per-agent"])) for t in planned.trials]
    assert sizes(planned, done) == [("cores", {}, [1, 2, 4])]


def test_each_combination_of_the_other_settings_has_a_curve() -> None:
    planned = study({"--agents": ("1", "2"), "-api": ("sync", "async")}, "scaling")
    done = outcomes(planned, lambda p: 100.0, lambda p: 2.0)
    assert sizes(planned, done) == [
        ("agents", {"-api": "sync"}, [1, 2]),
        ("agents", {"-api": "async"}, [1, 2]),
    ]


def test_settings_that_change_with_the_size_are_on_one_curve() -> None:
    planned = study({"--agents": ("1", "2", "4"), "--cpus": ("0", "0-1", "0-3")}, "scaling", repetitions=1)
    wanted = {("1", "0"), ("2", "0-1"), ("4", "0-3")}
    done = [outcome(t, 100.0, 2.0) for t in planned.trials if (t.point["--agents"], t.point["--cpus"]) in wanted]
    assert sizes(planned, done) == [("agents", {}, [1, 2, 4])]


def test_agents_by_the_machine_s_parts_have_the_number_that_ran() -> None:
    planned = study({"--agents": ("1", "per-core")}, "scaling", repetitions=1)
    number = {"1": 1, "per-core": 8}
    done = [outcome(t, 100.0, 2.0, agents=n, cores=n) for t in planned.trials for n in [number[t.point["--agents"]]]]
    assert sizes(planned, done) == [("agents", {}, [1, 8])]


def test_without_a_valid_trial_there_is_no_curve() -> None:
    assert sizes(study({"--agents": ("1", "2")}, "scaling"), []) == []


def test_hosts_are_the_size_where_they_are_varied() -> None:
    planned = study({"--hosts": ("a", "a,b=4", "a,b=4,c,d")}, "scaling")
    done = outcomes(planned, lambda p: throughput(p["--hosts"].count(",") + 1, 100, 0.1), lambda p: 2.0)
    assert sizes(planned, done) == [("hosts", {}, [1, 2, 4])]
