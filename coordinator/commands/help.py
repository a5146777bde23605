"""`help`: a part of the help by its topic, a flag by its name, or all of it as a man page. Nothing is measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ovbench.common.errors import ExitCode, UsageError
from ovbench.common.spelling import did_you_mean

from ..request.flag import Flag
from ..request.flags import FLAGS, flag_of
from ..request.helptext import FLAGS_OF_HELP, TOPICS, flag_help, full_help, short_help, topic_help
from ..request.parser import Parser, help_width
from ..request.verbs import VERBS
from .verb import Call

_WORDS: Final = tuple(row.word for row in VERBS)


@dataclass(frozen=True)
class ShowHelp:
    """About `topic`, which is no command but run: `entry` asks the others themselves. None for the lines to begin
    with. `man`: all of it as a man page."""

    topic: str | None
    man: bool = False


def parse_help(argv: Sequence[str]) -> ShowHelp:
    """A topic may be a flag as it is spelled, so it begins with a dash."""
    if len(argv) == 1 and argv[0] not in ("-h", "--help", "--man"):
        return ShowHelp(_known(argv[0]))
    parser = Parser(
        "help",
        FLAGS_OF_HELP,
        usage="ovbench-coord help [TOPIC | COMMAND | FLAG | all] [--man]",
        description="Prints a part of the help: the flags of a topic, a command's, or one flag.",
        epilog=f"topics: all, {', '.join(TOPICS)}",
    )
    parser.add_argument("topic", metavar="TOPIC", nargs="?", help="one of those below, a command, or a flag")
    raw = parser.parse_args(list(argv))
    if raw.man and raw.topic is not None:
        raise UsageError(f"help {raw.topic} --man: the man page has everything; leave {raw.topic} out")
    return ShowHelp(None if raw.topic is None else _known(raw.topic), raw.man)


def _known(word: str) -> str:
    if word in ("all", "run") or word in TOPICS or _flags(word):
        return word
    names = {spelling.lstrip("-") for flag in FLAGS for spelling in flag.spellings}
    near = did_you_mean(word.lstrip("-"), [*TOPICS, *_WORDS, *sorted(names)])
    raise UsageError(f"help {word}: there is no such topic, command or flag{near or f'; topics: {_listed()}'}")


def _listed() -> str:
    return ", ".join(("all", *TOPICS))


def _flags(word: str) -> list[Flag]:
    """By any spelling, also without its dashes."""
    found = (flag_of(spelling) for spelling in (word, f"-{word}", f"--{word}"))
    return list(dict.fromkeys(flag for flag in found if flag is not None))


def show_help(request: ShowHelp, _: Call) -> ExitCode:
    if request.man:
        from .manpage import man_page

        print(man_page(), end="")
        return ExitCode.VALID
    topic = request.topic
    if topic is None:
        print(short_help(), end="")
    elif topic in ("all", "run"):
        print(full_help(help_width()), end="")
    elif topic in TOPICS:
        print(topic_help(topic, help_width()), end="")
    else:
        print(flag_help(_flags(topic), help_width()), end="")
    return ExitCode.VALID
