"""Faults that are planted in the null device are found in real runs, and only where they were planted."""

from typing import Final

import pytest

from tests.attempts import undisturbed
from tests.process.driver import Ran, Run

LOAD = ("-api", "sync", "--agents", "2", "--warmup", "0.2")


def codes(ran: Ran) -> set[str]:
    """Without those that report what else the machine does meanwhile."""
    found = {finding["code"] for finding in ran.report["validity"]["findings"]}
    return found - {"other_load", "steal", "harness_load", "oversubscribed", "few_samples"}


def late_percent(ran: Ran) -> float:
    """How much more of the agents' time inferences of 2 ms have taken, at the worst, than they would have on time."""
    seconds: float = ran.report["window"]["duration_s"]
    fewest: int = min(agent["throughput"]["count"] for agent in ran.report["agents"])
    return 100 * (1 - fewest * 0.002 / seconds)


LATE: Final = {"not_steady", "trend", "stalled", "unfair", "start_skew", "stop_skew", "too_short"}
"""What is found rightly where agents were delayed."""


@pytest.mark.alone
@undisturbed("others can delay the agents by more than the limit, which is then found rightly")
def test_without_a_fault_nothing_is_found(run: Run) -> None:
    """2 % of all time is 10 % of one of the fifths that are compared, which is the limit."""
    ran = run("--backend", "null:2000", *LOAD, "-t", "2.5")
    late, found = late_percent(ran), codes(ran)
    if found - (LATE if late >= 2 else set()):  # no delay explains that: not to be tried again
        pytest.fail(f"{found} were found, and the agents late by {late:.1f} %")
    assert found == set(), f"the agents were late by {late:.1f} %"


@pytest.mark.parametrize(
    ("fault", "expected"),
    [(",drift=20", {"trend"}), (",stall=0.5@1.5", {"stalled", "not_steady"})],
    ids=["drift", "stall"],
)
@undisturbed("what others' load does to the rate can outweigh or hide what was planted")
def test_a_planted_fault_is_found(run: Run, fault: str, expected: set[str]) -> None:
    ran = run("--backend", f"null:2000{fault}", *LOAD, "-t", "2.5")
    assert ran.code == 0
    assert codes(ran) >= expected


@undisturbed("others can slow the other agent down by as much")
def test_an_agent_that_is_slow_is_found_and_a_strict_run_is_invalid_for_it(run: Run) -> None:
    ran = run("--backend", "null:2000,slow=30", *LOAD, "-t", "2.5", "--strict")
    assert (ran.code, ran.report["validity"]["status"]) == (4, "INVALID")
    assert "unfair" in codes(ran)
