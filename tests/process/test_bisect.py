"""A search among Pythons with real agents: its plan grows as it goes on, and it can be gone on with."""

import json
import sysconfig
from pathlib import Path

import pytest

from tests.process.test_agent_python import make_python
from tests.process.test_study import DONE, QUICK, lines, study

pytestmark = [pytest.mark.usefixtures("without_pictures"), pytest.mark.long]


def test_trials_are_added_to_the_plan_before_they_are_run(tmp_path: Path) -> None:
    shared = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})"
    pythons = [str(make_python(tmp_path / name, shared)) for name in ("first", "second", "third")]
    # So small a difference is never decided, so all blocks are run.
    ran = study(
        tmp_path, "bisect", "--builds", ",".join(pythons), "--size-percent", "0.01", "--repetitions", "4",
        "--report-folder", "found", *QUICK,
    )  # fmt: skip
    assert ran.returncode in DONE, ran.stderr
    folder = tmp_path / "found"
    planned = json.loads((folder / "study.json").read_text())
    kept = lines(folder)
    assert [one["trial"] for one in kept] == [one["id"] for one in planned["trials"]]
    assert len(kept) >= 16
    assert planned["axes"] == {"--agent-python": pythons}
    said = json.loads((folder / "answer.json").read_text())
    assert said["kind"] == "bisect"
    assert {one["side"] for one in said["comparisons"]} <= {"second", "third"}
    again = study(tmp_path, "--resume", "found")
    assert again.returncode in DONE, again.stderr
    assert lines(folder) == kept
