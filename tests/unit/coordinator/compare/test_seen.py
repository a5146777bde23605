"""What `compare` says of differences that noise alone makes."""

import pytest
from msgspec import structs

from ovbench.coordinator.compare.comparison import Matched, NamedRun, NamedStudy, compare_runs, compare_studies
from ovbench.coordinator.compare.seen import unseen
from ovbench.coordinator.result.noise import NoiseFloor
from ovbench.coordinator.result.report import Report
from ovbench.coordinator.result.study import Outcome
from tests.builders import report
from tests.studies import outcomes, study

FLOOR = NoiseFloor(1.0, 6, "quiet", "2026-01-01T10:00:00Z", "builtin:mlp")
NOISIER = structs.replace(FLOOR, start_percent=2.0, verdict="disturbed")


def measured(fps: float, noise: NoiseFloor | None) -> Report:
    found = report()
    return structs.replace(
        found,
        environment=structs.replace(found.environment, noise=noise),
        throughput=structs.replace(found.throughput, fps=fps, fps_ci95=None),
    )


def runs(one: Report, two: Report) -> Matched:
    return compare_runs(NamedRun("a", one), [NamedRun("b", two)]).others[0].matched[0]


def test_of_two_runs_the_noisier_machine_says_what_cannot_be_seen() -> None:
    found = runs(measured(100.0, FLOOR), measured(101.0, NOISIER))
    text = " ".join(unseen(found))
    assert text.startswith(
        f"By the calibration of 2026-01-01, when it was disturbed, differences of throughput under "
        f"{NOISIER.two_runs_percent:.1f} % cannot be seen on this machine: so far apart are two short runs of "
    )


def test_a_change_that_is_smaller_is_named() -> None:
    found = runs(measured(100.0, FLOOR), measured(101.0, FLOOR))
    (fps,) = [one for one in found.changes if one.figure == "fps"]
    better = structs.replace(found, changes=(structs.replace(fps, verdict="better"),))
    assert "The change of fps, +1.0 %, is smaller than that." in list(unseen(better))
    large = structs.replace(found, changes=(structs.replace(fps, verdict="better", change_percent=9.0),))
    assert len(list(unseen(large))) == 1


@pytest.mark.parametrize("other", [None, FLOOR])
def test_where_a_machine_was_not_calibrated_nothing_is_said(other: NoiseFloor | None) -> None:
    assert list(unseen(runs(measured(100.0, None), measured(101.0, other)))) == []


def test_that_it_was_calibrated_in_between_is_no_difference_of_the_environment() -> None:
    (pair,) = compare_runs(NamedRun("a", measured(1.0, None)), [NamedRun("b", measured(1.0, FLOOR))]).others
    assert pair.environment == ()


def test_means_over_starts_show_smaller_differences_than_runs_do() -> None:
    of = structs.replace(study({"-b": ("1",)}, repetitions=4), noise=FLOOR)
    even = outcomes(of, lambda point: 100.0, lambda point: 10.0)
    done = [structs.replace(one, fps=100.0 + 10 * (number % 2)) for number, one in enumerate(even)]
    (pair,) = compare_studies(NamedStudy("a", of, done), [NamedStudy("b", of, done)]).others
    found = pair.matched[0].unseen
    assert found is not None
    assert (found.starts, found.percent) == (4, FLOOR.over(4))
    assert "means over 4 starts of the same" in " ".join(unseen(pair.matched[0]))
    shared = [structs.replace(one, start=1) for one in done]
    (pair,) = compare_studies(NamedStudy("a", of, done), [NamedStudy("b", of, shared)]).others
    assert pair.matched[0].unseen is not None
    assert pair.matched[0].unseen.percent == FLOOR.two_runs_percent


def test_means_that_have_shown_smaller_differences_themselves_are_not_held_against_the_calibration() -> None:
    of = structs.replace(study({"-b": ("1",)}, repetitions=4), noise=NOISIER)
    even = outcomes(of, lambda point: 100.0, lambda point: 10.0)
    done = [structs.replace(one, fps=100.0 + 0.1 * (number % 2)) for number, one in enumerate(even)]

    def said(some: list[Outcome]) -> list[str]:
        (pair,) = compare_studies(NamedStudy("a", of, some), [NamedStudy("b", of, some)]).others
        return list(unseen(pair.matched[0]))

    assert said(done) == []
    assert len(said([structs.replace(one, start=1) for one in done])) == 1, "of one start nothing of starts is known"
