"""Runs beside a process that never rests, on a CPU that is measured: each is SUSPECT, whatever its load and length."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

RUNS = 20

_COORDINATOR: Final = str(Path(sys.executable).with_name("ovbench-coord"))
_HOG: Final = "import os\nos.sched_setaffinity(0, {%d})\nwhile os.getppid() == %d: pass"
_LOADS: Final = (
    ("-m", "builtin:tiny", "-api", "sync", "-t", "1"),
    ("-m", "builtin:tiny", "-api", "async", "-t", "1"),
    ("-m", "builtin:mlp", "--agents", "2", "-t", "0.5"),
    ("-m", "builtin:squeezenet1.1", "--agents", "2", "-t", "2.5"),
    ("-m", "builtin:squeezenet1.1", "--agents", "1", "-niter", "50"),
    ("-m", "builtin:squeezenet1.1", "--agents", "1", "-max_irate", "20", "-t", "2"),
    ("-m", "builtin:tiny", "-api", "sync", "-niter", "1000"),
    ("--backend", "null:2000", "-api", "sync", "--agents", "2", "-t", "1"),
    ("--backend", "null:2000", "-api", "async", "-nireq", "4", "--agents", "1", "-t", "1"),
    ("-m", "builtin:mlp", "-nstreams", "2", "-nireq", "4", "-hint", "none", "--agents", "1", "-t", "1"),
)


def attempt(number: int, folder: Path) -> str:
    load = _LOADS[number % len(_LOADS)]
    with _hog(min(os.sched_getaffinity(0))):
        words = [_COORDINATOR, *load, "--warmup", "0.2", "--report-folder", str(folder / "report")]
        ran = subprocess.run(words, capture_output=True, text=True, timeout=120)
    if ran.returncode != 0:
        return f"{' '.join(load)}: exit code {ran.returncode}: {ran.stderr.strip()[-300:]}"
    report = json.loads((folder / "report" / "report.json").read_text())
    status = report["validity"]["status"]
    return "" if status == "SUSPECT" else f"{' '.join(load)}: {status}, {report['throughput']['fps']:,.1f} FPS"


@contextmanager
def _hog(cpu: int) -> Iterator[None]:
    """It ends with us, however we do."""
    with subprocess.Popen([sys.executable, "-c", _HOG % (cpu, os.getpid())]) as hog:
        try:
            yield
        finally:
            hog.kill()
