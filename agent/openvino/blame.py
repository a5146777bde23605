"""Which flag an error of OpenVINO's is blamed on, in one sentence for the user."""

from collections.abc import Sequence
from contextlib import suppress

from ovbench.common.effective import ShapeGroup
from ovbench.common.errors import UsageError
from ovbench.common.job import Job
from ovbench.common.shape import format_shape, static_shape

from ..data.signature import InputInfo
from .objects import Core
from .package import OpenVinoError
from .rehearsal import TurnFailed


def gist(message: str) -> str:
    """One line of an OpenVINO message: the last that says something, without the frames of its exceptions."""
    lines = [line.strip() for line in message.splitlines()]
    useful = [line for line in lines if line and not line.startswith(("Exception from", "Check '"))]
    return (useful or lines or [message])[-1][:300]


def failed_inference(inputs: Sequence[InputInfo], groups: Sequence[ShapeGroup], job: Job, failed: TurnFailed) -> str:
    """One sentence for a turn whose inference fails: what it is blamed on, as far as is known."""
    reason = gist(str(failed.__cause__))
    if all(info.is_static for info in inputs):
        if not job.data.files:
            return f"-m {job.model.source}: an inference on made-up data fails: {reason}; give its inputs with -i"
        return f"-i: an inference on the inputs of turn {failed.turn + 1} fails: {reason}"
    shapes = zip(inputs, groups[failed.turn % len(groups)].shapes, strict=True)
    said = ", ".join(f"{info.name} {format_shape(static_shape(shape))}" for info, shape in shapes)
    given = {"-data_shape": job.model.data_shapes, "-i": job.data.files}
    blamed = " or ".join(flag for flag, value in given.items() if value) or f"-m {job.model.source}"
    return f"{blamed}: an inference with {said} fails: {reason}; do these shapes fit the model, and go together?"


def check_properties(core: Core, job: Job) -> None:
    """After a failure: whether the device refuses a property by itself, whatever the model. Raises UsageError."""
    runtime = job.runtime
    flags = {"INFERENCE_PRECISION_HINT": "-infer_precision", "NUM_STREAMS": "-nstreams", "CACHE_DIR": "-cdir"}
    for name, value in runtime.properties().items():
        try:
            core.set_properties(runtime.device, {name: value})
        except OpenVinoError as error:
            flag = "-load_config" if name in runtime.config else flags.get(name, "-load_config")
            raise UsageError(f"{flag}: OpenVINO does not take {name}={value}: {gist(str(error))}") from None


def compilation(core: Core, job: Job, path: str) -> str:
    """What a model that does not compile as it was asked for is blamed on: the flags that changed it, where the file's
    own does compile."""
    flags = preprocessing_flags(job)
    if flags:
        with suppress(OpenVinoError):
            core.compile_model(core.read_model(path), job.runtime.device, job.runtime.properties())
            return " or ".join(flags)
    return f"-m {job.model.source}"


def preprocessing_flags(job: Job) -> list[str]:
    asked = job.preprocessing
    given = {
        "-ip": asked.input_type,
        "-op": asked.output_type,
        "-iop": asked.types,
        "-layout": job.model.layouts,
        "--mean_values": asked.mean,
        "--scale_values": asked.scale,
        "-shape": job.model.shapes,
        "-b": job.model.batch,
    }
    return [flag for flag, value in given.items() if value]
