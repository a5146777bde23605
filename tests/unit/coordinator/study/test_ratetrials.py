"""Which flags a closed loop has, and which a trial at a rate."""

from ovbench.coordinator.result.study import Trial
from ovbench.coordinator.study.axes import parse_axes
from ovbench.coordinator.study.ratetrials import closed_point, flags_at_rate, of_closed_loops, trial_at

AXES = parse_axes(
    ("-m", "a.xml", "--agents", "1,2", "--dispatch", "shared,random", "--arrivals", "gamma:2", "--arrival-seed", "7")
)


def test_a_closed_loop_has_nothing_of_a_rate() -> None:
    assert set(of_closed_loops(AXES).values) == {"-m", "--agents"}
    assert closed_point({"--agents": "2", "--dispatch": "random"}) == {"--agents": "2"}


def test_what_does_not_vary_of_a_rate_goes_with_every_trial_at_one() -> None:
    assert flags_at_rate(AXES) == ("--arrivals", "gamma:2", "--arrival-seed", "7")


def test_a_trial_at_a_rate_has_the_closed_loop_s_flags_and_arrivals_of_its_own() -> None:
    closed = Trial("0001", {"--agents": "2", "--dispatch": "random"}, 0, ("-m", "a.xml", "--agents", "2"))
    trial = trial_at(12, 3, closed, flags_at_rate(AXES), "410.5", 30)
    assert (trial.id, trial.repetition) == ("0012", 3)
    assert trial.point == {"--agents": "2", "--dispatch": "random", "--rate": "410.5"}
    assert trial.argv == (
        "-m", "a.xml", "--agents", "2", "--arrivals", "gamma:2", "--dispatch", "random", "--rate", "410.5",
        "--arrival-seed", "37",
    )  # fmt: skip


def test_seeds_begin_at_0_where_none_is_given() -> None:
    closed = Trial("0001", {}, 0, ("-m", "a.xml"))
    assert trial_at(2, 0, closed, (), "9", 4).argv[-2:] == ("--arrival-seed", "4")
