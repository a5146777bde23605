"""How numbers are written for people: few digits, the unit that fits, thousands apart."""

import math
from collections.abc import Callable


def milliseconds(ms: float | None) -> str:
    """Three significant digits, in ns, us, ms or s; eight of them are to fit a line of a terminal. None is unknown."""
    if ms is None:
        return "unknown"
    units = ((1e6, "ns"), (1e3, "us"), (1.0, "ms"), (1e-3, "s"))
    value, unit = next(((ms * factor, unit) for factor, unit in units if ms * factor < 999.5), (ms / 1000, "s"))
    return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f} {unit}"


def microseconds(us: float) -> str:
    return milliseconds(us / 1000)


def bounded(ms: float | None, at_least: float | None) -> str:
    """Milliseconds that may be unknown, and are then more than a bound where there is one."""
    return milliseconds(ms) if ms is not None or at_least is None else beyond(milliseconds(at_least))


def beyond(bound: str) -> str:
    """A figure that is not known, but cannot be below a bound, which is written in its unit."""
    return f"> {bound}"


def rate(per_second: float) -> str:
    """Four significant digits or all whole ones."""
    for below, digits in ((10, 3), (100, 2), (10_000, 1)):
        if per_second < below:
            return f"{per_second:,.{digits}f}"
    return f"{per_second:,.0f}"


def ramp(first: float, last: float) -> str:
    """Rates as in --stages: one where both are the same."""
    return "..".join(f"{end:,.6g}" for end in ((first,) if first == last else (first, last)))


def count(number: int) -> str:
    return f"{number:,}"


def percent(value: float) -> str:
    return f"{value:.1f} %"


def duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def megabytes(mb: float) -> str:
    return f"{mb:,.0f} MB"


def joules(j: float) -> str:
    """Three significant digits, in uJ, mJ, J or kJ."""
    units = ((1e6, "uJ"), (1e3, "mJ"), (1.0, "J"))
    value, unit = next(((j * factor, unit) for factor, unit in units if j * factor < 999.5), (j / 1000, "kJ"))
    return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f} {unit}"


def deviation(value: float, low: float | None, high: float | None) -> str:
    """How far bounds are from a value, the farther of the two in percent of it; of one alone if there is one."""
    reach = max(value - low if low is not None else 0.0, high - value if high is not None else 0.0)
    share = 100 * reach / value if value > 0 else 0.0
    if share >= 999.5:
        return "±>999 %"
    return f"±{share:.{1 if share < 9.95 else 0}f} %"


def figure_value(name: str, value: float) -> str:
    """A figure in the unit that its name ends in (see `figures`). Of a share six digits, as 0.9999 is not 1."""
    forms = {
        "ms": milliseconds, "us": microseconds, "percent": percent, "mb": megabytes, "j": "{:.3g} J".format,
        "goodput": "{:.6g}".format, "unfinished": "{:,.10g}".format, "dropped": "{:,.10g}".format,
    }  # fmt: skip
    return forms.get(name.rpartition("_")[2], rate)(value)


def plain(value: float) -> str:
    """Four significant digits or all whole ones, without a unit, for where its name stands beside it."""
    size = abs(float(f"{value:.3e}"))  # as it will be written: 0.99996 is 1.000
    if size >= 10_000 or value == 0:
        return f"{value:,.0f}"
    return f"{value:,.{max(0, 3 - math.floor(math.log10(size)))}f}"


def interval(low: float | None, high: float | None, form: Callable[[float], str] = plain) -> str:
    """Open at an end that is not known; empty where neither is."""
    if low is None and high is None:
        return ""
    return f"{'' if low is None else form(low)}..{'' if high is None else form(high)}"
