import pytest

from ovbench.coordinator.stats.queueshape import QueueShape, Services
from ovbench.coordinator.stats.ratefit import RateFit, RatePoint, fit
from tests.closedforms import p_of_latency, rate_at

SHAPE = QueueShape(4, Services.of({50: 1.0, 99: 1.0}, 1.0), 99)
LIMIT = 3.5


def point(rate: float) -> RatePoint:
    """Without noise."""
    if rate >= 4:
        return RatePoint(rate, float("inf"), above=True)
    return RatePoint(rate, p_of_latency("deterministic", 4, 1.0, rate, 99))


def found(*rates: float) -> RateFit:
    return fit([point(rate) for rate in rates], SHAPE, LIMIT, saturation=4.0)


def test_trials_on_both_sides_of_the_limit_show_where_it_is_crossed() -> None:
    truth = rate_at("deterministic", 4, 1.0, LIMIT, 99)
    estimate = found(3.0, 3.1, 3.2, 3.3, 3.4).estimate
    assert estimate.value == pytest.approx(truth, rel=0.01)
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.low < truth < estimate.high


def test_each_trial_narrows_the_interval() -> None:
    widths = [found(*rates).half_width_percent for rates in ((3.1,), (3.1, 3.3), (3.1, 3.3, 3.15, 3.25, 3.2, 3.2))]
    assert widths == sorted(widths, reverse=True)


def test_a_trial_that_was_overloaded_says_that_the_rate_is_lower() -> None:
    known = [point(2.0)]
    overloaded = RatePoint(3.0, float("inf"), above=True)
    before = fit(known, SHAPE, LIMIT, 4.0).quantile(0.5)
    assert fit([*known, overloaded], SHAPE, LIMIT, 4.0).quantile(0.5) < before


def test_overload_says_no_more_of_a_trial_of_a_known_length() -> None:
    """Not that the load was beyond all that such a trial could tell apart."""
    found = [
        fit([RatePoint(3.9, float("inf"), above=True, window=window)], SHAPE, LIMIT, 4.0).quantile(0.5)
        for window in (None, 1e4)
    ]
    assert found[1] == pytest.approx(found[0], rel=0.03)


def test_a_percentile_that_is_only_known_to_be_above_a_bound_is_no_measurement_of_it() -> None:
    known = [point(2.5), point(3.2)]
    bound, value = (fit([*known, RatePoint(3.3, 3.0, above)], SHAPE, LIMIT, 4.0) for above in (True, False))
    assert bound.quantile(0.5) < value.quantile(0.5)


def test_a_disturbed_trial_weighs_less() -> None:
    known = [point(rate) for rate in (3.1, 3.2, 3.3)]
    clean, disturbed = (
        fit([*known, RatePoint(3.2, 6.0, doubtful=doubtful)], SHAPE, LIMIT, 4.0).quantile(0.5)
        for doubtful in (False, True)
    )
    undisturbed = fit(known, SHAPE, LIMIT, 4.0).quantile(0.5)
    assert clean < disturbed < undisturbed


def test_before_any_trial_the_rate_is_about_where_theory_has_it() -> None:
    assert found().quantile(0.5) == pytest.approx(4 * SHAPE.load_at(LIMIT), rel=0.05)


def test_times_and_rates_may_be_in_any_unit() -> None:
    microseconds = QueueShape(4, Services.of({50: 1e6, 99: 1e6}, 1e6), 99)
    points = [RatePoint(one.rate / 1e6, 1e6 * one.latency) for one in map(point, (3.0, 3.3))]
    scaled = fit(points, microseconds, 1e6 * LIMIT, 4e-6)
    assert 1e6 * scaled.quantile(0.5) == pytest.approx(found(3.0, 3.3).quantile(0.5), rel=1e-3)
