"""Releases of OpenVINO as they are written, and where the Python is that has one installed for agents."""

import functools
import hashlib
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Final

from ovbench.common.cache import users_folder
from ovbench.common.errors import UsageError

FLAG: Final = "--openvino"
_OLDEST: Final = (2024, 6)
_WRITTEN: Final = re.compile(r"20[0-9]{2}\.[0-9]{1,2}(\.[0-9]{1,2}){0,2}")


def parse_release(text: str) -> str:
    """Raises ValueError, whose text ends a sentence that begins with the flag."""
    if not _WRITTEN.fullmatch(text):
        raise ValueError(f"'{text}' is not a release of OpenVINO, such as 2026.4, the newest of its kind, or 2026.4.0")
    if not is_supported(text):
        raise ValueError(f"OpenVINO {text} is too old; agents run on 2024.6 and every release after it")
    return text


def is_release(text: str) -> bool:
    return _WRITTEN.fullmatch(text) is not None


def is_supported(release: str) -> bool:
    return key_of(release) >= _OLDEST


def key_of(release: str) -> tuple[int, ...]:
    """By which releases are sorted."""
    return tuple(map(int, release.split(".")))


def is_series(release: str) -> bool:
    """Whether it stands for the newest of several builds, as 2026.4 does for 2026.4.1."""
    return release.count(".") == 1


def newest_of(release: str, known: Iterable[str]) -> str | None:
    """The build that it stands for; None where there is none."""
    fitting = [one for one in known if one == release or (is_series(release) and one.startswith(f"{release}."))]
    return max(fitting, key=key_of, default=None)


def between(good: str, bad: str, known: Iterable[str]) -> Sequence[str]:
    """All builds from one to the other, both included, oldest first."""
    low, high = key_of(good), key_of(bad)
    return sorted((one for one in known if low <= key_of(one) <= high), key=key_of)


@functools.cache
def environment_python(release: str) -> str:
    """Of the environment that this installation of ovbench has for a release, made already or not. Raises UsageError
    where there is no place for any."""
    try:
        environments = users_folder() / "environments"
    except OSError as error:
        raise UsageError(f"{FLAG} {release}: there is no cache to keep it in: {error.strerror or error}") from None
    shared = hashlib.sha256(f"{sys.prefix}\n{sys.version}".encode()).hexdigest()[:8]
    return str(environments / f"openvino-{release}-{shared}" / "bin" / "python")
