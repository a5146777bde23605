"""The lease of a host: without a word from the coordinator for so long, it is gone."""

from typing import Final

from ovbench.common.clock import NS_PER_S, to_ns

_STOOD_STILL_NS: Final = NS_PER_S
"""The loop wakes for each heartbeat; so much later than that, it was not run."""

_APART_NS: Final = 3 * NS_PER_S
"""A connection that has been closed for so long does not come back, however long the lease: the coordinator has ended.
Between the trials of a study a coordinator may be silent for longer, and its connection stands."""


class Lease:
    """Before it is `granted` it is the time for which a coordinator is waited for."""

    def __init__(self, patience_s: float, now_ns: int) -> None:
        self._length_ns = to_ns(patience_s)
        self._heartbeat_ns: int | None = None
        self._heard_ns = now_ns
        self._connected_ns = now_ns
        self._ticked_ns = now_ns

    @property
    def granted(self) -> bool:
        return self._heartbeat_ns is not None

    def grant(self, heartbeat_s: float, lease_s: float) -> None:
        self._heartbeat_ns, self._length_ns = to_ns(heartbeat_s), to_ns(lease_s)

    def renew(self, now_ns: int) -> None:
        self._heard_ns = now_ns

    def expired(self, now_ns: int, connected: bool) -> bool:
        """To be asked at least once a heartbeat: on a machine that stood still for a while, as a paused virtual one,
        nothing could be heard either, and that time does not count."""
        gap_ns = now_ns - self._ticked_ns
        self._ticked_ns = now_ns
        if self._heartbeat_ns is not None and gap_ns > self._heartbeat_ns + _STOOD_STILL_NS:
            self._heard_ns = min(now_ns, self._heard_ns + gap_ns)
            self._connected_ns = min(now_ns, self._connected_ns + gap_ns)
        if connected or not self.granted:
            self._connected_ns = now_ns
        return now_ns - self._heard_ns > self._length_ns or now_ns - self._connected_ns > _APART_NS

    def next_ns(self) -> int:
        """When it is to be looked at again."""
        if self._heartbeat_ns is None:
            return self._heard_ns + self._length_ns
        return min(self._ticked_ns + self._heartbeat_ns, self._heard_ns + self._length_ns)
