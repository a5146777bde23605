"""The plugin in test suites of its own: what fails a test, what is kept, what is shown."""

import json
from pathlib import Path
from typing import Final

import pytest

import ovbench
from ovbench.common.cache import users_folder

for _name in ovbench.__all__:  # pytester forgets what is imported during a test, and ovbench would keep half of it
    getattr(ovbench, _name)

pytest_plugins = ["pytester"]

CACHE: Final = users_folder().parent

QUICK = "backend='null:500', api='sync', agents=1, niter=20, warmup_s=0"
"""A number, not a time, which a busy machine may let pass without a single inference."""


@pytest.fixture(autouse=True)
def _with_compiled_loops(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which are in the user's cache, and pytester has given these suites another home."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(CACHE))


def suite(pytester: pytest.Pytester, *bodies: str) -> None:
    tests = "".join(f"\ndef test_{number}(ovbench):\n    {body}\n" for number, body in enumerate(bodies))
    pytester.makepyfile(test_speed=f"import pytest\n{tests}")


def test_a_limit_that_is_met_passes_and_one_that_is_not_fails_with_the_figure(pytester: pytest.Pytester) -> None:
    """The null device takes at least 500 us, so no run has 2000 FPS or more."""
    suite(
        pytester,
        f"assert 0 < ovbench.run(require='fps < 2001', {QUICK}).throughput.fps < 2001",
        f"ovbench.run(require=['fps >= 1', 'median_ms < 0.4'], {QUICK})",
    )
    ended = pytester.runpytest_subprocess("--junitxml=junit.xml", "-W", "ignore")
    ended.assert_outcomes(passed=1, failed=1)
    ended.stdout.fnmatch_lines(["*median_ms < 0.4 is not met: median_ms is *", "report: *test_1*", "*= ovbench =*"])
    assert "is not met: fps" not in ended.stdout.str()
    kept = sorted((pytester.path / "ovbench-reports").glob("*/report.json"))
    assert [file.parent.name for file in kept] == ["test_speed.py-test_0", "test_speed.py-test_1"]
    found = json.loads(kept[1].read_text())["requirements"]
    assert [one["met"] for one in found] == [True, False]
    junit = (pytester.path / "junit.xml").read_text()
    assert 'name="ovbench.1.fps"' in junit
    assert 'name="ovbench.1.folder"' in junit


@pytest.mark.long
def test_a_slower_side_fails_the_test(pytester: pytest.Pytester) -> None:
    """B takes 200 times as long, also on a machine that is busy."""
    sides = "a={'backend': 'null:100'}, b={'backend': 'null:20000'}, repetitions=4, retry_suspect=0"
    rest = QUICK.replace("backend='null:500', ", "")
    suite(
        pytester,
        f"ovbench.study('ab', {sides}, {rest}, fail_if='slower')",
        f"assert ovbench.study('ab', {sides}, {rest}, fail_if='faster').answer.gate",
    )
    ended = pytester.runpytest_subprocess("--ovbench-folder", "kept")
    ended.assert_outcomes(passed=1, failed=1)
    ended.stdout.fnmatch_lines(["slower: B has * % less throughput *", "study: *kept*test_0"])
    assert (pytester.path / "kept" / "test_speed.py-test_0" / "answer.json").is_file()


def test_what_measures_is_marked_and_can_be_left_out(pytester: pytest.Pytester) -> None:
    suite(pytester, f"ovbench.run({QUICK})")
    pytester.makepyfile(test_other="def test_nothing(): pass")
    pytester.runpytest_inprocess("-m", "not ovbench").assert_outcomes(passed=1, deselected=1)
    pytester.runpytest_inprocess("--no-ovbench").assert_outcomes(passed=1, skipped=1)
    assert not (pytester.path / "ovbench-reports").exists()


def test_a_folder_may_be_set_in_the_ini_file(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\novbench_folder = build/speed")
    suite(pytester, f"ovbench.run({QUICK}); ovbench.run({QUICK})")
    pytester.runpytest_subprocess("-W", "ignore").assert_outcomes(passed=1)
    of_test = pytester.path / "build" / "speed" / "test_speed.py-test_0"
    assert (of_test / "report.json").is_file()
    assert (of_test / "2" / "report.json").is_file()


def test_a_wrong_limit_is_a_sentence(pytester: pytest.Pytester, tmp_path: Path) -> None:
    suite(pytester, f"ovbench.run(require='fsp > 1', {QUICK})")
    ended = pytester.runpytest_inprocess()
    ended.assert_outcomes(failed=1)
    ended.stdout.fnmatch_lines(["*UsageError: --require 'fsp > 1': there is no figure 'fsp'; did you mean fps?*"])
