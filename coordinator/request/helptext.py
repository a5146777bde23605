"""The help: the thirty lines to begin with, the whole of it, and a part by its topic. Made from the tables."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from .flag import Flag, Group
from .flags import GROUPS
from .verbs import VERBS

_MOST_INDENT: Final = 24
"""Of the sentences in the help, as argparse has it."""

_USAGE: Final = "usage: ovbench-coord [MODEL] [options]\n       ovbench-coord COMMAND ...\n"

_SHORT: Final = f"""\
{_USAGE}
Runs one load on many agents, each pinned to its CPUs, and merges what they
measured. The flags of OpenVINO's benchmark_app keep their spelling and meaning.

  ovbench-coord model.xml                    your model, an agent per core, 10 s
  ovbench-coord --agents 4 -api sync -t 1m   the built-in model on four agents
  ovbench-coord model.xml --rate 300         latency at 300 requests per second
  ovbench-coord study model.xml -nstreams 1,2,4 -nireq 1..8    which is best?
  ovbench-coord compare last~1 last          the last two results side by side

commands (COMMAND --help has its flags):
{{commands}}
more:
  ovbench-coord --help           all flags, examples and exit codes
{{topics}}
"""

_TOPIC: Final = "  ovbench-coord help TOPIC       a flag, a command, or one of "

_DESCRIPTION: Final = """\
Runs one load on many agents, each pinned to its CPUs, and merges what they
measured. The flags of OpenVINO's benchmark_app keep their spelling and meaning;
docs/benchmark_app.md says what they are with several agents. Long names may
have underscores, too. MODEL is as -m MODEL.

commands (each has its own --help):
"""

_EXAMPLES: Final = """\
examples:
  ovbench-coord model.xml
      your model, one agent per physical core, for 10 s
  ovbench-coord --agents 4 -t 1m
      the built-in squeezenet1.1 on four agents for a minute
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
  ovbench-coord -m model.xml --require 'fps >= 900' --require 'p99 < 5ms'
      exit code 4 if it is slower
  ovbench-coord --agents 4 --json | jq .throughput
      the report alone, for programs
  ovbench-coord study -m model.xml -nstreams 1,2,4 -nireq 1..8
      each combination, three times: which is best
"""

_EXIT_CODES: Final = """\
exit codes: 0 valid or suspect, 2 wrong usage or bad input, 3 partial (an agent
was lost), 4 a validity rule, --require or --fail-if failed, 5 the report could
not be written (it is then on stdout), 130 interrupted.
"""

_TIMES: Final = """\
A time is a number in the unit that its flag has, or has a unit of its own:
us, ms, s, m or h, as in 500ms, 10s, 1m30s. -t 90, -t 90s and -t 1m30s are the
same, and so are --timeout-ms 50 and --timeout-ms 50ms. Figures of --require and
--fail-if that are times take a unit, too, as in 'p99 < 500us'.
"""

_SAVED: Final = """\
RESULT is the folder of a run or of a study, or a report.json. In the folder
where ovbench-results is, last is the newest in it, last~1 the one before, and
so on: ovbench-coord show last, ovbench-coord compare last~1 last. A run with
-report_folder is elsewhere, and is named by its folder.
"""

NOTES: Final[Mapping[str, str]] = {
    "examples": _EXAMPLES,
    "exit-codes": _EXIT_CODES,
    "times": _TIMES,
    "saved": _SAVED,
}
"""Topics without flags."""

TOPICS: Final = (*(group.topic for group in GROUPS), *NOTES)


FLAGS_OF_HELP: Final = (
    Flag("man", ("--man",), "print the man page, in roff: ovbench-coord help --man | man -l -", takes="nothing"),
)


def short_help() -> str:
    """What one needs to begin, within 80 columns whatever the terminal."""
    return _SHORT.format(
        commands=_commands(),
        topics=textwrap.fill(f"{_TOPIC}{', '.join(TOPICS)}", 78, subsequent_indent=" " * 4),
    )


def full_help(width: int) -> str:
    """Of a run, in lines of at most `width` characters where that is enough. A value stands once, behind all
    spellings."""
    return "\n".join([_USAGE, _DESCRIPTION + _commands(), *_groups(GROUPS, width), _EXAMPLES, _EXIT_CODES])


def topic_help(topic: str, width: int) -> str:
    """One of TOPICS."""
    if topic in NOTES:
        return NOTES[topic]
    return "\n".join(_groups([group for group in GROUPS if group.topic == topic], width))


def flag_help(flags: Iterable[Flag], width: int) -> str:
    """Their rows alone."""
    return "\n".join(_rows(flags, _MOST_INDENT, width)) + "\n"


def _commands() -> str:
    return "".join(f"  {row.usage:27} {row.about}\n" for row in VERBS)


def _groups(groups: Sequence[Group], width: int) -> list[str]:
    heads = [_head(flag) for group in groups for flag in group.flags]
    indent = min(max(map(len, heads)) + 4, _MOST_INDENT, max(width - 20, 4))
    return ["\n".join([f"{group.title}:", *_rows(group.flags, indent, width)]) + "\n" for group in groups]


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
