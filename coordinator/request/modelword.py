"""Words of a command line that name a model without a flag. Pure."""

from typing import Final

from ovbench.common import builtin

SUFFIXES: Final = (".xml", ".onnx", ".blob", ".tflite", ".pdmodel", ".pb", ".pbtxt", ".meta", ".pt2")
"""Of files that OpenVINO reads models from, or compiled ones."""


def names_a_model(word: str) -> bool:
    """Whether it can be nothing else, be it there or not; several may have commas between them, for a study."""
    return any(
        part.startswith(builtin.PREFIX) or part.lower().endswith(SUFFIXES) for part in word.split(",")
    ) and not word.startswith("-")
