"""What a flag is: one row, from which its parser, its help, its axis in studies and its documentation follow. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Takes = Literal["one", "nothing", "at most one", "one or more"]
Several = Literal["again", "commas", "ranges"]


@dataclass(frozen=True)
class Flag:
    """A row of a table of flags.

    * `dest`: what its value is called once it is parsed.
    * `spellings`: all that are taken as they are, benchmark_app's first where it has the flag.
    * `help`: a sentence or less, with the default. `metavar` stands for the value in it, by default the choices.
    * `parse`: from text to value. It raises ValueError, whose text ends a sentence that begins with the flag.
    * `takes`: how many values a mention of it has. Without one a flag that takes "at most one" is True.
    * `repeatable`: a run may have it several times, and has the values of all mentions.
    * `path`: what its value names, for completion.
    * `several`: how a study is given alternatives: by the flag `again`, for most also with `commas` between them, for
      numbers also as `ranges`. `refused`: why the trials of a study may not have it.
    * `begun`: benchmark_app has the long name, too, and takes the beginning of it.
    """

    dest: str
    spellings: tuple[str, ...]
    help: str
    metavar: str = ""
    parse: Callable[[str], object] = str
    choices: tuple[str, ...] = ()
    default: object = None
    takes: Takes = "one"
    repeatable: bool = False
    path: Literal["", "file", "folder"] = ""
    several: Several = "again"
    refused: str = ""
    begun: bool = False

    @property
    def name(self) -> str:
        """The spelling that messages and studies use."""
        return self.spellings[0]

    @property
    def long(self) -> str:
        """The `--long-name`."""
        return next(spelling for spelling in self.spellings if spelling.startswith("--"))

    @property
    def value(self) -> str:
        """What stands for its value in the help, as argparse writes it; empty where it takes none."""
        word = self.metavar or (f"{{{','.join(self.choices)}}}" if self.choices else self.dest.upper())
        return {"one": word, "nothing": "", "at most one": f"[{word}]", "one or more": f"{word} [{word} ...]"}[
            self.takes
        ]


@dataclass(frozen=True)
class Group:
    """Flags under one heading of the help; `topic`: the word that asks for them alone."""

    title: str
    flags: tuple[Flag, ...]
    topic: str = ""
