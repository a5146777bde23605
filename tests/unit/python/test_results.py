"""What runs, studies and comparisons return: the keys of the files, tables, text and HTML."""

import json
import math
import pickle
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import ovbench
from ovbench.calls import _saved as saved
from ovbench.common.errors import UsageError
from ovbench.coordinator.report.markdown.run import run_markdown
from ovbench.coordinator.result.estimates import estimates_of_run
from ovbench.coordinator.result.report import Report as Plain
from ovbench.coordinator.result.report import to_json
from ovbench.coordinator.store.saved import SavedRun
from ovbench.coordinator.study.folder import StudyFolder
from ovbench.reports import Report, report_of
from ovbench.studies import Study, study_of
from tests.builders import report as plain_report
from tests.loadstudies import Queue, begun, conducted
from tests.studies import outcome, study


@pytest.fixture(scope="module")
def plain() -> Plain:
    return plain_report()


@pytest.fixture(scope="module")
def report(plain: Plain) -> Report:
    return report_of(plain, None)


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory, plain: Plain) -> Study:
    """Two settings, three trials of each: 100 and 200 FPS, give or take 1 %."""
    folder = StudyFolder(tmp_path_factory.mktemp("study"))
    planned = study({"-nstreams": ("1", "2"), "-m": ("a.xml",)}, repetitions=3)
    folder.create(planned)
    for trial in planned.trials:
        fps = 100.0 * int(trial.point["-nstreams"]) * (1 + 0.01 * (trial.repetition - 1))
        folder.keep_samples(trial, None)
        folder.keep(trial, outcome(trial, fps, 5.0), plain)
    found = ovbench.load(folder.path)
    assert isinstance(found, Study)
    return found


def test_a_report_has_the_keys_of_report_json(report: Report, plain: Plain) -> None:
    assert report.to_json().encode() == to_json(plain)
    assert report.to_dict() == json.loads(to_json(plain))
    assert report.to_dict()["throughput"]["fps"] == report.throughput.fps
    assert report.status == report.to_dict()["validity"]["status"]
    assert pickle.loads(pickle.dumps(report)) == report


def test_figures_are_by_name(report: Report, plain: Plain) -> None:
    assert report.figures() == {name: one.value for name, one in estimates_of_run(plain).items()}
    assert report.figures()["fps"] == report.throughput.fps


def test_limits_are_judged_as_require_does(report: Report) -> None:
    fps = report.throughput.fps
    met, missed = report.judge(f"fps >= {fps - 1}", f"fps > {fps + 2}")
    assert (met.met, met.missed_by) == (True, None)
    assert not missed.met
    assert missed.missed_by == pytest.approx(2)
    with pytest.raises(UsageError, match="did you mean"):
        report.judge("fsp > 1")


def test_a_run_is_one_row_and_runs_fit_below_each_other(report: Report) -> None:
    pandas = pytest.importorskip("pandas", reason="ovbench[pandas] is not installed")
    frame = pandas.concat([report.to_frame(), report.to_frame()])
    assert len(frame) == 2
    assert list(frame.fps) == [report.throughput.fps] * 2
    assert report.latency_ms is not None
    assert frame.p99_ms.iloc[0] == report.latency_ms.p99
    long = report.to_frame(long=True).set_index("figure")
    assert report.throughput.fps_ci95 is not None
    assert long.loc["fps", "ci95_low"] == report.throughput.fps_ci95.low


def test_a_study_has_a_row_for_each_trial_with_numbers_for_its_settings(swept: Study) -> None:
    pytest.importorskip("pandas", reason="ovbench[pandas] is not installed")
    frame = swept.to_frame()
    assert len(frame) == 6
    assert frame.set_nstreams.dtype.kind == "i"
    assert list(frame.set_m.unique()) == ["a.xml"]
    assert dict(frame.groupby("set_nstreams").fps.mean().round(9)) == {1: 100.0, 2: 200.0}
    long = swept.to_frame(long=True)
    assert set(long.trial) == set(frame.trial)
    assert len(long[long.figure == "p99_ms"]) == 6


def test_a_trial_without_a_setting_that_others_have_leaves_it_open(tmp_path: Path) -> None:
    """As the closed loop of a load study has no rate."""
    pytest.importorskip("pandas", reason="ovbench[pandas] is not installed")
    planned, done = conducted(begun(at="50,110"), Queue(service_ms=2.0))
    frame = study_of(planned, tuple(done), tmp_path).to_frame()
    assert frame.set_rate.dtype.kind == "f"
    assert set(frame.set_rate.dropna()) == {250.0, 550.0}
    assert frame.set_rate.isna().sum() == 3


def test_without_pandas_a_frame_is_refused_in_a_sentence(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UsageError, match=r"pip install 'ovbench\[pandas\]'"):
        report.to_frame()


def test_a_saved_run_is_loaded_as_it_was_returned(report: Report, tmp_path: Path) -> None:
    folder = report.save(tmp_path / "new" / "run")
    for name in (folder, str(folder), folder / "report.json"):
        loaded = ovbench.load(name)
        assert loaded == report
        assert isinstance(loaded, Report)
        assert loaded.folder == folder
    with pytest.raises(UsageError, match="there is a report in it"):
        report.save(folder)
    assert report.save(folder, overwrite=True) == folder
    with pytest.raises(UsageError, match="no such file or folder"):
        ovbench.load(tmp_path / "elsewhere")


def test_samples_are_rows_of_instants(plain: Plain, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="report_folder"):
        report_of(plain, None).samples()
    with pytest.raises(UsageError, match="which takes --save-samples"):
        report_of(plain, tmp_path).samples()
    starts, ends = np.array([0, 10, 20]), np.array([5, 15, 26])
    np.savez(tmp_path / "samples.npz", agent_0_start_ns=starts, agent_0_end_ns=ends)
    (samples,) = report_of(plain_report(samples_file="samples.npz"), tmp_path).samples().values()
    assert samples.tolist() == [[0, 5], [10, 15], [20, 26]]


def test_a_saved_study_has_its_answer_and_the_reports_of_its_trials(swept: Study) -> None:
    assert [setting.fps.value for setting in swept.answer.settings if setting.fps] == pytest.approx(
        [100, 200], rel=1e-3
    )
    assert "-nstreams 2" in swept.answer.headline
    assert set(swept.reports()) == {trial.id for trial in swept.plan.trials}
    assert swept.to_dict()["answer"]["headline"] == swept.answer.headline
    assert swept.left == ""


def test_a_comparison_is_the_one_of_the_command(report: Report, tmp_path: Path) -> None:
    folder = report.save(tmp_path / "run")
    found = ovbench.compare(report, folder, fail_if=("fps < 0.5", "fps > 0.5"), force=True)
    assert [(one.condition, one.result) for one in found.failures] == [("fps > 0.5", str(folder))]
    assert found.failed
    assert {change.change_percent for change in found.others[0].matched[0].changes} <= {0, None}
    assert "fps" in str(found)
    assert "0.5" in str(found)
    assert not ovbench.compare(report, folder).failed


def test_studies_are_compared_setting_by_setting(swept: Study) -> None:
    pytest.importorskip("pandas", reason="ovbench[pandas] is not installed")
    frame = ovbench.compare(swept, swept.folder).to_frame()
    fps = frame[frame.figure == "fps"]
    assert list(fps.set_nstreams) == ["1", "2"]
    assert list(fps["first"]) == pytest.approx([100.0, 200.0])
    assert list(fps.change_percent) == [0.0, 0.0]


def test_a_run_and_a_study_are_not_compared(report: Report, swept: Study) -> None:
    with pytest.raises(UsageError, match=r"is a run and .* a study"):
        ovbench.compare(report, swept)
    with pytest.raises(UsageError, match="nothing to compare it with"):
        ovbench.compare(report)
    with pytest.raises(UsageError, match="--significant: single runs"):
        ovbench.compare(report, report, fail_if="fps < -3%", significant=True)


def test_what_is_in_memory_has_a_number_for_a_name(report: Report) -> None:
    assert isinstance(saved(report, 2), SavedRun)
    assert ovbench.compare(report, report).others[0].other.name == "run 2"


def test_it_is_short_where_python_shows_it_and_whole_where_it_is_printed(report: Report, swept: Study) -> None:
    shown = [repr(report), repr(swept), repr(ovbench.compare(report, report))]
    assert [one for one in shown if not re.fullmatch(r"<ovbench\.\w+ .{10,400}>", one)] == []
    assert f"{report.throughput.fps:.1f} FPS" in shown[0]
    assert "latency" in str(report)
    assert swept.answer.headline.split(",")[0][:30] in str(swept)
    assert max(map(len, str(swept).splitlines())) <= 400
    assert "\x1b" not in str(report) + str(swept)


def test_a_notebook_shows_the_head_of_the_page(report: Report, swept: Study) -> None:
    pages = [report._repr_html_(), swept._repr_html_(), ovbench.compare(report, report)._repr_html_()]
    for page in pages:
        assert page.startswith('<div class="ovbench-head"><style>')
        assert "<script" not in page
        assert not re.search(r"^\s*(?!\.ovbench-head)[a-z.*:][^{]*\{", page, re.MULTILINE), (
            "a style that is not its own"
        )
    assert report.status in pages[0]
    assert "frames per second" in pages[0]
    assert "trials" in pages[1]
    assert "fps" in pages[2]


def test_markdown_is_that_of_the_command(report: Report, swept: Study) -> None:
    assert report.to_markdown() == run_markdown(report)
    assert swept.answer.headline[:20] in swept.to_markdown()
    assert "the condition passed" in ovbench.compare(report, report, fail_if="p99 > +5%", force=True).to_markdown()


def test_a_study_that_ended_early_says_so(swept: Study) -> None:
    early = study_of(swept.plan, swept.trials[:2], swept.folder)
    assert "2 of 6 trials" in repr(early)


def test_saving_over_a_report_leaves_nothing_of_the_earlier_run(report: Report, tmp_path: Path) -> None:
    folder = report.save(tmp_path / "run")
    for name in ("samples.npz", "throughput.svg", "benchmark_report.csv", "notes.txt"):
        (folder / name).write_bytes(b"old")
    report.save(folder, overwrite=True)
    assert sorted(file.name for file in folder.iterdir()) == ["notes.txt", "report.json"]


def test_a_report_that_is_saved_to_its_own_folder_keeps_its_samples(report: Report, tmp_path: Path) -> None:
    folder = report.save(tmp_path / "run")
    (folder / "samples.npz").write_bytes(b"its own")
    loaded = ovbench.load(folder)
    assert isinstance(loaded, Report)
    loaded.save(folder, overwrite=True)
    assert (folder / "samples.npz").read_bytes() == b"its own"


def test_a_comparison_has_the_interval_of_each_change(report: Report, swept: Study) -> None:
    """Means of 100 and 200 FPS, by three trials each with a standard deviation of 1 %: Welch's interval is that of
    scipy.stats.ttest_ind(equal_var=False).confidence_interval(), 0 +/- 100 * 0.01 * sqrt(2 / 3) * t(0.975, 4)."""
    pytest.importorskip("pandas", reason="ovbench[pandas] is not installed")
    frame = ovbench.compare(swept, swept.folder).to_frame()
    fps = frame[frame.figure == "fps"].iloc[0]
    half = 2.7764451 * math.sqrt(2 / 3)
    assert (fps.change_ci95_low_percent, fps.change_ci95_high_percent) == pytest.approx((-half, half), rel=1e-3)
