"""The course of a number in one line."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ovbench.coordinator.report.sparkline import Course, spark, sparkline


def course(numbers: list[int]) -> str:
    made = Course()
    for number in numbers:
        made.add(number)
    return str(made)


def test_a_mark_is_as_high_as_its_part_of_the_largest() -> None:
    assert sparkline([0, 1, 7, 14]) == "▁▁▄█"
    assert sparkline([0, 0]) == "▁▁"
    assert sparkline([]) == ""


def test_a_short_course_has_a_mark_for_each_number() -> None:
    assert course([0, 7, 3]) == sparkline([0, 7, 3])


def test_of_a_long_course_neighbours_share_a_mark_and_show_the_larger() -> None:
    numbers = [at % 2 * at for at in range(80)]
    assert course(numbers) == sparkline(numbers[1::2])


@settings(max_examples=100, deadline=None)
@given(numbers=st.lists(st.integers(0, 10**6), min_size=1, max_size=700))
def test_a_course_of_any_length_fits_a_line_and_keeps_its_peak(numbers: list[int]) -> None:
    marks = course(numbers)
    assert 1 <= len(marks) <= 40
    assert ("█" in marks) == (max(numbers) > 0)


@settings(max_examples=30, deadline=None)
@given(length=st.integers(1, 700))
def test_a_number_that_only_grows_has_a_course_that_only_rises(length: int) -> None:
    marks = course(list(range(length)))
    assert list(marks) == sorted(marks)


def test_what_there_is_of_a_distribution_is_seen_and_what_there_is_not_is_blank() -> None:
    assert spark([0, 1, 500, 501, 1000, 0]) == " ▁▄▅█ "
    assert spark([]) == ""
    assert spark([0, 0]) == "  "


def test_a_course_of_the_smaller_ones_loses_no_dip() -> None:
    course = Course(min)
    for second in range(300):
        course.add(1 if second == 77 else 100)
    assert str(course).count("▁") == 1
