"""What can happen to a file that is kept between runs."""

import os
from pathlib import Path
from typing import Final


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-3])


def zero(file: Path) -> None:
    file.write_bytes(bytes(file.stat().st_size))


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def empty(file: Path) -> None:
    file.write_bytes(b"")


def lengthen(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"\0")


def remove(file: Path) -> None:
    file.unlink()


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def a_link(file: Path) -> None:
    """Even to the very same content."""
    aside = file.parents[3] / "aside"
    file.rename(aside)
    file.symlink_to(aside)


def a_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def unreadable(file: Path) -> None:
    file.chmod(0)
    if os.geteuid() == 0:  # who may read it all the same
        file.unlink()


def writable_by_others(file: Path) -> None:
    file.chmod(0o666)


def something_beside(file: Path) -> None:
    (file.parent / "planted.nbi").write_bytes(b"c__builtin__\neval\n.")


DAMAGES: Final = (
    truncate,
    zero,
    flip,
    empty,
    lengthen,
    remove,
    a_folder,
    a_link,
    a_pipe,
    unreadable,
    writable_by_others,
    something_beside,
)
