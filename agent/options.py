"""The command line of `ovbench-agent`: one agent, or a whole host."""

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from ovbench.common.cacheplace import DEFAULT_LIMIT_BYTES, CachePlace, parse_cache_place
from ovbench.common.endpoint import checked
from ovbench.common.errors import ExitCode, UsageError
from ovbench.common.printable import one_line
from ovbench.common.spelling import did_you_mean

from .trust import Caps, Trust

FROM_STANDARD_INPUT: Final = "-"


@dataclass(frozen=True)
class OneAgent:
    """`endpoint`: where to connect to, when that is where nobody else can be in the coordinator's place."""

    endpoint: str
    agent: int | None
    patience_s: float
    trust: Trust


@dataclass(frozen=True)
class WholeHost:
    """`join`: the file, or `FROM_STANDARD_INPUT`. `pythons`: those that agents may run in beside this one. `cache`: of
    files that the coordinator sends."""

    join: str
    pythons: tuple[str, ...]
    cache: CachePlace
    patience_s: float
    trust: Trust


def parse_options(argv: Sequence[str] | None = None) -> OneAgent | WholeHost:
    """Of this process by default. Raises UsageError for what contradicts itself or is not there; what cannot be parsed
    ends the process."""
    options = _parser().parse_args(argv)
    for root in options.root:
        if not os.path.isdir(root):
            raise UsageError(f"--root {root}: there is no such folder")
        if not _is_text(os.path.realpath(root)):
            raise UsageError(f"--root {root}: its path has bytes that are no text; name it by another one")
    caps = Caps(int(options.max_memory), int(options.max_requests), int(options.max_duration))
    trust = Trust(
        tuple(os.path.realpath(root) for root in options.root), extensions=options.allow_extensions, caps=caps
    )
    return _whole_host(options, trust) if options.host else _one_agent(options, trust)


def _is_text(path: str) -> bool:
    """Whether it can be handed on to agents; the bytes of a file's name may be anything."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _one_agent(options: argparse.Namespace, trust: Trust) -> OneAgent:
    if options.connect is None:
        raise UsageError("use --connect ENDPOINT for one agent, or --host --join FILE for a whole host (see --help)")
    for flag, given in (
        ("--join", options.join),
        ("--agent-python", options.agent_python),
        ("--model-cache", options.model_cache),
    ):
        if given:
            raise UsageError(f"{flag} goes with --host, which serves a whole host; leave it out, or add --host")
    try:
        endpoint = checked(options.connect)
    except UsageError as error:
        raise UsageError(f"--connect {error}") from None
    return OneAgent(endpoint, options.agent, options.wait, trust)


def _whole_host(options: argparse.Namespace, trust: Trust) -> WholeHost:
    for flag, given in (("--connect", options.connect), ("--agent", options.agent)):
        if given is not None:
            raise UsageError(f"{flag} is for one agent, and --host serves a whole host; leave one of them out")
    if options.join is None:
        raise UsageError("--host needs --join FILE, or --join - to read it from standard input")
    cache = CachePlace() if options.model_cache is None else parse_cache_place(options.model_cache)
    return WholeHost(options.join, tuple(options.agent_python), cache, options.wait, trust)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        text = message.removeprefix("argument ")
        if not text.endswith("?"):
            text += " (see --help)"
        self.exit(ExitCode.USAGE, one_line(f"ovbench-agent: {text}") + "\n")

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        options, rest = self.parse_known_args(args, namespace)
        if rest:
            word = next((word for word in rest if word.startswith("-")), rest[0])
            self.error(self._unknown(word))
        return options

    def _unknown(self, word: str) -> str:
        if word.startswith("-"):
            near = did_you_mean(word.partition("=")[0], self._option_string_actions)
            return f"{word}: ovbench-agent has no such flag{near}"
        return f"'{word}' is neither a flag nor the value of one"


def _number(kind: type[int] | type[float], what: str, most: int, least: int = 0) -> Callable[[str], float]:
    def convert(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:  # nor is NaN
            raise argparse.ArgumentTypeError(f"'{text}' is not {what} from {least} to {most}")
        return value

    return convert


_USAGE: Final = """ovbench-agent --connect ENDPOINT [--agent ID] [options]
       ovbench-agent --host --join -|FILE [--agent-python PATH ...] [options]"""

_ABOUT: Final = """\
Runs load for a coordinator, in one of two ways:

  one agent     --connect: one process of load, for a coordinator on this host that waits for agents with
                'ovbench-coord --launcher external'.
  a whole host  --host: a supervisor that joins a run over several hosts. It starts as many agents as the coordinator
                asks for, observes this host's CPUs, and ends all of it when the coordinator, the network or whoever
                started it is gone. 'ovbench-coord --hosts' starts it by ssh; start it yourself with the join file
                that 'ovbench-coord --launcher external' has written."""

_EXAMPLES: Final = """\
Without --root one agent takes jobs that need no file: built-in models with random inputs, and the null device. A whole
host takes also those whose files the coordinator has sent it.

examples:
  mkdir -m 700 bus; ovbench-agent --connect ipc://$PWD/bus/socket --root ~/models
  ovbench-agent --host --join ./host-b.join
  ovbench-agent --host --join - < host-b.pipe"""


def _parser() -> argparse.ArgumentParser:
    caps = Caps()
    parser = _Parser(
        prog="ovbench-agent",
        allow_abbrev=False,
        usage=_USAGE,
        description=_ABOUT,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    one = parser.add_argument_group("one agent")
    one.add_argument("--connect", metavar="ENDPOINT", help="the coordinator's --bind")
    one.add_argument(
        "--agent",
        metavar="ID",
        type=_number(int, "a whole number", 4095),
        help="take this place; default: any free one",
    )
    whole = parser.add_argument_group("a whole host")
    whole.add_argument("--host", action="store_true", help="supervise this host for a run over several")
    whole.add_argument(
        "--join", metavar="-|FILE",
        help="where the coordinator is, and the keys: a file that only you can read, or - for one line on standard "
        "input, which then stays open: when it ends, so does the supervisor",
    )  # fmt: skip
    whole.add_argument(
        "--agent-python", metavar="PATH", action="append", default=[],
        help="a Python that agents may run in beside this one; may be given again",
    )  # fmt: skip
    whole.add_argument(
        "--model-cache", metavar="DIR[:SIZE]",
        help="where to keep models and inputs that the coordinator sends, and how much of them at the most (default: "
        f"in your cache, {DEFAULT_LIMIT_BYTES // 10**9}GB)",
    )  # fmt: skip
    either = parser.add_argument_group("what jobs may do, and for how long to wait")
    either.add_argument(
        "--wait", metavar="SECONDS", type=_number(float, "a number of seconds", 1_000_000), default=60.0,
        help="how long to try to reach the coordinator (default 60)",
    )  # fmt: skip
    either.add_argument(
        "--root", metavar="DIR", action="append", default=[],
        help="a folder that jobs may name files in: models, inputs, caches; may be given again; default: none anywhere",
    )  # fmt: skip
    either.add_argument(
        "--allow-extensions", action="store_true",
        help="load libraries with operations from --root, too; they can do whatever you can",
    )  # fmt: skip
    either.add_argument(
        "--max-memory", metavar="MB", type=_number(int, "a whole number", 1 << 30, 1), default=caps.memory_mb,
        help=f"the most memory for the samples of an agent (default {caps.memory_mb})",
    )  # fmt: skip
    either.add_argument(
        "--max-requests", metavar="N", type=_number(int, "a whole number", 1 << 30, 1), default=caps.requests,
        help=f"the most requests, streams or threads of an agent (default {caps.requests})",
    )  # fmt: skip
    either.add_argument(
        "--max-duration", metavar="SECONDS", type=_number(int, "a whole number", 1 << 30, 1), default=caps.duration_s,
        help=f"the longest load (default {caps.duration_s})",
    )  # fmt: skip
    return parser
