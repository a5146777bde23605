"""A load study with real agents: rates follow from the closed loop, and it can be gone on with."""

import json
from pathlib import Path

import pytest

from tests.forked import Program
from tests.process.test_study import DONE, lines

pytestmark = pytest.mark.usefixtures("without_pictures")

LOADED = (
    "study", "load", "--backend", "null:2000", "-api", "sync", "--agents", "1", "-t", "0.3", "--warmup", "0.05",
    "--drain", "0.3", "--at", "30,150", "--repetitions", "1", "--slo", "p90:3", "--retry-suspect", "0",
)  # fmt: skip


def test_rates_are_shares_of_the_closed_loop_and_an_end_in_between_loses_none(
    coordinator: Program, tmp_path: Path
) -> None:
    code, _, err = coordinator((*LOADED, "--report-folder", "s"), tmp_path)()
    folder = tmp_path / "s"
    # The highest rate is more than can be served: that is what it is for, and no failure.
    assert code in DONE, err
    planned, kept = json.loads((folder / "study.json").read_text()), lines(folder)
    closed, *others = kept
    assert closed["point"] == {}
    rates = sorted(float(one["point"]["--rate"]) for one in others)
    assert rates == pytest.approx([0.3 * closed["fps"], 1.5 * closed["fps"]], rel=1e-4)
    assert [trial["id"] for trial in planned["trials"]] == [one["trial"] for one in kept]
    seeds = [trial["argv"][trial["argv"].index("--arrival-seed") + 1] for trial in planned["trials"][1:]]
    assert len(set(seeds)) == 2
    said = json.loads((folder / "answer.json").read_text())
    (curve,) = said["loads"]
    assert [point["percent"] for point in curve["points"]] == [30, 150]
    for point in curve["points"]:
        (one,) = [one for one in others if float(one["point"]["--rate"]) == point["rate"]]
        known = one["objectives"][0]["latency_ms"]
        assert [None if figure is None else figure["value"] for figure in point["slo_ms"]] == [known]
    # As if it had been killed in the middle of the second trial.
    (folder / "trials.jsonl").write_text("".join(json.dumps(one) + "\n" for one in kept[:1]))
    code, _, err = coordinator(("study", "--resume", "s"), tmp_path)()
    assert code in DONE, err
    assert [one["point"] for one in lines(folder)] == [one["point"] for one in kept]
    assert json.loads((folder / "study.json").read_text())["trials"] == planned["trials"]


def test_a_rate_that_no_run_can_have_ends_it_with_a_sentence_and_what_is_known(
    coordinator: Program, tmp_path: Path
) -> None:
    many = (*LOADED[:3], "null:10", *LOADED[4:], "--at", "1000", "--sample-memory", "1", "--report-folder", "s")
    code, _, err = coordinator(many, tmp_path)()
    assert code == 2
    assert "arrivals may become due, and --sample-memory has room for" in err
    assert len(lines(tmp_path / "s")) == 1
    assert json.loads((tmp_path / "s" / "answer.json").read_text())["headline"].startswith("Inconclusive so far")
