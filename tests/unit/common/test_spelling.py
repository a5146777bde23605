"""Words that nothing is called, and what they were meant to be."""

import pytest

from ovbench.common.spelling import did_you_mean

FIGURES = {"median": "median_ms", "median_ms": "median_ms", "mean": "mean_ms", "mean_ms": "mean_ms", "fps": "fps"}


@pytest.mark.parametrize(
    ("word", "meant"),
    [("scalin", "scaling"), ("caling", "scaling"), ("scailng", "scaling"), ("stream", "streams"), ("bathc", "batch")],
)
def test_a_word_with_a_mistake_is_shown_with_the_one_that_was_meant(word: str, meant: str) -> None:
    assert did_you_mean(word, ("scaling", "streams", "partition", "batch", "ab")) == f"; did you mean {meant}?"


def test_a_part_of_a_name_is_shown_with_the_name() -> None:
    assert did_you_mean("seed", ("repetitions", "order_seed")) == "; did you mean order_seed?"
    assert did_you_mean("limit", ("repetitions", "p99_limit_ms")) == "; did you mean p99_limit_ms?"


@pytest.mark.parametrize("word", ["", "xyzzy", "-s"])
def test_a_word_that_is_like_nothing_is_shown_with_nothing(word: str) -> None:
    assert did_you_mean(word, ("scaling", "streams", "-t")) == ""


def test_several_are_named_the_nearest_first_and_each_once() -> None:
    several = did_you_mean("meadian", FIGURES, most=3, full=FIGURES.__getitem__)
    assert several == "; did you mean median_ms or mean_ms?"
    assert did_you_mean("meadian", FIGURES, most=1, full=FIGURES.__getitem__) == "; did you mean median_ms?"
    assert did_you_mean("meadian", FIGURES, most=3) == "; did you mean median or median_ms or mean?"
