"""OpenVINO's C API by ctypes: the loaded library, its calls with OpenVINO's own message in every error, and addresses.

What is made with it are `objects`, what it leaves out has `cxx`.
"""

import ctypes as c
import functools
from typing import Any, Final

from ovbench.common.effective import Build

from ..host.libc import address
from .cxx import Cxx
from .elementtypes import ElementTypes, find_element_types
from .package import OpenVinoError, shared_library

OLDEST: Final = "2024.6"
NEWEST: Final = "2026.4"
"""The first and the last release that ovbench is tested with, as `scripts/versions` does."""

_INVALID_PARAMETER: Final = -14  # ov_status_e in openvino/c/ov_common.h


class _Version(c.Structure):
    _fields_ = (("build", c.c_char_p), ("description", c.c_char_p))


class Library:
    """The loaded C API. Load it in a thread whose affinity is already set: OpenVINO's threads inherit it."""

    def __init__(self) -> None:
        """Raises OpenVinoError where there is none."""
        self._lib = shared_library("libopenvino_c.so*")
        self.cxx = Cxx.load()
        self.build = Build("", tested=False)  # until it is probed
        self.function("ov_get_last_err_msg").restype = c.c_char_p

    def has(self, name: str) -> bool:
        """Whether this build has a function."""
        return hasattr(self._lib, name)

    @functools.cached_property
    def types(self) -> ElementTypes:
        return find_element_types(self)

    def call(self, name: str, *arguments: Any) -> None:
        """Call `name`; raises OpenVinoError with OpenVINO's message where its status is not 0."""
        status = self.function(name)(*arguments)
        if status == _INVALID_PARAMETER:  # it comes without a message, so the last one is about something else
            raise OpenVinoError(f"{name} does not take these arguments")
        if status != 0:
            raise OpenVinoError(self.last_error())

    def function(self, name: str) -> Any:
        """Raises OpenVinoError where this build has none of that name."""
        try:
            return getattr(self._lib, name)
        except AttributeError:
            raise OpenVinoError(self.lacking(name)) from None

    def lacking(self, what: str) -> str:
        """A sentence on what a build does not have."""
        release = "an unknown release" if what == "ov_get_openvino_version" else release_of(self.version())
        return f"OpenVINO {release} has no {what}; ovbench is tested with OpenVINO {OLDEST} to {NEWEST}"

    def last_error(self) -> str:
        """The last message of OpenVINO's."""
        message = self.function("ov_get_last_err_msg")()
        return message.decode(errors="replace").strip() if message else "OpenVINO gave no message"

    def text(self, name: str, *arguments: Any) -> str:
        """The string that `name` returns through its last argument."""
        pointer = c.c_char_p()
        self.call(name, *arguments, c.byref(pointer))
        text = (pointer.value or b"").decode(errors="replace")
        self.function("ov_free")(pointer)
        return text

    def handle(self, name: str, *arguments: Any) -> c.c_void_p:
        """The object that `name` returns through its last argument."""
        pointer = c.c_void_p()
        self.call(name, *arguments, c.byref(pointer))
        return pointer

    def size(self, name: str, handle: c.c_void_p) -> int:
        count = c.c_size_t()
        self.call(name, handle, c.byref(count))
        return count.value

    @property
    def infer(self) -> int:
        return address(self.function("ov_infer_request_infer"))

    @property
    def start_async(self) -> int:
        return address(self.function("ov_infer_request_start_async"))

    @property
    def set_input(self) -> int:
        """int32 set_input(request, size_t index, tensor)."""
        return address(self.function("ov_infer_request_set_input_tensor_by_index"))

    @property
    def set_callback(self) -> int:
        """The address of ov::InferRequest::set_callback (see `cxx`)."""
        found = self.cxx.callback_address
        if found is None:
            raise OpenVinoError(self.lacking("ov::InferRequest::set_callback"))
        return found

    def version(self) -> str:
        """The build, as in `2026.4.0-22812-2f15fb3f2a1-releases/2026/4`."""
        version = _Version()
        self.call("ov_get_openvino_version", c.byref(version))
        return (version.build or b"").decode()


def release_of(build: str) -> str:
    """As in `2026.4.0`; the whole of what is no such text."""
    return build.split("-", maxsplit=1)[0]
