"""What became of --until, in a line. Pure."""

from ..result.numbers import figure_value
from ..result.report import UntilPart


def until_line(part: UntilPart) -> str:
    """Such as `p99 5.12 ms, known to ±2.8 % at look 4 of 11, after 6 s (asked: ±3 %)`."""
    name = part.figure.removesuffix("_ms").replace("_", ".")
    asked = f"asked: ±{part.within_percent:g} %"
    last = part.looks[-1] if part.looks else None
    if not part.known or last is None or last.estimate is None or last.half_width_percent is None:
        return f"{name} not known ({asked}): {part.why}"
    known = f"{name} {figure_value(part.figure, last.estimate)}, known to ±{last.half_width_percent:.2g} %"
    when = f"at look {len(part.looks)} of {part.planned}, after {last.at_s:g} s"
    return f"{known} {when} ({asked}{'' if part.reached else ', not reached'})"
