"""OpenVINO's C API by ctypes: the loaded library, its calls with OpenVINO's own message in every error, and addresses.

The wheel ships the library; the Python bindings are not imported, which saves an agent 0.2 s and 20 MB. What is made
with it are `objects`.
"""

import ctypes as c
import importlib.util
from pathlib import Path
from typing import Any, Final, Protocol

from ..host.libc import address

# ov_element_type_e of openvino/c/ov_common.h, in order (2026.x).
ELEMENT_TYPES: Final = (
    "dynamic", "boolean", "bf16", "f16", "f32", "f64", "i4", "i8", "i16", "i32", "i64", "u1", "u2", "u3", "u4", "u6",
    "u8", "u16", "u32", "u64", "nf4", "f8e4m3", "f8e5m2", "string", "f4e2m1", "f8e8m0",
)  # fmt: skip


_INVALID_PARAMETER: Final = -14  # ov_status_e in openvino/c/ov_common.h


class OpenVinoError(Exception):
    """A call failed; the text is OpenVINO's own message."""


class _Version(c.Structure):
    _fields_ = (("build", c.c_char_p), ("description", c.c_char_p))


def _package() -> Path:
    spec = importlib.util.find_spec("openvino")
    if spec is None or spec.origin is None:
        raise OpenVinoError("the openvino package is not installed")
    return Path(spec.origin).parent


def shared_library(pattern: str) -> c.CDLL:
    """One of the wheel's, loaded. Raises OpenVinoError."""
    found = sorted((_package() / "libs").glob(pattern))
    if not found:
        raise OpenVinoError(f"the openvino package has no libs/{pattern}")
    return c.CDLL(str(found[-1]))


def element_type_number(name: str) -> c.c_int:
    """OpenVINO's number of an element type (`f32`, `u8`, ...). Raises OpenVinoError for one that does not exist."""
    if name not in ELEMENT_TYPES:
        raise OpenVinoError(f"there is no element type '{name}'")
    return c.c_int(ELEMENT_TYPES.index(name))


class Details(Protocol):
    """What can be learnt of a port, by its handle, beyond the C API (see `cxx`)."""

    def names(self, port: c.c_void_p) -> tuple[str, ...]: ...
    def node_name(self, port: c.c_void_p) -> str: ...
    def layout(self, port: c.c_void_p) -> str: ...


class Library:
    """The loaded C API. Load it in a thread whose affinity is already set: OpenVINO's threads inherit it."""

    def __init__(self, details: Details | None = None) -> None:
        """Without `details` ports have a name, a type and a shape, nothing more."""
        self.details = details
        self._lib = shared_library("libopenvino_c.so*")
        self._lib.ov_get_last_err_msg.restype = c.c_char_p
        self._lib.ov_infer_request_infer.argtypes = [c.c_void_p]
        self._lib.ov_infer_request_start_async.argtypes = [c.c_void_p]

    def call(self, name: str, *arguments: Any) -> None:
        """Call `name`; raises OpenVinoError with OpenVINO's message where its status is not 0."""
        status = getattr(self._lib, name)(*arguments)
        if status == _INVALID_PARAMETER:  # it comes without a message, so the last one is about something else
            raise OpenVinoError(f"{name} does not take these arguments")
        if status != 0:
            raise OpenVinoError(self.last_error())

    def function(self, name: str) -> Any:
        return getattr(self._lib, name)

    def last_error(self) -> str:
        """The last message of OpenVINO's."""
        message = self._lib.ov_get_last_err_msg()
        return message.decode(errors="replace").strip() if message else "OpenVINO gave no message"

    def text(self, name: str, *arguments: Any) -> str:
        """The string that `name` returns through its last argument."""
        pointer = c.c_char_p()
        self.call(name, *arguments, c.byref(pointer))
        text = (pointer.value or b"").decode(errors="replace")
        self._lib.ov_free(pointer)
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
        return address(self._lib.ov_infer_request_infer)

    @property
    def start_async(self) -> int:
        return address(self._lib.ov_infer_request_start_async)

    @property
    def set_input(self) -> int:
        """int32 set_input(request, size_t index, tensor)."""
        return address(self._lib.ov_infer_request_set_input_tensor_by_index)

    def version(self) -> str:
        version = _Version()
        self.call("ov_get_openvino_version", c.byref(version))
        return (version.build or b"").decode()


_SET_CALLBACK: Final = "_ZN2ov12InferRequest12set_callbackESt8functionIFvNSt15__exception_ptr13exception_ptrEEE"


def set_callback_address() -> int:
    """void ov::InferRequest::set_callback(std::function<void(std::exception_ptr)>), called with `this` and an address.

    The C API's callback has no argument that reports a failure, so the loops use the C++ method that it wraps. By the
    Itanium C++ ABI an argument of class type is passed by the address of a temporary. A std::function is four words:
    two of state, a manager and an invoker (libstdc++, bits/std_function.h, the same since GCC 4.5).
    """
    try:
        return address(getattr(shared_library("libopenvino.so*"), _SET_CALLBACK))
    except AttributeError:
        raise OpenVinoError("this build of OpenVINO does not export ov::InferRequest::set_callback") from None
