"""Instants that no coordinator would name."""

import pytest

from ovbench.common.instants import MOST_AHEAD_S, MOST_BEHIND_S, absurd
from tests.builders import seconds

NOW = seconds(1_000_000)


@pytest.mark.parametrize("away_s", [0, 0.2, MOST_AHEAD_S, -1, -MOST_BEHIND_S])
def test_an_instant_that_somebody_might_mean_is_taken(away_s: float) -> None:
    assert absurd(NOW + seconds(away_s), NOW) == ""


@pytest.mark.parametrize(("away_s", "words"), [(2 * MOST_AHEAD_S, "7200 s away"), (-2 * MOST_BEHIND_S, "1200 s ago")])
def test_one_that_is_far_from_now_is_refused_in_words(away_s: float, words: str) -> None:
    assert words in absurd(NOW + seconds(away_s), NOW)
