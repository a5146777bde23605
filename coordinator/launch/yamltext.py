"""Plain data as YAML, for files that other tools read and people edit. Pure.

Strings are in double quotes, in ASCII, unless they are words that no YAML takes for anything else.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

Plain = str | int | bool | None | Mapping[str, "Plain"] | Sequence["Plain"]

_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_NOT_WORDS: Final = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"))


def yaml_documents(documents: Sequence[Plain], head: str = "") -> str:
    """One after the other; `head`: a comment before them, whose lines begin with #."""
    return head + "".join("---\n" + "\n".join(_lines(document)) + "\n" for document in documents)


def _lines(value: Plain) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        for name, part in value.items():
            yield from _part(f"{_scalar(name)}:", part, "  ")
    elif isinstance(value, Sequence) and not isinstance(value, str) and value:
        for part in value:
            first, *rest = _lines(part)
            yield f"- {first}"
            yield from ("  " + line for line in rest)
    else:
        yield _scalar(value)


def _part(name: str, part: Plain, indent: str) -> Iterator[str]:
    if isinstance(part, str | int | None) or not part:
        yield f"{name} {_scalar(part)}"
    else:
        yield name
        yield from (indent + line for line in _lines(part))


def _scalar(value: Plain) -> str:
    if isinstance(value, str) and _WORD.fullmatch(value) and value.lower() not in _NOT_WORDS:
        return value
    return _quoted(value) if isinstance(value, str) else json.dumps(value)


def _quoted(text: str) -> str:
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(letter: str) -> str:
    if letter in '\\"':
        return "\\" + letter
    if " " <= letter <= "~":
        return letter
    return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"
