"""`ovbench-agent`: one agent, started by hand or by a launcher of the user's own."""

import argparse
import os
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

from ovbench.common.endpoint import checked
from ovbench.common.errors import ExitCode, UsageError
from ovbench.common.printable import one_line, open_streams

from .host.process import run_in_own_session, wake_on_time
from .loop.cache import load_loops
from .trust import Trust


def main() -> NoReturn:
    open_streams()
    try:
        options = _parser().parse_args()
        endpoint = _checked(options)
        run_in_own_session()  # before there is much to copy
        # numpy's BLAS would start threads on every CPU when it is imported.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        load_loops()
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    serve_and_exit(endpoint, options.agent, options.wait, Trust(options.root, options.allow_extensions))


def serve_and_exit(endpoint: str, agent: int | None, patience_s: float, trust: Trust | None = None) -> NoReturn:
    """Serve one job and end the process, without waiting for whatever OpenVINO's threads are doing.

    `trust`: what a job may ask for; None, of agents that the coordinator has started itself, is anything.
    """
    code = ExitCode.INTERNAL
    try:
        code = _serve(endpoint, agent, patience_s, trust)
    except OSError as error:
        code = ExitCode.USAGE
        print(one_line(f"ovbench-agent: --connect {endpoint}: {error.strerror or error}"), file=sys.stderr)
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _serve(endpoint: str, agent: int | None, patience_s: float, trust: Trust | None) -> ExitCode:
    from .control import Ended
    from .service import serve

    wake_on_time()
    try:
        serve(endpoint, agent, patience_s, trust)
    except Ended as ended:
        if str(ended):
            print(one_line(f"ovbench-agent: {ended}"), file=sys.stderr)
        return ended.code


def _checked(options: argparse.Namespace) -> str:
    """Where to connect to, when that is where nobody else can be in the coordinator's place."""
    if options.root is not None and not os.path.isdir(options.root):
        sys.exit(_refused(f"--root {options.root}: there is no such folder"))
    try:
        return checked(options.connect)
    except UsageError as error:
        sys.exit(_refused(f"--connect {error}"))


def _refused(text: str) -> ExitCode:
    print(one_line(f"ovbench-agent: {text}"), file=sys.stderr)
    return ExitCode.USAGE


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(ExitCode.USAGE, one_line(f"ovbench-agent: {message} (see --help)") + "\n")


def _number(kind: type[int] | type[float], what: str, most: int) -> Callable[[str], float]:
    def convert(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = -1
        if not 0 <= value <= most:  # nor is NaN
            raise argparse.ArgumentTypeError(f"'{text}' is not {what} from 0 to {most}")
        return value

    return convert


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="ovbench-agent",
        allow_abbrev=False,
        description="Runs one agent's load for a coordinator that waits with 'ovbench-coord --launcher external'.",
        epilog="Without --root it takes jobs that need no file: built-in models with random inputs, and the null "
        "device. Example: mkdir -m 700 bus; ovbench-agent --connect ipc://$PWD/bus/socket --root ~/models",
    )
    parser.add_argument("--connect", metavar="ENDPOINT", required=True, help="the coordinator's --bind")
    parser.add_argument(
        "--agent",
        metavar="ID",
        type=_number(int, "a whole number", 4095),
        help="take this place; default: any free one",
    )
    parser.add_argument(
        "--wait", metavar="SECONDS", type=_number(float, "a number of seconds", 1_000_000), default=60.0,
        help="how long to try to reach it (default 60)",
    )  # fmt: skip
    parser.add_argument(
        "--root", metavar="DIR",
        help="a folder that jobs may name files in: models, inputs, caches; default: none anywhere",
    )  # fmt: skip
    parser.add_argument(
        "--allow-extensions", action="store_true",
        help="load libraries with operations from --root, too; they can do whatever you can",
    )  # fmt: skip
    return parser


if __name__ == "__main__":
    main()
