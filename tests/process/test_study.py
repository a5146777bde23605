"""Studies with real agents: trials are saved one by one, and a killed study goes on where it was."""

import json
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from subprocess import PIPE
from typing import Any

import numpy as np
import psutil
import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from ovbench.common.histogram import MOST_VALUE
from tests import spawned
from tests.process.driver import COORDINATOR, PATIENCE_S

pytestmark = pytest.mark.usefixtures("without_pictures")

QUICK = ("--backend", "null:500", "-api", "sync", "--agents", "1", "-niter", "20", "--warmup", "0")
"""A number, not a time, which a busy machine may let pass without a single inference."""

DONE = (0, 4)
"""Exit codes of a study of which every trial was run: a busy machine may make one INVALID."""


def study(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return spawned.run(
        [COORDINATOR, "study", *_once(words)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def begun(folder: Path, *words: str) -> "subprocess.Popen[str]":
    return spawned.Popen([COORDINATOR, "study", *_once(words)], cwd=folder, stdout=PIPE, text=True)


def _once(words: tuple[str, ...]) -> tuple[str, ...]:
    """Each trial once, also on a busy machine, where some are SUSPECT; one that is gone on with keeps to its plan."""
    asked = {"--resume", "--retry-suspect"} & set(words)
    return words if asked else (*words, "--retry-suspect", "0")


def first_trial(study: "subprocess.Popen[str]") -> str:
    """The line of it, as soon as it is printed, after the one of the study."""
    assert study.stdout is not None
    return [next(study.stdout) for _ in range(2)][1]


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "trials.jsonl").read_text().splitlines()]


def test_each_trial_is_kept_with_its_report(tmp_path: Path) -> None:
    done = study(tmp_path, *QUICK, "-max_irate", "200,400", "--repetitions", "2", "--report-folder", "s")
    assert done.returncode in DONE, done.stderr
    kept = lines(tmp_path / "s")
    assert Counter(line["point"]["-max_irate"] for line in kept) == {"200": 2, "400": 2}
    for line in kept:
        report = json.loads((tmp_path / "s" / "trials" / line["trial"] / "report.json").read_text())
        assert report["throughput"]["fps"] == line["fps"]
        assert report["requested"]["max_irate"] == float(line["point"]["-max_irate"]) >= 0.99 * line["fps"]


def counts_by_tag(log: Path) -> dict[str, list[int]]:
    """Of each interval of a histogram log, as HdrHistogram reads it."""
    found: dict[str, list[int]] = {}
    reader = HistogramLogReader(str(log), HdrHistogram(1, MOST_VALUE, 3))
    while (interval := reader.get_next_interval_histogram()) is not None:
        found.setdefault(interval.get_tag(), []).append(interval.get_total_count())
    return found


def counts_for_its_setting(trial: dict[str, Any], kept: list[dict[str, Any]]) -> bool:
    """Which a SUSPECT one does where no other is VALID, and an INVALID one never does."""
    statuses = {other["status"] for other in kept if other["point"] == trial["point"]}
    return bool(trial["status"] == ("VALID" if "VALID" in statuses else "SUSPECT"))


def test_the_samples_of_trials_are_kept_and_become_a_log_of_the_study_or_of_one_trial(tmp_path: Path) -> None:
    words = (*QUICK, "-max_irate", "200,400", "--repetitions", "2", "--save-samples", "--report-folder", "s")
    done = study(tmp_path, *words)
    assert done.returncode in DONE, done.stderr
    counts: dict[str, list[int]] = {}
    kept = lines(tmp_path / "s")
    for line in kept:
        trial = tmp_path / "s" / "trials" / line["trial"]
        report = json.loads((trial / "report.json").read_text())
        with np.load(trial / report["samples_file"]) as arrays:
            assert len(arrays["agent_0_end_ns"]) == report["throughput"]["count"]
        if counts_for_its_setting(line, kept):
            counts.setdefault(f"max_irate={line['point']['-max_irate']}", []).append(report["throughput"]["count"])
    export = [COORDINATOR, "export"]
    spawned.run([*export, "s", "--hlog", "s.hlog"], cwd=tmp_path, check=True, timeout=PATIENCE_S)
    assert counts_by_tag(tmp_path / "s.hlog") == counts
    spawned.run([*export, "s/trials/0001", "--hlog", "t.hlog"], cwd=tmp_path, check=True, timeout=PATIENCE_S)
    first = json.loads((tmp_path / "s" / "trials" / "0001" / "report.json").read_text())
    assert counts_by_tag(tmp_path / "t.hlog") == {"agent-0": [first["throughput"]["count"]]}


def test_a_study_whose_samples_cannot_be_written_ends_and_counts_no_trial(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "trials").write_text("a file")
    words = (*QUICK, "-max_irate", "200,400", "--repetitions", "1", "--save-samples", "--report-folder", "s")
    done = study(tmp_path, *words)
    assert done.returncode == 5
    assert "trials/0001" in done.stderr
    assert "when it can be written, ovbench-coord study --resume s goes on with it" in done.stderr
    assert lines(tmp_path / "s") == []


@pytest.mark.parametrize("pictures", [False, True])
def test_what_is_written_in_the_end_is_named_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pictures: bool
) -> None:
    """What is in brackets is no markup: neither a folder nor the extra that is to be installed."""
    if pictures:
        monkeypatch.delenv("PYTHONPATH")
    done = study(tmp_path, *QUICK, "-max_irate", "200,400", "--repetitions", "1", "--report-folder", "s[html]")
    last = done.stdout.splitlines()[-1]
    assert last.endswith("report.html, answer.json in s[html]" if pictures else "pip install 'ovbench[html]'")
    assert (tmp_path / "s[html]" / "report.html").exists() is pictures


def test_a_study_that_was_killed_goes_on_with_what_is_missing(tmp_path: Path) -> None:
    words = [*QUICK, "-max_irate", "100..110", "--repetitions", "1", "--report-folder", "s"]
    with spawned.Popen(
        [COORDINATOR, "study", *_once(tuple(words))], cwd=tmp_path, stdout=subprocess.DEVNULL
    ) as coordinator:
        deadline = time.monotonic() + PATIENCE_S
        file = tmp_path / "s" / "trials.jsonl"
        while not (file.exists() and file.read_bytes().count(b"\n") >= 2):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        coordinator.send_signal(signal.SIGKILL)
    before = len(lines(tmp_path / "s"))
    assert 2 <= before < 11
    assert study(tmp_path, "--resume", "s").returncode in DONE
    assert sorted(Counter(line["point"]["-max_irate"] for line in lines(tmp_path / "s")).items()) == [
        (str(rate), 1) for rate in range(100, 111)
    ]


def test_a_study_that_is_complete_has_nothing_to_go_on_with(tmp_path: Path) -> None:
    done = study(tmp_path, *QUICK, "-max_irate", "100,200", "--repetitions", "1", "--report-folder", "s")
    assert done.returncode in DONE
    kept = lines(tmp_path / "s")
    assert study(tmp_path, "--resume", "s").returncode in DONE
    assert lines(tmp_path / "s") == kept


def test_a_study_of_a_model_that_has_changed_is_resumed_only_on_request(tmp_path: Path) -> None:
    spawned.run([COORDINATOR, "export-model", "builtin:tiny", "m.xml"], cwd=tmp_path, check=True)
    words = ("-m", "m.xml", "-api", "sync", "--agents", "1", "-niter", "20", "--warmup", "0", "-max_irate", "100,200")
    assert study(tmp_path, *words, "--repetitions", "1", "--report-folder", "s").returncode in DONE
    plan = tmp_path / "s" / "trials.jsonl"
    plan.write_bytes(plan.read_bytes().splitlines(keepends=True)[0])
    (tmp_path / "m.xml").write_text((tmp_path / "m.xml").read_text() + " ")
    refused = study(tmp_path, "--resume", "s")
    assert refused.returncode == 2
    assert "m.xml" in refused.stderr
    accepted = study(tmp_path, "--resume", "s", "--accept-changes")
    assert accepted.returncode in DONE
    assert "this changed: the file" in " ".join(accepted.stdout.split())
    assert len(lines(tmp_path / "s")) == 2
    assert study(tmp_path, "--resume", "s").returncode in DONE, "what was accepted is no change any more"


def test_a_run_is_not_put_into_the_folder_of_a_study(tmp_path: Path) -> None:
    assert study(tmp_path, *QUICK, "-max_irate", "100,200", "--repetitions", "1", "--report-folder", "s").stderr == ""
    run = spawned.run(
        [COORDINATOR, *QUICK, "--report-folder", "s"], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert (run.returncode, run.stderr) == (
        2, "ovbench-coord: --report-folder s: there is a study in it; name another folder\n"
    )  # fmt: skip
    assert not (tmp_path / "s" / "report.json").exists()


def test_an_interrupted_study_keeps_what_it_has_and_says_how_to_go_on(tmp_path: Path) -> None:
    words = [*QUICK, "-max_irate", "100..120", "--repetitions", "1", "--report-folder", "s"]
    with begun(tmp_path, *words) as coordinator:
        assert first_trial(coordinator).startswith(" 1/21")
        coordinator.send_signal(signal.SIGINT)
        rest, _ = coordinator.communicate()
    assert coordinator.returncode == 130
    assert "--resume s" in rest
    assert 1 <= len(lines(tmp_path / "s")) < 21


def pids(folder: Path) -> list[int]:
    """Of the agent of each trial, in the order of the trials."""
    reports = sorted((folder / "trials").glob("*/report.json"))
    return [json.loads(report.read_text())["agents"][0]["pid"] for report in reports]


def test_agents_stay_where_only_the_load_changes(tmp_path: Path) -> None:
    words = ("-m", "builtin:tiny", "--agents", "1", "-niter", "100", "--warmup", "0.1", "-hint", "none")
    done = study(
        tmp_path,
        *words,
        "-nstreams",
        "1",
        "-nireq",
        "1,2,4",
        "-api",
        "sync,async",
        "--repetitions",
        "1",
        "--report-folder",
        "s",
    )
    assert done.returncode in DONE, done.stderr
    assert len(pids(tmp_path / "s")) == 6
    assert len(set(pids(tmp_path / "s"))) == 1
    asynchronous = [line for line in lines(tmp_path / "s") if line["point"]["-api"] == "async"]
    assert {line["point"]["-nireq"]: line["requests"] for line in asynchronous} == {"1": 1, "2": 2, "4": 4}


def test_agents_stay_where_only_the_arrivals_change(tmp_path: Path) -> None:
    """Each trial has a schedule of its own, in memory of its own."""
    words = ("--backend", "null:500", "-api", "sync", "--agents", "2", "-t", "0.5", "--warmup", "0.1")
    several = ("--rate", "100,200", "--dispatch", "shared,random", "--arrivals", "poisson,constant")
    done = study(tmp_path, *words, *several, "--repetitions", "1", "--report-folder", "s")
    assert done.returncode in DONE, done.stderr
    assert len(set(pids(tmp_path / "s"))) == 1
    kept = lines(tmp_path / "s")
    assert len(kept) == 8
    for line in kept:
        report = json.loads((tmp_path / "s" / "trials" / line["trial"] / "report.json").read_text())
        requested, point = report["requested"], line["point"]
        assert requested["rate"] == float(point["--rate"])
        assert (requested["dispatch"], requested["arrivals"]) == (point["--dispatch"], point["--arrivals"])
        if point["--arrivals"] == "constant":
            assert report["arrivals"]["offered"] == 0.5 * requested["rate"]


def test_dispatches_are_held_against_each_other(tmp_path: Path) -> None:
    words = ("--backend", "null:500", "-api", "sync", "--agents", "2", "-t", "0.5", "--warmup", "0", "--rate", "200")
    sides = ("--a", "--dispatch shared", "--b", "--dispatch random")
    done = study(tmp_path, "ab", *sides, *words, "--repetitions", "1", "--report-folder", "s")
    assert done.returncode in DONE, done.stderr
    kept = lines(tmp_path / "s")
    assert [line["figures"]["offered_per_s"] for line in kept] == [kept[0]["figures"]["offered_per_s"]] * 4
    found = json.loads((tmp_path / "s" / "answer.json").read_text())
    assert [ratio["figure"] for ratio in found["comparisons"]][:1] == ["p99"]


def test_agents_change_where_the_model_is_compiled_anew(tmp_path: Path) -> None:
    words = ("-m", "builtin:tiny", "--agents", "1", "-niter", "100", "--warmup", "0.1", "-api", "sync", "-b", "1,2")
    assert study(tmp_path, *words, "--repetitions", "1", "--report-folder", "s").returncode in DONE
    assert len(set(pids(tmp_path / "s"))) == 2


def test_a_study_is_gone_on_with_by_one_process_at_a_time_and_by_the_next_with_nothing_left(tmp_path: Path) -> None:
    words = [*QUICK, "-max_irate", "100..104", "--repetitions", "1", "--report-folder", "s"]
    with begun(tmp_path, *words) as first:
        first_trial(first)
        first.send_signal(signal.SIGSTOP)  # else it may be through before the second has begun
        second = study(tmp_path, "--resume", "s")
        first.send_signal(signal.SIGCONT)
        first.communicate()
    assert second.returncode == 2
    assert "another ovbench-coord" in second.stderr
    assert len(lines(tmp_path / "s")) == 5


def test_a_study_whose_agents_cannot_be_started_any_more_ends_and_loses_no_trial(tmp_path: Path) -> None:
    words = [*QUICK, "-max_irate", "100..108", "--repetitions", "1", "--report-folder", "s"]
    with begun(tmp_path, *words) as coordinator:
        first_trial(coordinator)
        for child in psutil.Process(coordinator.pid).children():
            child.kill()
        rest, _ = coordinator.communicate()
    assert coordinator.returncode == 3
    assert "--resume s" in rest
    before = len(lines(tmp_path / "s"))
    assert before < 9
    assert not {line["status"] for line in lines(tmp_path / "s")} & {"PARTIAL", "FAILED"}
    assert study(tmp_path, "--resume", "s").returncode in DONE
    assert len(lines(tmp_path / "s")) == 9


def test_a_verdict_reaches_the_exit_code(tmp_path: Path) -> None:
    """B takes 200 times as long, also on a machine that is busy; the study shown again has the same conditions."""
    words = ("--agents", "1", "-api", "sync", "-niter", "20", "--warmup", "0", "--repetitions", "4")
    sides = ("--a", "--backend null:100", "--b", "--backend null:20000")
    slower = study(tmp_path, "ab", *sides, *words, "--report-folder", "s", "--fail-if", "slower")
    assert slower.returncode == 4, slower.stderr
    assert "failed  slower: B has" in slower.stdout
    (judged,) = json.loads((tmp_path / "s" / "answer.json").read_text())["gate"]
    assert judged["state"] == "failed"
    assert judged["change_percent"] < -50
    assert "failed  slower: B has" in shown(tmp_path / "s")
    again = study(tmp_path, "--resume", "s", "--fail-if", "faster")
    assert again.returncode in DONE
    assert "passed  faster: B has" in again.stdout


def shown(folder: Path) -> str:
    done = spawned.run([COORDINATOR, "show", folder], capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    return str(done.stdout)
