"""The tests of what touches OpenVINO, and a run by --agent-python, on each release that ovbench is tested with.

Environments are made on first use, in the user's cache: OpenVINO is their own, all else is the checkout's.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

RELEASES: Final = (
    "2024.6", "2025.0", "2025.1", "2025.2", "2025.3", "2025.4", "2026.0", "2026.1", "2026.2", "2026.3", "2026.4",
)  # fmt: skip

_COMMANDS: Final = {"ovbench-coord": "ovbench.coordinator.entry", "ovbench-agent": "ovbench.agent.cli"}
_RUN: Final = ("-m", "builtin:squeezenet1.1", "--agents", "2", "-t", "3", "--warmup", "0.5")
_ENDED: Final = (0, 4)
"""Exit codes of a run that measured: whether the machine was quiet is not what is asked here."""

_LONGEST_S: Final = 3600


@dataclass
class Tried:
    """What came of a release."""

    release: str
    build: str = ""
    passed: int = 0
    skipped: int = 0
    failed: list[str] = field(default_factory=list)
    fps: float = 0.0
    lacks: list[str] = field(default_factory=list)
    instead: list[str] = field(default_factory=list)
    problem: str = ""
    """Of the environment or the run; empty if there was none."""
    seconds: float = 0.0

    @property
    def held(self) -> bool:
        return not self.problem and not self.failed

    @property
    def row(self) -> str:
        tests = f"{self.passed} of {self.passed + len(self.failed)}"
        cells = (self.release, self.build, tests, f"{self.fps:.0f}", *map(_listed, (self.lacks, self.instead)))
        return f"| {' | '.join(cells)} |"


def table(tried: Sequence[Tried]) -> str:
    head = "| release | build | tests | FPS by `--agent-python` | lacks | uses other functions for |"
    return "\n".join([head, "|---|---|---|---|---|---|", *(one.row for one in tried)])


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "-"


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/versions", description=__doc__)
    parser.add_argument("releases", nargs="*", metavar="RELEASE", help=f"of {', '.join(RELEASES)}; default all")
    parser.add_argument("--tests", nargs="+", default=["tests/openvino"], metavar="PATH", help="default tests/openvino")
    parser.add_argument("--fresh", action="store_true", help="make environments anew, with the latest patch release")
    given = parser.parse_args()
    unknown = [release for release in given.releases if release not in RELEASES]
    if unknown:
        parser.error(f"{unknown[0]} is not tested; there are {', '.join(RELEASES)}")
    tried = []
    for release in given.releases or RELEASES:
        one = try_release(release, given.tests, given.fresh)
        tried.append(one)
        for problem in (*one.failed, *filter(None, [one.problem])):
            print(f"{release}: {problem}", file=sys.stderr)
        verdict = "holds" if one.held else "fails"
        print(
            f"{release} {verdict}: {one.passed} tests passed, {one.skipped} skipped ({one.seconds:.0f} s)", flush=True
        )
    held = sum(one.held for one in tried)
    print(f"\n{table(tried)}\n\n{held} of {len(tried)}")
    return 0 if held == len(tried) else 1


def try_release(release: str, tests: Sequence[str], fresh: bool) -> Tried:
    one = Tried(release)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ovbench-versions-") as folder:
        try:
            python = environment(release, fresh)
            _test(one, python, tests, Path(folder))
            _run(one, python, Path(folder))
        except subprocess.CalledProcessError as error:
            one.problem = f"{error.cmd[0]} ended with {error.returncode}: {(error.stderr or '').strip()[-500:]}"
        except subprocess.TimeoutExpired as error:
            one.problem = f"{error.cmd[0]} took over {error.timeout:.0f} s"
    one.seconds = time.monotonic() - began
    return one


def environment(release: str, fresh: bool) -> Path:
    """Its Python. What is not installed there is looked for in the Python that runs this."""
    shared = sysconfig.get_path("purelib")
    made_for = "\0".join((shared, sys.base_prefix, sys.version))
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "ovbench" / "versions" / sha256(made_for.encode()).hexdigest()[:8] / release
    python, whole = folder / "bin" / "python", folder / "whole"
    if fresh or not whole.exists():
        print(f"{release}: making {folder} ...", file=sys.stderr, flush=True)
        _do(sys.executable, "-m", "venv", "--clear", "--without-pip", str(folder))
        _do(sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--disable-pip-version-check",
            "--no-deps", "--only-binary", ":all:", f"openvino=={release}.*")  # fmt: skip
        (site,) = (folder / "lib").glob("python*/site-packages")
        (site / "ovbench.pth").write_text(f"import site; site.addsitedir({shared!r})\n")
        for name, module in _COMMANDS.items():
            command = folder / "bin" / name
            command.write_text(f"#!{python}\nimport sys\nfrom {module} import main\nsys.exit(main())\n")
            command.chmod(0o755)
        whole.touch()
    return python


def _test(one: Tried, python: Path, tests: Sequence[str], folder: Path) -> None:
    results = folder / "results.xml"
    command = [str(python), "-m", "pytest", "-q", *tests, "-n", "0", "-p", "no:cacheprovider", f"--junit-xml={results}"]
    done = run_bounded(command, _LONGEST_S)
    if not results.exists():
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr or done.stdout)
    for case in ElementTree.parse(results).getroot().iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            one.failed.append(f"{case.get('classname')}::{case.get('name')}")
        elif case.find("skipped") is not None:
            one.skipped += 1
        else:
            one.passed += 1


def _run(one: Tried, python: Path, folder: Path) -> None:
    """By the coordinator of this Python, whose OpenVINO is another one."""
    command = [str(Path(sys.executable).with_name("ovbench-coord")), *_RUN, "--agent-python", str(python)]
    report_folder = folder / "report"
    done = run_bounded([*command, "--report-folder", str(report_folder)], _LONGEST_S, folder)
    if done.returncode not in _ENDED:
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
    report: dict[str, Any] = json.loads((report_folder / "report.json").read_text())
    (build,) = report["openvino"]
    one.build = build["version"].split("-releases")[0]
    one.fps = report["throughput"]["fps"]
    one.lacks = [lack["capability"] for lack in build["lacks"]]
    one.instead = [f"`{name}`" for name in build["instead"]]
    if not build["version"].startswith(f"{one.release}."):
        one.problem = f"the agents ran on {build['version']}"
    elif not report["throughput"]["count"]:
        one.problem = "the run counted no inference"


def run_bounded(
    command: Sequence[str], longest_s: float, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Raises TimeoutExpired. Whatever the command started in its session ends with it then, or by an interrupt."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder, start_new_session=True
    ) as process:
        try:
            out, said = process.communicate(timeout=longest_s)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, said)


def _do(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


if __name__ == "__main__":
    raise SystemExit(main())
