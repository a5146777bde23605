"""Which differences cannot be seen on the machines that results are from, in words. Pure."""

from collections.abc import Iterator
from math import inf

from ..result.noise import by_calibration
from .change import Change
from .comparison import Matched


def unseen(matched: Matched) -> Iterator[str]:
    """Nothing where that is not known, and where as many starts as there are trials show smaller ones."""
    found = matched.unseen
    fps = next((one for one in matched.changes if one.figure == "fps"), None)
    if found is None:
        return
    if fps is not None and 1 < found.starts == min(matched.trials) and _half_percent(fps) < found.percent:
        return
    what = "two short runs of the same" if found.starts == 1 else f"means over {found.starts} starts of the same"
    yield (
        f"{by_calibration(found.floor)}, differences of throughput under {found.percent:.1f} % cannot be seen on this "
        f"machine: so far apart are {what} by noise alone."
    )
    if fps is None or fps.change_percent is None or fps.verdict not in ("better", "worse"):
        return
    if abs(fps.change_percent) < found.percent:
        yield f"The change of fps, {fps.change_percent:+.1f} %, is smaller than that."


def _half_percent(change: Change) -> float:
    """Half the width of a change's interval, in percent of the first value; endless where it is not known."""
    ends, first = change.difference_ci95, change.first
    if ends is None or ends.low is None or ends.high is None or first is None or not first.value:
        return inf
    return 50 * (ends.high - ends.low) / abs(first.value)
