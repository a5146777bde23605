"""Every figure that ovbench is to reach, measured here and now, and a markdown table of them."""

import argparse
import sys
from collections.abc import Callable, Iterator
from typing import Final, Protocol

from . import (
    agreement,
    arrivals,
    async_limit,
    clocks,
    counting,
    dispatch,
    fifty_hosts,
    files,
    hostbus,
    lateness,
    memory,
    merge,
    overhead_cpu,
    overhead_wall,
    overload,
    page,
    partition,
    queues,
    resume,
    rotation,
    same,
    stall,
    start_skew,
    sync_limit,
    thousand_agents,
    trials,
)
from .versus import MISSING, NO_LIMIT, Row, RunFailed, Settings, limit_program, table


class _Script(Protocol):
    """A module of this folder that measures a figure, with its own defaults."""

    SECONDS: float
    RUNS: int

    @property
    def measure(self) -> Callable[[Settings], Iterator[Row]]: ...


SCRIPTS: Final[tuple[_Script, ...]] = (
    sync_limit,
    async_limit,
    partition,
    agreement,
    overhead_wall,
    overhead_cpu,
    memory,
    start_skew,
    rotation,
    counting,
    merge,
    page,
    trials,
    resume,
    same,
    lateness,
    arrivals,
    dispatch,
    hostbus,
    queues,
    stall,
    overload,
    clocks,
    files,
    thousand_agents,
    fifty_hosts,
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", metavar="PATH", help="the limit program; that part is left out without it")
    limit = limit_program(parser.parse_args().limit)
    rows: list[Row] = []
    failed = False
    for script in SCRIPTS:
        try:
            for row in script.measure(Settings(script.SECONDS, script.RUNS, limit)):
                print(row, flush=True)
                rows.append(row)
        except RunFailed as problem:
            failed = True
            print(problem, file=sys.stderr)
    print(f"\n{table(rows)}")
    if limit is None:
        print(NO_LIMIT, file=sys.stderr)
    return 1 if failed else MISSING if limit is None else 0


if __name__ == "__main__":
    raise SystemExit(main())
