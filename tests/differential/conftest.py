"""The files that the command lines name."""

import json
import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest

from ovbench.agent.openvino.builtin import builtin_file
from tests.openvino import formats, opset_models

EXTENSION = "void create_extensions(void *into) { (void)into; }"
"""A library that has the entry point of one with operations, and none."""


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """By the names of `commands`, absolute."""
    folder = tmp_path_factory.mktemp("files")
    made = {**_models(folder), **_data(folder), "squeezenet": builtin_file("squeezenet1.1")}
    if shutil.which("cc"):
        made["extension"] = _extension(folder)
    return {name: str(file) for name, file in made.items()}


def _models(folder: Path) -> dict[str, Path]:
    built = {
        "several": opset_models.several(),
        "lengths": opset_models.lengths(),
        "running": opset_models.running_sum(),
        "nameless": opset_models.nameless(),
        "overlay": opset_models.overlay(),
        "open": opset_models.open_shape(),
        "pair": opset_models.open_pair(),
        "nchw": opset_models.image("NCHW"),
        "nhwc": opset_models.image("NHWC", told=False),
    }
    return {
        "dense": formats.ir_files(folder),
        "onnx": formats.onnx_file(folder),
        "frozen": formats.tensorflow_frozen(folder),
        "saved_model": formats.tensorflow_saved_model(folder),
        "tflite": formats.tflite_file(folder),
        "paddle": formats.paddle_files(folder),
        "blob": formats.compiled_blob(folder),
        **{name: opset_models.save(model, folder) for name, model in built.items()},
    }


def _data(folder: Path) -> dict[str, Path]:
    several = opset_models.several_data()
    arrays = {"npy": formats.exact_data(), "ids": several["ids"], "mask": several["mask"]}
    arrays["integers"] = formats.exact_data().astype(np.int64)
    inputs = folder / "inputs"
    inputs.mkdir()
    made = {name: folder / f"{name}.npy" for name in arrays}
    made |= {"bin": folder / "data.bin", "folder": inputs, "config": folder / "config_in.json"}
    made |= {"text": folder / "text.xml", "image": folder / "image.png"}
    for name, array in arrays.items():
        np.save(made[name], array)
    formats.exact_data().tofile(made["bin"])
    for number in range(3):
        np.save(inputs / f"{number}.npy", formats.exact_data() + number)
    made["config"].write_text(json.dumps({"CPU": {"NUM_STREAMS": "1", "INFERENCE_PRECISION_HINT": "f32"}}))
    made["text"].write_text("neither a model nor JSON\n")
    made["image"].write_bytes(_png(20, 12))
    return made


def _png(width: int, height: int) -> bytes:
    """RGB, eight bits each, the channels rising with the column, the row and both."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = (b"\0" + bytes(v for x in range(width) for v in (9 * x, 9 * y, 3 * (x + y))) for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"".join(rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def _extension(folder: Path) -> Path:
    library = folder / "extension.so"
    source = folder / "extension.c"
    source.write_text(EXTENSION)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    return library
