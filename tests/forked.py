"""Runs of programs that are loaded once and forked for each, which saves what loading takes: see `forking`."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

from tests import forking, leftovers

TIMEOUT_S: Final = 180

Ended = tuple[int, str, str]
"""Exit code, standard output and standard error."""
Finish = Callable[[], Ended]
Program = Callable[[tuple[str, ...], Path], Finish]
"""Starts a program with these arguments in a folder; what is returned waits for its end. One at a time."""


@contextmanager
def forked(program: str, first: tuple[str, ...] = ()) -> Iterator[Program]:
    """`first`: what stands before the arguments of each call."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    environment[leftovers.MARK] += "/" + 16 * "-"  # room for a test's own, see `forking.show`
    with subprocess.Popen(
        [sys.executable, str(Path(forking.__file__)), program], text=True, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, env=environment,
    ) as server:  # fmt: skip
        orders, answers = server.stdin, server.stdout
        assert orders is not None
        assert answers is not None
        numbers = count()

        def start(argv: tuple[str, ...], folder: Path) -> Finish:
            number, output = next(numbers), folder.with_name(f"{folder.name}.{program}")
            marked = {leftovers.MARK: os.environ[leftovers.MARK]}
            orders.write(json.dumps([number, (*first, *argv), str(folder), str(output), marked]) + "\n")
            orders.flush()
            return lambda: finish(number, output)

        def finish(number: int, output: Path) -> Ended:
            order, code = -1, 0
            while order != number:  # one before it was not waited for to its end
                assert select.select([answers], [], [], TIMEOUT_S)[0]
                order, code = map(int, answers.readline().split())
            out, err = (output.with_name(f"{output.name}.{what}").read_text() for what in ("out", "err"))
            return code, out, err

        yield start
        orders.close()
