"""Runs and studies from Python, with real agents: in this process, and where Ctrl-C comes in one of its own."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import warnings
from pathlib import Path
from typing import IO, Final

import pytest

import ovbench
from ovbench.audience import OnEvent
from ovbench.coordinator.session.events import AgentsReady, Event
from ovbench.options import RunOptions, Unpack
from tests.leftovers import MARK
from tests.process.driver import PATIENCE_S, cpus

QUICK: Final[RunOptions] = {"agents": 1, "api": "sync", "backend": "null:1000", "warmup_s": 0, "duration_s": 0.2}


def quick(on_event: OnEvent | None = None, progress: bool = False, **options: Unpack[RunOptions]) -> ovbench.Report:
    wanted: RunOptions = {**QUICK, **options}
    return ovbench.run(on_event=on_event, progress=progress, **wanted)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_run_returns_its_report_and_leaves_nothing(folder: Path) -> None:
    before = os.sched_getaffinity(0), signal.getsignal(signal.SIGINT), threading.enumerate()
    report = quick(require=["fps > 1e9"])
    assert report.throughput.fps == pytest.approx(1000, rel=0.5)
    assert report.latency_ms is not None
    assert report.throughput.count == report.latency_ms.count
    assert [one.met for one in report.requirements] == [False]
    assert report.command[:7] == ("ovbench-coord", "--agents", "1", "-api", "sync", "--backend", "null:1000")
    assert report.folder is None
    assert list(folder.iterdir()) == []
    assert (os.sched_getaffinity(0), signal.getsignal(signal.SIGINT), threading.enumerate()) == before


def test_a_report_is_kept_where_that_is_asked_for_and_events_are_told(folder: Path) -> None:
    seen: list[Event] = []
    report = quick(
        save_samples=True, report_folder="kept", on_event=seen.append)  # fmt: skip
    assert report.folder == Path("kept")
    assert ovbench.load("kept") == report
    (samples,) = report.samples().values()
    assert len(samples) >= report.throughput.count
    assert any(isinstance(event, AgentsReady) for event in seen)


def test_one_who_watches_and_fails_costs_a_warning_and_no_run() -> None:
    def fail(event: Event) -> None:
        raise ValueError("no")

    with pytest.warns(RuntimeWarning, match="not called again after ValueError: no"):
        report = quick(on_event=fail)
    assert report.throughput.count > 0


def test_one_who_watches_and_fails_costs_no_run_where_warnings_are_errors() -> None:
    def fail(event: Event) -> None:
        raise ValueError("no")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ovbench.ListenerWarning, match="not called again after ValueError: no") as warned:
            quick(on_event=fail)
    assert warned.value.result.throughput.count > 0


def test_ctrl_c_before_anything_was_measured_gives_no_report_and_leaves_the_earlier_one(folder: Path) -> None:
    quick(save_samples=True, report_folder="kept")
    earlier = {file.name: file.read_bytes() for file in (folder / "kept").iterdir()}

    def stop(event: Event) -> None:
        if isinstance(event, AgentsReady):
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(ovbench.Interrupted) as ended:
        quick(on_event=stop, save_samples=True, report_folder="kept", overwrite=True, warmup_s=600)
    assert ended.value.result is None
    assert {file.name: file.read_bytes() for file in (folder / "kept").iterdir()} == earlier


def test_what_the_terminal_shows_is_on_stderr_where_it_is_asked_for(capfd: pytest.CaptureFixture[str]) -> None:
    quick(progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert "[Step 11/11]" in err


def test_a_run_works_outside_of_the_main_thread() -> None:
    found: list[ovbench.Report] = []
    thread = threading.Thread(target=lambda: found.append(quick()))
    thread.start()
    thread.join(PATIENCE_S)
    assert found[0].throughput.count > 0


def test_a_study_returns_its_answer_and_is_loaded_as_it_was(folder: Path) -> None:
    study = ovbench.study(
        agents=1, api="sync", nireq=[1], backend=["null:1000", "null:4000"], duration_s=0.2, warmup_s=0,
        repetitions=2, retry_suspect=0, report_folder="study",
    )  # fmt: skip
    assert study.plan.kind == "sweep"
    assert [trial.point["--backend"] for trial in study.standing].count("null:4000") == 2
    fast, slow = (setting.fps.value for setting in study.answer.settings if setting.fps)
    assert fast / slow == pytest.approx(4, rel=0.5)
    loaded = ovbench.load("study")
    assert loaded == study
    assert set(study.reports()) == {trial.id for trial in study.plan.trials}
    with pytest.raises(ovbench.UsageError, match="there is a study in it already"):
        ovbench.study(nstreams="1,2", duration_s=0.2, report_folder="study")


def test_sides_are_dictionaries_or_texts(folder: Path) -> None:
    study = ovbench.study(
        "ab", a={"backend": "null:1000"}, b="--backend null:2000", agents=1, api="sync", duration_s=0.1, warmup_s=0,
        repetitions=1, retry_suspect=0,
    )  # fmt: skip
    assert study.folder.parent == Path("ovbench-results")
    assert {outcome.point["side"] for outcome in study.trials} == {"A", "B"}
    assert {word for trial in study.plan.trials for word in trial.argv if "null" in word} == {"null:1000", "null:2000"}


def test_what_cannot_be_is_refused_before_anything_starts(folder: Path) -> None:
    (folder / "file").write_text("")
    with pytest.raises(ovbench.Unwritable, match="a file of that name is in the way"):
        quick(report_folder="file")
    with pytest.raises(ovbench.UsageError, match="there is no folder for them"):
        ovbench.run(html=True)
    for call in (lambda: ovbench.run(markdown="-"), lambda: ovbench.study(nireq="1,2", markdown="-")):
        with pytest.raises(ovbench.UsageError, match=r"to_markdown\(\)"):
            call()
    with pytest.raises(ovbench.UsageError, match="-nireq 65537 is more than"):
        ovbench.run(nireq=65_537)
    with pytest.raises(ovbench.UsageError, match="no such study"):
        ovbench.study("swep")


SCRIPT = """
import signal, sys, threading, time
import ovbench
from ovbench.coordinator.session.events import Snapshot

def told(event):
    if isinstance(event, Snapshot) and event.completed:
        print("running", flush=True)

try:
    {call}
except ovbench.Interrupted as end:
    print("interrupted", {result}, flush=True)
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
try:
    print("again", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    print("as before", flush=True)
"""


def until(stream: IO[str], end: str) -> list[str] | None:
    """The lines before that one; None where it does not come."""
    found: list[str] = []
    for line in map(str.rstrip, stream):
        if line == end:
            return found
        found.append(line)
    return None


RUN = "ovbench.run(agents=1, backend='null:1000', warmup_s=0, duration_s=600, on_event=told)"
STUDY = "ovbench.study(agents=1, nireq='1,2', backend='null:1000', warmup_s=0, duration_s=600, on_event=told)"


@pytest.mark.parametrize(
    ("call", "result", "said"),
    [
        (RUN, "end.result.status, end.result.throughput.count > 0", "interrupted PARTIAL True"),
        (STUDY, "len(end.result.trials), end.result.left[:13]", "interrupted 0 interrupted;"),
    ],
    ids=["run", "study"],
)
def test_ctrl_c_ends_it_with_what_was_measured_and_the_program_goes_on(
    call: str, result: str, said: str, tmp_path: Path
) -> None:
    script = textwrap.dedent(SCRIPT).format(call=call, result=result)
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=tmp_path, env={**os.environ, MARK: "1"}
    ) as process:
        assert process.stdout is not None
        assert until(process.stdout, "running") is not None
        process.send_signal(signal.SIGINT)
        rest = until(process.stdout, "again")
        assert rest is not None
        assert rest[-1].startswith(said)
        process.send_signal(signal.SIGINT)
        assert until(process.stdout, "as before") == []
    assert process.returncode == 0


@pytest.mark.skipif(cpus() < 2, reason="agents leave the coordinator no CPU of its own")
def test_runs_one_after_the_other_have_the_same_cpus() -> None:
    """As the coordinator keeps off what is measured, and would else be kept there."""
    first, second = (quick(cpus_per_agent=1) for _ in range(2))
    assert first.cpu.measured_cpus == second.cpu.measured_cpus
    assert first.agents[0].cpus == second.agents[0].cpus
