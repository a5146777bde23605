"""What is kept between runs, damaged in every way: each run is whole all the same, and the cache is mended.

Files of the compiled loops and of a built-in model, one or all at a time, in a cache of its own. At the end, a cache
that cannot be made.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.damages import a_folder, a_pipe, empty, flip, remove, truncate, zero

RUNS = 28
_DAMAGES: Final = (truncate, zero, flip, empty, remove, a_folder, a_pipe)
_COORDINATOR: Final = str(Path(sys.executable).with_name("ovbench-coord"))
_RUN: Final = ("-m", "builtin:mlp", "--agents", "1", "-api", "sync", "-t", "0.5", "--join-timeout", "120")


def attempt(number: int, folder: Path) -> str:
    if number % RUNS == RUNS - 1:
        (folder / "file").write_text("in the way")
        return _run(folder, folder / "file" / "cache")
    cache = folder / "cache"
    first = _run(folder, cache)
    if first:
        return f"without a cache: {first}"
    entries = sorted(path.parent for path in cache.glob("ovbench/*/contents.json"))
    used = [entry for entry in entries if entry.name.startswith(("loops-", "mlp-"))]
    files = [file for entry in used for file in sorted(entry.rglob("*")) if file.is_file()]
    before = {file: file.read_bytes() for file in files}
    file, damage = files[number * 7 % len(files)], _DAMAGES[number % len(_DAMAGES)]
    for one in files if number % 2 else [file]:
        damage(one)
    problem = _run(folder, cache)
    model = next(file for file in files if file.name == "mlp.bin")
    if not problem and model.read_bytes() != before[model]:
        problem = "the model's weights are not as they were"
    return problem and f"{damage.__name__} {file.name}: {problem}"


def _run(folder: Path, cache: Path) -> str:
    report = folder / "report"
    command = [_COORDINATOR, *_RUN, "--report-folder", str(report)]
    done = subprocess.run(
        command, env={**os.environ, "XDG_CACHE_HOME": str(cache)}, capture_output=True, text=True, timeout=300
    )
    if done.returncode != 0:
        return f"exit code {done.returncode}: {(done.stderr.strip() or done.stdout.strip()).splitlines()[-1]}"
    status = json.loads((report / "report.json").read_bytes())["validity"]["status"]
    return "" if status in ("VALID", "SUSPECT") else f"it is {status}"
