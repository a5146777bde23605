"""Feeding: what giving each inference its next inputs adds to it, on builtin:tiny; one synchronous stream and thread.

The compiled loop on a request of its own, in a process of its own: fed by copying, fed by setting tensors, and not fed,
in short stretches by turns. Inputs as small as these are copied, so that is the figure; larger ones are set.
"""

import ctypes
import os
import time
from collections.abc import Iterator
from statistics import median
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ovbench.agent.loop.layout import FeedTable

from .versus import Goal, Row, RunFailed, Settings, allowed_cpus, in_own_process, in_turn, parse, report, value_row

SECONDS = 2.0
RUNS = 5
REACH = Goal(high=1000.0, unit=" ns")
ITEMS: Final = 4
WAYS: Final = ("not fed", "copied", "set")
_STRETCHES: Final = 10
_SAMPLE_BYTES: Final = 1 << 26

Int64s = npt.NDArray[np.int64]


def measure(settings: Settings) -> Iterator[Row]:
    (runs,) = in_turn(settings.runs, lambda: in_own_process(_work, settings.seconds))
    bare, copied, tensors = ([run[place] for run in runs] for place in range(len(WAYS)))
    added, to_set = ([a - b for a, b in zip(way, bare, strict=True)] for way in (copied, tensors))
    against = f"setting tensors {median(to_set):,.0f} ns; an inference that is not fed {median(bare):,.0f} ns"
    yield value_row("feeding of tiny: per inference", added, "ns", REACH, against)


def _work(seconds: float) -> list[float]:
    """ns per inference, by way."""
    os.sched_setaffinity(0, allowed_cpus()[-1:])
    loop = _Loop()
    stretch_s = seconds / _STRETCHES / len(WAYS)
    stretches = []
    for turn in range(_STRETCHES + 1):
        ways = WAYS if turn % 2 else WAYS[::-1]
        figures = {way: loop.run(way, stretch_s) for way in ways}
        stretches.append([figures[way] for way in WAYS])
    return [median(figures) for figures in zip(*stretches[1:], strict=True)]  # the first is to warm up


class _Loop:
    """`loops.run_sync` on one request of builtin:tiny, with the input of `ITEMS` others to be fed."""

    def __init__(self) -> None:
        # Not before the process is pinned.
        from ovbench.agent.host import libc
        from ovbench.agent.loop.cache import load_loops
        from ovbench.agent.loop.recorder import Recorder
        from ovbench.agent.openvino import objects
        from ovbench.agent.openvino.builtin import builtin_file
        from ovbench.agent.openvino.capi import Library

        self._loops = load_loops()
        self._library = Library()
        core = objects.Core(self._library)
        settings = {"NUM_STREAMS": "1", "INFERENCE_NUM_THREADS": "1"}
        self._compiled = core.compile_model(core.read_model(str(builtin_file("tiny"))), "CPU", settings)
        self._request, *self._others = (self._compiled.request() for _ in range(1 + ITEMS))
        self._request.infer()
        self._recorder = Recorder.allocate(1, _SAMPLE_BYTES)
        self._tables = {"copied": self._copied(), "set": self._set()}
        control = self._recorder.control
        control.clock, control.sleep = libc.clock_addresses()
        control.call = self._library.infer
        control.set_input = self._library.set_input
        control.copy = libc.memcpy_address()
        self._recorder.slots[0].request = self._request.address

    def run(self, way: str, seconds: float) -> float:
        """ns per inference."""
        loops, recorder = self._loops, self._recorder
        control, slot = recorder.control, recorder.slots[0]
        recorder.clear()
        table, _items = self._tables.get(way, (None, None))
        control.inputs = 0 if table is None else 1
        slot.feed = 0 if table is None else table.address
        control.begin_ns = time.monotonic_ns()
        control.deadline_ns = control.begin_ns + int(seconds * 1e9)
        loops.run_sync(control.address, slot.address)
        if slot.status != 0:
            raise RunFailed(self._library.last_error())
        return float(recorder.ends()[0] - control.began_ns) / recorder.count(0)

    def _copied(self) -> tuple[FeedTable, Int64s]:
        target = self._request.input_bytes(0)
        memories = [other.input_bytes(0) for other in self._others]
        return self._table([memory.ctypes.data for memory in memories], target.ctypes.data, target.size)

    def _set(self) -> tuple[FeedTable, Int64s]:
        getter = "ov_infer_request_get_input_tensor_by_index"
        tensors = [self._library.handle(getter, other.handle, ctypes.c_size_t(0)).value for other in self._others]
        return self._table(tensors, 0, 0)

    def _table(self, addresses: list[Any], target: int, size: int) -> tuple[FeedTable, Int64s]:
        """The feed table of one input, and what it refers to."""
        items = np.array(addresses, np.int64)
        table = FeedTable(1)
        row = table[0]
        row.input, row.count, row.items, row.target, row.bytes = 0, len(items), items.ctypes.data, target, size
        return table, items


if __name__ == "__main__":
    raise SystemExit(report(measure(parse(__doc__, SECONDS, RUNS))))
