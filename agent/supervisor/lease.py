"""The lease of a host: without a word from the coordinator for so long, it is gone."""

from typing import Final

from ovbench.common.clock import NS_PER_S, to_ns

_STOOD_STILL_NS: Final = NS_PER_S
"""The loop wakes for each heartbeat; so much later than that, it was not run."""


class Lease:
    """Before it is `granted` it is the time for which a coordinator is waited for."""

    def __init__(self, patience_s: float, now_ns: int) -> None:
        self._length_ns = to_ns(patience_s)
        self._heartbeat_ns: int | None = None
        self._heard_ns = now_ns
        self._ticked_ns = now_ns

    @property
    def granted(self) -> bool:
        return self._heartbeat_ns is not None

    def grant(self, heartbeat_s: float, lease_s: float) -> None:
        self._heartbeat_ns, self._length_ns = to_ns(heartbeat_s), to_ns(lease_s)

    def renew(self, now_ns: int) -> None:
        self._heard_ns = now_ns

    def expired(self, now_ns: int) -> bool:
        """To be asked at least once a heartbeat: on a machine that stood still for a while, as a paused virtual one,
        nothing could be heard either, and that time does not count."""
        gap_ns = now_ns - self._ticked_ns
        self._ticked_ns = now_ns
        if self._heartbeat_ns is not None and gap_ns > self._heartbeat_ns + _STOOD_STILL_NS:
            self._heard_ns = min(now_ns, self._heard_ns + gap_ns)
        return now_ns - self._heard_ns > self._length_ns

    def next_ns(self) -> int:
        """When it is to be looked at again."""
        if self._heartbeat_ns is None:
            return self._heard_ns + self._length_ns
        return min(self._ticked_ns + self._heartbeat_ns, self._heard_ns + self._length_ns)
