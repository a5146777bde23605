"""The options of `ovbench.run` and `ovbench.study` for type checkers and editors: python/options.py is written from the
tables of flags."""

import json
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from ..request.flag import Flag
from ..request.flags import FLAGS
from ..request.keywords import keywords
from ..study import planflags

_HEAD: Final = '''\
"""The options of `run` and `study`, written by `scripts/flags` from the tables of flags.

Each has the flag that it stands for, its unit or values, and what it does. Texts are as on the command line.
"""

# fmt: off
import os
from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict
from typing import Unpack as Unpack

Text = str | os.PathLike[str]
Number = float | str
'''

_NUMBERS: Final = frozenset(
    {"N", "K", "SECONDS", "MS", "MICROSECONDS", "FPS", "R", "PERCENT", "MB"}
)  # fmt: skip
"""Words for values in the help, which are numbers or are written as such."""

_MOST_CHOICES: Final = 8
_WIDTH: Final = 110
_SIDE: Final = "str | Mapping[str, object]"


def options_module() -> str:
    own = keywords(planflags.FLAGS)
    of_runs = {name: flag for name, flag in keywords(FLAGS).items() if name not in own and not flag.refused}
    return "\n".join(
        [
            _HEAD.rstrip(),
            *_choices({**keywords(FLAGS), **own}),
            "",
            "",
            *_class("RunOptions", "Of a run.", keywords(FLAGS).items(), several=False),
            "",
            "",
            *_class(
                "StudyOptions",
                "Of a study: its own, and those of its runs, which may have several values.",
                [*own.items(), *of_runs.items()],
                several=True,
                single=own,
            ),
            "",
        ]
    )


def _choices(flags: Mapping[str, Flag]) -> Iterator[str]:
    for keyword, flag in flags.items():
        if _listed(flag):
            yield f"{_alias(keyword)} = Literal[{', '.join(map(json.dumps, flag.choices))}]"


def _listed(flag: Flag) -> bool:
    return 0 < len(flag.choices) <= _MOST_CHOICES


def _alias(keyword: str) -> str:
    return "".join(word.capitalize() for word in keyword.split("_"))


def _class(
    name: str, about: str, flags: Iterable[tuple[str, Flag]], several: bool, single: Iterable[str] = ()
) -> Iterator[str]:
    yield f"class {name}(TypedDict, total=False):"
    yield f'    """{about}"""'
    alone = frozenset(single)
    for keyword, flag in flags:
        if keyword == "model" and not several:
            continue  # the first argument
        kind = _type(keyword, flag)
        sides = several and keyword in ("a", "b")
        many = several and keyword not in alone and "Sequence" not in kind and flag.takes != "nothing"
        yield ""
        yield f"    {keyword}: {_SIDE if sides else f'{kind} | Sequence[{kind}]' if many else kind}"
        value = f" {flag.value}" if flag.value and not flag.choices else ""
        about = flag.help.rstrip(".").replace("\\", "\\\\")
        yield from textwrap.wrap(
            f'"""`{flag.name}{value}`: {about}."""',
            _WIDTH,
            initial_indent="    ",
            subsequent_indent="    ",
            break_long_words=False,
        )


def _type(keyword: str, flag: Flag) -> str:
    if flag.takes == "nothing":
        return "bool"
    if flag.takes == "at most one":
        return "bool | str"
    if _listed(flag):
        return f"{_alias(keyword)} | bool" if "YES" in flag.choices else _alias(keyword)
    if flag.repeatable or flag.takes == "one or more":
        return "Text | Sequence[Text]"
    if flag.path:
        return "Text"
    if flag.metavar in _NUMBERS:
        return "Number"
    return "str | Sequence[int]" if flag.metavar == "LIST" else "str"
