"""What is asked of `calibrate`."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Calibrate:
    show: bool = False
    strict: bool = False
    dry_run: bool = False
    quiet: bool = False
    json: bool = False
    markdown: Path | None = None
