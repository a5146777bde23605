"""A calibration as Markdown: the verdict, what scatters, and who else was there. Pure."""

from collections.abc import Sequence

from ...result.calibration import Calibration
from ..calibration import NOISE_NOTE, NOISE_TITLES, QUIET, SECTIONS, floor_lines, noise_rows
from .markup import MARKS, bullets, document, escaped, heading, table

_MARKS = {"quiet": "VALID", "noisy": "SUSPECT", "disturbed": "INVALID"}


def calibration_markdown(found: Calibration) -> str:
    machine = found.machine
    parts = [
        heading(f"{MARKS[_MARKS[found.verdict]]} {escaped(machine.hostname)} is {found.verdict}"),
        _bullets(found.because or (QUIET,)),
        "\n".join(f"**{escaped(line)}**" for line in floor_lines(found)),
        table(NOISE_TITLES, [tuple(map(escaped, row)) for row in noise_rows(found)], names=3),
        f"<sub>{NOISE_NOTE}</sub>",
        _bullets((
            f"{machine.cpu_model}, {machine.physical_cores} cores, {machine.logical_cpus} logical CPUs, "
            f"{len(found.cpus)} measured; OpenVINO {found.openvino}; {found.taken_at}",
            *(f"{title}: {'; '.join(lines)}" for title, of in SECTIONS.items() if (lines := list(of(found)))),
        )),
    ]  # fmt: skip
    return document(parts, "`calibrate --json`")


def _bullets(lines: Sequence[str]) -> str:
    return bullets(map(escaped, lines))
