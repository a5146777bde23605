"""benchmark_app, loaded once and forked for each command line: the program as it is, without the time that it loads.

Each line of standard input is a command line and the folder to run it in, as JSON; each line of standard output the
exit code. What the program prints is beside the folder, with the suffixes `.out` and `.err`.
"""

import json
import os
import sys

from openvino.tools.benchmark.main import main


def become(argv: list[str], folder: str) -> None:
    for number, file in enumerate((os.devnull, f"{folder}.out", f"{folder}.err")):
        os.dup2(os.open(file, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), number)
    os.chdir(folder)
    sys.argv = ["benchmark_app", *argv]
    sys.exit(main())


if __name__ == "__main__":
    for line in iter(sys.stdin.readline, ""):
        child = os.fork()
        if child == 0:
            become(*json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
