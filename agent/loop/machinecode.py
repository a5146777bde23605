"""The compiled loops as functions of this process: machine code in memory of its own. What made it is not needed."""

import ctypes as c
import mmap
import os
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from ovbench.common.errors import UsageError

from ..host.libc import function_address
from .layout import Slot
from .linking import Image


@dataclass(frozen=True)
class Export:
    """A function that is called from outside the compiled code. `module`: of this room, which has it. Types are those
    of `struct`, addresses "q"; "v": it returns nothing."""

    module: str
    result: str
    arguments: str


EXPORTS: Final[Mapping[str, Export]] = {
    "run_sync": Export("loops", "v", "qq"),
    "run_async": Export("loops", "v", "qqq"),
    "rearm": Export("requests", "v", "q"),
    "on_complete": Export("loops", "v", "qq"),
    "manage_function": Export("loops", "?", "qqi"),
    "record": Export("recording", "v", "qqq"),
    "record_due": Export("recording", "v", "qqqq"),
    "bucket": Export("recording", "q", "qq"),
    "catch_up": Export("recording", "v", ""),
    "infer": Export("serving", "i", "q"),
    "start_async": Export("serving", "i", "q"),
    "set_input": Export("serving", "i", "qqq"),
    "serve": Export("serving", "v", "qq"),
    "wake": Export("serving", "v", "q"),
    "service_end": Export("serving", "q", "qq"),
    "service_key": Export("serving", "q", "qq"),
}

IMPORTS: Final = ("log1p", "memcpy", "memmove", "memset")
"""What the compiled code may call of the C library by name; LLVM makes loops over memory into the last three."""

_C_TYPES: Final[Mapping[str, Any]] = {"q": c.c_int64, "i": c.c_int32, "?": c.c_bool, "v": None}


class MachineCode:
    """Calls release the GIL. `note`: a sentence for the user where it could not be kept in his cache, else empty."""

    def __init__(self, image: Image, note: str = "") -> None:
        """Raises ValueError for an image that is of no use, and UsageError where no memory may be executable."""
        _check(image)
        self.note = note
        self._symbols = image.places.symbols
        self._base = _executable(image)
        self._functions = {name: self._function(name) for name in EXPORTS}
        self.run_sync: Callable[[int, int], None] = self._functions["run_sync"]
        self.run_async: Callable[[int, int, int], None] = self._functions["run_async"]
        self.rearm: Callable[[int], None] = self._functions["rearm"]
        self.serve: Callable[[int, int], None] = self._functions["serve"]
        self.catch_up: Callable[[], None] = self._functions["catch_up"]
        self.wake: Callable[[int], None] = self._functions["wake"]
        self.service_key: Callable[[int, int], int] = self._functions["service_key"]

    def __getitem__(self, name: str) -> Callable[..., Any]:
        return self._functions[name]

    def address(self, name: str) -> int:
        return self._base + self._symbols[name]

    def install(self, slot: Slot) -> None:
        """Have the slot's std::function call `on_complete`."""
        slot.set_function(self.address("manage_function"), self.address("on_complete"))

    def _function(self, name: str) -> Callable[..., Any]:
        export = EXPORTS[name]
        return c.CFUNCTYPE(_C_TYPES[export.result], *(_C_TYPES[letter] for letter in export.arguments))(
            self.address(name)
        )


def _check(image: Image) -> None:
    places = image.places
    if set(places.symbols) != set(EXPORTS) or not set(places.imports) <= set(IMPORTS):
        raise ValueError("an image with other functions")
    if not all(0 <= offset <= len(image.data) - 8 for offset in (*places.symbols.values(), *places.imports.values())):
        raise ValueError("an image that is not whole")
    if image.data[places.frames : places.frames + 4] in (b"", bytes(4)):
        raise ValueError("an image without a table for unwinding")


_kept: Final[list[mmap.mmap]] = []
"""Code stays to the end of the process: threads may be in it, and OpenVINO has its addresses."""


def _executable(image: Image) -> int:
    """The address of the image in memory. Raises UsageError where none may be made executable."""
    memory = mmap.mmap(-1, len(image.data), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory[:] = image.data
    for name, offset in image.places.imports.items():
        struct.pack_into("<Q", memory, offset, function_address(name))
    _kept.append(memory)
    base = c.addressof(c.c_char.from_buffer(memory))
    libc = c.CDLL(None, use_errno=True)
    if libc.mprotect(c.c_void_p(base), c.c_size_t(len(image.data)), mmap.PROT_READ | mmap.PROT_EXEC) != 0:
        raise UsageError(
            f"No memory can be made executable here ({os.strerror(c.get_errno())}), which the load's loops need, as "
            "OpenVINO does; look at what protects the machine: SELinux, or a systemd unit"
        )
    # So that an exception of OpenVINO's passes through a callback to who called it, and debuggers see who called whom.
    with suppress(OSError, AttributeError):
        c.CDLL("libgcc_s.so.1").__register_frame(c.c_void_p(base + image.places.frames))
    return base
