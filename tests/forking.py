"""A program, loaded once and forked for each command line: as it is, without the time that it loads.

The argument is which: benchmark_app or ovbench-coord. Each line of standard input is a number, a command line, the
folder to run it in, the file that its output goes to, without its suffixes `.out` and `.err`, and what its environment
has more, as JSON; each line of standard output the number and the exit code.
"""

import json
import os
import sys
from collections.abc import Callable


def loaded(program: str) -> Callable[[], int | None]:
    if program == "benchmark_app":
        from openvino.tools.benchmark import main as benchmark_app

        begin: Callable[[], int | None] = benchmark_app.main
        return begin
    from ovbench.coordinator.commands import run, terminal
    from ovbench.coordinator.entry import main

    assert run
    assert terminal
    return main


def become(
    program: str, main: Callable[[], int | None], argv: list[str], folder: str, output: str, environment: dict[str, str]
) -> None:
    for number, file in enumerate((os.devnull, f"{output}.out", f"{output}.err")):
        os.dup2(os.open(file, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), number)
    os.chdir(folder)
    os.environ.update(environment)
    sys.argv = [program, *argv]
    sys.exit(main())


if __name__ == "__main__":
    main = loaded(sys.argv[1])
    for line in iter(sys.stdin.readline, ""):
        order, *call = json.loads(line)
        child = os.fork()
        if child == 0:
            become(sys.argv[1], main, *call)
        print(order, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
