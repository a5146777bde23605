"""MLPerf's LoadGen with a service of ours behind it, and what it says of the run.

`python -m tests.differential.loadgen` prints what it says of runs of known counts, as
`tests/unit/coordinator/stats/golden_earlystopping.json` has it.
"""

import json
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import mlperf_loadgen as lg
import numpy as np

from ovbench.common.histogram import Int64s

SCENARIOS: Final = {
    "SingleStream": lg.TestScenario.SingleStream,
    "MultiStream": lg.TestScenario.MultiStream,
    "Server": lg.TestScenario.Server,
    "Offline": lg.TestScenario.Offline,
}
Service = Callable[[Sequence[Any]], Iterable[Any]]
"""Which of all samples that it has not completed yet it completes at once; the others complete when all are issued."""

OVER: Final = (0, *range(1, 21), 30, 50, 100, 200, 500, 1000, 3000)
QUERIES: Final = (10, 11, 63, 64, 65, 100, 500, 661, 662, 663, 1000, 2000, 6635, 6636, 20000)
PERCENTILES: Final = (0.5, 0.9, 0.95, 0.97, 0.99, 0.999)

_ENTRY: Final = re.compile(r'"key": "(?P<key>\w+)", "value": (?P<value>.*), "time_ms": ')
"""Not as JSON, which not every line is."""


@dataclass(frozen=True)
class Outcome:
    """What it reports. `detail`: values in JSON, by their keys. `due`, `start`, `end`: int64 [samples], in ns since the
    first was due."""

    summary: str
    detail: dict[str, str]
    due: Int64s
    start: Int64s
    end: Int64s

    def said(self, key: str) -> Any:
        return json.loads(self.detail[key])

    @property
    def early_stopping(self) -> list[float]:
        """The numbers in its sentences."""
        return [float(text) for text in re.findall(r"\d+(?:\.\d+)?", self.said("early_stopping_result"))]


def at_once(samples: Sequence[Any]) -> Iterable[Any]:
    return samples


def run(scenario: str, service: Service = at_once, trace: bool = True, **settings: float) -> Outcome:
    """As long as the settings take, which are those of LoadGen's `TestSettings`."""
    requested = lg.TestSettings()
    requested.scenario = SCENARIOS[scenario]
    requested.mode = lg.TestMode.PerformanceOnly
    for name, value in settings.items():
        setattr(requested, name, value)
    with tempfile.TemporaryDirectory() as folder:
        logs = lg.LogSettings()
        logs.log_output = lg.LogOutputSettings()
        logs.log_output.outdir = folder
        logs.enable_trace = trace
        _start(requested, logs, service)
        return _read(Path(folder))


def _start(requested: Any, logs: Any, service: Service) -> None:
    held: dict[int, Any] = {}

    def complete(samples: Iterable[Any]) -> None:
        ids = [sample.id for sample in samples]
        for one in ids:
            held.pop(one, None)
        lg.QuerySamplesComplete([lg.QuerySampleResponse(one, 0, 0) for one in ids])

    def issue(samples: Sequence[Any]) -> None:
        held.update((sample.id, sample) for sample in samples)
        complete(service(samples))

    system = lg.ConstructSUT(issue, lambda: complete(list(held.values())))
    library = lg.ConstructQSL(8, 8, lambda samples: None, lambda samples: None)
    try:
        lg.StartTestWithLogSettings(system, library, requested, logs, "")
    finally:
        lg.DestroyQSL(library)
        lg.DestroySUT(system)


def _read(folder: Path) -> Outcome:
    entries = (_ENTRY.search(line) for line in _lines(folder, "detail", ":::MLLOG "))
    detail = {entry["key"]: entry["value"] for entry in entries if entry is not None}
    samples = [json.loads(line.rstrip(",")) for line in _lines(folder, "trace", '{"name":"Sample",')]
    begun = sorted((one for one in samples if one["ph"] == "b"), key=lambda one: int(one["args"]["sample_seq"]))
    due = np.asarray([round(one["ts"] * 1000) for one in begun], np.int64)
    due -= due[:1]
    start = due + np.asarray([one["args"]["issue_start_ns"] for one in begun], np.int64)
    end = due + np.asarray([one["args"]["complete_ns"] for one in begun], np.int64)
    return Outcome((folder / "mlperf_log_summary.txt").read_text(), detail, due, start, end)


def _lines(folder: Path, log: str, beginning: str) -> list[str]:
    (file,) = folder.glob(f"mlperf_log_{log}.*")
    return [line for line in file.read_text().splitlines() if line.startswith(beginning)]


def _golden() -> Iterator[str]:
    """Lines of JSON: by percentile, pairs of a count and what LoadGen makes of it."""
    yield (
        '{"made": "by python -m tests.differential.loadgen, with mlcommons-loadgen '
        + version("mlcommons-loadgen")
        + '",'
    )
    yield _by_percentile("fewest_queries", OVER, _fewest_queries) + ","
    yield _by_percentile("discarded", QUERIES, _discarded) + "}"


def _by_percentile(name: str, counts: Sequence[int], made_of: Callable[[int, float], int | None]) -> str:
    rows = (f'"{share}": {json.dumps([(count, made_of(count, share)) for count in counts])}' for share in PERCENTILES)
    return f'"{name}": {{\n' + ",\n".join(rows) + "\n}"


def _fewest_queries(over: int, percentile: float) -> int:
    """Of a server's queries all are over a target of 0 ns, and one is within a target of an hour."""
    count, target = (over, 0) if over else (1, 3600 * 10**9)
    outcome = run(
        "Server",
        trace=False,
        server_target_qps=1e6,
        server_target_latency_ns=target,
        server_target_latency_percentile=percentile,
        min_query_count=count,
        min_duration_ms=0,
    )
    processed, more = outcome.early_stopping
    assert (processed, outcome.said("result_overlatency_query_count")) == (count, over)
    return int(processed + more)


def _discarded(queries: int, percentile: float) -> int | None:
    """None where it makes no estimate."""
    outcome = run(
        "SingleStream",
        trace=False,
        single_stream_target_latency_percentile=percentile,
        min_query_count=queries,
        min_duration_ms=0,
    )
    assert outcome.said("result_query_count") == queries
    return int(outcome.early_stopping[2]) if outcome.said("early_stopping_met") else None


if __name__ == "__main__":
    print("\n".join(_golden()))
