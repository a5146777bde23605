"""Tables of flags as argparse reads command lines by them, and the help that is made of them."""

import argparse
import shutil
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any, Final, NoReturn

from ovbench.common.errors import UsageError

from .flag import Flag, Group
from .flags import GROUPS, gnu
from .verbs import VERBS

_MOST_INDENT: Final = 24
"""Of the sentences in the help, as argparse has it."""

_USAGE: Final = "usage: ovbench-coord [options]\n       ovbench-coord COMMAND ...\n"

_DESCRIPTION: Final = """\
Runs one load on many agents, each pinned to its CPUs, and merges what they
measured. The flags of OpenVINO's benchmark_app keep their spelling and meaning;
docs/benchmark_app.md says what they are with several agents. Long names may
have underscores, too.

commands (each has its own --help):
"""

_EPILOG: Final = """\
examples:
  ovbench-coord --agents 4
      the built-in squeezenet1.1 on four agents for 10 s
  ovbench-coord -m model.xml -t 60
      your model, one agent per physical core, for a minute
  ovbench-coord -m model.onnx --agents 2 -api sync
      latency: each agent infers back to back
  ovbench-coord --agents 1 -hint none -nstreams 2 -nireq 8
      one agent, tuned by hand
  ovbench-coord -m model.xml -i photos/ -inference_only no
      another image for each inference
  ovbench-coord -m bert.xml -data_shape "ids[1,64][1,128],mask[1,64][1,128]"
      two lengths in turn; with -pcseq, the latency of each
  ovbench-coord -m model.xml -report_type average_counters -json_stats
      benchmark_app's own reports as well, with the time of each layer
  ovbench-coord -m model.xml --agents 2 -max_irate 100
      at most 100 frames per second, 50 from each agent
  ovbench-coord --agents 4 --dry-run
      which CPUs each agent would get
  ovbench-coord -m model.xml --agents per-node --nodes 0,1 --housekeeping 0
      an agent on each of two NUMA nodes, without CPU 0
  ovbench-coord -m model.xml --cpus-per-agent 4 --agents 8 --spread scatter
      eight agents of four cores, as far apart as they can be
  ovbench-coord -m model.xml --require 'fps >= 900' --require 'p99_ms < 5'
      exit code 4 if it is slower
  ovbench-coord --agents 4 --json | jq .throughput
      the report alone, for programs
  ovbench-coord study -m model.xml -nstreams 1,2,4 -nireq 1..8
      each combination, three times: which is best

exit codes: 0 valid or suspect, 2 wrong usage or bad input, 3 partial (an agent
was lost), 4 a validity rule, --require or --fail-if failed, 5 the report could
not be written (it is then on stdout), 130 interrupted.
"""


class Parser(argparse.ArgumentParser):
    """That of one verb. What is wrong is a UsageError; no flag may be shortened."""

    def __init__(self, verb: str, flags: Iterable[Flag] = (), **words: Any) -> None:
        super().__init__(prog=f"ovbench-coord {verb}".rstrip(), allow_abbrev=False, **words)
        for flag in flags:
            self.add_argument(*flag.spellings, **_words_of(flag))

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see --help)")


def typed(parse: Callable[[str], object]) -> Callable[[str], object]:
    """As argparse takes it, with its own words for what is wrong."""

    def convert(text: str) -> object:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def _words_of(flag: Flag) -> dict[str, Any]:
    """For add_argument."""
    words: dict[str, Any] = {"dest": flag.dest, "help": flag.help.replace("%", "%%")}
    if flag.dest == "help":
        return {**words, "action": "help"}
    if flag.dest == "version":
        return {**words, "action": _Version}
    if flag.takes == "nothing":
        return {**words, "action": "store_true"}
    words |= {"type": typed(flag.parse), "metavar": flag.metavar or None, "choices": flag.choices or None}
    if flag.takes == "at most one":
        words |= {"nargs": "?", "const": True}
    if flag.takes == "one or more":
        words |= {"nargs": "+"}
    return {**words, "action": "append", "default": []} if flag.repeatable else {**words, "default": flag.default}


class _Version(argparse.Action):
    """Which is read only where it is asked for."""

    def __init__(self, **words: Any) -> None:
        super().__init__(nargs=0, default=argparse.SUPPRESS, **words)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version

        print(f"ovbench {version('ovbench')}")
        parser.exit()


class _RunParser(Parser):
    def format_help(self) -> str:
        return help_of(GROUPS, shutil.get_terminal_size().columns - 2)


def parse_flags(argv: Sequence[str]) -> argparse.Namespace:
    """The values of a run's flags by `Flag.dest`. Raises UsageError; `--help` and `--version` end the process."""
    return _run_parser().parse_args([gnu(word) for word in argv])


@cache
def _run_parser() -> _RunParser:
    """Which takes longer to make than to use; a study parses the flags of each of its settings."""
    return _RunParser("", (flag for group in GROUPS for flag in group.flags), add_help=False)


def help_of(groups: Sequence[Group], width: int) -> str:
    """Of a run, in lines of at most `width` characters where that is enough. A value stands once, behind all
    spellings."""
    heads = [_head(flag) for group in groups for flag in group.flags]
    indent = min(max(map(len, heads)) + 4, _MOST_INDENT, max(width - 20, 4))
    verbs = "".join(f"  {row.usage:27} {row.about}\n" for row in VERBS)
    parts = [_USAGE, _DESCRIPTION + verbs]
    parts += ["\n".join([f"{group.title}:", *_rows(group.flags, indent, width)]) + "\n" for group in groups]
    return "\n".join([*parts, _EPILOG])


def _head(flag: Flag) -> str:
    return f"{', '.join(flag.spellings)} {flag.value}".rstrip()


def _rows(flags: Iterable[Flag], indent: int, width: int) -> Iterator[str]:
    for flag in flags:
        first, *more = textwrap.wrap(flag.help, max(width - indent, 11))
        head = f"  {_head(flag)}"
        if len(head) + 2 <= indent:
            yield f"{head:{indent}}{first}"
        else:
            yield head
            yield " " * indent + first
        yield from (" " * indent + line for line in more)
