"""A first word that is no command: a model, or else what it was probably meant to be."""

import os
from collections.abc import Sequence
from typing import Final, get_args

from ovbench.common import builtin
from ovbench.common.errors import UsageError
from ovbench.common.nearbyfiles import did_you_mean_file
from ovbench.common.spelling import DASHES, did_you_mean

from ..result.study import KindName
from .flags import flag_of
from .modelword import names_a_model

_RESULTS: Final = ("report.json", "study.json")


def refuse_unless_a_model(word: str, commands: Sequence[str]) -> None:
    """Raises UsageError, one sentence, with what to write instead; the parser has it for what is like a flag."""
    if os.path.basename(word) in _RESULTS or any(os.path.exists(os.path.join(word, name)) for name in _RESULTS):
        raise UsageError(f"{word} is a result, not a model; ovbench-coord show {word} prints it")
    if names_a_model(word) or os.path.exists(word) or word[:1] in (*DASHES,):
        return
    raise UsageError(f"unknown command '{word}'{_meant(word, commands)}")


def _meant(word: str, commands: Sequence[str]) -> str:
    if word in builtin.NAMES:
        return f"; did you mean {builtin.PREFIX}{word}?"
    if word in get_args(KindName):
        return f"; it is a study: ovbench-coord study {word}"
    flag = flag_of(f"-{word}") or flag_of(f"--{word}")
    if flag is not None:
        return f"; did you mean {flag.name}?"
    file = did_you_mean_file(word)
    near = file if f"{word}." in file else did_you_mean(word, commands) or file
    return near or f"; the commands are {', '.join(commands)}, or none, or a model file, to run a benchmark"
