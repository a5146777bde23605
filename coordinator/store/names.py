"""What files and folders of results are called. Pure."""

from typing import Final

REPORT_FILE: Final = "report.json"
SAMPLES_FILE: Final = "samples.npz"
PAGE_FILE: Final = "report.html"
RESULTS_FOLDER: Final = "ovbench-results"
"""Of the current folder: where results go that are given no other."""
