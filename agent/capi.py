"""OpenVINO's C API by ctypes: just what an agent needs, typed, with OpenVINO's own message in every error.

The wheel ships the library; the Python bindings are not imported, which saves an agent 0.2 s and 20 MB. Handles are
addresses; those that must be freed belong to objects that live as long as the agent, which ends with its process.
"""

import ctypes as c
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

# ov_element_type_e of openvino/c/ov_common.h, in order (2026.x).
_ELEMENT_TYPES: Final = (
    "dynamic", "boolean", "bf16", "f16", "f32", "f64", "i4", "i8", "i16", "i32", "i64", "u1", "u2", "u3", "u4", "u6",
    "u8", "u16", "u32", "u64", "nf4", "f8e4m3", "f8e5m2", "string", "f4e2m1", "f8e8m0",
)  # fmt: skip


class OpenVinoError(Exception):
    """A call failed; the text is OpenVINO's own message."""


class _Shape(c.Structure):
    _fields_ = (("rank", c.c_int64), ("dims", c.POINTER(c.c_int64)))


class _Dimension(c.Structure):
    _fields_ = (("min", c.c_int64), ("max", c.c_int64))


class _PartialShape(c.Structure):
    _fields_ = (("rank", _Dimension), ("dims", c.POINTER(_Dimension)))


class _Version(c.Structure):
    _fields_ = (("build", c.c_char_p), ("description", c.c_char_p))


class _Property(c.Structure):
    _fields_ = (("key", c.c_char_p), ("value", c.c_char_p))


def _package() -> Path:
    spec = importlib.util.find_spec("openvino")
    if spec is None or spec.origin is None:
        raise OpenVinoError("the openvino package is not installed")
    return Path(spec.origin).parent


def _library(pattern: str) -> c.CDLL:
    found = sorted((_package() / "libs").glob(pattern))
    if not found:
        raise OpenVinoError(f"the openvino package has no libs/{pattern}")
    return c.CDLL(str(found[-1]))


def address(function: Any) -> int:
    """The address of a C function."""
    value = c.cast(function, c.c_void_p).value
    assert value is not None
    return value


class Library:
    """The loaded C API. Load it in a thread whose affinity is already set: OpenVINO's threads inherit it."""

    def __init__(self) -> None:
        self._lib = _library("libopenvino_c.so*")
        self._lib.ov_get_last_err_msg.restype = c.c_char_p
        self._lib.ov_partial_shape_is_dynamic.argtypes = [_PartialShape]
        self._lib.ov_partial_shape_is_dynamic.restype = c.c_bool
        self._lib.ov_partial_shape_to_string.argtypes = [_PartialShape]
        self._lib.ov_partial_shape_to_string.restype = c.c_char_p
        self._lib.ov_infer_request_infer.argtypes = [c.c_void_p]
        self._lib.ov_infer_request_start_async.argtypes = [c.c_void_p]

    def call(self, name: str, *arguments: Any) -> None:
        """Call `name`; raises OpenVinoError with OpenVINO's message where its status is not 0."""
        if getattr(self._lib, name)(*arguments) != 0:
            raise OpenVinoError(self.last_error())

    def function(self, name: str) -> Any:
        return getattr(self._lib, name)

    def last_error(self) -> str:
        """What OpenVINO said last."""
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

    def version(self) -> str:
        version = _Version()
        self.call("ov_get_openvino_version", c.byref(version))
        return (version.build or b"").decode()


class InputOutput:
    """An input or output of a model or compiled model; `dims` has None where a dimension is dynamic."""

    def __init__(self, library: Library, port: c.c_void_p) -> None:
        name = c.c_char_p()
        if library.function("ov_port_get_any_name")(port, c.byref(name)) == 0:
            self.name = (name.value or b"").decode(errors="replace")
        else:
            self.name = ""  # TensorFlow and PyTorch models may have ports without a name
        kind = c.c_int()
        library.call("ov_port_get_element_type", port, c.byref(kind))
        self.type = _ELEMENT_TYPES[kind.value] if kind.value < len(_ELEMENT_TYPES) else f"type {kind.value}"
        shape = _PartialShape()
        library.call("ov_port_get_partial_shape", port, c.byref(shape))
        text = (library.function("ov_partial_shape_to_string")(shape) or b"").decode()
        self.shape_text = text.replace("{", "[").replace("}", "]")  # as everywhere else
        self.dims: tuple[int | None, ...] | None = None
        if shape.rank.min == shape.rank.max:
            dims = [shape.dims[i] for i in range(shape.rank.min)]
            self.dims = tuple(d.min if d.min == d.max else None for d in dims)
        library.function("ov_partial_shape_free")(c.byref(shape))

    @property
    def is_static(self) -> bool:
        return self.dims is not None and None not in self.dims

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a static port."""
        assert self.dims is not None
        return tuple(d for d in self.dims if d is not None)


class Model:
    """A model that was read: an ov::Model."""

    def __init__(self, library: Library, handle: c.c_void_p) -> None:
        self._library = library
        self.handle = handle

    @property
    def name(self) -> str:
        return self._library.text("ov_model_get_friendly_name", self.handle)

    @property
    def inputs(self) -> list[InputOutput]:
        return _ports(self._library, self.handle, "ov_model_inputs_size", "ov_model_const_input_by_index")

    def reshape(self, shapes: Mapping[int, tuple[int, ...]]) -> None:
        """Give these inputs, by index, these static shapes; all at once, as one may not fit without the other."""
        places = (c.c_size_t * len(shapes))(*shapes)
        partial = (_PartialShape * len(shapes))()
        try:
            for shape, dims in zip(partial, shapes.values(), strict=True):
                values = (c.c_int64 * len(dims))(*dims)
                self._library.call("ov_partial_shape_create_static", c.c_int64(len(dims)), values, c.byref(shape))
            count = c.c_size_t(len(shapes))
            self._library.call("ov_model_reshape_by_port_indexes", self.handle, places, partial, count)
        finally:
            for shape in partial:
                self._library.function("ov_partial_shape_free")(c.byref(shape))

    def free(self) -> None:
        self._library.function("ov_model_free")(self.handle)


class CompiledModel:
    def __init__(self, library: Library, handle: c.c_void_p) -> None:
        self._library = library
        self.handle = handle

    def get(self, key: str) -> str:
        return self._library.text("ov_compiled_model_get_property", self.handle, key.encode())

    def properties(self) -> dict[str, str]:
        """Every property that the compiled model tells."""
        keys = self.get("SUPPORTED_PROPERTIES").split()
        found = {}
        for key in keys:
            try:
                found[key] = self.get(key)
            except OpenVinoError:  # some have values that the C API cannot print
                continue
        return found

    @property
    def inputs(self) -> list[InputOutput]:
        return _ports(self._library, self.handle, "ov_compiled_model_inputs_size", "ov_compiled_model_input_by_index")

    @property
    def outputs(self) -> list[InputOutput]:
        return _ports(self._library, self.handle, "ov_compiled_model_outputs_size", "ov_compiled_model_output_by_index")

    def request(self) -> "InferRequest":
        handle = self._library.handle("ov_compiled_model_create_infer_request", self.handle)
        return InferRequest(self._library, handle)


class InferRequest:
    def __init__(self, library: Library, handle: c.c_void_p) -> None:
        self._library = library
        self.handle = handle

    @property
    def address(self) -> int:
        assert self.handle.value is not None
        return self.handle.value

    def infer(self) -> None:
        self._library.call("ov_infer_request_infer", self.handle)

    def start_async(self) -> None:
        self._library.call("ov_infer_request_start_async", self.handle)

    def wait(self) -> None:
        """Until the last start is done; raises what it failed with."""
        self._library.call("ov_infer_request_wait", self.handle)

    def input_bytes(self, index: int) -> npt.NDArray[np.uint8]:
        """The memory of an input tensor."""
        return self._tensor_bytes("ov_infer_request_get_input_tensor_by_index", index)

    def output_bytes(self, index: int) -> npt.NDArray[np.uint8]:
        """The memory of an output tensor."""
        return self._tensor_bytes("ov_infer_request_get_output_tensor_by_index", index)

    def _tensor_bytes(self, getter: str, index: int) -> npt.NDArray[np.uint8]:
        tensor = self._library.handle(getter, self.handle, c.c_size_t(index))
        size, data = c.c_size_t(), c.c_void_p()
        self._library.call("ov_tensor_get_byte_size", tensor, c.byref(size))
        self._library.call("ov_tensor_data", tensor, c.byref(data))
        self._library.function("ov_tensor_free")(tensor)  # the handle; the request keeps the memory
        return np.ctypeslib.as_array(c.cast(data, c.POINTER(c.c_uint8)), (size.value,))

    @property
    def object_address(self) -> int:
        """The ov::InferRequest: `ov_infer_request` is a std::shared_ptr to it, whose first word is the address."""
        value = c.cast(self.handle, c.POINTER(c.c_void_p))[0]
        assert value is not None
        return int(value)


_SET_CALLBACK: Final = "_ZN2ov12InferRequest12set_callbackESt8functionIFvNSt15__exception_ptr13exception_ptrEEE"


def set_callback_address() -> int:
    """void ov::InferRequest::set_callback(std::function<void(std::exception_ptr)>), called with `this` and an address.

    The C API's callback has no argument that tells a failure, so the loops use the C++ method that it wraps. By the
    Itanium C++ ABI an argument of class type is passed by the address of a temporary. A std::function is four words:
    two of state, a manager and an invoker (libstdc++, bits/std_function.h, the same since GCC 4.5).
    """
    try:
        return address(getattr(_library("libopenvino.so*"), _SET_CALLBACK))
    except AttributeError:
        raise OpenVinoError("this build of OpenVINO does not export ov::InferRequest::set_callback") from None


def _ports(library: Library, handle: c.c_void_p, size: str, get: str) -> list[InputOutput]:
    found = []
    for index in range(library.size(size, handle)):
        port = library.handle(get, handle, c.c_size_t(index))
        found.append(InputOutput(library, port))
        library.function("ov_output_const_port_free")(port)
    return found


class Core:
    def __init__(self, library: Library) -> None:
        self._library = library
        self.handle = library.handle("ov_core_create")

    def add_extension(self, path: str) -> None:
        """A library with operations of the user's."""
        self._library.call("ov_core_add_extension", self.handle, path.encode())

    def read_model(self, path: str) -> Model:
        """Any file that OpenVINO reads; IR weights are mapped, not copied."""
        return Model(self._library, self._library.handle("ov_core_read_model", self.handle, path.encode(), None))

    def compile_model(self, model: Model, device: str, properties: Mapping[str, str]) -> CompiledModel:
        count = len(properties)
        pairs = (_Property * max(1, count))()
        for index, (key, value) in enumerate(properties.items()):
            pairs[index] = _Property(key.encode(), value.encode())
        handle = self._library.handle(
            "ov_core_compile_model_props",
            self.handle,
            model.handle,
            device.encode(),
            c.c_size_t(len(properties)),
            pairs,
        )
        return CompiledModel(self._library, handle)


def libc_addresses() -> tuple[int, int]:
    """clock_gettime and clock_nanosleep."""
    libc = c.CDLL(None)
    return address(libc.clock_gettime), address(libc.clock_nanosleep)
