"""The plugin for pytest: a fixture that measures, fails a test by limits, and keeps every report.

    def test_the_model_is_fast(ovbench):
        ovbench.run("model.xml", agents=2, duration_s=5, require=["fps >= 900", "p99_ms < 5"])

    def test_the_change_costs_nothing(ovbench):
        ovbench.study("ab", a={"model": "before.xml"}, b={"model": "after.xml"}, fail_if="slower")

pytest loads this module for whoever has both installed, so it imports nothing of ovbench before a test measures.
"""

import fcntl
import hashlib
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest

import ovbench

FIXTURE: Final = "ovbench"
_FOLDER: Final = "ovbench-reports"
_KEY: Final = "ovbench"
"""What the properties of a test begin with, which junit.xml has, too."""
_LONGEST: Final = 200
"""Bytes of a folder's name, of the 255 that file systems take."""


class OvbenchWarning(pytest.PytestWarning):
    """A run is SUSPECT: a warning makes its figures doubtful."""


class Benchmark:
    """What the fixture is: `run` and `study` of ovbench, whose reports are kept in a folder of the test's own, and
    whose limits fail the test. One measures at a time, also where pytest-xdist runs several tests."""

    def __init__(self, node: pytest.Item, folder: Path) -> None:
        self._node = node
        self._folder = folder
        self._numbers = count(1)

    def run(self, model: Any = None, *, require: str | Sequence[str] = (), **options: Any) -> "ovbench.Report":
        """As `ovbench.run`. The test fails where the verdict is INVALID or PARTIAL, or a limit of `require`, such as
        "p99_ms < 5", is not met; where it is SUSPECT, it warns (`strict=True` makes that INVALID)."""
        limits = [require] if isinstance(require, str) else list(require)
        folder, number = self._next()
        not_kept = []
        with _alone(self._folder.parent):
            try:
                report = ovbench.run(model, require=limits, report_folder=folder, overwrite=True, **options)
            except ovbench.NotKept as problem:
                report, not_kept = problem.result, [str(problem)]
        self._record(number, report, folder)
        unmet = [one for one in report.requirements if not one.met]
        wrong = [*not_kept, *(_unmet(one.text, one.figure, one.value, one.why) for one in unmet)]
        status = report.validity.status
        reasons = "; ".join(f"{one.code}: {one.message}" for one in report.validity.reasons)
        if status in ("INVALID", "PARTIAL"):
            wrong.insert(0, f"the run is {status}: {reasons}")
        elif status == "SUSPECT":
            warnings.warn(OvbenchWarning(f"the run is SUSPECT: {reasons}"), stacklevel=2)
        if wrong:
            pytest.fail("\n".join((*wrong, f"report: {folder}")), pytrace=False)
        return report

    def study(self, kind: str = "sweep", *, fail_if: str | Sequence[str] = (), **options: Any) -> "ovbench.Study":
        """As `ovbench.study`. The test fails where a condition of `fail_if`, such as "slower" or "p99 > +5%", comes
        true of A against B, a trial that counts is INVALID, PARTIAL or FAILED, or the study did not come to its
        end."""
        conditions = [fail_if] if isinstance(fail_if, str) else list(fail_if)
        folder, number = self._next(fresh=True)
        given = {**options, **({"fail_if": conditions} if conditions else {})}
        with _alone(self._folder.parent):
            study = ovbench.study(kind, report_folder=folder, **given)
        from ovbench.coordinator.study.gate import words_of

        self._node.user_properties.append((f"{_KEY}.{number}.answer", study.answer.headline))
        self._node.user_properties.append((f"{_KEY}.{number}.folder", str(folder)))
        wrong = [words_of(one) for one in study.answer.gate if one.fails]
        wrong += _failed_trials(study.standing)
        if study.left:
            wrong.insert(0, study.left)
        if wrong:
            pytest.fail("\n".join((*wrong, f"study: {folder}")), pytrace=False)
        return study

    def _next(self, fresh: bool = False) -> tuple[Path, int]:
        """A folder for a result: `report.json` of the first run is in the test's own. `fresh`: one that is not there
        yet; else one without a study in it, which an earlier version of the test may have left."""
        number = next(self._numbers)
        folder = self._folder if number == 1 else self._folder / str(number)
        names = (folder if again == 1 else folder.with_name(f"{folder.name}-{again}") for again in count(1))
        return next(name for name in names if not (name if fresh else name / "study.json").exists()), number

    def _record(self, number: int, report: "ovbench.Report", folder: Path) -> None:
        figures = report.figures()
        known: dict[str, float] = {name: figures[name] for name in ("fps", "median_ms", "p99_ms") if name in figures}
        properties: dict[str, Any] = {"status": report.validity.status, **known, "folder": str(folder)}
        for name, value in properties.items():
            self._node.user_properties.append((f"{_KEY}.{number}.{name}", value))


def _failed_trials(outcomes: Sequence[Any]) -> list[str]:
    """A sentence for each status that leaves a trial without figures to rely on."""
    found: dict[str, list[Any]] = {}
    for outcome in outcomes:
        if outcome.status not in ("VALID", "SUSPECT"):
            found.setdefault(outcome.status, []).append(outcome)
    return [
        f"{len(those)} of {len(outcomes)} trials {'are' if len(those) > 1 else 'is'} {status}, first {those[0].trial}: "
        f"{those[0].why or ', '.join(those[0].findings)}"
        for status, those in found.items()
    ]


def _unmet(text: str, figure: str, value: float | None, why: str) -> str:
    from ovbench.coordinator.result.numbers import figure_value

    known = f"{figure} is {'not known' if value is None else figure_value(figure, value)}"
    return f"{text} is not met: {known}{f', {why}' if why else ''}"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two that measure at once would measure each other."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("ovbench", "benchmarks of OpenVINO models (fixture ovbench)")
    group.addoption("--ovbench-folder", metavar="DIR", help=f"where reports are kept; default {_FOLDER}")
    group.addoption("--no-ovbench", action="store_true", help="skip tests that measure by the fixture ovbench")
    parser.addini("ovbench_folder", f"where reports are kept, relative to the root; default {_FOLDER}", default=_FOLDER)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{FIXTURE}: measures by the fixture {FIXTURE}; given by itself")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if FIXTURE in getattr(item, "fixturenames", ()):
            item.add_marker(FIXTURE)
            if config.getoption("--no-ovbench"):
                item.add_marker(pytest.mark.skip(reason="--no-ovbench"))


@pytest.fixture(name=FIXTURE)
def benchmark(request: pytest.FixtureRequest) -> Benchmark:
    """Measures OpenVINO models and keeps the reports: `run(model, require=[...])`, `study("ab", a=..., b=...)`."""
    config = request.config
    given = config.getoption("--ovbench-folder")
    base = Path(given).absolute() if given else config.rootpath / config.getini("ovbench_folder")
    return Benchmark(request.node, base / folder_name(request.node.nodeid))


def folder_name(test: str) -> str:
    """Of a node id. Where others could give the same name, or one that is too long, a digest tells them apart."""
    name = re.sub(r"[^\w.=-]+", "-", test).strip("-")
    if re.fullmatch(r"[\w.]+(/[\w.]+)*(::\w+)+", test) and len(name.encode()) <= _LONGEST:
        return name
    digest = hashlib.blake2b(test.encode(), digest_size=4).hexdigest()
    return f"{name.encode()[:_LONGEST].decode(errors='ignore')}-{digest}"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """A line for each run: also of workers, whose properties arrive with their tests."""
    lines = [
        line
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for line in _lines(report.nodeid, dict(report.user_properties))
    ]
    if lines:
        terminalreporter.section("ovbench")
        for line in lines:
            terminalreporter.write_line(line)


def _lines(name: str, properties: dict[str, Any]) -> Iterator[str]:
    from ovbench.coordinator.result.numbers import milliseconds, rate

    for number in count(1):
        folder = properties.get(f"{_KEY}.{number}.folder")
        if folder is None:
            return
        known = {key: properties.get(f"{_KEY}.{number}.{key}") for key in ("status", "fps", "p99_ms", "answer")}
        parts = [known["answer"] or known["status"] or ""]
        parts += [] if known["fps"] is None else [f"{rate(known['fps'])} FPS"]
        parts += [] if known["p99_ms"] is None else [f"p99 {milliseconds(known['p99_ms'])}"]
        yield f"{name}: {', '.join(parts)}  {folder}"
