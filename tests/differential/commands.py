"""The command lines that benchmark_app and ovbench are both given, and where they differ on purpose.

In a command line, `{name}` is a file of the fixture `files`; what is written goes to the folder that each program runs
in. `differs` has, by fact (see `facts`), why ovbench tells something else; a difference that is not there, or one that
is there no longer, is an error of the test.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

REFUSES_BLOBS: Final = (
    "benchmark_app 2026.4 takes an absent -ip, -op or -iop of a blob for one that was given, and refuses every blob"
)
ROUNDS_BY_SHAPES: Final = (
    "benchmark_app divides with a fraction when it rounds up to whole rounds of shapes; ovbench rounds up to them"
)
FREE_TUNING: Final = "benchmark_app asks for -hint none beside -nstreams, -nthreads and -pin; here no -hint means none"
ALL_LAYERS: Final = "benchmark_app 2026.4 writes only the first layer into its average as JSON; ovbench writes all"
FRIENDLY_NAME: Final = "benchmark_app gives the name that OpenVINO makes up (Model1); ovbench the model's own"
SYNC_TOO: Final = "benchmark_app sets the next inputs only with -api async; ovbench's loop does so with either"
AUTO_IS_CPU: Final = "benchmark_app has AUTO compile for the CPU; ovbench compiles for it directly"
CPU_ONLY: Final = "ovbench measures CPUs, and says so"


@dataclass(frozen=True)
class Command:
    """`needs` names a module or program without which there is nothing to compare. `fps_within` is a factor."""

    name: str
    argv: str
    differs: Mapping[str, str] = field(default_factory=dict)
    fps_within: float | None = None
    needs: str | None = None


FORMATS: Final = (
    Command("ir", "-m {dense} -niter 8"),
    Command("onnx", "-m {onnx} -niter 8"),
    Command("tensorflow frozen", "-m {frozen} -niter 8"),
    Command("tensorflow saved model", "-m {saved_model} -niter 8"),
    Command("tflite", "-m {tflite} -niter 8"),
    Command("paddle", "-m {paddle} -niter 8"),
    Command("blob", "-m {blob} -niter 8", {"outcome": REFUSES_BLOBS}),
    Command("a file that is no model", "-m {text} -niter 8"),
)

MODELS: Final = (
    Command("inputs of four types", "-m {several} -niter 8"),
    Command("strings", "-m {lengths} -niter 8"),
    Command("stateful", "-m {running} -niter 8"),
    Command("names from nodes", "-m {nameless} -niter 8"),
    Command("an image and its size", "-m {overlay} -niter 8"),
    Command("an image whose layout is guessed", "-m {nhwc} -niter 8"),
)

LOAD: Final = (
    Command("niter rounded up to requests", "-m {dense} -niter 6 -nireq 4"),
    Command("niter sync, hint tput", "-m {dense} -niter 5 -api sync -hint tput -dump_config config.json"),
    Command("niter 0 of an open shape", "-m {open} -niter 0"),
    Command("niter and t", "-m {dense} -niter 6 -t 1"),
    Command("t that is no number", "-m {dense} -t soon"),
    Command("max_irate", "-m {dense} -t 1 -max_irate 200", fps_within=1.6),
    Command("no_warmup", "-m {dense} -niter 8 -no_warmup"),
    Command("more requests than iterations, sync", "-m {dense} -api sync -niter 2 -nireq 4"),
)

SETTINGS: Final = (
    Command("hint latency", "-m {dense} -niter 8 -hint latency -dump_config config.json"),
    Command("hint ctput, d", "-m {dense} -niter 8 -hint ctput -d CPU -dump_config config.json"),
    Command(
        "nstreams, nthreads, pin, infer_precision",
        "-m {dense} -niter 8 -hint none -nstreams 1 -nthreads 1 -pin NO -infer_precision CPU:f32 "
        "-dump_config config.json",
    ),
    Command("nstreams without hint", "-m {dense} -niter 8 -nstreams 2", {"outcome": FREE_TUNING}),
    Command("nireq is told to the device", "-m {dense} -niter 8 -nireq 3 -dump_config config.json"),
    Command("load_config", "-m {dense} -niter 8 -load_config {config} -dump_config config.json -hint none"),
    Command("load_config that is no JSON", "-m {dense} -niter 8 -load_config {text}"),
    Command(
        "AUTO",
        "-m {dense} -niter 8 -d AUTO",
        {
            f"property {name}": AUTO_IS_CPU
            for name in ("MULTI_DEVICE_PRIORITIES", "CPU:", "MODEL_PRIORITY", "LOADED_FROM_CACHE")
        },
    ),
    Command("a GPU that is not there", "-m {dense} -niter 8 -d GPU"),
    Command("kernels for a GPU", "-m {dense} -niter 8 -c {config}", {"outcome": CPU_ONLY}),
    Command("lfile", "-m {dense} -niter 8 -lfile"),
    Command("lfile with mean values", "-m {nchw} -niter 8 -lfile --mean_values [1,2,3]"),
    Command("cdir", "-m {dense} -niter 8 -cdir cache"),
    Command("extensions", "-m {dense} -niter 8 -extensions {extension}", needs="cc"),
    Command("extensions that are not there", "-m {dense} -niter 8 -extensions ./nowhere.so"),
)

SHAPES: Final = (
    Command("b of an open batch", "-m {open} -niter 8 -b 3"),
    Command("shape", "-m {open} -niter 8 -shape [2,16]"),
    Command("shapes by name", "-m {several} -niter 8 -shape ids[1,3],mask[1,3]"),
    Command("a shape that does not fit", "-m {several} -niter 8 -shape image[1,3,8]"),
    Command("range and data_shape", "-m {open} -niter 8 -shape [1..8,16] -data_shape [2,16]"),
    Command("data_shape, sync", "-m {open} -niter 8 -data_shape [2,16] -api sync"),
    Command("data_shapes by name", "-m {pair} -niter 8 -data_shape data[2,16],more[2,3]"),
    Command(
        "pcseq",
        "-m {open} -niter 5 -nireq 2 -layout [NC] -data_shape [2,16][1,16][4,16] -pcseq",
        {"iterations": ROUNDS_BY_SHAPES, "count": ROUNDS_BY_SHAPES},
    ),
    Command("layout and b", "-m {nhwc} -niter 8 -b 2 -layout [NHWC] -dump_config config.json"),
    Command("no data for an open shape", "-m {open} -niter 8"),
    Command("data of a shape that the model lacks", "-m {open} -niter 8 -data_shape [2,17]"),
    Command("several shapes, sync", "-m {open} -niter 8 -data_shape [2,16][1,16] -api sync", {"outcome": SYNC_TOO}),
    Command("inference_only of several shapes", "-m {open} -niter 8 -data_shape [2,16][1,16] -inference_only"),
)

INPUTS: Final = (
    Command("npy", "-m {dense} -niter 8 -i {npy}"),
    Command("bin, inference_only false", "-m {dense} -niter 8 -i {bin} -inference_only false"),
    Command("a folder", "-m {dense} -niter 8 -i {folder} -inference_only false"),
    Command("by name", "-m {several} -niter 8 -i ids:{ids},mask:{mask}"),
    Command("npy of the shape that it has", "-m {open} -niter 8 -i {npy}"),
    Command("image", "-m {nchw} -niter 8 -i {image}", needs="cv2"),
    Command("a file that is not there", "-m {dense} -niter 8 -i ./nowhere.npy"),
    Command("an input that is not there", "-m {several} -niter 8 -i words:{ids}"),
    Command("npy of another type", "-m {dense} -niter 8 -i {integers}"),
    Command("npy of another shape", "-m {dense} -niter 8 -i {ids}"),
    Command("bin of another size", "-m {several} -niter 8 -i ids:{bin}"),
)

PREPROCESSING: Final = (
    Command("ip and op", "-m {several} -niter 8 -ip f32 -op f16"),
    Command("iop", "-m {several} -niter 8 -iop image:f16,chosen:f16 -ip f32"),
    Command("iop of what is not there", "-m {several} -niter 8 -iop words:f16"),
    Command("a type that is none", "-m {several} -niter 8 -ip f31"),
    Command("mean and scale", "-m {nchw} -niter 8 --mean_values [1,2,3] --scale_values image[2,4,8]"),
)

IN_JSON: Final = {"benchmark_report.json: configuration_setup/topology": FRIENDLY_NAME}
IN_CSV: Final = {"benchmark_report.csv: configuration_setup/topology": FRIENDLY_NAME}

# Few inferences where layers are counted: OpenVINO takes one for not run whose mean is under a microsecond.
STATISTICS: Final = (
    Command(
        "latency_percentile", "-m {dense} -niter 8 -latency_percentile 90 -report_type no_counters -json_stats", IN_JSON
    ),
    Command("a percentile that is none", "-m {dense} -niter 8 -latency_percentile 101"),
    Command("reports as csv", "-m {nchw} -niter 2 -b 2 -pcsort no_sort -report_type average_counters", IN_CSV),
    Command("detailed counters", "-m {dense} -niter 2 -nireq 2 -report_type detailed_counters -json_stats", IN_JSON),
    Command("pc", "-m {dense} -niter 2 -pc -dump_config config.json"),
    Command(
        "pcsort",
        "-m {dense} -niter 2 -pcsort sort -report_type average_counters -json_stats -report_folder .",
        {**IN_JSON, "benchmark_average_counters_report.json: layers": ALL_LAYERS},
    ),
    Command("pcsort simple_sort", "-m {dense} -niter 2 -pc -pcsort simple_sort"),
    Command("exec_graph_path", "-m {dense} -niter 8 -exec_graph_path graph.xml -dump_config config.json"),
    Command("a graph in a new folder", "-m {dense} -niter 8 -exec_graph_path ./nowhere/graph.xml"),
)

SPEED: Final = (
    Command("throughput of squeezenet", "-m {squeezenet} -t 1", fps_within=10),
    Command("latency of squeezenet", "-m {squeezenet} -t 1 -api sync", fps_within=10),
)

COMMANDS: Final = (*FORMATS, *MODELS, *LOAD, *SETTINGS, *SHAPES, *INPUTS, *PREPROCESSING, *STATISTICS, *SPEED)
