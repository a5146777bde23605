"""Which differences cannot be seen on the machines that results are from, in words. Pure."""

from collections.abc import Iterator

from ..result.noise import by_calibration
from .comparison import Matched


def unseen(matched: Matched) -> Iterator[str]:
    """Nothing where that is not known."""
    found = matched.unseen
    if found is None:
        return
    what = "two runs of the same" if found.starts == 1 else f"means over {found.starts} starts of the same"
    yield (
        f"{by_calibration(found.floor)}, differences of throughput under {found.percent:.1f} % cannot be seen on this "
        f"machine: so far apart are {what} by noise alone."
    )
    fps = next((one for one in matched.changes if one.figure == "fps"), None)
    if fps is None or fps.change_percent is None or fps.verdict not in ("better", "worse"):
        return
    if abs(fps.change_percent) < found.percent:
        yield f"The change of fps, {fps.change_percent:+.1f} %, is one of these, whatever its verdict."
