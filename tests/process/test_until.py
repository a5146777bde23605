"""Runs that go on until a figure is known, on the null device."""

import pytest

from tests.process.driver import Run

EXPONENTIAL = ("--backend", "null:1000,exp", "--agents", "2", "-api", "sync", "--warmup", "0.2")


def test_a_run_ends_when_its_rate_is_known_and_its_window_is_whole_until_then(run: Run) -> None:
    ran = run("--backend", "null:1000", "--agents", "2", "-api", "sync", "--until", "fps +-20%", "-t", "120")
    report, until = ran.report, ran.report["until"]
    assert ran.code == 0
    assert report["requested"]["until"] == "fps +-20%"
    assert until["reached"]
    assert [look["half_width_percent"] <= 20 for look in until["looks"]] == [False] * (len(until["looks"]) - 1) + [True]
    last = until["looks"][-1]
    assert last["low"] <= last["estimate"] <= last["high"]
    assert last["at_s"] < report["window"]["duration_s"] < 120
    assert report["validity"]["status"] in ("VALID", "SUSPECT")
    assert "interrupted" not in [finding["code"] for finding in report["validity"]["findings"]]
    assert "until fps is known to ±20 %" in ran.out
    assert f"at look {len(until['looks'])} of {until['planned']}" in ran.out


@pytest.mark.long
def test_a_percentile_of_a_load_at_a_rate_is_waited_for_as_well(run: Run) -> None:
    ran = run(*EXPONENTIAL, "-max_irate", "400", "--until", "median +-50%", "-t", "120")
    until = ran.report["until"]
    assert ran.code == 0
    assert until["reached"]
    assert until["figure"] == "median_ms"
    assert ran.report["window"]["duration_s"] < 120


def test_what_is_not_known_in_time_ends_there_and_says_so(run: Run) -> None:
    ran = run(*EXPONENTIAL, "--until", "p99 +-0.001%", "-t", "2.5")
    report, until = ran.report, ran.report["until"]
    assert ran.code == 0
    assert not until["reached"]
    assert len(until["looks"]) == until["planned"] == 2
    assert until["looks"][-1]["at_s"] == 2.5
    assert report["window"]["duration_s"] > 2.4
    (finding,) = [one for one in report["validity"]["findings"] if one["code"] == "until_not_reached"]
    assert finding["message"].startswith("--until 'p99 +-0.001%' was not reached: ")
    assert until["why"] in finding["message"]
