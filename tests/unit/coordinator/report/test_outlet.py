"""Printing to whoever does not read: nobody waits for it, and nothing is lost but pictures."""

import os
import threading
from collections.abc import Iterator
from typing import TextIO

import pytest
from rich.text import Text

from ovbench.coordinator.report.console import SteadyConsole
from ovbench.coordinator.report.outlet import Outlet

LINE = "x" * 99 + "\n"
MANY = 5_000
"""Lines that are several times what a pipe holds."""


class Stalled:
    """A pipe that nobody reads yet."""

    def __init__(self) -> None:
        self.reading, writing = os.pipe()
        self.stream: TextIO = os.fdopen(writing, "w")
        self.text = ""

    def read(self) -> threading.Thread:
        def loop() -> None:
            while data := os.read(self.reading, 65536):
                self.text += data.decode()

        reader = threading.Thread(target=loop)
        reader.start()
        return reader


@pytest.fixture
def stalled() -> Iterator[Stalled]:
    stalled = Stalled()
    yield stalled
    stalled.stream.close()
    os.close(stalled.reading)


def no_failure(error: OSError) -> None:
    raise AssertionError(error)


def test_a_reader_that_reads_late_gets_all_of_it(stalled: Stalled) -> None:
    outlet = Outlet(stalled.stream, no_failure)
    for _ in range(MANY):
        outlet.write(LINE)
    assert outlet.behind
    reader = stalled.read()
    outlet.settle()
    assert not outlet.behind
    stalled.stream.close()
    reader.join()
    assert stalled.text == LINE * MANY


def test_what_waits_is_bounded(stalled: Stalled) -> None:
    outlet = Outlet(stalled.stream, no_failure)
    for _ in range(4 * MANY):
        outlet.write(LINE)
    reader = stalled.read()
    outlet.settle()
    stalled.stream.close()
    reader.join()
    assert 0 < len(stalled.text) < 2 * 1024 * 1024 < 4 * MANY * len(LINE) + 100_000


def test_a_terminal_that_has_gone_is_said_once_and_is_not_waited_for() -> None:
    class Gone:
        encoding, errors = "utf-8", "strict"

        def write(self, text: str) -> int:
            raise OSError(5, "Input/output error")

        def flush(self) -> None: ...

    failures: list[OSError] = []
    outlet = Outlet(Gone(), failures.append)  # type: ignore[arg-type]
    for _ in range(10):
        outlet.write(LINE)
    outlet.settle()
    outlet.write(LINE)
    outlet.settle()
    assert [error.errno for error in failures] == [5]


def test_a_console_that_is_detached_does_not_wait_and_then_says_all_in_order(stalled: Stalled) -> None:
    console = SteadyConsole(file=stalled.stream, width=120)
    console.print("first")
    console.detach()
    for number in range(MANY):
        console.print(Text(f"{number:099}"))
    assert console.behind
    reader = stalled.read()
    console.attach()
    console.print("last")
    stalled.stream.close()
    reader.join()
    assert stalled.text.splitlines() == ["first", *(f"{number:099}" for number in range(MANY)), "last"]
