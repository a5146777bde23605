"""The instants of arrivals: exact where nothing is left to chance, and distributed as the law says where it is."""

import math
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given
from hypothesis import strategies as some

from ovbench.common.arrivals import Arrivals, Constant, Gamma, Law, Poisson, Renewal, Stage, Trace
from ovbench.common.offsets import offsets_ns, seeded

MANY: Final = 200_000
LAWS: Final[tuple[Renewal, ...]] = (Constant(), Poisson(), Gamma(0.3), Gamma(3.0))


def steady(law: Law, rate: float, duration_s: float, seed: int = 0) -> Arrivals:
    return Arrivals(law, (Stage(duration_s, rate, rate),), seed)


def gaps_of(law: Law, seed: int = 0) -> npt.NDArray[np.float64]:
    """In mean gaps; as many as follow each other."""
    return np.diff(offsets_ns(steady(law, 1000, MANY / 1000, seed))) * 1e-6


stages = some.lists(
    some.builds(
        Stage,
        some.floats(0.001, 20),
        some.one_of(some.just(0.0), some.floats(0.01, 300)),
        some.one_of(some.just(0.0), some.floats(0.01, 300)),
    ),
    min_size=1,
    max_size=5,
).map(tuple)
laws = some.one_of(some.just(Constant()), some.just(Poisson()), some.floats(0.05, 10).map(Gamma))


# Equal gaps.


def test_equal_gaps_begin_at_once_and_as_many_as_rate_times_time_fit() -> None:
    assert offsets_ns(steady(Constant(), 4, 1)).tolist() == [0, 250_000_000, 500_000_000, 750_000_000]


@pytest.mark.parametrize(("rate", "duration_s", "count"), [(100, 0.07, 7), (0.7, 10, 7), (300, 0.1, 30), (3, 2.5, 8)])
def test_rounding_neither_adds_an_arrival_nor_takes_one(rate: float, duration_s: float, count: int) -> None:
    assert len(offsets_ns(steady(Constant(), rate, duration_s))) == count
    before_a_pause = Arrivals(Constant(), (Stage(duration_s, rate, rate), Stage(10, 0, 0)))
    assert len(offsets_ns(before_a_pause)) == count


def test_the_ten_millionth_of_equal_gaps_has_not_drifted() -> None:
    offsets = offsets_ns(steady(Constant(), 300_000, 34))
    assert [int(offsets[number]) for number in (1, 2, 3, 10_000_000)] == [3333, 6667, 10_000, 33_333_333_333]


@given(stages)
def test_equal_gaps_are_as_many_as_the_integral_of_the_rate(several: tuple[Stage, ...]) -> None:
    arrivals = Arrivals(Constant(), several)
    assume(arrivals.expected > 0)
    assert abs(len(offsets_ns(arrivals)) - math.ceil(arrivals.cumulative[-1])) <= 1


@given(stages)
def test_arrival_k_of_equal_gaps_is_due_where_the_integral_of_the_rate_is_k(several: tuple[Stage, ...]) -> None:
    arrivals = Arrivals(Constant(), several)
    assume(arrivals.expected > 0)
    offsets = offsets_ns(arrivals)
    until = np.array([integral(several, float(at)) for at in offsets])
    # Half a ns of rounding, at the highest rate.
    assert np.abs(until - np.arange(len(offsets))).max() < 1e-6


def integral(several: tuple[Stage, ...], at_ns: float) -> float:
    """Of the rate until `at_ns`, by trapezoids."""
    left_s, total = at_ns * 1e-9, 0.0
    for stage in several:
        length = min(max(left_s, 0.0), stage.duration_s)
        reached = stage.rate_from + (stage.rate_to - stage.rate_from) * length / stage.duration_s
        total += (stage.rate_from + reached) / 2 * length
        left_s -= stage.duration_s
    return total


@pytest.mark.parametrize("slope", [0.0, 1e-12, -1e-12, 1e-6, -1e-6])
def test_a_ramp_that_hardly_rises_is_no_different_from_a_level(slope: float) -> None:
    ramp = offsets_ns(Arrivals(Constant(), (Stage(100, 1000, 1000 + slope),)))
    level = offsets_ns(steady(Constant(), 1000, 100))
    assert np.abs(ramp[:99_999] - level[:99_999]).max() <= 60


def test_nothing_arrives_while_the_rate_is_0() -> None:
    arrivals = Arrivals(Poisson(), (Stage(1, 500, 500), Stage(2, 0, 0), Stage(1, 500, 500)), seed=3)
    offsets = offsets_ns(arrivals)
    assert ((offsets < 1_000_000_000) | (offsets >= 3_000_000_000)).all()
    assert (offsets < 1_000_000_000).any()
    assert (offsets >= 3_000_000_000).any()


# All laws.


@given(laws, stages, some.floats(0, 2), some.integers(0, 2**61))
def test_instants_ascend_within_the_lead_in_and_the_window(
    law: Law, several: tuple[Stage, ...], lead_in_s: float, seed: int
) -> None:
    arrivals = Arrivals(law, several, seed)
    offsets = offsets_ns(arrivals, lead_in_s)
    assert offsets.dtype == np.int64
    assert (np.diff(offsets) >= 0).all()
    assert ((offsets >= -lead_in_s * 1e9 - 1) & (offsets < arrivals.duration_ns)).all()


@given(laws, stages, some.floats(0, 2), some.integers(0, 2**61))
def test_the_window_does_not_depend_on_the_lead_in(
    law: Law, several: tuple[Stage, ...], lead_in_s: float, seed: int
) -> None:
    arrivals = Arrivals(law, several, seed)
    led = offsets_ns(arrivals, lead_in_s)
    assert led[led >= 0].tolist() == offsets_ns(arrivals).tolist()


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_a_longer_window_begins_like_a_shorter_one(law: Law) -> None:
    shorter, longer = (offsets_ns(steady(law, 10_000, seconds, seed=5)) for seconds in (7, 20))
    assert longer[: len(shorter)].tolist() == shorter.tolist()


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_the_same_seed_gives_the_same_instants(law: Law) -> None:
    assert (offsets_ns(steady(law, 100, 10, 8), 1) == offsets_ns(steady(law, 100, 10, 8), 1)).all()


@pytest.mark.parametrize("law", LAWS[1:], ids=str)
def test_another_seed_gives_others(law: Law) -> None:
    assert offsets_ns(steady(law, 100, 10, 8))[:5].tolist() != offsets_ns(steady(law, 100, 10, 9))[:5].tolist()


def test_each_use_of_a_seed_has_draws_of_its_own() -> None:
    draws = {use: seeded(1, use).random(4).tolist() for use in (b"window", b"lead-in")}
    assert draws[b"window"] != draws[b"lead-in"]
    assert seeded(1, b"window").random(4).tolist() == draws[b"window"]


# Chance, with fixed seeds.


@pytest.mark.parametrize(("law", "cv"), [(Poisson(), 1.0), (Gamma(0.3), 0.3), (Gamma(1.0), 1.0), (Gamma(3.0), 3.0)])
@pytest.mark.parametrize("seed", [0, 1])
def test_gaps_have_the_mean_and_the_variation_of_their_law(law: Law, cv: float, seed: int) -> None:
    gaps = gaps_of(law, seed)
    assert abs(gaps.mean() - 1) < 4 * cv / math.sqrt(MANY)
    # The standard error of a coefficient of variation; the excess kurtosis of a gamma law is 6 cv^2.
    error = cv * math.sqrt((2 + 6 * cv**2) / 4 / MANY + cv**2 / MANY)
    assert abs(gaps.std() / gaps.mean() - cv) < 4 * error


@pytest.mark.parametrize("law", [Poisson(), Gamma(1.0)], ids=str)
def test_poisson_gaps_are_exponential(law: Law) -> None:
    """Kolmogorov and Smirnov's distance, at a level of 1 in 1000."""
    gaps = np.sort(gaps_of(law))
    expected = -np.expm1(-gaps)
    number = len(gaps)
    distance = max((np.arange(1, number + 1) / number - expected).max(), (expected - np.arange(number) / number).max())
    assert distance < 1.95 / math.sqrt(number)


def test_gamma_gaps_are_gamma() -> None:
    """Of a variation of 1 / sqrt(2) they are Erlang's of two phases, whose distribution has a closed form."""
    gaps = np.sort(gaps_of(Gamma(math.sqrt(0.5))))
    expected = 1 - np.exp(-2 * gaps) * (1 + 2 * gaps)
    assert np.abs(np.arange(1, len(gaps) + 1) / len(gaps) - expected).max() < 1.95 / math.sqrt(len(gaps))


def test_poisson_gaps_do_not_depend_on_each_other() -> None:
    gaps = gaps_of(Poisson())
    assert abs(np.corrcoef(gaps[:-1], gaps[1:])[0, 1]) < 4 / math.sqrt(len(gaps))


@pytest.mark.parametrize(("law", "cv"), [(Poisson(), 1.0), (Gamma(0.3), 0.3), (Gamma(3.0), 3.0)])
@pytest.mark.parametrize("seed", [0, 1])
def test_stages_have_as_many_arrivals_as_the_integral_of_their_rate(law: Law, cv: float, seed: int) -> None:
    several = (Stage(10, 1000, 1000), Stage(20, 1000, 5000), Stage(10, 5000, 0), Stage(5, 0, 0), Stage(10, 2000, 2000))
    arrivals = Arrivals(law, several, seed)
    counts = np.histogram(offsets_ns(arrivals), arrivals.edges_ns)[0]
    for count, stage in zip(counts, several, strict=True):
        assert abs(count - float(stage.expected)) <= 4 * cv * math.sqrt(float(stage.expected))


@pytest.mark.parametrize(("law", "cv"), [(Poisson(), 1.0), (Gamma(0.3), 0.3), (Gamma(3.0), 3.0)])
def test_there_is_no_burst_and_no_silence_at_the_start(law: Law, cv: float) -> None:
    """An observer who comes at any time waits (1 + cv^2) / 2 mean gaps for the first arrival, not one."""
    firsts = np.array([offsets_ns(steady(law, 1, 200, seed))[0] for seed in range(2000)]) * 1e-9
    assert abs(firsts.mean() - (1 + cv**2) / 2) < 4 * firsts.std() / math.sqrt(len(firsts))


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_the_window_has_the_rate_from_its_first_tenth_on(law: Renewal) -> None:
    tenths = [np.histogram(offsets_ns(steady(law, 100, 1, seed)), 10, (0, 1e9))[0] for seed in range(500)]
    assert np.abs(np.mean(tenths, axis=0) - 10).max() < 5 * max(law.cv, 0.3) * math.sqrt(10 / 500)


# The lead-in.


def test_equal_gaps_go_on_from_the_lead_in_into_the_window() -> None:
    assert offsets_ns(steady(Constant(), 4, 0.5), 0.5).tolist() == [-500_000_000, -250_000_000, 0, 250_000_000]


@pytest.mark.parametrize(("law", "cv"), [(Poisson(), 1.0), (Gamma(0.3), 0.3), (Gamma(3.0), 3.0)])
def test_the_lead_in_has_the_rate_that_the_window_begins_with(law: Law, cv: float) -> None:
    arrivals = Arrivals(law, (Stage(1, 2000, 9000),), seed=4)
    offsets = offsets_ns(arrivals, 10)
    assert abs(int((offsets < 0).sum()) - 20_000) < 4 * cv * math.sqrt(20_000)


def test_before_a_ramp_from_0_nothing_arrives() -> None:
    assert (offsets_ns(Arrivals(Poisson(), (Stage(1, 0, 1000),)), 10) >= 0).all()


# Traces.


def trace(*due_ns: int) -> Trace:
    return Trace("recorded.csv", "0" * 64, np.array(due_ns, np.int64).tobytes())


def replayed(recorded: Trace, lead_in_s: float = 0.0) -> list[int]:
    rate = recorded.count / recorded.length_s if recorded.length_s else 1.0
    arrivals = Arrivals(recorded, (Stage(recorded.length_s or 1.0, rate, rate),))
    return [int(at) for at in offsets_ns(arrivals, lead_in_s)]


def test_a_trace_is_replayed_as_it_was_recorded() -> None:
    assert replayed(trace(0, 10, 10, 35)) == [0, 10, 10, 35]


def test_a_traces_lead_in_is_its_own_end() -> None:
    recorded = trace(0, 1_000_000_000, 4_000_000_000)  # with a gap of the mean behind it 6 s
    assert replayed(recorded, lead_in_s=3.0)[:-3] == [-2_000_000_000]
    assert replayed(recorded, lead_in_s=5.0)[:-3] == [-5_000_000_000, -2_000_000_000]


def test_a_lead_in_longer_than_a_trace_has_several_rounds_of_it() -> None:
    recorded = trace(0, 1_000_000_000)  # 2 s
    assert replayed(recorded, lead_in_s=3.5)[:-2] == [-3_000_000_000, -2_000_000_000, -1_000_000_000]


def test_a_trace_whose_arrivals_are_all_at_once_has_no_lead_in() -> None:
    assert replayed(trace(0, 0), lead_in_s=5.0) == [0, 0]


@given(some.lists(some.integers(0, 10**9), min_size=1, max_size=50), some.floats(0, 2))
def test_a_trace_has_all_its_arrivals_in_the_window_whatever_goes_before(gaps: list[int], lead_in_s: float) -> None:
    recorded = trace(*np.cumsum([0, *gaps]).tolist())
    assume(recorded.length_s * 1000 > lead_in_s)
    offsets = replayed(recorded, lead_in_s)
    assert offsets[-recorded.count :] == np.cumsum([0, *gaps]).tolist()
    assert all(one <= other for one, other in pairwise(offsets))
    assert all(-lead_in_s * 1e9 - 1 <= at < 0 for at in offsets[: -recorded.count])
