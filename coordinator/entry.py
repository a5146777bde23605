"""Where `ovbench-coord` begins: its verbs, each in its file of `commands/`, imported when it is asked for.

What takes long to import is imported where Ctrl-C already ends the command without a traceback.
"""

import errno
import gc
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NoReturn

from ovbench.common.errors import NO_ROOM, ExitCode, Unwritable, UsageError
from ovbench.common.printable import one_line, open_streams

from .commands.verb import Call, Verb
from .session.interrupts import Interrupts

_UNPRINTABLE: Final = NO_ROOM | {errno.EPIPE}


def _calibrate() -> Verb[Any]:
    from .commands.calibrate import calibrate, parse_calibrate

    return Verb(parse_calibrate, calibrate)


def _compare() -> Verb[Any]:
    from .commands.compare import compare, parse_compare

    return Verb(parse_compare, compare)


def _completion() -> Verb[Any]:
    from .commands.completion import completion, parse_completion

    return Verb(parse_completion, completion)


def _export() -> Verb[Any]:
    from .commands.export import export, parse_export

    return Verb(parse_export, export)


def _export_model() -> Verb[Any]:
    from .commands.export_model import export_model, parse_export_model

    return Verb(parse_export_model, export_model)


def _help() -> Verb[Any]:
    from .commands.help import parse_help, show_help

    return Verb(parse_help, show_help)


def _manifest() -> Verb[Any]:
    from .commands.manifest import manifest, parse_manifest

    return Verb(parse_manifest, manifest)


def _show() -> Verb[Any]:
    from .commands.show import parse_show, show

    return Verb(parse_show, show)


def _study() -> Verb[Any]:
    from .study.request import StudyRequest, parse_study

    def study(request: StudyRequest, call: Call) -> ExitCode:
        from .commands.study import run_study

        return run_study(request, call)

    return Verb(parse_study, study)


def _topology() -> Verb[Any]:
    from .commands.topology import parse_topology, topology

    return Verb(parse_topology, topology)


def _run() -> Verb[Any]:
    from .request.commandline import parse_run
    from .request.request import Request

    def run(request: Request, call: Call) -> ExitCode:
        from .commands.run import run

        return run(request, call)

    return Verb(parse_run, run)


VERBS: Final[Mapping[str, Callable[[], Verb[Any]]]] = {
    "calibrate": _calibrate,
    "compare": _compare,
    "completion": _completion,
    "export": _export,
    "export-model": _export_model,
    "help": _help,
    "manifest": _manifest,
    "run": _run,
    "show": _show,
    "study": _study,
    "topology": _topology,
}
"""By their words. A command line without one runs a benchmark."""


_GARBAGE_OF: Final = 50_000
"""So many objects more than before are a reason to look for garbage. Imports make ten times as many, and none of it:
with Python's 700, a fifth of the time that they take would go into looking."""


def main() -> None:
    gc.set_threshold(_GARBAGE_OF)
    interrupts = Interrupts()
    interrupts.listen()
    execute(sys.argv[1:], interrupts)


def execute(argv: Sequence[str], interrupts: Interrupts | None = None) -> NoReturn:
    """One command line: it ends with an exit code, and a sentence where something is wrong."""
    try:
        _open_what_is_closed()
        open_streams()
        verb, words = understood(argv)
        code = verb(words, Call(("ovbench-coord", *argv), interrupts or Interrupts()))
    except UsageError as error:
        print(f"ovbench-coord: {one_line(str(error))}", file=sys.stderr)
        code = ExitCode.USAGE
    except Unwritable as error:
        print(f"ovbench-coord: {one_line(str(error))}", file=sys.stderr)
        code = ExitCode.UNWRITABLE
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    except OSError as error:
        if error.errno not in _UNPRINTABLE or error.filename is not None:
            raise
        if error.errno != errno.EPIPE:  # the reader of stdout has gone, as in `| head`
            print(f"ovbench-coord: what it prints cannot be written: {error.strerror}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still to be flushed goes nowhere
        code = ExitCode.UNWRITABLE
    sys.exit(code)


def understood(argv: Sequence[str]) -> tuple[Verb[Any], Sequence[str]]:
    """The verb and the words for it. Raises UsageError, one sentence, where there is no such verb."""
    if not argv or argv[0].startswith("-"):
        return _run(), argv
    verb, *words = argv
    if verb == "help" and words[:1] != ["run"] and words and words[0] in VERBS:
        return understood([words[0], "--help", *words[1:]])
    if verb not in VERBS:
        return _without_a_verb(argv)
    if verb != "run":
        from .request.values import refuse_undecodable

        refuse_undecodable(argv)
    return VERBS[verb](), words


def _without_a_verb(argv: Sequence[str]) -> tuple[Verb[Any], Sequence[str]]:
    """A run of the model that the first word is. Raises UsageError where it is none."""
    from .request.firstword import refuse_unless_a_model

    refuse_unless_a_model(argv[0], tuple(VERBS))
    return _run(), argv


def parse(argv: Sequence[str]) -> Any:
    """What is asked for, as the verb understands it; nothing is carried out. Raises UsageError, one sentence."""
    verb, words = understood(argv)
    return verb.parse(words)


def _open_what_is_closed() -> None:
    """Where standard streams are closed, as by `>&-`, what is opened next would get their numbers."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")


if __name__ == "__main__":
    main()
