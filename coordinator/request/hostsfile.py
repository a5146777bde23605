"""Files that name hosts, a line each."""

import os
from typing import Final

from ovbench.common.errors import UsageError
from ovbench.common.nearbyfiles import did_you_mean_file

from .hosts import HostSpec, parse_hosts_file

_MOST_BYTES: Final = 1 << 20


def read_hosts_file(path: str) -> tuple[HostSpec, ...]:
    """Raises UsageError, one sentence, for a file that cannot be read or that names hosts wrongly."""
    flag = f"--hosts-file {path}"
    try:
        with open(os.path.expanduser(path), "rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        near = did_you_mean_file(path)
        raise UsageError(f"{flag}: the file cannot be read: {error.strerror or error}{near}") from None
    except ValueError as error:  # a zero byte in its name
        raise UsageError(f"{flag}: the file cannot be read: {error}") from None
    if len(content) > _MOST_BYTES:
        raise UsageError(f"{flag}: the file is larger than 1 MB; name hosts in it, a line each")
    return parse_hosts_file(flag, content.decode(errors="replace"))
