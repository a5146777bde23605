"""What files and folders of results are called. Pure."""

from typing import Final

REPORT_FILE: Final = "report.json"
SAMPLES_FILE: Final = "samples.npz"
PAGE_FILE: Final = "report.html"
BENCHMARK_FILES: Final = tuple(
    f"benchmark_{kind}report.{form}"
    for kind in ("", "sorted_", "average_counters_", "detailed_counters_")
    for form in ("csv", "json")
)
"""benchmark_app's own."""
CHART_FILES: Final = tuple(
    f"{chart}.{form}"
    for chart in (
        "agents", "arrivals", "backlog", "cpus", "cpus_over_time", "goodput", "histogram", "hosts", "hosts_latency",
        "interference", "latency", "layers", "p99", "parts", "throughput", "wait_and_service",
    )
    for form in ("svg", "png")
)  # fmt: skip
"""Of a run."""
RESULTS_FOLDER: Final = "ovbench-results"
"""Of the current folder: where results go that are given no other."""
