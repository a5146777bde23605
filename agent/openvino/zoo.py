"""The built-in models, made with OpenVINO's opset: no file needed, the same numbers everywhere.

The only module that imports OpenVINO's Python bindings. Agents run it as a process of its own and read the file that it
writes, so that they need not load the bindings themselves.

    python -m ovbench.agent.openvino.zoo PARENT_PID builtin:NAME FILE.xml
"""

import os
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov

from ovbench.common import builtin
from ovbench.common.errors import NO_ROOM, ExitCode

from ..host.process import end_with

_LONGEST_S = 300
_WRITER = re.compile(rb'\s*<info name="OpenVINO Runtime" value="[^"]*" ?/>')
_SEED = 20160224  # the day SqueezeNet was published (arXiv:1602.07360)


def _operations() -> Any:
    try:
        from openvino import opset13
    except ImportError:  # before 2025.0
        from openvino.runtime import opset13
    return opset13


ops: Any = _operations()


def tiny() -> ov.Model:
    """One Relu on f32 [1,16]: next to no work, so a harness's own cost is all one sees."""
    data = ops.parameter([1, 16], np.float32, name="data")
    return _model([ops.relu(data)], [data], "tiny")


def mlp() -> ov.Model:
    """Three layers of 256x256 with Relu, f32 [1,256]: some microseconds of work."""
    random = np.random.default_rng(_SEED)
    data = ops.parameter([1, 256], np.float32, name="data")
    node: Any = data
    for _ in range(3):
        weights = random.standard_normal((256, 256)) * np.sqrt(2 / 256)
        node = ops.relu(ops.matmul(node, _constant(weights), False, False))
    return _model([node], [data], "mlp")


def squeezenet() -> ov.Model:
    """SqueezeNet 1.1 (github.com/forresti/SqueezeNet): f32 [1,3,227,227] to [1,1000], 1,235,496 parameters.

    Weights are He-normal, so that activations keep their size through the layers, and seeded.
    """
    random = np.random.default_rng(_SEED)

    def convolution(node: Any, channels: int, size: int, stride: int = 1, pad: int = 0) -> Any:
        inputs = node.get_output_shape(0)[1] if hasattr(node, "get_output_shape") else node.shape[1]
        weights = random.standard_normal((channels, inputs, size, size)) * np.sqrt(2 / (inputs * size * size))
        bias = random.standard_normal((1, channels, 1, 1)) * 0.01
        node = ops.convolution(node, _constant(weights), [stride, stride], [pad, pad], [pad, pad], [1, 1])
        return ops.relu(ops.add(node, _constant(bias)))

    def pool(node: Any) -> Any:
        return ops.max_pool(node, [2, 2], [1, 1], [0, 0], [0, 0], [3, 3], "ceil").output(0)

    def fire(node: Any, squeeze: int, expand: int) -> Any:
        node = convolution(node, squeeze, 1)
        return ops.concat([convolution(node, expand, 1), convolution(node, expand, 3, pad=1)], 1)

    data = ops.parameter([1, 3, 227, 227], np.float32, name="data")
    node = pool(convolution(data, 64, 3, stride=2))
    node = pool(fire(fire(node, 16, 64), 16, 64))
    node = pool(fire(fire(node, 32, 128), 32, 128))
    node = fire(fire(node, 48, 192), 48, 192)
    node = fire(fire(node, 64, 256), 64, 256)
    node = convolution(node, 1000, 1)
    node = ops.reduce_mean(node, ops.constant(np.array([2, 3], np.int64)), False)
    return _model([ops.softmax(node, 1)], [data], "squeezenet1.1")


MODELS: dict[str, Callable[[], ov.Model]] = {"squeezenet1.1": squeezenet, "mlp": mlp, "tiny": tiny}


def _constant(values: Any) -> Any:
    return ops.constant(values.astype(np.float32))


def _model(results: list[Any], parameters: list[Any], name: str) -> ov.Model:
    results[0].output(0).set_names({"output"})
    parameters[0].output(0).set_names({"data"})
    # By a layout benchmark_app and `-b` know which dimension is the batch.
    parameters[0].set_layout(ov.Layout("NCHW" if len(parameters[0].shape) == 4 else "NC"))
    return ov.Model(results, parameters, name)


def write(name: str, file: Path) -> None:
    """Write the IR of a built-in model to `file` (.xml) and its weights beside it (.bin), each by renaming."""
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".ovbench-") as folder:
        temporary = Path(folder) / file.name
        # In f32, as made: compression to f16 would make "the same model elsewhere" a matter of rounding.
        ov.save_model(MODELS[name](), temporary, compress_to_fp16=False)
        # Without the build that wrote it: to any two builds it is the same model, by its digest, too.
        temporary.write_bytes(_WRITER.sub(b"", temporary.read_bytes()))
        for part in (temporary.with_suffix(".bin"), temporary):
            os.replace(part, file.with_name(part.name))


if __name__ == "__main__":
    end_with(int(sys.argv[1]), _LONGEST_S)
    try:
        write(sys.argv[2].removeprefix(builtin.PREFIX), Path(sys.argv[3]))
    except OSError as problem:
        print(problem.strerror or problem, file=sys.stderr)
        sys.exit(ExitCode.UNWRITABLE if problem.errno in NO_ROOM else ExitCode.USAGE)
    except RuntimeError as problem:  # of a stream of OpenVINO's, which does not report the system's error
        print(f"OpenVINO cannot write it, as on a disk that is full ({problem})", file=sys.stderr)
        sys.exit(ExitCode.UNWRITABLE)
