"""OpenVINO's C API by ctypes: just what an agent needs, typed, with OpenVINO's own message in every error.

The wheel ships the library; the Python bindings are not imported, which saves an agent 0.2 s and 20 MB. Handles are
addresses; those that must be freed belong to objects that live as long as the agent, which ends with its process.
"""

import ctypes as c
import importlib.util
import mmap
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol, get_args

import numpy as np
import numpy.typing as npt
from msgspec import structs

from ovbench.common.bounded import MOST_NAME
from ovbench.common.effective import Port
from ovbench.common.messages import Layer, LayerStatus
from ovbench.common.shape import OPEN, Shape

# ov_element_type_e of openvino/c/ov_common.h, in order (2026.x).
_ELEMENT_TYPES: Final = (
    "dynamic", "boolean", "bf16", "f16", "f32", "f64", "i4", "i8", "i16", "i32", "i64", "u1", "u2", "u3", "u4", "u6",
    "u8", "u16", "u32", "u64", "nf4", "f8e4m3", "f8e5m2", "string", "f4e2m1", "f8e8m0",
)  # fmt: skip


_INVALID_PARAMETER: Final = -14  # ov_status_e in openvino/c/ov_common.h

_STATUSES: Final[tuple[LayerStatus, ...]] = get_args(LayerStatus)


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


class _ProfilingInfo(c.Structure):
    _fields_ = (
        ("status", c.c_int),
        ("real_us", c.c_int64),
        ("cpu_us", c.c_int64),
        ("node_name", c.c_char_p),
        ("exec_type", c.c_char_p),
        ("node_type", c.c_char_p),
    )


class _ProfilingInfos(c.Structure):
    _fields_ = (("infos", c.POINTER(_ProfilingInfo)), ("size", c.c_size_t))


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


def element_type_number(name: str) -> c.c_int:
    """OpenVINO's number of an element type (`f32`, `u8`, ...). Raises OpenVinoError for one that does not exist."""
    if name not in _ELEMENT_TYPES:
        raise OpenVinoError(f"there is no element type '{name}'")
    return c.c_int(_ELEMENT_TYPES.index(name))


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
        self._lib = _library("libopenvino_c.so*")
        self._lib.ov_get_last_err_msg.restype = c.c_char_p
        self._lib.ov_infer_request_infer.argtypes = [c.c_void_p]
        self._lib.ov_infer_request_start_async.argtypes = [c.c_void_p]

    def call(self, name: str, *arguments: Any) -> None:
        """Call `name`; raises OpenVinoError with OpenVINO's message where its status is not 0."""
        status = getattr(self._lib, name)(*arguments)
        if status == _INVALID_PARAMETER:  # said without a message, so the last one is about something else
            raise OpenVinoError(f"{name} does not take these arguments")
        if status != 0:
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

    @property
    def set_input(self) -> int:
        """int32 set_input(request, size_t index, tensor)."""
        return address(self._lib.ov_infer_request_set_input_tensor_by_index)

    def version(self) -> str:
        version = _Version()
        self.call("ov_get_openvino_version", c.byref(version))
        return (version.build or b"").decode()


class Model:
    """A model that was read: an ov::Model."""

    def __init__(self, library: Library, handle: c.c_void_p) -> None:
        self._library = library
        self.handle = handle

    @property
    def name(self) -> str:
        return self._library.text("ov_model_get_friendly_name", self.handle)

    @property
    def inputs(self) -> list[Port]:
        return _ports(self._library, self.handle, "ov_model_inputs_size", "ov_model_const_input_by_index")

    @property
    def outputs(self) -> list[Port]:
        return _ports(self._library, self.handle, "ov_model_outputs_size", "ov_model_const_output_by_index")

    def reshape(self, shapes: Mapping[int, Shape]) -> None:
        """Give these inputs, by index, these shapes; all at once, as one may not fit without the other.

        Those that have theirs already are left alone: the C API cannot express that of a scalar.
        """
        present = [port.shape for port in self.inputs]
        changed = {index: shape for index, shape in shapes.items() if present[index] != shape}
        if not changed:
            return
        places = (c.c_size_t * len(changed))(*changed)
        partial = (_PartialShape * len(changed))()
        try:
            for target, shape in zip(partial, changed.values(), strict=True):
                dims = (_Dimension * len(shape))(*(_Dimension(low, _most(high)) for low, high in shape))
                self._library.call("ov_partial_shape_create", c.c_int64(len(shape)), dims, c.byref(target))
            count = c.c_size_t(len(changed))
            self._library.call("ov_model_reshape_by_port_indexes", self.handle, places, partial, count)
        finally:
            for target in partial:
                self._library.function("ov_partial_shape_free")(c.byref(target))

    def free(self) -> None:
        self._library.function("ov_model_free")(self.handle)


class CompiledModel:
    def __init__(self, library: Library, handle: c.c_void_p, content: c.Array[c.c_char] | None = None) -> None:
        """`content`: the memory that it was imported from, in which OpenVINO leaves the weights."""
        self._library = library
        self.handle = handle
        self._content = content

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
    def inputs(self) -> list[Port]:
        return _ports(self._library, self.handle, "ov_compiled_model_inputs_size", "ov_compiled_model_input_by_index")

    @property
    def outputs(self) -> list[Port]:
        return _ports(self._library, self.handle, "ov_compiled_model_outputs_size", "ov_compiled_model_output_by_index")

    def runtime_model(self) -> Model:
        """The graph as it is executed, with what its layers have taken so far where they are counted."""
        return Model(self._library, self._library.handle("ov_compiled_model_get_runtime_model", self.handle))

    def request(self) -> "InferRequest":
        handle = self._library.handle("ov_compiled_model_create_infer_request", self.handle)
        return InferRequest(self._library, handle)


class Tensor:
    """Memory of OpenVINO's own, aligned as it likes it. It lives until it is freed here, and no request has it."""

    def __init__(self, library: Library, handle: c.c_void_p) -> None:
        self._library = library
        self._handle = handle

    @classmethod
    def create(cls, library: Library, element_type: str, shape: Sequence[int]) -> "Tensor":
        """Of any type but string, not filled."""
        return cls(library, library.handle("ov_tensor_create", element_type_number(element_type), _shape(shape)))

    @classmethod
    def of_strings(cls, library: Library, texts: Sequence[str], shape: Sequence[int]) -> "Tensor":
        words = (c.c_char_p * len(texts))(*(text.encode() for text in texts))
        count = c.c_size_t(len(texts))
        return cls(library, library.handle("ov_tensor_create_from_string_array", words, count, _shape(shape)))

    @property
    def address(self) -> int:
        """The handle that C functions take."""
        assert self._handle.value is not None
        return self._handle.value

    @property
    def bytes(self) -> npt.NDArray[np.uint8]:
        """Its memory."""
        return _memory(self._library, self._handle)

    def free(self) -> None:
        """It is of no use afterwards; requests that it was set in keep its memory."""
        self._library.function("ov_tensor_free")(self._handle)


def _shape(dims: Sequence[int]) -> _Shape:
    values = (c.c_int64 * len(dims))(*dims)
    return _Shape(len(dims), c.cast(values, c.POINTER(c.c_int64)))


def _memory(library: Library, tensor: c.c_void_p) -> npt.NDArray[np.uint8]:
    size, data = c.c_size_t(), c.c_void_p()
    library.call("ov_tensor_get_byte_size", tensor, c.byref(size))
    if size.value == 0:
        return np.empty(0, np.uint8)
    library.call("ov_tensor_data", tensor, c.byref(data))
    return np.ctypeslib.as_array(c.cast(data, c.POINTER(c.c_uint8)), (size.value,))


class InferRequest:
    def __init__(self, library: Library, handle: c.c_void_p) -> None:
        self._library = library
        self.handle = handle

    @property
    def address(self) -> int:
        assert self.handle.value is not None
        return self.handle.value

    def infer(self) -> None:
        """One inference, to its end. Not by OpenVINO's own infer(): with one inference thread that returns success
        where the inference threw (2026.4)."""
        self.start_async()
        self.wait()

    def infer_on_this_thread(self) -> None:
        """OpenVINO's own synchronous inference, as the loop makes it: it may not report one that fails (see `infer`).

        The thread that infers first has the model's first stream and what belongs to it: CPUs, and threads on these. A
        second thread gets another one, without CPUs of its own (CPUStreamsExecutor in 2026.4), so a load whose thread
        comes second runs anywhere, 20 times slower on a small model.
        """
        self._library.call("ov_infer_request_infer", self.handle)

    def start_async(self) -> None:
        self._library.call("ov_infer_request_start_async", self.handle)

    def clear_callback(self) -> None:
        """Completions are not to be reported any more; it must be idle."""
        nothing = (c.c_int64 * 4)()  # an empty std::function: neither manager nor invoker
        function = c.CFUNCTYPE(None, c.c_void_p, c.c_void_p)(set_callback_address())
        function(self.object_address, c.addressof(nothing))

    def wait(self) -> None:
        """Until the last start is done; raises what it failed with."""
        self._library.call("ov_infer_request_wait", self.handle)

    def input_bytes(self, index: int) -> npt.NDArray[np.uint8]:
        """The memory of an input tensor."""
        return self._tensor_bytes("ov_infer_request_get_input_tensor_by_index", index)

    def output_bytes(self, index: int) -> npt.NDArray[np.uint8]:
        """The memory of an output tensor."""
        return self._tensor_bytes("ov_infer_request_get_output_tensor_by_index", index)

    def set_input(self, index: int, tensor: Tensor) -> None:
        self._library.call(
            "ov_infer_request_set_input_tensor_by_index",
            self.handle,
            c.c_size_t(index),
            c.c_void_p(tensor.address),
        )

    def free(self) -> None:
        """It must be idle, and is of no use afterwards."""
        self._library.function("ov_infer_request_free")(self.handle)

    def layers(self) -> list[Layer]:
        """What each layer took, where the model was compiled to count it; raises OpenVinoError where nothing ran."""
        infos = _ProfilingInfos()
        self._library.call("ov_infer_request_get_profiling_info", self.handle, c.byref(infos))
        try:
            return [_layer(infos.infos[index]) for index in range(infos.size)]
        finally:
            self._library.function("ov_profiling_info_list_free")(c.byref(infos))

    def _tensor_bytes(self, getter: str, index: int) -> npt.NDArray[np.uint8]:
        tensor = self._library.handle(getter, self.handle, c.c_size_t(index))
        try:
            return _memory(self._library, tensor)
        finally:
            self._library.function("ov_tensor_free")(tensor)  # the handle; the request keeps the memory

    @property
    def object_address(self) -> int:
        """The ov::InferRequest: `ov_infer_request` is a std::shared_ptr to it, whose first word is the address."""
        value = c.cast(self.handle, c.POINTER(c.c_void_p))[0]
        assert value is not None
        return int(value)


def _layer(info: _ProfilingInfo) -> Layer:
    def text(value: bytes | None) -> str:
        return (value or b"").decode(errors="replace")[:MOST_NAME]

    return Layer(
        name=text(info.node_name),
        type=text(info.node_type),
        exec_type=text(info.exec_type),
        status=_STATUSES[info.status],
        real_us=max(0, info.real_us),
        cpu_us=max(0, info.cpu_us),
    )


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


def _ports(library: Library, handle: c.c_void_p, size: str, get: str) -> list[Port]:
    found = []
    for index in range(library.size(size, handle)):
        port = library.handle(get, handle, c.c_size_t(index))
        found.append(_port(library, port))
        library.function("ov_output_const_port_free")(port)
    return found


def _port(library: Library, port: c.c_void_p) -> Port:
    name = c.c_char_p()
    named = library.function("ov_port_get_any_name")(port, c.byref(name)) == 0  # not all have one
    kind = c.c_int()
    library.call("ov_port_get_element_type", port, c.byref(kind))
    shape = _PartialShape()
    library.call("ov_port_get_partial_shape", port, c.byref(shape))
    ranked = shape.rank.min == shape.rank.max
    dims = tuple((shape.dims[i].min, shape.dims[i].max) for i in range(shape.rank.min)) if ranked else None
    library.function("ov_partial_shape_free")(c.byref(shape))
    plain = Port(
        name=(name.value or b"").decode(errors="replace") if named else "",
        type=_ELEMENT_TYPES[kind.value] if kind.value < len(_ELEMENT_TYPES) else f"type {kind.value}",
        shape=dims,
    )
    if library.details is None:
        return plain
    return structs.replace(
        plain,
        names=library.details.names(port),
        node=library.details.node_name(port),
        layout=library.details.layout(port),
    )


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
        count, pairs = _pairs(properties)
        made = self._library.handle(
            "ov_core_compile_model_props", self.handle, model.handle, device.encode(), count, pairs
        )
        return CompiledModel(self._library, made)

    def compile_file(self, path: str, device: str, properties: Mapping[str, str]) -> CompiledModel:
        """Without reading the model first; with a cache, OpenVINO can then skip reading it at all."""
        count, pairs = _pairs(properties)
        made = self._library.handle(
            "ov_core_compile_model_from_file_props", self.handle, path.encode(), device.encode(), count, pairs
        )
        return CompiledModel(self._library, made)

    def set_properties(self, device: str, properties: Mapping[str, str]) -> None:
        """For all models from now on."""
        if properties:  # none at all it does not take
            self._library.call("ov_core_set_properties", self.handle, device.encode(), *_pairs(properties))

    def import_model(self, path: str, device: str, properties: Mapping[str, str]) -> CompiledModel:
        """A model that was compiled and exported before. The C API takes no properties here: the device gets them.

        The file is mapped, not read, as far as this goes; OpenVINO decides what it copies.
        """
        self.set_properties(device, properties)
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                raise OpenVinoError("the file is empty")
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        content = (c.c_char * len(mapped)).from_buffer(mapped)
        size = c.c_size_t(len(mapped))
        made = self._library.handle("ov_core_import_model", self.handle, content, size, device.encode())
        return CompiledModel(self._library, made, content)


def _most(high: int) -> int:
    """The C API refuses -1 beside a least; ov::Dimension takes the highest number for no limit (interval.hpp)."""
    return (1 << 63) - 1 if high == OPEN else high


def _pairs(properties: Mapping[str, str]) -> tuple[c.c_size_t, c.Array[_Property]]:
    pairs = (_Property * max(1, len(properties)))()
    for index, (key, value) in enumerate(properties.items()):
        pairs[index] = _Property(key.encode(), value.encode())
    return c.c_size_t(len(properties)), pairs


def libc_addresses() -> tuple[int, int]:
    """clock_gettime and clock_nanosleep."""
    libc = c.CDLL(None)
    return address(libc.clock_gettime), address(libc.clock_nanosleep)


def semaphore_addresses() -> tuple[int, int]:
    """sem_post and sem_wait."""
    libc = c.CDLL(None)
    return address(libc.sem_post), address(libc.sem_wait)


def memcpy_address() -> int:
    return address(c.CDLL(None).memcpy)
