"""What people and programs see."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import spawned
from tests.process.driver import COORDINATOR, PATIENCE_S, Run, cpus

NULL = ("--backend", "null:1000", "-api", "sync", "--warmup", "0.1", "-t", "0.5")
ALONE = ("--backend", "null:1000", "-api", "sync", "--warmup", "0.1", "-niter", "400", "--agents", "1")
STEP = re.compile(r"^\[Step (\d+)/11\] ", re.MULTILINE)


def test_the_steps_come_in_benchmark_apps_order_and_plain(run: Run) -> None:
    ran = run("-m", "builtin:tiny", "--agents", "1", "-t", "0.3", "--warmup", "0.1")
    assert [int(number) for number in STEP.findall(ran.out)] == list(range(1, 12))
    assert "\x1b" not in ran.out
    assert re.search(r"^ (VALID|SUSPECT) ", ran.out, re.MULTILINE)
    assert ran.err == ""


def test_with_json_the_report_is_all_there_is_on_stdout(run: Run) -> None:
    ran = run(*NULL, "--agents", "2", "--json")
    assert json.loads(ran.out) == ran.report
    assert "[Step 1/11]" in ran.err


def test_pages_and_plots_are_written_beside_the_report(run: Run) -> None:
    pytest.importorskip("vl_convert")
    ran = run(*NULL, "--agents", "2", "--html", "--plots", "svg")
    assert ran.code == 0
    assert {file.name for file in ran.folder.iterdir()} >= {"report.json", "report.html", "latency.svg", "cpus.svg"}
    assert b"null:1000" in (ran.folder / "report.html").read_bytes()
    assert "report.html" in ran.out


def test_each_file_beside_the_report_that_cannot_be_written_is_named_and_in_the_exit_code(
    run: Run, tmp_path: Path
) -> None:
    for name in ("samples.npz", "benchmark_report.csv"):
        (tmp_path / "report" / name).mkdir(parents=True)  # where the file is to be
    wanted = ("--save-samples", "-report_type", "no_counters", "-dump_config", "/dev/full")
    ran = run(*NULL, "--agents", "1", *wanted)
    assert ran.code == 5
    assert ran.report["throughput"]["count"] > 0
    assert ran.report["samples_file"] is None
    for flag, why in (
        ("--save-samples", "directory"),
        ("-report_type", "directory"),
        ("-dump_config", "No space left"),
    ):
        assert [line for line in ran.out.splitlines() if flag in line and why in line] != [], flag


def test_more_agents_than_cpus_work_and_are_flagged(run: Run) -> None:
    ran = run(*NULL, "--agents", str(2 * cpus() + 1))
    assert ran.code == 0
    assert {f["code"] for f in ran.report["validity"]["findings"]} >= {"oversubscribed"}
    assert len(ran.report["agents"]) == 2 * cpus() + 1


@pytest.mark.skipif(cpus() < 2, reason="needs a CPU for control threads beside a measured one")
@pytest.mark.parametrize("api", ["sync", "async"])
def test_inference_threads_keep_to_their_cpus_where_control_threads_have_others(run: Run, api: str) -> None:
    *measured, control = sorted(os.sched_getaffinity(0))
    ran = run(
        "-m", "builtin:tiny", "-api", api, "--smt", "use", "--agents", "1", "--housekeeping", str(control), "-t", "0.3"
    )
    assert ran.code == 0
    (agent,) = ran.report["agents"]
    assert agent["cpus"] == measured
    assert "wrong_cpus" not in {finding["code"] for finding in ran.report["validity"]["findings"]}


def test_niter_0_compiles_and_measures_nothing(run: Run) -> None:
    ran = run("-m", "builtin:tiny", "--agents", "2", "-niter", "0")
    assert ran.code == 0
    assert ran.report["throughput"]["count"] == 0
    assert ran.report["phases_ms"]["compile"] > 0
    assert (ran.report["validity"]["status"], ran.report["validity"]["findings"]) == ("VALID", [])


def test_a_dry_run_starts_nothing(tmp_path: Path) -> None:
    done = spawned.run(
        [COORDINATOR, "--agents", "2", "--dry-run", "--json"], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    plan = json.loads(done.stdout)
    assert [assignment["agent"] for assignment in plan["assignments"]] == [0, 1]
    assert all({"cpus", "node", "socket", "streams", "threads"} <= set(one) for one in plan["assignments"])
    assert ("oversubscribed" in {finding["code"] for finding in plan["findings"]}) == (cpus() < 2)
    assert list(tmp_path.iterdir()) == []


def test_results_go_into_a_folder_of_their_own_by_default(tmp_path: Path) -> None:
    for _ in range(2):
        spawned.run([COORDINATOR, *ALONE], capture_output=True, cwd=tmp_path, check=True)
    folders = sorted((tmp_path / "ovbench-results").iterdir())
    assert len(folders) == 2
    assert all(re.match(r"\d{8}T\d{6}Z-squeezenet1\.1", folder.name) for folder in folders)
    assert all((folder / "report.json").is_file() for folder in folders)


def test_a_quiet_run_prints_the_summary_alone_and_keeps_a_report_that_is_there(tmp_path: Path) -> None:
    words = [COORDINATOR, *ALONE, "-q", "--report-folder", "report"]
    done = spawned.run(words, capture_output=True, text=True, cwd=tmp_path, timeout=PATIENCE_S)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.match(r" [A-Z]+ +[\d,.]+ FPS", done.stdout.splitlines()[0])
    assert not any(word in done.stdout for word in ("[Step", "left;", "agents  FPS", "latency  "))
    first = (tmp_path / "report/report.json").read_bytes()
    again = spawned.run(words, capture_output=True, text=True, cwd=tmp_path, timeout=PATIENCE_S)
    assert (again.returncode, again.stdout) == (2, "")
    assert "there is a report in it; name another folder, or add --overwrite" in again.stderr
    assert (tmp_path / "report/report.json").read_bytes() == first


def test_a_built_in_model_is_exported_with_its_weights_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "model.xml"
    done = spawned.run([COORDINATOR, "export-model", "builtin:mlp", str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert str(file) in done.stdout
    assert file.stat().st_size > 1000
    assert file.with_suffix(".bin").stat().st_size >= 3 * 256 * 256 * 4


def test_help_is_grouped_and_has_examples() -> None:
    text = spawned.run([COORDINATOR, "--help"], capture_output=True, text=True, check=True).stdout
    for part in ("Options:", "Input shapes:", "Agents:", "Statistics dumping options:", "examples:", "exit codes:"):
        assert part in text


def test_a_reader_that_leaves_does_not_cost_the_run(tmp_path: Path) -> None:
    folder = tmp_path / "report"
    command = f"{COORDINATOR} {' '.join(ALONE)} --report-folder {folder} | head -n 1"
    shown = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith("[Step 1/11]")
    assert json.loads((folder / "report.json").read_text())["throughput"]["count"] > 0


@pytest.mark.parametrize(
    ("module", "screen", "sink", "verb"),
    [("live", "Screen", "Terminal", ()), ("studylive", "StudyScreen", "StudyTerminal", ("study",))],
)
def test_a_screen_that_fails_costs_a_line_and_not_the_run(
    module: str, screen: str, sink: str, verb: tuple[str, ...], tmp_path: Path
) -> None:
    """Whatever it is handed, and also when it is handed that it has failed."""
    code = f"""if True:
        from ovbench.coordinator.report.{module} import {screen}
        from ovbench.coordinator.entry import main
        def handle(self, event):
            raise RuntimeError("no such picture")
        {screen}.handle = handle
        main()
    """
    more = ("--repetitions", "1", "--seed", "1,2") if verb else ()
    words = (*verb, *ALONE, *more, "--report-folder", str(tmp_path / "report"))
    ran = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert ran.stderr == f"ovbench-coord: {sink} gets no more events, as it failed: no such picture\n"
    assert ran.returncode == 0
    assert (tmp_path / "report" / ("answer.json" if verb else "report.json")).is_file()
