"""Searches for a capacity with real agents on the null device."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.forked import Program
from tests.process.driver import Run
from tests.process.test_study import DONE, lines

pytestmark = pytest.mark.usefixtures("without_pictures")

NULL = ("--backend", "null:5000", "-api", "sync", "--agents", "1", "--warmup", "0.1")


def answer(folder: Path) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((folder / "answer.json").read_text())
    return said


def test_a_limit_that_no_rate_keeps_ends_after_one_trial_with_exit_code_4(run: Run) -> None:
    ran = run("study", "capacity", "--slo", "p99:2", "-t", "0.5", *NULL)
    assert ran.code == 4, ran.err
    assert "No rate keeps p99 within 2 ms" in ran.out
    assert len(lines(ran.folder)) == 1
    assert answer(ran.folder)["capacities"][0]["verdict"] == "unreachable"


def test_a_percentile_that_trials_cannot_show_is_bad_input(run: Run) -> None:
    ran = run("study", "capacity", "--slo", "p99.9:50", "-t", "0.5", *NULL)
    assert ran.code == 2, ran.err
    assert "Trials are too short to show p99.9" in " ".join(ran.out.split())
    assert "give -t" in ran.out
    assert len(lines(ran.folder)) == 1


def test_a_search_without_a_limit_is_bad_input(run: Run) -> None:
    ran = run("study", "capacity", *NULL)
    assert ran.code == 2
    assert "study capacity: give the latency to keep, as in --slo p99:20" in ran.err


@pytest.mark.long
def test_a_search_has_an_answer_and_goes_on_from_where_it_was(run: Run, coordinator: Program, tmp_path: Path) -> None:
    """p90 of M/D/1, so that trials may be short."""
    ran = run(
        "study", "capacity", "--slo", "p90:15", "--within", "20", "--repetitions", "9", "-t", "1.5", *NULL,
    )  # fmt: skip
    assert ran.code in DONE, ran.err
    (capacity,) = answer(ran.folder)["capacities"]
    kept = lines(ran.folder)
    planned = json.loads((ran.folder / "study.json").read_text())
    assert [one["trial"] for one in kept] == [one["id"] for one in planned["trials"]]
    assert len(kept) == len(capacity["trials"]) + sum("--rate" not in one["point"] for one in kept) <= 9
    assert 20 < capacity["rate"]["low"] < capacity["rate"]["high"] < 230
    file = ran.folder / "trials.jsonl"
    whole = file.read_text()
    file.write_text("".join(whole.splitlines(keepends=True)[:-1]))  # as if it had been killed in its last trial
    code, _, err = coordinator(("study", "--resume", str(ran.folder)), tmp_path)()
    assert code in DONE, err
    assert [one["trial"] for one in lines(ran.folder)][: len(kept)] == [one["trial"] for one in kept]
