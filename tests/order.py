"""Where several workers share the tests, those that wait for processes are spread among those that compute.

Each worker begins with a part of the list as it is. In the order of the folders one would have most of the tests that
wait, and the others would take them over when theirs are done: at first no CPU would be free, and in the end some idle.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final, Protocol, TypeVar

import pytest

WAITING: Final = ("tests/differential/", "tests/openvino/", "tests/process/")
"""Most of their time these have processes do something."""


class Test(Protocol):
    @property
    def nodeid(self) -> str: ...


T = TypeVar("T", bound=Test)


def spread(tests: Sequence[T]) -> list[T]:
    """File by file, each of either kind as far down the list as it is among those of its kind."""
    placed: list[tuple[float, list[T]]] = []
    for waits in (True, False):
        kind = [test for test in tests if test.nodeid.startswith(WAITING) is waits]
        placed += _by_file(kind)
    return [test for _, file in sorted(placed, key=lambda one: one[0]) for test in file]


def _by_file(kind: Sequence[T]) -> Iterator[tuple[float, list[T]]]:
    """With the share of all that comes before the middle of it."""
    before = 0
    for _, group in groupby(kind, key=lambda test: test.nodeid.partition("::")[0]):
        file = list(group)
        yield (before + len(file) / 2) / len(kind), file
        before += len(file)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):  # in a worker
        items[:] = spread(items)
