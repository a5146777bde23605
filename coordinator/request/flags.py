"""The flags of ovbench-coord as argparse has them: names, help, text to numbers. `options` knows what they mean."""

import argparse
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, NoReturn, TypeVar

from ovbench.common import builtin
from ovbench.common.endpoint import INSECURE
from ovbench.common.errors import UsageError
from ovbench.common.job import AUTO_STREAMS, Hint, MemoryPolicy
from ovbench.common.shape import Dimension, ShapeError
from ovbench.common.topology import parse_cpu_list

from . import notation
from .nullbackend import SYNTAX, NullSpec, parse_null
from .policy import GROUPINGS
from .request import PcSort, PlotFormat, ReportType
from .thresholds import add_thresholds

DEFAULT_MODEL: Final = builtin.PREFIX + "squeezenet1.1"
DEFAULT_SECONDS: Final = 10.0
DEFAULT_WARMUP_SECONDS: Final = 1.0
DEFAULT_SAMPLE_MEMORY_MB: Final = 1024
MOST_AGENTS: Final = 4096
HINTS: Final[dict[str, Hint]] = {
    "throughput": "throughput",
    "tput": "throughput",
    "latency": "latency",
    "cumulative_throughput": "cumulative_throughput",
    "ctput": "cumulative_throughput",
    "none": "none",
}
PLOTS: Final[tuple[PlotFormat, ...]] = ("svg", "png")
PC_SORTS: Final[tuple[PcSort, ...]] = ("no_sort", "sort", "simple_sort")
REPORT_TYPES: Final[tuple[ReportType, ...]] = ("no_counters", "average_counters", "detailed_counters")

RESULT: Final = "the folder of a run or of a study, or a report.json"

_LIST: Final = re.compile(r"[0-9]{1,6}(-[0-9]{1,6})?(,[0-9]{1,6}(-[0-9]{1,6})?)*")

_DESCRIPTION: Final = """\
Runs one load on many agents, each pinned to its CPUs, and merges what they
measured. The flags of OpenVINO's benchmark_app keep their spelling and meaning;
docs/benchmark_app.md says what they are with several agents. Long names may
have underscores, too.

commands (each has its own --help):
  show RESULT                 a saved run or study, as when it ended
  compare A B [C ...]         results side by side; --fail-if 'p99 > +5%'
  export RESULT               as CSV, or as an HDR histogram log
  topology                    this machine, or one recorded elsewhere
  export-model MODEL FILE     a built-in model as a file
  study [KIND]                many settings, several times each: which is best
"""

_EPILOG: Final = """\
examples:
  ovbench-coord --agents 4
      the built-in squeezenet1.1 on four agents for 10 s
  ovbench-coord -m model.xml -t 60
      your model, one agent per physical core, for a minute
  ovbench-coord -m model.onnx --agents 2 -api sync
      latency: each agent infers back to back
  ovbench-coord --agents 1 -hint none -nstreams 2 -nireq 8
      one agent, tuned by hand
  ovbench-coord -m model.xml -i photos/ -inference_only no
      another image for each inference
  ovbench-coord -m bert.xml -data_shape "ids[1,64][1,128],mask[1,64][1,128]"
      two lengths in turn; with -pcseq, the latency of each
  ovbench-coord -m model.xml -report_type average_counters -json_stats
      benchmark_app's own reports as well, with the time of each layer
  ovbench-coord -m model.xml --agents 2 -max_irate 100
      at most 100 frames per second, 50 from each agent
  ovbench-coord --agents 4 --dry-run
      which CPUs each agent would get
  ovbench-coord -m model.xml --agents per-node --nodes 0,1 --housekeeping 0
      an agent on each of two NUMA nodes, without CPU 0
  ovbench-coord -m model.xml --cpus-per-agent 4 --agents 8 --spread scatter
      eight agents of four cores, as far apart as they can be
  ovbench-coord -m model.xml --require 'fps >= 900' --require 'p99_ms < 5'
      exit code 4 if it is slower
  ovbench-coord --agents 4 --json | jq .throughput
      the report alone, for programs
  ovbench-coord study -m model.xml -nstreams 1,2,4 -nireq 1..8
      each combination, three times: which is best

exit codes: 0 valid or suspect, 2 wrong usage or bad input, 3 partial (an agent
was lost), 4 a validity rule, --require or --fail-if failed, 5 the report could
not be written (it is then on stdout), 130 interrupted.
"""


class Parser(argparse.ArgumentParser):
    def actions(self) -> dict[str, argparse.Action]:
        """What each flag does, by every spelling of it."""
        return self._option_string_actions

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see --help)")


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """With the value's name once, not behind each spelling of the flag."""

    def _format_action_invocation(self, action: argparse.Action) -> str:
        value = (
            "" if action.nargs == 0 else " " + self._format_args(action, self._get_default_metavar_for_optional(action))
        )
        return ", ".join(action.option_strings) + value


LONG_NAMES: Final = (
    "api-type", "batch-size", "cache-dir", "exec-graph-path", "extensions", "help", "infer-threads-pinning",
    "inference-only", "input-output-precision", "input-precision", "json-stats", "latency-percentile",
    "load-from-file", "maximum-inference-rate", "mean-values", "number-infer-requests", "number-iterations",
    "number-streams", "number-threads", "output-precision", "path-to-cldnn-config", "path-to-model", "paths-to-input",
    "pcseq", "perf-counts", "perf-counts-sort", "perf-hint", "report-folder", "report-type", "scale-values",
    "target-device", "time",
)  # fmt: skip
"""benchmark_app's. Its parser takes as much of one as no other begins with, so that much is taken here, too."""

_OURS: Final = frozenset({"a", "b", "json"})
"""Flags of ovbench's own that one of these begins with."""


def gnu(word: str) -> str:
    """As `--long-name`: benchmark_app spells it with underscores, and takes the beginning of it."""
    if not word.startswith("--"):
        return word
    name, equals, value = word[2:].partition("=")
    name = name.replace("_", "-")
    begun = [known for known in LONG_NAMES if name and name not in _OURS and known.startswith(name)]
    return "--" + (begun[0] if len(begun) == 1 else name) + equals + value


def refuse_undecodable(texts: Iterable[str]) -> None:
    """Bytes that are no UTF-8, as names of files may have; they fit neither a job nor a report, which are UTF-8."""
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise UsageError(f"{text!a}: character {error.start + 1} of it is not UTF-8; use another name") from None


_Number = TypeVar("_Number", int, float)


def _number(kind: Callable[[str], _Number], what: str, ok: Callable[[_Number], bool]) -> Callable[[str], _Number]:
    def convert(text: str) -> _Number:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not ok(value):
            raise argparse.ArgumentTypeError(f"'{text}' is not {what}")
        return value

    return convert


_positive = _number(int, "a whole number of 1 or more, below 2^31", lambda n: 1 <= n < 1 << 31)
_not_negative = _number(int, "a whole number of 0 or more, below 2^62", lambda n: 0 <= n < 1 << 62)
_threads = _number(int, "a whole number of 0 or more, below 2^31", lambda n: 0 <= n < 1 << 31)
_agent_count = _number(
    int, f"a whole number from 1 to {MOST_AGENTS}, nor one of {', '.join(GROUPINGS)}", lambda n: 1 <= n <= MOST_AGENTS
)
_percent = _number(int, "a whole number from 1 to 100", lambda n: 1 <= n <= 100)
_seconds = _number(float, "a number of seconds above 0, at most 1e7", lambda s: 0 < s <= 1e7)
_seconds_or_0 = _number(float, "a number of seconds, 0 or more, at most 1e6", lambda s: 0 <= s <= 1e6)
_rate = _number(
    float, "a number of frames per second from 0.01 to 1e9, or 0 for no limit", lambda r: r == 0 or 0.01 <= r <= 1e9
)


def _agents(text: str) -> int | str:
    return text if text in GROUPINGS else _agent_count(text)


def _list(text: str) -> tuple[int, ...]:
    """Numbers as the kernel lists them, at least one."""
    try:
        # Checked first, as a range that is too long would fill the memory.
        return parse_cpu_list(text if _LIST.fullmatch(text) else "none")
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a list of numbers and ranges, as in 0-3,8") from None


def _memory(text: str) -> MemoryPolicy:
    if text == "local":
        return MemoryPolicy("local")
    if text == "interleave":
        return MemoryPolicy("interleave")
    try:
        return MemoryPolicy("bind", _list(text))
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"'{text}' is neither local nor interleave, nor a list of NUMA nodes as in 0,1"
        ) from None


def _yes_no(text: str) -> bool:
    """benchmark_app's words (parameters.py, str2bool)."""
    if text.lower() in ("yes", "true", "t", "y", "1"):
        return True
    if text.lower() in ("no", "false", "f", "n", "0"):
        return False
    raise argparse.ArgumentTypeError(f"'{text}' is neither yes nor no; leave it out for yes")


def path(text: str) -> Path:
    """`~` stands for the home also where no shell has seen to it, as after `=`."""
    try:
        return Path(text).expanduser()
    except RuntimeError as error:  # ~ of an unknown user
        raise argparse.ArgumentTypeError(f"'{text}' cannot be found: {error}") from None


def _path(text: str) -> Path | None:
    """No text means no file, as in benchmark_app."""
    return path(text) if text else None


def _batch(text: str) -> Dimension | None:
    try:
        return notation.parse_batch(text)
    except ShapeError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _of_the_cpu(text: str) -> str:
    """benchmark_app's `VALUE` or `DEVICE:VALUE`."""
    device, colon, value = text.rpartition(":")
    if not value or (colon and device.upper() != "CPU"):
        raise argparse.ArgumentTypeError(f"'{text}' is not for the CPU; give the value alone, or CPU:VALUE")
    return value


def _precision(text: str) -> str | None:
    """No text means OpenVINO's choice, as in benchmark_app; so with streams."""
    return _of_the_cpu(text) if text else None


def _streams(text: str) -> int | None:
    if not text:
        return None
    value = _of_the_cpu(text)
    return AUTO_STREAMS if value.upper() in ("AUTO", str(AUTO_STREAMS)) else _positive(value)


def _null_backend(text: str) -> NullSpec | None:
    if text == "openvino":
        return None
    try:
        return parse_null(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{text}' {error}") from None


def run_parser() -> Parser:
    from importlib.metadata import version

    parser = Parser(
        prog="ovbench-coord",
        usage="ovbench-coord [options]\n       ovbench-coord COMMAND ...",
        allow_abbrev=False,
        add_help=False,
        formatter_class=_HelpFormatter,
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    options = parser.add_argument_group("Options")
    options.add_argument("-h", "--help", action="help", help="show this and exit")
    options.add_argument(
        "--version", action="version", version=f"ovbench {version('ovbench')}", help="show it and exit"
    )
    _add_what(options)
    _add_how(options)
    _add_agents(parser.add_argument_group("Agents"))
    _add_shapes(parser.add_argument_group("Input shapes"))
    advanced = parser.add_argument_group("Advanced options, for each agent")
    _add_advanced(advanced)
    _add_loading(advanced)
    _add_preprocessing(parser.add_argument_group("Preprocessing options"))
    _add_device(parser.add_argument_group("Device-specific performance options, for each agent"))
    statistics = parser.add_argument_group("Statistics dumping options")
    _add_statistics(statistics)
    _add_counters(statistics)
    _add_config(statistics)
    _add_results(parser.add_argument_group("Further results"))
    _add_validity(parser.add_argument_group("Validity"))
    return parser


def _add_what(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "-i", "--paths-to-input", metavar="PATH", action="append", nargs="+", dest="inputs", default=[],
        help="files for the inputs, or folders of them: images, .npy and .bin. PATH,PATH or "
        "INPUT:PATH,PATH,INPUT:PATH; default: random data",
    )  # fmt: skip
    group.add_argument(
        "-m", "--path-to-model", metavar="MODEL", default=DEFAULT_MODEL, dest="model",
        help="a model that OpenVINO reads (IR, ONNX, TensorFlow, TFLite, Paddle), a .blob compiled before, or "
        f"{', '.join(builtin.PREFIX + name for name in builtin.NAMES)}; default {DEFAULT_MODEL}",
    )  # fmt: skip
    group.add_argument("-d", "--target-device", metavar="DEVICE", default="CPU", dest="device", help="CPU, the default")
    group.add_argument(
        "-hint", "--perf-hint", choices=tuple(HINTS), dest="hint",
        help="default: latency with -api sync, else throughput; none where -nstreams, -nthreads or -pin is given",
    )  # fmt: skip
    group.add_argument(
        "-api", "--api-type", choices=("sync", "async"), dest="api",
        help="default: sync with -hint latency, else async",
    )  # fmt: skip


def _add_how(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "-niter", "--number-iterations", metavar="N", type=_not_negative, dest="iterations",
        help="inferences in total, shared out over the agents; with -t, until both are met; 0 only compiles the model",
    )  # fmt: skip
    group.add_argument(
        "-t", "--time", metavar="SECONDS", type=_seconds, dest="time",
        help=f"length of the measurement; default {DEFAULT_SECONDS:g}, or as long as -niter takes",
    )  # fmt: skip
    group.add_argument(
        "-max_irate", "--maximum-inference-rate", metavar="FPS", type=_rate, dest="max_irate", default=0.0,
        help="most frames per second in total, shared out over the agents; default 0: no limit",
    )  # fmt: skip
    group.add_argument(
        "--warmup", metavar="SECONDS", type=_seconds_or_0,
        help=f"load that all agents run together before the measurement; default {DEFAULT_WARMUP_SECONDS:g}, "
        "0 with -no_warmup",
    )  # fmt: skip
    group.add_argument("--seed", metavar="N", type=_not_negative, default=0, help="of the random inputs; default 0")


def _add_agents(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "--agents", metavar="N", type=_agents,
        help="the CPUs to measure are split evenly over N agents; or per-core, per-l3, per-node, per-socket: one agent "
        "for each; default: per-core, or with --cpus-per-agent as many as fit",
    )  # fmt: skip
    _add_cpus(group)
    group.add_argument(
        "--launcher", choices=("local", "external"), default="local",
        help="local starts the agents, the default; external waits for agents started with ovbench-agent --connect",
    )  # fmt: skip
    group.add_argument(
        "--agent-python", metavar="PATH",
        help="the Python to run the agents in, as that of a virtual environment with another OpenVINO; ovbench must be "
        "installed there, too; default: the one that runs this",
    )  # fmt: skip
    group.add_argument(
        "--bind", metavar="ENDPOINT",
        help="where external agents connect: ipc:///path/to/socket, in a folder that only you can write to; or, with "
        "--insecure, tcp://127.0.0.1:PORT on this host",
    )  # fmt: skip
    group.add_argument("--insecure", action="store_true", help=INSECURE)
    group.add_argument(
        "--join-timeout", metavar="SECONDS", type=_seconds,
        help="go on without agents that have not come so long after the last one that did; "
        "default 3.5 for local agents, 20 for external ones; 0.25 more for each further agent on a CPU",
    )  # fmt: skip
    group.add_argument(
        "--prepare-timeout", metavar="SECONDS", type=_seconds,
        help="give up an agent that has neither ended a step of its preparation nor used CPU time for so long, or has "
        "prepared for ten times as long; default 600",
    )  # fmt: skip
    group.add_argument("--dry-run", action="store_true", help="print the plan and start nothing")
    group.add_argument(
        "--sysfs", metavar="DIR", type=path,
        help="with --dry-run: plan for the machine that topology --record DIR has recorded, not this one",
    )  # fmt: skip
    group.add_argument(
        "--backend", metavar="NAME", type=_null_backend, default=None,
        help=f"openvino, the default, or {SYNTAX}: a device that takes exactly that long, to test ovbench, with "
        "faults to be found: slower and slower, a pause, the last agent slower or with wrong outputs",
    )  # fmt: skip


def _add_cpus(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "--cpus-per-agent",
        metavar="K",
        type=_positive,
        help="each agent gets K CPUs; what is left over is not measured",
    )
    group.add_argument(
        "--cpus", metavar="LIST", type=_list, help="measure only these, as in 0-3,8; default: all allowed"
    )
    group.add_argument("--nodes", metavar="LIST", type=_list, help="measure only CPUs of these NUMA nodes")
    group.add_argument("--sockets", metavar="LIST", type=_list, help="measure only CPUs of these sockets")
    group.add_argument(
        "--smt", choices=("skip", "use"), default="skip",
        help="skip, the default: one logical CPU of each core (of those named, the lowest); use: all of them",
    )  # fmt: skip
    group.add_argument(
        "--core-kind", choices=("performance", "efficient", "any"), default="any",
        help="measure only cores of this kind, where there are two; default any",
    )  # fmt: skip
    group.add_argument(
        "--spread", choices=("compact", "scatter"), default="compact",
        help="compact, the default: agents side by side; scatter: in turn over sockets, nodes and L3 caches",
    )  # fmt: skip
    group.add_argument(
        "--cross-node", choices=("avoid", "allow"), default="avoid",
        help="allow: an agent may have CPUs of several NUMA nodes where agents would else be uneven or not fit; avoid, "
        "the default: only with fewer agents than nodes, or per-socket",
    )  # fmt: skip
    group.add_argument(
        "--housekeeping", metavar="LIST", type=_list,
        help="CPUs for control threads and the coordinator, not measured; default: all that no agent has, SMT siblings "
        "of measured ones only where there are no others",
    )  # fmt: skip
    group.add_argument(
        "--memory", metavar="local|interleave|NODES", type=_memory,
        help="where agents take memory from: local, the node that they run on; interleave, in turn from all nodes that "
        "have memory, whatever --nodes says of CPUs; NODES, only from these, as in 0,1; default: the system's policy",
    )  # fmt: skip


def _add_shapes(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "-b", "--batch-size", metavar="N", type=_batch, dest="batch",
        help="batch of each inference: a number, ? or -1 for any, or a range as in 1..8; default: the model's",
    )  # fmt: skip
    group.add_argument(
        "-shape", "--shape", metavar="SHAPES", default="",
        help="reshape the model: [1,3,224,224] for every input, or NAME[1,3,?,?],NAME[1..8,4]",
    )  # fmt: skip
    group.add_argument(
        "-data_shape", "--data-shape", metavar="SHAPES", default="",
        help="shapes of the data for a model of open shape, in turn: NAME[1,128][1,256],NAME[1,4]",
    )  # fmt: skip
    group.add_argument(
        "-layout", "--layout", metavar="LAYOUTS", default="",
        help="which dimension is what: [NCHW] for every input, or NAME[NCHW],NAME[NC]",
    )  # fmt: skip


def _add_advanced(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "-nireq", "--number-infer-requests", metavar="N", type=_positive, dest="requests",
        help="infer requests in flight (async); default: the best number, by OpenVINO",
    )  # fmt: skip
    group.add_argument(
        "-nstreams", "--number-streams", metavar="N", type=_streams, dest="streams",
        help="streams; N or CPU:N, or AUTO for OpenVINO's choice",
    )  # fmt: skip
    group.add_argument(
        "-inference_only", "--inference-only", metavar="YES|NO", type=_yes_no, nargs="?", const=True, default=None,
        help="no: set the next inputs before each inference, within the measurement though not within its latency, "
        "the default for open shapes; yes: set them once, the default for static ones",
    )  # fmt: skip
    group.add_argument(
        "-no_warmup",
        "--no-warmup",
        action="store_true",
        help="leave out the first inference, and the warm-up unless --warmup is given",
    )
    group.add_argument(
        "-infer_precision", "--infer-precision", metavar="TYPE", type=_precision, dest="precision",
        help="precision to infer in, such as f32 or bf16 (or CPU:bf16); default: OpenVINO's choice for this CPU",
    )  # fmt: skip
    group.add_argument(
        "-exec_graph_path", "--exec-graph-path", metavar="FILE", type=_path,
        help="write the graph that OpenVINO executed (as an IR, by agent 0), with the time of each layer",
    )  # fmt: skip


def _add_loading(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "-extensions", "--extensions", metavar="FILE[,FILE]", dest="extensions", default="",
        help="libraries with operations that OpenVINO lacks",
    )  # fmt: skip
    group.add_argument(
        "-cdir", "--cache-dir", metavar="DIR", type=_path, dest="cache_dir",
        help="keep compiled models there, so that the next run loads them faster",
    )  # fmt: skip
    group.add_argument(
        "-lfile", "--load-from-file", metavar="ANY", nargs="?", const=True, default=False, dest="whole_file",
        help="compile from the file without reading the model first; a value after it means nothing",
    )  # fmt: skip
    group.add_argument(
        "-c", "--path-to-cldnn-config", metavar="FILE", dest="kernels",
        help="refused: it is for the kernels of GPUs",
    )  # fmt: skip


def _add_preprocessing(group: "argparse._ArgumentGroup") -> None:
    types = ", ".join(notation.ELEMENT_TYPES)
    group.add_argument(
        "-ip", "--input-precision", metavar="TYPE", choices=notation.ELEMENT_TYPES, dest="input_type",
        help=f"element type of all inputs: {types}",
    )  # fmt: skip
    group.add_argument(
        "-op", "--output-precision", metavar="TYPE", choices=notation.ELEMENT_TYPES, dest="output_type",
        help="element type of all outputs",
    )  # fmt: skip
    group.add_argument(
        "-iop", "--input-output-precision", metavar="TYPES", default="", dest="types",
        help='element types by name, which go before those of -ip and -op: "input:f16, output:f16"',
    )  # fmt: skip
    group.add_argument(
        "--mean-values", metavar="[R,G,B]", default="", dest="mean",
        help="to be subtracted from images, or from an input: NAME[255,255,255],NAME[127]",
    )  # fmt: skip
    group.add_argument(
        "--scale-values", metavar="[R,G,B]", default="", dest="scale", help="to divide by, after the mean"
    )


def _add_device(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "-nthreads", "--number-threads", metavar="N", type=_threads, dest="threads",
        help="inference threads; 0, the default: OpenVINO's choice",
    )  # fmt: skip
    group.add_argument(
        "-pin", "--infer-threads-pinning", choices=("YES", "NO"), dest="pinning",
        help="whether OpenVINO pins its threads to cores within the agent's CPUs; default: its choice",
    )  # fmt: skip


def _add_statistics(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "-latency_percentile", "--latency-percentile", metavar="N", type=_percent, default=50,
        help="the percentile that is reported as the latency, 1 to 100; default 50, the median",
    )  # fmt: skip
    group.add_argument(
        "-report_type", "--report-type", choices=REPORT_TYPES,
        help="also write benchmark_app's report: figures only, with the time of each layer on average, or with that "
        "of each infer request, too",
    )  # fmt: skip
    group.add_argument(
        "-report_folder", "--report-folder", metavar="DIR", type=_path,
        help="where all reports go; default ovbench-results/<UTC time>-<model>/",
    )  # fmt: skip
    group.add_argument(
        "-json_stats", "--json-stats", metavar="YES|NO", type=_yes_no, nargs="?", const=True, default=False,
        help="the reports of -report_type in JSON, not CSV",
    )  # fmt: skip


def _add_counters(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "-pc", "--perf-counts", metavar="YES|NO", type=_yes_no, nargs="?", const=True, default=None,
        dest="perf_counts", help="print the time of each layer",
    )  # fmt: skip
    group.add_argument(
        "-pcsort", "--perf-counts-sort", choices=PC_SORTS, dest="pcsort",
        help="print it slowest first (sort), so but without what did not run (simple_sort), or in the model's order",
    )  # fmt: skip
    group.add_argument(
        "-pcseq", "--pcseq", metavar="YES|NO", type=_yes_no, nargs="?", const=True, default=False,
        help="print the latency for each shape of -data_shape",
    )  # fmt: skip


def _add_config(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "-load_config", "--load-config", metavar="FILE", type=_path,
        help='further properties, as JSON: {"CPU": {"NUM_STREAMS": "3"}}; flags go before them',
    )  # fmt: skip
    group.add_argument(
        "-dump_config", "--dump-config", metavar="FILE", type=_path,
        help="write the properties that each agent asks for, in the format of -load_config",
    )  # fmt: skip


def _add_results(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "--save-samples", action="store_true",
        help="also write samples.npz: start and end of every inference that the figures count, in ns",
    )  # fmt: skip
    group.add_argument(
        "--sample-memory", metavar="MB", type=_positive, default=DEFAULT_SAMPLE_MEMORY_MB,
        help="for exact samples, over all agents; a longer run goes on with histograms (error at most 0.1%%); "
        f"default {DEFAULT_SAMPLE_MEMORY_MB}, that is {DEFAULT_SAMPLE_MEMORY_MB >> 4} million inferences",
    )  # fmt: skip
    group.add_argument(
        "--html", action="store_true",
        help="also write report.html: the report with charts, in one file; needs ovbench[html]",
    )  # fmt: skip
    group.add_argument(
        "--plots", choices=PLOTS, help="also write each chart as a file of that format; needs ovbench[html]"
    )
    group.add_argument("--json", action="store_true", help="print the report, and nothing else, on stdout")


def _add_validity(group: "argparse._ArgumentGroup") -> None:
    group.add_argument("--strict", action="store_true", help="a warning, too, makes a run INVALID: exit code 4")
    group.add_argument(
        "--require", metavar="LIMIT", action="append", default=[],
        help="exit code 4 unless a figure keeps to it, as in 'fps >= 900' or 'p99_ms < 5'; may be repeated",
    )  # fmt: skip
    group.add_argument(
        "--check-outputs", metavar="YES|NO", type=_yes_no, nargs="?", const=True, default=True,
        help="compare the outputs of all agents on the first inputs, before and after the load; default yes",
    )  # fmt: skip
    add_thresholds(group)
