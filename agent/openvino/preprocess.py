"""What is put before and behind a model, by OpenVINO's own preprocessing: element types, layouts, mean and scale.

In benchmark_app's order (utils.py, pre_post_processing), so that the model that results is the same.
"""

import ctypes as c
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager

from ..data.signature import InputInfo
from .capi import Library
from .objects import ModelHandle


def preprocess(
    library: Library,
    model: ModelHandle,
    inputs: Sequence[InputInfo],
    input_types: Mapping[int, str],
    output_types: Mapping[int, str],
) -> ModelHandle:
    """The model with the layouts, means and scales of `inputs`, and tensors of other types, by index, where wanted.

    `model` is used up. Raises OpenVinoError where OpenVINO cannot do it.
    """
    with _freed(library, "ov_preprocess_prepostprocessor", model.handle, made="create") as processor:
        for index, info in enumerate(inputs):
            _configure(library, processor, index, info, input_types.get(index))
        for index, element_type in output_types.items():
            with (
                _freed(library, "ov_preprocess_output_info", processor, index, made=_OUTPUT) as output,
                _freed(library, "ov_preprocess_output_tensor_info", output, made=_OUTPUT_TENSOR) as tensor,
            ):
                library.call("ov_preprocess_output_set_element_type", tensor, library.types.number(element_type))
        built = library.handle("ov_preprocess_prepostprocessor_build", processor)
    model.free()
    return ModelHandle(library, built)


_INPUT = "ov_preprocess_prepostprocessor_get_input_info_by_index"
_OUTPUT = "ov_preprocess_prepostprocessor_get_output_info_by_index"
_OUTPUT_TENSOR = "ov_preprocess_output_info_get_tensor_info"


def _configure(library: Library, processor: c.c_void_p, index: int, info: InputInfo, element_type: str | None) -> None:
    def part(kind: str, owner: c.c_void_p, made: str) -> AbstractContextManager[c.c_void_p]:
        return _freed(library, f"ov_preprocess_{kind}", owner, made=f"ov_preprocess_input_info_{made}")

    with _freed(library, "ov_preprocess_input_info", processor, index, made=_INPUT) as given:
        if element_type is not None:
            with part("input_tensor_info", given, "get_tensor_info") as tensor:
                number = library.types.number(element_type)
                library.call("ov_preprocess_input_tensor_info_set_element_type", tensor, number)
        with part("preprocess_steps", given, "get_preprocess_steps") as steps:
            for name, values in (("mean", info.mean), ("scale", info.scale)):
                if values:
                    _apply(library, steps, name, values)
        if info.layout:
            with (
                part("input_model_info", given, "get_model_info") as wanted,
                _freed(library, "ov_layout", info.layout.encode(), made="create") as layout,
            ):
                library.call("ov_preprocess_input_model_info_set_layout", wanted, layout)


def _apply(library: Library, steps: c.c_void_p, name: str, values: Sequence[float]) -> None:
    """Subtract the mean or divide by the scale, in f32, a value for each channel."""
    library.call("ov_preprocess_preprocess_steps_convert_element_type", steps, library.types.number("f32"))
    numbers = (c.c_float * len(values))(*values)
    library.call(f"ov_preprocess_preprocess_steps_{name}_multi_channels", steps, numbers, c.c_int32(len(values)))


@contextmanager
def _freed(library: Library, kind: str, *arguments: object, made: str) -> Iterator[c.c_void_p]:
    """A C object for as long as it is needed, made by the function `made` (or `kind`_create) and freed by its own."""
    converted = [c.c_size_t(one) if isinstance(one, int) else one for one in arguments]
    handle = library.handle(f"{kind}_create" if made == "create" else made, *converted)
    try:
        yield handle
    finally:
        library.function(f"{kind}_free")(handle)
