"""A model cache that is not waited for: what a supervisor hears is handled by a thread, which answers when it can."""

import contextlib
import os
import threading
from collections import deque
from typing import Final

from ovbench.common.bounded import as_text
from ovbench.common.hostmessages import AnyHostNotice, FileChunk, HostFailed, OfferFiles

from .cache import ModelCache

_MOST_QUEUED_BYTES: Final = 64 << 20
_BYTES_OF_OFFER: Final = 500
"""Of a file, in memory."""


class CacheThread:
    """One thread, from the first order on. What is queued for it is bounded by the credit that it gives; what comes
    beyond that is dropped, to be asked for again.

    `fd` can be read when `notices` has some.
    """

    def __init__(self, cache: ModelCache) -> None:
        self._cache = cache
        self._orders: deque[OfferFiles | FileChunk] = deque()
        self._notices: deque[AnyHostNotice] = deque()
        self._queued_bytes = 0
        self._changed = threading.Condition()
        self._ends = False
        self._thread: threading.Thread | None = None
        self.fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def heard(self, order: OfferFiles | FileChunk) -> None:
        with self._changed:
            if self._queued_bytes > _MOST_QUEUED_BYTES:
                return
            self._queued_bytes += _bytes_of(order)
            self._orders.append(order)
            self._changed.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="ovbench-files", daemon=True)
            self._thread.start()

    def notices(self) -> list[AnyHostNotice]:
        """Since the last call, in their order."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self.fd)
        found = []
        while self._notices:
            found.append(self._notices.popleft())
        return found

    def close(self, patience_s: float = 2.0) -> None:
        """What has not been written by then is left to the next process. Again is no harm."""
        with self._changed:
            if self._ends:
                return
            self._ends = True
            self._orders.clear()
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(patience_s)
        if self._thread is None or not self._thread.is_alive():
            self._cache.close()
            os.close(self.fd)

    def _work(self) -> None:
        while (order := self._next()) is not None:
            try:
                answers = self._cache.heard(order)
            except Exception as error:  # else the coordinator would wait for an answer without end
                answers = [HostFailed(kind="runtime", message=as_text(f"the model cache failed: {error!r}"))]
            if answers:
                self._notices.extend(answers)
                os.eventfd_write(self.fd, 1)

    def _next(self) -> OfferFiles | FileChunk | None:
        with self._changed:
            self._changed.wait_for(lambda: bool(self._orders) or self._ends)
            if self._ends:
                return None
            order = self._orders.popleft()
            self._queued_bytes -= _bytes_of(order)
            return order


def _bytes_of(order: OfferFiles | FileChunk) -> int:
    return len(order.data) if isinstance(order, FileChunk) else _BYTES_OF_OFFER * len(order.files)
