"""Wrong outputs planted in the null device, and found."""

import pytest

from tests.process.driver import Ran, Run

NULL = ("-api", "sync", "--warmup", "0.1", "-t", "0.3", "--agents", "3")


def findings(ran: Ran) -> dict[str, str]:
    return {finding["code"]: finding["message"] for finding in ran.report["validity"]["findings"]}


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("wrong=agent", "different outputs on agent 2 than on agent 0"),
        ("wrong=after", "after the load than before it (agent 2)"),
    ],
)
def test_wrong_outputs_of_one_agent_are_found(run: Run, fault: str, told: str) -> None:
    ran = run("--backend", f"null:1000,{fault}", *NULL)
    assert ran.code == 4
    assert told in findings(ran)["outputs_differ"]
    assert "'number' is off by 100 %" in findings(ran)["outputs_differ"]
    assert ran.report["requested"]["backend"] == f"null:1000,{fault}"
    assert (ran.report["outputs"]["agree"], ran.report["outputs"]["exact"]) == (False, False)
    assert "outputs agree" not in ran.out


def test_right_outputs_are_said_to_be_and_are_no_finding(run: Run) -> None:
    ran = run("--backend", "null:1000", *NULL)
    assert ran.code == 0
    assert "outputs_differ" not in findings(ran)
    assert ran.report["outputs"] == {
        "checked": 3,
        "checked_after": 3,
        "agree": True,
        "exact": True,
        "reason": "",
        "digests": {"number": "c804ce198ec337e3dc762bdd1a09aece"},
    }
    assert "outputs agree on all agents, before and after (to the bit)" in ran.out


def test_outputs_are_not_looked_at_where_that_was_not_wanted(run: Run) -> None:
    ran = run("--backend", "null:1000,wrong=agent", *NULL, "--check-outputs", "no")
    assert ran.code == 0
    assert (ran.report["outputs"]["agree"], ran.report["outputs"]["reason"]) == (None, "it was not asked for")
