"""Rates as shares of a closed loop's, as people write them."""

import pytest

from ovbench.coordinator.study.shares import DEFAULT, parse_shares


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        (DEFAULT, (10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 100, 105, 110)),
        ("10,20..90,95%", (10, 20, 30, 40, 50, 60, 70, 80, 90, 95)),
        ("10..110%", tuple(range(10, 111, 10))),
        ("50..60+2.5", (50, 52.5, 55, 57.5, 60)),
        ("99.95, 10, 10", (10, 99.95)),
        ("10..25", (10, 20)),
    ],
)
def test_shares_are_ascending_and_each_is_there_once(text: str, shares: tuple[float, ...]) -> None:
    assert parse_shares(text) == shares


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "'' is not a number of percent"),
        ("ten", "'ten' is not a number of percent nor a range, as in 10..90,95,100 or 50..110+5"),
        ("-5", "'-5' is not a number of percent"),
        ("0", "'0' is not above 0 and at most 1000 percent"),
        ("0..50", "'0..50' is not above 0"),
        ("2000", "'2000' is not above 0 and at most 1000 percent"),
        ("90..10", "'90..10' has no end"),
        ("10..90+0", "'10..90+0' has no end"),
        ("1..999+1", "'1..999+1' has more than 200 rates"),
    ],
)
def test_what_is_no_share_is_refused_with_what_to_write(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=r"is not|has") as refused:
        parse_shares(text)
    assert str(refused.value).startswith(words)
