"""The inputs in OpenVINO's memory: put into requests before the load, or by the load loop before each inference."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from ..data.inputs import Gathered
from ..data.signature import InputInfo
from ..data.tensors import Tensor
from ..loop.layout import FedInput, FeedTable, Int64s
from .capi import Library
from .objects import InferRequest, TensorHandle

MOST_COPIED_BYTES: Final = 16_384
"""Up to here copying into the request's own tensor costs less than setting another one, which takes a microsecond
(scripts/bench/rotation.py)."""


class Feed:
    """Request r starts with item r of each input, modulo their number, and goes on from there."""

    def __init__(
        self, library: Library, inputs: Sequence[InputInfo], gathered: Gathered, most: int | None = None
    ) -> None:
        """`most`: so many items of each input are enough, as requests keep what they have."""
        self._inputs = inputs
        self._items = [
            _tensors(library, info.type, found.tensors[:most])
            for info, found in zip(inputs, gathered.inputs, strict=True)
        ]
        self._addresses: dict[int, Int64s] = {}
        self._tables: list[FeedTable] = []

    def fill(self, requests: Sequence[InferRequest]) -> None:
        """Give every request its first inputs, in memory of its own where the shape is fixed."""
        for turn, request in enumerate(requests):
            self.put(request, turn)

    def put(self, request: InferRequest, turn: int) -> None:
        """Give a request the inputs of a turn."""
        for index, items in enumerate(self._items):
            item = items[turn % len(items)]
            if self._has_own_memory(index):
                request.input_bytes(index)[:] = item.bytes
            else:
                request.set_input(index, item)

    def tables(self, requests: Sequence[InferRequest]) -> list[FeedTable]:
        """For each request the table that the loop feeds it by."""
        tables = []
        for request in requests:
            table = FeedTable(len(self._items))
            for index, items in enumerate(self._items):
                self._describe(table[index], request, index, items)
            tables.append(table)
        self._tables += tables  # kept, as the loops have their addresses
        return tables

    def free(self) -> None:
        """It is of no use afterwards; requests keep what they have."""
        for tensor in {id(item): item for items in self._items for item in items}.values():
            tensor.free()
        self._items.clear()

    def _describe(self, row: FedInput, request: InferRequest, index: int, items: Sequence[TensorHandle]) -> None:
        own = request.input_bytes(index) if self._has_own_memory(index) else np.empty(0, np.uint8)
        copied = 0 < own.size <= MOST_COPIED_BYTES
        if index not in self._addresses:  # once for all requests: there may be very many items
            found = [item.bytes.ctypes.data if copied else item.address for item in items]
            self._addresses[index] = np.array(found, np.int64)
        row.input = index
        row.count = len(items)
        row.items = self._addresses[index].ctypes.data
        row.target = own.ctypes.data if copied else 0
        row.bytes = own.size

    def _has_own_memory(self, index: int) -> bool:
        """Whether a request's own tensor can be written: its shape is fixed, and its elements are no objects."""
        return self._inputs[index].is_static and self._inputs[index].type != "string"


def _tensors(library: Library, element_type: str, items: Sequence[Tensor]) -> list[TensorHandle]:
    """Files that are used more than once are held once."""
    made = {id(item): _tensor(library, element_type, item) for item in {id(item): item for item in items}.values()}
    return [made[id(item)] for item in items]


def _tensor(library: Library, element_type: str, item: Tensor) -> TensorHandle:
    if element_type == "string":
        return TensorHandle.of_strings(library, [str(text) for text in item.data.reshape(-1)], item.shape)
    tensor = TensorHandle.create(library, element_type, item.shape)
    tensor.bytes[:] = item.data.reshape(-1).view(np.uint8)
    return tensor
