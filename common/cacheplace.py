"""`--model-cache DIR[:SIZE]`: where a host keeps files that it was sent, and how much of them. Pure."""

import re
from dataclasses import dataclass
from typing import Final

from .errors import UsageError

DEFAULT_LIMIT_BYTES: Final = 50 * 10**9
_SIZE: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?)([KMGT]i?)B?", re.IGNORECASE)
_LEAST_BYTES: Final = 1_000_000


@dataclass(frozen=True)
class CachePlace:
    """`folder` None: the user's cache."""

    folder: str | None = None
    limit_bytes: int = DEFAULT_LIMIT_BYTES


def parse_cache_place(text: str) -> CachePlace:
    """Of `DIR`, `DIR:SIZE` or `:SIZE`, where a size is as in 500MB, 20G or 1.5TiB. Raises UsageError."""
    folder, colon, size = text.rpartition(":")
    if not colon:
        folder, size = text, ""
    elif _SIZE.fullmatch(size) is None:
        if re.fullmatch(r"[0-9.]*[A-Za-z]{0,3}", size):  # it was meant as one
            raise UsageError(f"--model-cache {text}: '{size}' is not a size; give one as in 500MB or 20G")
        folder, size = text, ""
    if (not text) or "\0" in text:
        raise UsageError(f"--model-cache '{text}': give DIR, DIR:SIZE or :SIZE, as in /var/tmp/models:20G")
    return CachePlace(folder or None, _bytes(text, size) if size else DEFAULT_LIMIT_BYTES)


def _bytes(text: str, size: str) -> int:
    found = _SIZE.fullmatch(size)
    assert found is not None
    unit = found[2].upper()
    factor: int = (1024 if unit.endswith("I") else 1000) ** ("KMGT".index(unit[0]) + 1)
    wanted = round(float(found[1]) * factor)
    if not _LEAST_BYTES <= wanted < 1 << 60:
        raise UsageError(f"--model-cache {text}: a size is from 1 MB to 10^18 bytes")
    return wanted
