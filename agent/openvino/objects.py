"""What is made with OpenVINO's C API: a core, models, compiled models, tensors and infer requests.

Handles are addresses; those that must be freed belong to objects that live as long as the agent, which ends with its
process. Every method raises OpenVinoError where OpenVINO does.
"""

import ctypes as c
import mmap
import os
from collections.abc import Mapping, Sequence
from typing import Final, get_args

import numpy as np
import numpy.typing as npt

from ovbench.common.bounded import MOST_NAME, LayerStatus
from ovbench.common.effective import Port
from ovbench.common.messages import Layer
from ovbench.common.shape import OPEN, Shape

from .capi import Library
from .package import OpenVinoError

_STATUSES: Final[tuple[LayerStatus, ...]] = get_args(LayerStatus)


class _Shape(c.Structure):
    _fields_ = (("rank", c.c_int64), ("dims", c.POINTER(c.c_int64)))


class _Dimension(c.Structure):
    _fields_ = (("min", c.c_int64), ("max", c.c_int64))


class _PartialShape(c.Structure):
    _fields_ = (("rank", _Dimension), ("dims", c.POINTER(_Dimension)))


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


class ModelHandle:
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
        """Every property of the compiled model."""
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

    def runtime_model(self) -> ModelHandle:
        """The graph as it is executed, with what its layers have taken so far where they are counted."""
        return ModelHandle(self._library, self._library.handle("ov_compiled_model_get_runtime_model", self.handle))

    def request(self) -> "InferRequest":
        handle = self._library.handle("ov_compiled_model_create_infer_request", self.handle)
        return InferRequest(self._library, handle)


class TensorHandle:
    """Memory of OpenVINO's own, aligned as it likes it. It lives until it is freed here, and no request has it."""

    def __init__(self, library: Library, handle: c.c_void_p) -> None:
        self._library = library
        self._handle = handle

    @classmethod
    def create(cls, library: Library, element_type: str, shape: Sequence[int]) -> "TensorHandle":
        """Of any type but string, not filled."""
        return cls(library, library.handle("ov_tensor_create", library.types.number(element_type), _shape(shape)))

    @classmethod
    def of_strings(cls, library: Library, texts: Sequence[str], shape: Sequence[int]) -> "TensorHandle":
        """Raises OpenVinoError where this build can make none."""
        if not library.has("ov_tensor_create_from_string_array") and library.cxx.sets_texts:
            tensor = cls(library, library.handle("ov_tensor_create", library.types.number("string"), _shape(shape)))
            library.cxx.set_texts(tensor.bytes.ctypes.data, tuple(text.encode() for text in texts))
            return tensor
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
        function = c.CFUNCTYPE(None, c.c_void_p, c.c_void_p)(self._library.set_callback)
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

    def set_input(self, index: int, tensor: TensorHandle) -> None:
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


def _ports(library: Library, handle: c.c_void_p, size: str, get: str) -> list[Port]:
    found = []
    for index in range(library.size(size, handle)):
        port = library.handle(get, handle, c.c_size_t(index))
        try:
            found.append(_port(library, port))
        finally:
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
    return Port(
        name=(name.value or b"").decode(errors="replace") if named else "",
        type=library.types.name(kind.value),
        shape=dims,
        names=library.cxx.names(port),
        node=library.cxx.node_name(port),
        layout=library.cxx.layout(port),
    )


class Core:
    def __init__(self, library: Library) -> None:
        self._library = library
        self.handle = library.handle("ov_core_create")

    def get(self, device: str, key: str) -> str:
        return self._library.text("ov_core_get_property", self.handle, device.encode(), key.encode())

    def add_extension(self, path: str) -> None:
        """A library with operations of the user's."""
        self._library.call("ov_core_add_extension", self.handle, path.encode())

    def read_model(self, path: str) -> ModelHandle:
        """Any file that OpenVINO reads; IR weights are mapped, not copied."""
        return ModelHandle(self._library, self._library.handle("ov_core_read_model", self.handle, path.encode(), None))

    def compile_model(self, model: ModelHandle, device: str, properties: Mapping[str, str]) -> CompiledModel:
        return self._compile("ov_core_compile_model", model.handle, device, properties)

    def compile_file(self, path: str, device: str, properties: Mapping[str, str]) -> CompiledModel:
        """Without reading the model first; with a cache, OpenVINO can then skip reading it at all."""
        return self._compile("ov_core_compile_model_from_file", path.encode(), device, properties)

    def _compile(self, name: str, model: object, device: str, properties: Mapping[str, str]) -> CompiledModel:
        """By the function that takes a list of properties, or before 2026.4 the one that takes any number of words."""
        if self._library.has(f"{name}_props"):
            count, pairs = _pairs(properties)
            made = self._library.handle(f"{name}_props", self.handle, model, device.encode(), count, pairs)
            return CompiledModel(self._library, made)
        words = [word.encode() for pair in properties.items() for word in pair]
        pointer = c.c_void_p()
        count = c.c_size_t(len(words))
        self._library.call(name, self.handle, model, device.encode(), count, c.byref(pointer), *words)
        return CompiledModel(self._library, pointer)

    def set_properties(self, device: str, properties: Mapping[str, str]) -> None:
        """For all models from now on; before 2026.4 one after another."""
        if self._library.has("ov_core_set_properties"):
            if properties:  # none at all it does not take
                self._library.call("ov_core_set_properties", self.handle, device.encode(), *_pairs(properties))
            return
        for key, value in properties.items():
            self._library.call("ov_core_set_property", self.handle, device.encode(), key.encode(), value.encode())

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
