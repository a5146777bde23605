"""Laws and stages as the command line has them."""

import pytest

from ovbench.common.arrivals import Constant, Gamma, Poisson, Renewal, Stage
from ovbench.coordinator.request.arrivalnotation import TraceFile, law, stages


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("poisson", Poisson()),
        ("constant", Constant()),
        ("gamma:2", Gamma(2.0)),
        ("gamma:.5", Gamma(0.5)),
        ("gamma:1e-1", Gamma(0.1)),
        ("trace:due.csv", TraceFile("due.csv")),
        ("trace:due.csv@2", TraceFile("due.csv", 2.0)),
        ("trace:a@b/due.csv", TraceFile("a@b/due.csv")),
        ("trace:day@1@0.5", TraceFile("day@1", 0.5)),
        ("trace:@home", TraceFile("@home")),
        ("trace:C:due.csv", TraceFile("C:due.csv")),
    ],
)
def test_a_law_is_a_word_or_a_word_with_a_value(text: str, expected: Renewal | TraceFile) -> None:
    assert law(text) == expected


@pytest.mark.parametrize("text", ["poisson", "constant", "gamma:2", "gamma:0.25", "trace:due.csv", "trace:a b.npy@0.5"])
def test_a_law_is_shown_as_it_was_written(text: str) -> None:
    assert str(law(text)) == text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "none of poisson, constant, gamma:CV or trace:FILE"),
        ("Poisson", "none of"),
        ("poisson:3", "none of"),
        ("pareto", "'pareto' is none of"),
        ("gamma", "none of"),
        ("trace:", "none of"),
        ("gamma:", "coefficient of variation from 0.01 to 10"),
        ("gamma:0", "coefficient of variation"),
        ("gamma:-1", "coefficient of variation"),
        ("gamma:11", "coefficient of variation"),
        ("gamma:nan", "coefficient of variation"),
        ("gamma:1_0", "coefficient of variation"),
        ("trace:due.csv@0", "@2 for twice the time"),
        ("trace:due.csv@-1", "@2 for twice the time"),
        ("trace:due.csv@1e99", "at most 1e\\+09"),
        ("trace:due.csv@2x", "behind the name of a file that ends so, write @1"),
    ],
)
def test_what_is_no_law_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        law(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10s:100", (Stage(10, 100, 100),)),
        ("10s:100,30s:100..500,60s:500", (Stage(10, 100, 100), Stage(30, 100, 500), Stage(60, 500, 500))),
        ("70ms:1.5", (Stage(0.07, 1.5, 1.5),)),
        ("2m:1e3, 1h:0..2.5e2", (Stage(120, 1000, 1000), Stage(3600, 0, 250))),
        ("1s:0,.5s:.5", (Stage(1, 0, 0), Stage(0.5, 0.5, 0.5))),
        ("1s:5..0", (Stage(1, 5, 0),)),
    ],
)
def test_stages_are_levels_and_ramps(text: str, expected: tuple[Stage, ...]) -> None:
    assert stages(text) == expected


@pytest.mark.parametrize("text", ["10s:100", "0.07s:0..1000000,3600s:12.25..0"])
def test_stages_are_shown_as_they_can_be_written(text: str) -> None:
    assert ",".join(map(str, stages(text))) == text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "'' is not DURATION:RATE"),
        ("10s", "'10s' is not DURATION:RATE or DURATION:RATE..RATE, as in"),
        ("10s:100,", "'' is not DURATION:RATE"),
        ("10s:", "is not DURATION:RATE"),
        ("10:100", "durations have a unit, ms, s, m or h"),
        ("10d:100", "is not DURATION:RATE"),
        ("10s:100..", "is not DURATION:RATE"),
        ("10s:100..200..300", "is not DURATION:RATE"),
        ("10s:-1", "is not DURATION:RATE"),
        ("-1s:10", "is not DURATION:RATE"),
        ("10s:nan", "is not DURATION:RATE"),
        ("10s:١", "is not DURATION:RATE"),
        ("0s:10", "does not last from 1ms"),
        ("1e300h:10", "does not last from 1ms to 1e\\+07s"),
        ("1s:1e10", "neither 0 nor from 0.001 to 1e\\+09"),
        ("1s:1..1e-9", "neither 0 nor from"),
        ("1s:0,2s:0..0", "the rate 0 throughout"),
        ("2000h:1,2000h:1", "takes 1.44e\\+07 seconds, more than 1e\\+07"),
        (",".join(["1s:1"] * 1001), "has 1001 stages, more than 1000"),
    ],
    ids=lambda value: value[:20],
)
def test_what_are_no_stages_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        stages(text)
