"""The examples of docs/python.md are run as they stand, with a null device and short windows."""

import re
from pathlib import Path
from typing import Any, Final

import pytest

import ovbench
from ovbench.reports import report_of
from tests.builders import report

PAGE: Final = Path(__file__).parents[2] / "docs" / "python.md"
BLOCKS: Final = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
QUICK: Final[dict[str, Any]] = {"agents": 1, "backend": "null:1000", "duration_s": 0.1, "warmup_s": 0}


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_an_example_runs(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pandas", reason="ovbench[pandas] is not installed")
    monkeypatch.chdir(tmp_path)
    Path("model.xml").write_bytes(b"<net/>")
    for name in ("before", "after"):
        report_of(report(), None).save(tmp_path / name)
    run, study = ovbench.run, ovbench.study
    monkeypatch.setattr(ovbench, "run", lambda model, **options: run(**{**options, **QUICK}))
    monkeypatch.setattr(
        ovbench,
        "study",
        lambda *kind, model, **options: study(*kind, **{**options, **QUICK, "repetitions": 1, "retry_suspect": 0}),
    )
    namespace = {"ovbench": ovbench, "report": None}
    exec(compile(BLOCKS[number], f"{PAGE.name}, example {number}", "exec"), namespace)
