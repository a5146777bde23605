"""A file sender that is made while something else goes on: digests take as long as reading all files does, and hosts
that have joined are not to be kept waiting for so long."""

import threading
from collections.abc import Sequence

from ovbench.common.errors import UsageError
from ovbench.common.job import Job

from .sender import FileSender


class Preparing:
    """In a thread of its own, which nobody waits for where the run ends meanwhile."""

    def __init__(self, jobs: Sequence[Job], hosts: int, allow_extensions: bool) -> None:
        self._made: FileSender | Exception | None = None
        self._thread = threading.Thread(target=self._make, args=(jobs, hosts, allow_extensions), daemon=True)
        self._thread.start()

    def done(self, within_s: float) -> bool:
        self._thread.join(within_s)
        return not self._thread.is_alive()

    def sender(self) -> FileSender:
        """When it is done. Raises UsageError as `FileSender` does."""
        if isinstance(self._made, FileSender):
            return self._made
        raise self._made or UsageError("the files were not read to their end")

    def _make(self, jobs: Sequence[Job], hosts: int, allow_extensions: bool) -> None:
        try:
            self._made = FileSender(jobs, hosts, allow_extensions)
        except Exception as error:
            self._made = error
