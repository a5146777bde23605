"""What the table of a study has of a setting."""

from ovbench.coordinator.study.columns import P99, Column, at_rate
from ovbench.coordinator.study.kinds.registry import kind_of
from ovbench.coordinator.study.summary import Setting
from tests import studies

PLANNED = studies.study({"--rate": ("100", "200")}, repetitions=1)
FIRST, SECOND = PLANNED.trials


def cells(columns: tuple[Column, ...], setting: Setting) -> dict[str, str]:
    return {column.title: column.cell(setting) for column in columns}


def test_a_study_without_a_rate_has_no_columns_of_arrivals() -> None:
    settings = studies.settings_of(PLANNED, [studies.outcome(trial, 100.0, 5.0) for trial in PLANNED.trials])
    assert at_rate(settings) == ()


def test_at_a_rate_there_is_what_came_of_the_arrivals_and_of_those_that_never_completed_where_some_did_not() -> None:
    done = [studies.at_rate(trial, 5.0) for trial in PLANNED.trials]
    well = studies.settings_of(PLANNED, done)
    assert cells(at_rate(well), well[0]) == {"wait p99": "1.50 ms", "goodput": "98 %", "delivered": "99.00"}
    badly = studies.settings_of(PLANNED, [done[0], studies.at_rate(SECOND, None)])
    assert cells((P99, *at_rate(badly)), badly[1]) == {
        "p99": "> 12.0 ms", "wait p99": "> 11.0 ms", "goodput": "98 %", "delivered": "99.00", "unfinished": "50",
    }  # fmt: skip


def test_a_setting_in_which_nothing_was_measured_has_dashes() -> None:
    settings = studies.settings_of(PLANNED, [studies.at_rate(FIRST, 5.0)])
    assert set(cells((P99, *at_rate(settings)), settings[1]).values()) == {"-"}


def test_the_columns_of_arrivals_are_behind_p99() -> None:
    done = [studies.at_rate(trial, 5.0) for trial in PLANNED.trials]
    titles = [column.title for column in kind_of(PLANNED).columns(studies.answer(PLANNED, done))]
    at = titles.index("p99")
    assert titles[at : at + 4] == ["p99", "wait p99", "goodput", "delivered"]
