"""What flags take, from text to value. Each raises ValueError, whose text ends a sentence that begins with the flag."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, TypeVar

from ovbench.common.errors import UsageError
from ovbench.common.job import AUTO_STREAMS, MemoryPolicy
from ovbench.common.shape import Dimension, ShapeError
from ovbench.common.spelling import did_you_mean
from ovbench.common.topology import parse_cpu_list

from . import notation
from .arrivalnotation import LEAST_RATE, MOST_RATE
from .durations import in_unit
from .nullbackend import NullSpec, parse_null
from .policy import GROUPINGS

MOST_AGENTS: Final = 4096

_LIST: Final = re.compile(r"[0-9]{1,6}(-[0-9]{1,6})?(,[0-9]{1,6}(-[0-9]{1,6})?)*")

TIMES: Final = "a time as in 500ms, 10s or 2m"

_Number = TypeVar("_Number", int, float)


def number(kind: Callable[[str], _Number], what: str, ok: Callable[[_Number], bool]) -> Callable[[str], _Number]:
    """A parser of what `kind` understands and `ok` allows; `what` that is, in words."""

    def convert(text: str) -> _Number:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not ok(value):
            raise ValueError(f"'{text}' is not {what}")
        return value

    return convert


def digits(text: str) -> int:
    """A whole number without a sign, spaces or underscores, below 10^18."""
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise ValueError
    return int(text)


positive = number(int, "a whole number of 1 or more, below 2^31", lambda n: 1 <= n < 1 << 31)
not_negative = number(int, "a whole number of 0 or more, below 2^62", lambda n: 0 <= n < 1 << 62)
threads = number(int, "a whole number of 0 or more, below 2^31", lambda n: 0 <= n < 1 << 31)
_agent_count = number(
    int, f"a whole number from 1 to {MOST_AGENTS}, nor one of {', '.join(GROUPINGS)}", lambda n: 1 <= n <= MOST_AGENTS
)
percent = number(int, "a whole number from 1 to 100", lambda n: 1 <= n <= 100)
seconds = number(in_unit("s"), f"a number of seconds above 0, at most 1e7, or {TIMES}", lambda s: 0 < s <= 1e7)
seconds_or_0 = number(in_unit("s"), f"a number of seconds, 0 or more, at most 1e6, or {TIMES}", lambda s: 0 <= s <= 1e6)
milliseconds = number(
    in_unit("ms"), f"a number of milliseconds above 0, at most 1e9, or {TIMES}", lambda ms: 0 < ms <= 1e9
)
microseconds = number(in_unit("us"), f"a number of microseconds from 0 to 1e6, or {TIMES}", lambda us: 0 <= us <= 1e6)
rate = number(
    float, "a number of frames per second from 0.01 to 1e9, or 0 for no limit", lambda r: r == 0 or 0.01 <= r <= 1e9
)
inferences_per_s = number(
    float, "a number of inferences per second from 0.001 to 1e9", lambda r: LEAST_RATE <= r <= MOST_RATE
)


def agents(text: str) -> int | str:
    if text in GROUPINGS:
        return text
    try:
        return _agent_count(text)
    except ValueError as error:
        raise ValueError(f"{error}{did_you_mean(text, GROUPINGS)}") from None


def cpu_list(text: str) -> tuple[int, ...]:
    """Numbers as the kernel lists them, at least one."""
    try:
        # Checked first, as a range that is too long would fill the memory.
        return parse_cpu_list(text if _LIST.fullmatch(text) else "none")
    except ValueError:
        raise ValueError(f"'{text}' is not a list of numbers and ranges, as in 0-3,8") from None


def memory(text: str) -> MemoryPolicy:
    if text == "local":
        return MemoryPolicy("local")
    if text == "interleave":
        return MemoryPolicy("interleave")
    try:
        return MemoryPolicy("bind", cpu_list(text))
    except ValueError:
        near = did_you_mean(text, ("local", "interleave"))
        raise ValueError(
            f"'{text}' is neither local nor interleave, nor a list of NUMA nodes as in 0,1{near}"
        ) from None


def yes_no(text: str) -> bool:
    """benchmark_app's words (parameters.py, str2bool)."""
    if text.lower() in ("yes", "true", "t", "y", "1"):
        return True
    if text.lower() in ("no", "false", "f", "n", "0"):
        return False
    raise ValueError(f"'{text}' is neither yes nor no; leave it out for yes")


def path(text: str) -> Path:
    """`~` stands for the home also where no shell has seen to it, as after `=`."""
    try:
        return Path(text).expanduser()
    except RuntimeError as error:  # ~ of an unknown user
        raise ValueError(f"'{text}' cannot be found: {error}") from None


def optional_path(text: str) -> Path | None:
    """No text means no file, as in benchmark_app."""
    return path(text) if text else None


def batch(text: str) -> Dimension | None:
    try:
        return notation.parse_batch(text)
    except ShapeError as error:
        raise ValueError(str(error)) from None


def _of_the_cpu(text: str) -> str:
    """benchmark_app's `VALUE` or `DEVICE:VALUE`."""
    device, colon, value = text.rpartition(":")
    if not value or (colon and device.upper() != "CPU"):
        raise ValueError(f"'{text}' is not for the CPU; give the value alone, or CPU:VALUE")
    return value


def precision(text: str) -> str | None:
    """No text means OpenVINO's choice, as in benchmark_app; so with streams."""
    return _of_the_cpu(text) if text else None


def streams(text: str) -> int | None:
    if not text:
        return None
    value = _of_the_cpu(text)
    return AUTO_STREAMS if value.upper() in ("AUTO", str(AUTO_STREAMS)) else positive(value)


def null_backend(text: str) -> NullSpec | None:
    if text == "openvino":
        return None
    try:
        return parse_null(text)
    except ValueError as error:
        raise ValueError(f"'{text}' {error}") from None


def refuse_undecodable(texts: Iterable[str]) -> None:
    """Bytes that are no UTF-8, as names of files may have; they fit neither a job nor a report, which are UTF-8."""
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise UsageError(f"{text!a}: character {error.start + 1} of it is not UTF-8; use another name") from None
