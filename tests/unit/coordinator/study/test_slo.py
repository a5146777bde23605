"""The limits of the latency that a study looks for a rate by."""

import pytest

from ovbench.common.errors import UsageError
from ovbench.coordinator.request.slo import Objective
from ovbench.coordinator.study.kinds.slo import SLO, objectives_of
from ovbench.coordinator.study.request import parse_study


@pytest.mark.parametrize(
    ("words", "objectives"),
    [
        (("--slo", "p99:20"), (Objective(20.0, 99.0),)),
        (("--slo", "goodput:99:20"), (Objective(20.0, 99.0),)),
        (("--slo", "goodput:99.9:20ms"), (Objective(20.0, 99.9),)),
        (("--slo", "p99:20,p50:5"), (Objective(20.0, 99.0), Objective(5.0, 50.0))),
        (("--slo", "p99:0.02s", "--slo", "p50:5"), (Objective(20.0, 99.0), Objective(5.0, 50.0))),
        ((), ()),
    ],
)
def test_all_spellings_are_limits_of_percentiles(words: tuple[str, ...], objectives: tuple[Objective, ...]) -> None:
    assert objectives_of(parse_study(("load", *words)).own) == objectives


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("20", "--slo: '20' does not say how many must keep it; write it as in p99:20, which is 99 % within 20 ms"),
        ("p99:20,5", "--slo: 'p99:20,5' does not say how many must keep it"),
        ("p0:20", "--slo: 'p0:20': a percentile is above 0 and at most 100"),
        ("goodput:20", "--slo: "),
        ("p99:fast", "--slo: 'p99:fast' is not a number of milliseconds above 0"),
        ("p99:20,p99:30", "--slo: 'p99:20,p99:30' has two limits for p99"),
    ],
)
def test_what_is_no_limit_is_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_study(("load", "--agents", "1,2", "--slo", text))
    assert str(refused.value).startswith(words)


def test_a_plan_may_have_one_or_an_array() -> None:
    assert SLO.allows("p99:20")
    assert SLO.allows(["p99:20", "goodput:50:5"])
    assert not SLO.allows(20)
    assert not SLO.allows("20")


def test_a_study_that_looks_for_no_rate_has_none() -> None:
    with pytest.raises(UsageError, match="--slo is for studies that look for a rate"):
        parse_study(("batch", "--slo", "p99:20"))
