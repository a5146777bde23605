"""Verdicts between results as conditions: what they are on, by which interval, and what cannot be judged."""

from math import sqrt

import numpy as np
import pytest
from msgspec import structs

from ovbench.common.errors import UsageError
from ovbench.coordinator.commands.comparing import compared
from ovbench.coordinator.compare.change import change, change_of_means
from ovbench.coordinator.compare.comparison import Comparison, NamedStudy, compare_runs, compare_studies
from ovbench.coordinator.compare.comparison import NamedRun as Run
from ovbench.coordinator.compare.conditions import with_failures
from ovbench.coordinator.compare.verdict import Verdict, parse_condition, telling, verdict_of
from ovbench.coordinator.report.comparison import failure_words
from ovbench.coordinator.report.markdown.comparison import comparison_markdown
from ovbench.coordinator.result.figures import BY_NAME
from ovbench.coordinator.result.latency import Interval
from ovbench.coordinator.stats.estimate import Estimate
from ovbench.coordinator.stats.student import t_within
from ovbench.coordinator.store.saved import SavedRun
from tests.builders import report
from tests.ratereports import at_rate
from tests.studies import outcomes, study

FPS, P99 = BY_NAME["fps"], BY_NAME["p99_ms"]
SLOWER = parse_condition("--fail-if", "slower")


def studied(name: str, *fps: float, noise: float = 0.01, repetitions: int = 5) -> NamedStudy:
    """Of so many settings, one for each figure."""
    of = study({"-nstreams": [str(n + 1) for n in range(len(fps))]}, repetitions=repetitions)
    done = outcomes(of, lambda point: fps[int(point["-nstreams"]) - 1], lambda point: 5.0, noise=noise, seed=len(name))
    return NamedStudy(name, of, tuple(done))


def judged(comparison: Comparison, *texts: str) -> Comparison:
    conditions = [parse_condition("--fail-if", text) for text in texts]
    return with_failures(comparison, conditions, significant=False)


@pytest.mark.parametrize(
    ("figure", "first", "other", "word"),
    [
        (FPS, (100, 101, 99), (90, 91, 89), "slower"),
        (FPS, (90, 91, 89), (100, 101, 99), "faster"),
        (P99, (10, 10.1, 9.9), (12, 12.1, 11.9), "slower"),
        (P99, (12, 12.1, 11.9), (10, 10.1, 9.9), "faster"),
        (FPS, (100, 120, 80), (90, 115, 70), "inconclusive"),
        (FPS, (100, 100.1, 99.9), (101, 101.1, 100.9), None),
    ],
)
def test_a_verdict_is_what_the_interval_of_the_difference_says(figure, first, other, word) -> None:  # type: ignore[no-untyped-def]
    found = verdict_of(change_of_means(figure, first, other), 1)
    assert found is not None
    assert found.word == word


def test_the_interval_of_one_among_many_is_wider_by_their_number() -> None:
    """Means 100 and 95 of three values each that scatter by 2: standard error sqrt(8/3), four degrees of freedom."""
    first, other = (98.0, 100.0, 102.0), (93.0, 95.0, 97.0)
    error = sqrt(8 / 3)
    one = change_of_means(FPS, first, other)
    for parts in (1, 2, 8):
        found = verdict_of(one, parts)
        assert found is not None
        half = t_within(4, 1 - 0.05 / parts) * error
        assert found.by == f"fps -5.0 % ({-5 - half:+.1f} to {-5 + half:+.1f} %)"
        assert found.word == ("slower" if half < 5 else "inconclusive")


def test_of_runs_the_interval_is_the_normal_one() -> None:
    found = verdict_of(change(FPS, Estimate(100, 98, 102), Estimate(95, 93, 97)), 2)
    assert found is not None
    half = 2 * sqrt(2) * 2.241403 / 1.959964
    assert found.by == f"fps -5.0 % ({-5 - half:+.1f} to {-5 + half:+.1f} %)"
    assert verdict_of(change(FPS, Estimate(100), Estimate(95)), 1) is None


def test_equal_studies_are_rarely_called_slower_and_five_percent_are_found() -> None:
    """Five repetitions at 1 % noise: at most 2.5 % of verdicts are falsely slower, however many settings."""
    draw = np.random.default_rng(11)

    def slower(by: float, parts: int, times: int) -> int:
        def one() -> bool:
            first, other = draw.normal(100, 1, 5), draw.normal(100 * by, 1, 5)
            found = verdict_of(change_of_means(FPS, list(first), list(other)), parts)
            return found is not None and found.word == "slower"

        return sum(one() for _ in range(times))

    assert slower(1.0, 1, 1000) <= 45
    assert slower(1.0, 10, 1000) <= 10
    assert slower(0.95, 10, 100) >= 95


def test_each_setting_of_two_studies_is_judged() -> None:
    first, other = studied("a", 100.0, 200.0), studied("bb", 100.0, 180.0)
    found = judged(compare_studies(first, [other]), "slower", "faster")
    (failure,) = found.failures
    assert (failure.condition, failure.point, failure.figure) == ("slower", {"-nstreams": "2"}, "fps")
    assert failure.by.startswith("fps -9.6 % (")
    words = failure_words(failure, "B")
    assert words == f"slower: B has {failure.by}, at -nstreams 2"
    assert judged(compare_studies(first, [studied("bb", 100.0, 200.0)]), "slower").failures == ()
    text = comparison_markdown(found, [SLOWER, parse_condition("--fail-if", "faster")])
    assert "1 of 2 conditions failed" in text
    assert "`slower`: B has fps -" in text


def test_what_has_no_verdict_fails() -> None:
    one, two = studied("a", 100.0, repetitions=1), studied("bb", 100.0, repetitions=1)
    (failure,) = judged(compare_studies(one, [two]), "slower").failures
    assert failure.why == "there are no repetitions, so significance is unknown"
    more = studied("ccc", 100.0, 200.0)
    (failure,) = judged(compare_studies(more, [studied("dddd", 100.0)]), "slower").failures
    assert failure_words(failure, "B") == (
        "slower: cannot be judged, at -nstreams 2: the setting is in the first result alone"
    )


def test_at_a_rate_the_verdict_is_on_p99_and_between_a_rate_and_none_there_is_none() -> None:
    one, two = (at_rate(p99, ci95=Interval(0.98 * p99, 1.02 * p99)) for p99 in (10.0, 12.0))
    rated = compare_runs(Run("a", one), [Run("b", two)])
    assert telling(rated.others[0].matched[0].changes) == "p99_ms"
    (failure,) = judged(rated, "slower", "faster").failures
    assert (failure.condition, failure.figure) == ("slower", "p99_ms")
    mixed = compare_runs(Run("a", report()), [Run("b", two)])
    (failure,) = judged(mixed, "slower").failures
    assert failure.why == "one result is at a rate, and the other is not"


def test_results_that_are_not_comparable_have_no_verdict() -> None:
    other = structs.replace(report(), validity=structs.replace(report().validity, status="SUSPECT", because=("steal",)))
    (failure,) = judged(compare_runs(Run("a", report()), [Run("b", other)]), "slower").failures
    assert failure.why == "not comparable: b is SUSPECT (steal)"


def test_of_single_runs_a_verdict_is_refused_unless_their_intervals_are_accepted(tmp_path) -> None:  # type: ignore[no-untyped-def]
    saved = [SavedRun(name, tmp_path, report()) for name in "ab"]
    with pytest.raises(UsageError, match=r"--fail-if slower: single runs know the noise within each.*--within-run"):
        compared(saved, [SLOWER])
    assert compared(saved, [SLOWER], within_run=True, force=True).schema == "ovbench.comparison/1"


def test_a_word_that_is_no_verdict_is_refused_with_the_nearest() -> None:
    assert Verdict("slower") == SLOWER
    with pytest.raises(UsageError, match="this is no verdict; did you mean slower"):
        parse_condition("--fail-if", "slowr")
