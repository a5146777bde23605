"""Results of real runs, shown, compared and exported afterwards."""

import csv
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from ovbench.common.histogram import MOST_VALUE
from ovbench.coordinator.result.report import from_json
from ovbench.coordinator.result.study import Fingerprint, Study, Trial, outcome_line, study_json
from ovbench.coordinator.study.outcome import outcome_of
from tests.forked import Program

RUN = ("-api", "sync", "--agents", "1", "-niter", "200", "--warmup", "0.1", "--min-window", "0.1")


Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def command(coordinator: Program) -> Command:
    """Runs one in a folder, to its end."""

    def run(folder: Path, *argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(argv, *coordinator(argv, folder)())

    return run


@pytest.fixture(scope="module")
def results(command: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs, the second four times as slow, and a study of both."""
    folder = tmp_path_factory.mktemp("results")
    for name, service_us in (("fast", 1000), ("slow", 4000)):
        more = ("--save-samples",) if name == "fast" else ()
        done = command(folder, "--backend", f"null:{service_us}", *RUN, *more, "--report-folder", name)
        assert done.returncode == 0, done.stderr
        (folder / f"{name}.txt").write_text(done.stdout)
    make_study(folder)
    return folder


def make_study(folder: Path) -> None:
    trials = tuple(Trial(f"{n:04}", {"--backend": name}, 1, ()) for n, name in enumerate(("fast", "slow"), 1))
    plan = Study(
        "0.1.0", "sweep", "2025-01-02T03:04:05Z", (), 0, 1, {"--backend": ("fast", "slow")}, trials, Fingerprint({}, {})
    )
    study = folder / "study"
    study.mkdir()
    (study / "study.json").write_bytes(study_json(plan))
    with (study / "trials.jsonl").open("wb") as lines:
        for trial in trials:
            report = from_json((folder / trial.point["--backend"] / "report.json").read_bytes())
            lines.write(outcome_line(outcome_of(trial, report, 1.0, 0)))


@pytest.mark.parametrize("name", ["fast", "fast/report.json"])
def test_a_saved_run_is_shown_as_it_was_when_it_ended(command: Command, results: Path, name: str) -> None:
    done = command(results, "show", name)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()
    assert (results / "fast.txt").read_text().endswith(done.stdout)


def test_a_saved_run_is_shown_as_json(command: Command, results: Path) -> None:
    done = command(results, "show", "fast", "--json")
    assert json.loads(done.stdout) == json.loads((results / "fast" / "report.json").read_text())


def test_a_study_is_shown_with_its_trials(command: Command, results: Path) -> None:
    done = command(results, "show", "study")
    assert done.returncode == 0
    assert "Most throughput:" in done.stdout
    both = json.loads(command(results, "show", "study", "--json").stdout)
    assert [trial["trial"] for trial in both["trials"]] == ["0001", "0002"]
    assert both["study"]["schema"] == "ovbench.study/1"


def test_two_runs_are_compared_and_the_slower_one_fails_the_gate(command: Command, results: Path) -> None:
    done = command(
        results, "compare", "--force", "fast", "slow", "--fail-if", "median > +50%", "--fail-if", "fps > 1e6"
    )
    assert done.returncode == 4, done.stderr
    assert "backend  null:1000  ->  null:4000" in done.stdout
    assert "failed   median > +50%: B has median_ms" in done.stdout
    assert "fps > 1e6" not in done.stdout
    other_way = command(results, "compare", "--force", "slow", "fast", "--fail-if", "median > +50%")
    assert other_way.returncode == 0
    assert "passed" in other_way.stdout


def test_single_runs_are_not_significantly_apart_by_themselves(command: Command, results: Path) -> None:
    asked = ("compare", "--force", "fast", "slow", "--fail-if", "median > +50%", "--significant")
    done = command(results, *asked)
    assert done.returncode == 2
    assert "single runs know the noise within each" in done.stderr
    assert command(results, *asked, "--within-run").returncode == 4


def test_a_comparison_for_programs_has_values_and_failures(command: Command, results: Path) -> None:
    done = command(results, "compare", "--force", "fast", "slow", "slow", "--fail-if", "fps < -20%", "--json")
    assert done.returncode == 4
    found = json.loads(done.stdout)
    assert found["schema"] == "ovbench.comparison/1"
    assert [pair["other"]["name"] for pair in found["others"]] == ["slow", "slow"]
    changes = {change["figure"]: change for change in found["others"][0]["matched"][0]["changes"]}
    fast, slow = (json.loads((results / name / "report.json").read_text())["latency_ms"] for name in ("fast", "slow"))
    assert changes["median_ms"]["change_percent"] == pytest.approx(100 * (slow["median"] / fast["median"] - 1))
    assert len(found["failures"]) == 2


def test_studies_are_compared_by_setting(command: Command, results: Path) -> None:
    done = command(results, "compare", "--force", "study", "study", "--fail-if", "fps < -1%")
    assert done.returncode == 0, done.stderr
    assert "--backend fast" in done.stdout
    assert "--backend slow" in done.stdout


def test_the_exported_log_has_every_inference_of_the_run(command: Command, results: Path, tmp_path: Path) -> None:
    table, log = tmp_path / "a.csv", tmp_path / "a.hlog"
    done = command(results, "export", "fast", "--csv", str(table), "--hlog", str(log))
    assert done.returncode == 0, done.stderr
    report = json.loads((results / "fast" / "report.json").read_text())
    total = HdrHistogram(1, MOST_VALUE, 3)
    reader = HistogramLogReader(str(log), total)
    while (interval := reader.get_next_interval_histogram()) is not None:
        assert interval.get_tag() == "agent-0"
        total.add(interval)
    assert total.get_total_count() == report["throughput"]["count"]
    assert total.get_value_at_percentile(50) / 1e6 == pytest.approx(report["latency_ms"]["median"], rel=1e-3)
    values = {row["figure"]: row["value"] for row in csv.DictReader(table.open())}
    assert float(values["fps"]) == report["throughput"]["fps"]


def test_a_study_is_exported_as_a_long_table(command: Command, results: Path) -> None:
    done = command(results, "export", "study", "--csv", "-")
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert {row["set_backend"] for row in rows} == {"fast", "slow"}
    fps = {row["trial"]: float(row["value"]) for row in rows if row["figure"] == "fps"}
    assert fps["0001"] > fps["0002"]


def test_a_requirement_that_is_missed_is_exit_code_4_and_in_the_report(command: Command, tmp_path: Path) -> None:
    wanted = ("--require", "median >= 1", "--require", "fps >= 1e6")
    done = command(tmp_path, "--backend", "null:1000", *RUN, *wanted, "--report-folder", "report")
    assert done.returncode == 4, done.stderr
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert report["validity"]["status"] in ("VALID", "SUSPECT")  # a busy machine
    assert [requirement["met"] for requirement in report["requirements"]] == [True, False]
    assert "not met fps >= 1e6: fps is" in done.stdout


def bad(command: Command, folder: Path, *argv: str) -> str:
    done = command(folder, *argv)
    assert (done.returncode, done.stdout) == (2, ""), done
    (line,) = done.stderr.splitlines()
    assert line.startswith("ovbench-coord: ")
    return line


def test_a_run_and_a_study_are_not_compared(command: Command, results: Path) -> None:
    assert "slow is a run and study a study" in bad(command, results, "compare", "slow", "study")


def test_samples_that_were_not_saved_cannot_be_exported_and_nothing_is_written(
    command: Command, results: Path, tmp_path: Path
) -> None:
    table = tmp_path / "a.csv"
    line = bad(command, results, "export", "slow", "--hlog", str(tmp_path / "a.hlog"), "--csv", str(table))
    assert "--save-samples" in line
    assert not table.exists()
    line = bad(command, results, "export", "study", "--hlog", str(tmp_path / "a.hlog"))
    assert "--save-samples" in line


def test_an_export_that_cannot_be_written_is_named(command: Command, results: Path) -> None:
    assert "/dev/null/a.csv" in bad(command, results, "export", "fast", "--csv", "/dev/null/a.csv")
