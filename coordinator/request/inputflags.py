"""The flags that say what goes into a model: its shapes, and what is done to its inputs and outputs. A table."""

from typing import Final

from . import notation, values
from .flag import Flag

SHAPES: Final = (
    Flag(
        "batch",
        ("-b", "--batch-size"),
        "batch of each inference: a number, ? or -1 for any, or a range as in 1..8; default: the model's",
        metavar="N",
        parse=values.batch,
        several="ranges",
        begun=True,
    ),
    Flag(
        "shape",
        ("-shape", "--shape"),
        "reshape the model: 1,3,224,224 for every input, or NAME[1,3,?,?],NAME[1..8,4]",
        metavar="SHAPES",
        default="",
    ),
    Flag(
        "data_shape",
        ("-data_shape", "--data-shape"),
        "shapes of the data for a model of open shape, in turn: NAME[1,128][1,256],NAME[1,4]",
        metavar="SHAPES",
        default="",
    ),
    Flag(
        "layout",
        ("-layout", "--layout"),
        "which dimension is what: [NCHW] for every input, or NAME[NCHW],NAME[NC]",
        metavar="LAYOUTS",
        default="",
    ),
)

PREPROCESSING: Final = (
    Flag(
        "input_type",
        ("-ip", "--input-precision"),
        f"element type of all inputs: {', '.join(notation.ELEMENT_TYPES)}",
        metavar="TYPE",
        choices=notation.ELEMENT_TYPES,
        begun=True,
    ),
    Flag(
        "output_type",
        ("-op", "--output-precision"),
        "element type of all outputs",
        metavar="TYPE",
        choices=notation.ELEMENT_TYPES,
        begun=True,
    ),
    Flag(
        "types",
        ("-iop", "--input-output-precision"),
        'element types by name, which go before those of -ip and -op: "input:f16, output:f16"',
        metavar="TYPES",
        default="",
        begun=True,
    ),
    Flag(
        "mean",
        ("--mean-values",),
        "subtracted from images, or from an input: NAME[255,255,255],NAME[127]",
        metavar="[R,G,B]",
        default="",
        begun=True,
    ),
    Flag(
        "scale",
        ("--scale-values",),
        "what images are divided by, after the mean is subtracted",
        metavar="[R,G,B]",
        default="",
        begun=True,
    ),
)
