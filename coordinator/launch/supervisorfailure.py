"""Why there is no supervisor on a host whose shell was reached, in words for the user. Pure."""

import re
from typing import Final

from .couriers import Ended

NO_WORD: Final = 255
"""The exit code of ssh where a connection ended or the program there was killed; a supervisor has none such."""

_MOST_CHARACTERS: Final = 300
_USAGE: Final = 2


def how_there(ended: Ended, python: str | None, advice: str) -> str:
    """One sentence that does not name the host; empty where nothing that was said there is the reason.

    `python`: that was asked for. `advice`: how else to get ovbench there, as the end of a sentence.
    """
    named = "the Python there" if python is None else python
    said = "\n".join(ended.lines)
    if missing := re.search(r"no such Python: (.*)", said):
        return _no_python(missing[1])
    if old := re.search(r"too old a Python: (.*)", said):
        return f"{cut(old[1])} is older than Python 3.11; name a newer one with --remote-python"
    if re.search(r"No module named '?ovbench", said):
        return f"{named} has no ovbench; name one that has it with --remote-python, {advice}"
    if missing := re.search(r"No module named '?([\w.]+)", said):
        return f"the ovbench there is not whole, as {named} has no {missing[1]}; install ovbench again, {advice}"
    if re.search(r"ovbench-agent: .*(?:unrecognized arguments: .*--host|required: --connect)", said):
        return f"the ovbench there is older and knows nothing of other hosts; install the same as here, {advice}"
    if ended.killed_by or ended.status == NO_WORD:
        return ""
    last = last_words(ended)
    if ended.status == _USAGE and last:
        return last.removeprefix("ovbench-agent: ")
    if ended.status == 0:
        return "its supervisor has ended"
    return f"its supervisor ended with exit code {ended.status}" + (f"; its last words: {last}" if last else "")


def last_words(ended: Ended) -> str:
    return ended.last()[:_MOST_CHARACTERS]


def cut(text: str) -> str:
    """Something that was said, within a sentence."""
    return text.strip().rstrip(".")[:_MOST_CHARACTERS]


def _no_python(path: str) -> str:
    if path == "python3":
        return "there is no Python 3.11 or newer on its PATH; install one there, or name one with --remote-python"
    return f"there is no such Python: {cut(path)}; name a Python there, or the folder of a virtual environment"
