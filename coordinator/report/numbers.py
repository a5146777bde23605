"""How numbers are written for people: few digits, the unit that fits, thousands apart."""


def milliseconds(ms: float) -> str:
    """Three or four significant digits, in us, ms or s."""
    if ms < 1:
        us = ms * 1000
        return f"{us:.3f} us" if us < 1 else f"{us:.2f} us" if us < 100 else f"{us:.1f} us"
    if ms < 1000:
        return f"{ms:.2f} ms" if ms < 100 else f"{ms:.1f} ms"
    return f"{ms / 1000:.2f} s"


def rate(per_second: float) -> str:
    """Four significant digits or all whole ones."""
    for below, digits in ((10, 3), (100, 2), (10_000, 1)):
        if per_second < below:
            return f"{per_second:,.{digits}f}"
    return f"{per_second:,.0f}"


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
