"""Thresholds as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovbench.common.errors import UsageError
from ovbench.coordinator.request.requirement import Requirement, parse_requirement
from ovbench.coordinator.result.figures import BY_NAME, FIGURES


def required(text: str) -> Requirement:
    return parse_requirement("--require", text, relative=False)


def condition(text: str) -> Requirement:
    return parse_requirement("--fail-if", text, relative=True)


@pytest.mark.parametrize(
    ("text", "figure", "operator", "number"),
    [
        ("fps >= 900", "fps", ">=", 900.0),
        ("p99_ms<5", "p99_ms", "<", 5.0),
        ("p99 < 5", "p99_ms", "<", 5.0),
        ("p99.9 <= 1e1", "p99_9_ms", "<=", 10.0),
        ("  median > .5 ", "median_ms", ">", 0.5),
        ("cpu_percent <= 95", "cpu_percent", "<=", 95.0),
        ("memory < 100", "memory_mb", "<", 100.0),
    ],
)
def test_a_requirement_names_a_figure_a_comparison_and_a_number(
    text: str, figure: str, operator: str, number: float
) -> None:
    found = required(text)
    assert (found.figure, found.operator, found.number, found.kind) == (figure, operator, number, "value")
    assert found.text == text.strip()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a figure, comparison and number, as in 'fps >= 900'"),
        ("fps", "not a figure, comparison"),
        ("fps = 900", "not a figure, comparison"),
        ("fps >= many", "not a figure, comparison"),
        ("fps >= 9 00", "not a figure, comparison"),
        ("p99 < 5MB", "p99_ms is in ms, so 'MB' is not one for it"),
        ("fps > 5ms", "fps has no unit, so 'ms' is not one for it"),
        ("fps >= 1.2.3", "'1.2.3' is not a number"),
        ("fps >= .", "'.' is not a number"),
        ("fps >= 1e999", "too large"),
        ("p98 < 5", "did you mean"),
        ("throughput > 5", "there is no figure 'throughput'"),
        ("compile_time < 5", "did you mean compile_ms"),
        ("frames_per_cpu > 5", "did you mean frames_per_cpu_s"),
        ("xyzzy > 5", "there are fps, median_ms"),
        ("p99 > +5%", "nothing to be relative to"),
        ("p99 > -5", "nothing to be relative to"),
        ("p99 > 5%", "nothing to be relative to"),
    ],
)
def test_a_wrong_requirement_is_refused_in_one_sentence(text: str, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        required(text)
    assert str(refused.value).startswith(f"--require '{text}': ")
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "number"),
    [("p99 < 5ms", 5.0), ("p99 < 500us", 0.5), ("max < 1.5s", 1500.0), ("p50 < 2m", 120_000.0), ("p99 < 5 ms", 5.0)],
)
def test_a_limit_of_a_time_may_have_a_unit(text: str, number: float) -> None:
    assert required(text).number == pytest.approx(number, rel=1e-15)
    assert required(text).text == text


def test_a_percentage_of_the_first_result_needs_a_sign() -> None:
    with pytest.raises(UsageError, match=r"needs a sign, as in \+5%"):
        condition("p99 > 5%")


@pytest.mark.parametrize(
    ("text", "first", "limit"),
    [
        ("p99 > +5%", 10.0, 10.5),
        ("fps < -3%", 900.0, 873.0),
        ("p99_ms > +0.5", 10.0, 10.5),
        ("fps < -30", 900.0, 870.0),
        ("fps < 900", 5.0, 900.0),
    ],
)
def test_a_condition_may_be_relative_to_the_first_result(text: str, first: float, limit: float) -> None:
    assert condition(text).limit(first) == pytest.approx(limit)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_comparison_is_that_of_numbers(value: float, limit: float) -> None:
    truth = {"<": value < limit, "<=": value <= limit, ">": value > limit, ">=": value >= limit}
    for operator, holds in truth.items():
        assert Requirement("", "fps", operator, limit, "value").holds(value) is holds  # type: ignore[arg-type]


@given(st.sampled_from(sorted(BY_NAME)), st.sampled_from(["<", "<=", ">", ">="]), st.floats(0, 1e9))
def test_every_name_parses_with_every_comparison(name: str, operator: str, number: float) -> None:
    found = required(f"{name} {operator} {number}")
    assert (found.figure, found.operator, found.number) == (BY_NAME[name].name, operator, number)


@given(st.text(max_size=40))
def test_any_text_is_a_requirement_or_one_sentence(text: str) -> None:
    try:
        found = condition(text)
    except UsageError:
        return
    assert found.figure in {figure.name for figure in FIGURES}
