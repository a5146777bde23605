"""The flags of ovbench-coord as argparse has them: names, help, text to numbers. `options` knows what they mean."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn, TypeVar

from ovbench.common import builtin
from ovbench.common.errors import UsageError
from ovbench.common.job import Hint

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

_EPILOG: Final = """\
examples:
  ovbench-coord --agents 4                          the built-in squeezenet1.1 on four agents for 10 s
  ovbench-coord -m model.xml -t 60                  your model, one agent per physical core, for a minute
  ovbench-coord -m model.onnx --agents 2 -api sync  latency: each agent infers back to back
  ovbench-coord --agents 1 -hint none -nstreams 2 -nireq 8
  ovbench-coord --agents 4 --dry-run                which CPUs each agent would get
  ovbench-coord --agents 4 --json | jq .throughput  the report alone, for programs
  ovbench-coord export-model builtin:squeezenet1.1 squeezenet.xml

exit codes: 0 valid, 2 wrong usage or bad input, 3 partial (an agent was lost), 4 a validity rule failed,
5 the report could not be written (it is then on stdout), 130 interrupted.
"""


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see --help)")


def gnu(word: str) -> str:
    """benchmark_app spells long names with underscores; both are taken."""
    if not word.startswith("--"):
        return word
    name, equals, value = word.partition("=")
    return "--" + name[2:].replace("_", "-") + equals + value


def export_parser() -> Parser:
    parser = Parser(
        prog="ovbench-coord export-model",
        allow_abbrev=False,
        description="Writes the IR of a built-in model, so that any other tool can run the same model.",
        epilog=f"Models: {', '.join(builtin.PREFIX + name for name in builtin.NAMES)}.",
    )
    parser.add_argument("model", metavar="builtin:NAME")
    parser.add_argument("file", metavar="FILE.xml", type=Path)
    return parser


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


_positive = _number(int, "a whole number of 1 or more", lambda n: 1 <= n < 1 << 31)
_not_negative = _number(int, "a whole number of 0 or more", lambda n: 0 <= n < 1 << 62)
_agents = _number(int, f"a whole number from 1 to {MOST_AGENTS}", lambda n: 1 <= n <= MOST_AGENTS)
_seconds = _number(float, "a number of seconds above 0", lambda s: 0 < s <= 1e7)
_seconds_or_0 = _number(float, "a number of seconds, 0 or more", lambda s: 0 <= s <= 1e6)


def _null_backend(text: str) -> float | None:
    if text == "openvino":
        return None
    kind, _, service = text.partition(":")
    try:
        microseconds = float(service)
    except ValueError:
        microseconds = 0.0
    if kind != "null" or not 0.001 <= microseconds <= 1e9:
        raise argparse.ArgumentTypeError(
            f"'{text}' is neither 'openvino' nor 'null:SERVICE_TIME_US' (as in null:1000, a millisecond per inference)"
        )
    return microseconds


def run_parser() -> Parser:
    from importlib.metadata import version

    parser = Parser(
        prog="ovbench-coord",
        usage="ovbench-coord [options]\n       ovbench-coord export-model builtin:NAME FILE.xml",
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Runs one load on many agents, each pinned to its CPUs, and merges what they measured.\n"
        "Flags that OpenVINO's benchmark_app has keep its spelling and meaning.",
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"ovbench {version('ovbench')}")
    _add_what(parser.add_argument_group("what to run"))
    settings = parser.add_argument_group("OpenVINO settings, for each agent")
    _add_openvino(settings)
    _add_further_openvino(settings)
    _add_how_long(parser.add_argument_group("how long"))
    _add_agents(parser.add_argument_group("agents"))
    _add_results(parser.add_argument_group("results"))
    return parser


def _add_what(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "-m", "--path-to-model", metavar="MODEL", default=DEFAULT_MODEL, dest="model",
        help="a model file that OpenVINO reads (IR, ONNX, ...), or "
        f"{', '.join(builtin.PREFIX + name for name in builtin.NAMES)}; default {DEFAULT_MODEL}",
    )  # fmt: skip
    group.add_argument("-d", "--target-device", metavar="DEVICE", default="CPU", dest="device", help="CPU, the default")
    group.add_argument(
        "-b", "--batch-size", metavar="N", type=_positive, dest="batch", help="batch; default: the model's"
    )
    group.add_argument("--seed", metavar="N", type=_not_negative, default=0, help="of the random inputs; default 0")
    group.add_argument(
        "--backend", metavar="NAME", type=_null_backend, default=None,
        help="openvino, the default, or null:SERVICE_TIME_US: a device that takes exactly that long, to test ovbench",
    )  # fmt: skip


def _add_openvino(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "-api", "--api-type", choices=("sync", "async"), dest="api",
        help="default: sync with -hint latency, else async",
    )  # fmt: skip
    group.add_argument(
        "-hint", "--perf-hint", choices=tuple(HINTS), dest="hint",
        help="default: latency with -api sync, else throughput; none where -nstreams, -nthreads or -pin is given",
    )  # fmt: skip
    group.add_argument("-nstreams", "--number-streams", metavar="N", type=_positive, dest="streams", help="streams")
    group.add_argument(
        "-nthreads", "--number-threads", metavar="N", type=_positive, dest="threads", help="inference threads"
    )
    group.add_argument(
        "-nireq", "--number-infer-requests", metavar="N", type=_positive, dest="requests",
        help="infer requests in flight (async); default: the best number, by OpenVINO",
    )  # fmt: skip


def _add_further_openvino(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "-infer_precision", "--infer-precision", metavar="TYPE", type=_of_the_cpu, dest="precision",
        help="precision to infer in, such as f32 or bf16; default: OpenVINO's choice for this CPU",
    )  # fmt: skip
    group.add_argument(
        "-pin", "--infer-threads-pinning", choices=("YES", "NO"), dest="pinning",
        help="whether OpenVINO pins its threads to cores within the agent's CPUs; default: its choice",
    )  # fmt: skip
    group.add_argument(
        "-cdir", "--cache-dir", metavar="DIR", type=Path, dest="cache_dir",
        help="keep compiled models there, so that the next run loads them faster",
    )  # fmt: skip
    group.add_argument(
        "-extensions", "--extensions", metavar="FILE[,FILE]", dest="extensions", default="",
        help="libraries with operations that OpenVINO lacks",
    )  # fmt: skip
    group.add_argument(
        "-load_config", "--load-config", metavar="FILE", type=Path,
        help='further properties, as JSON: {"CPU": {"NUM_STREAMS": "3"}}; flags go before them',
    )  # fmt: skip
    group.add_argument(
        "-dump_config", "--dump-config", metavar="FILE", type=Path,
        help="write the properties that each agent asks for, in the format of -load_config",
    )  # fmt: skip


def _of_the_cpu(text: str) -> str:
    """benchmark_app's `VALUE` or `DEVICE:VALUE`."""
    device, colon, value = text.rpartition(":")
    if not value or (colon and device.upper() != "CPU"):
        raise argparse.ArgumentTypeError(f"'{text}' is not for the CPU; give the value alone, or CPU:VALUE")
    return value


def _add_how_long(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "-t", "--time", metavar="SECONDS", type=_seconds, dest="time",
        help=f"length of the measurement; default {DEFAULT_SECONDS:g}, or as long as -niter takes",
    )  # fmt: skip
    group.add_argument(
        "-niter", "--number-iterations", metavar="N", type=_not_negative, dest="iterations",
        help="inferences in total, shared out over the agents; with -t, until both are met; 0 only compiles the model",
    )  # fmt: skip
    group.add_argument(
        "--warmup", metavar="SECONDS", type=_seconds_or_0, default=DEFAULT_WARMUP_SECONDS,
        help=f"load that all agents run together before the measurement; default {DEFAULT_WARMUP_SECONDS:g}",
    )  # fmt: skip


def _add_agents(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "--agents", metavar="N", type=_agents,
        help="the CPUs that this process may use are split evenly over N agents; default: one agent per physical core",
    )  # fmt: skip
    group.add_argument(
        "--launcher", choices=("local", "external"), default="local",
        help="local starts the agents, the default; external waits for agents started with ovbench-agent --connect",
    )  # fmt: skip
    group.add_argument(
        "--bind", metavar="ENDPOINT",
        help="where external agents connect: ipc:///path/to/socket, or tcp://127.0.0.1:PORT on this host",
    )  # fmt: skip
    group.add_argument(
        "--join-timeout", metavar="SECONDS", type=_seconds,
        help="go on without agents that have not come so long after the last one that did; "
        "default 3.5 for local agents, 20 for external ones",
    )  # fmt: skip
    group.add_argument("--dry-run", action="store_true", help="print the plan and start nothing")


def _add_results(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "-report_folder", "--report-folder", metavar="DIR", type=Path,
        help="where report.json goes; default ovbench-results/<UTC time>-<model>/",
    )  # fmt: skip
    group.add_argument(
        "--save-samples", action="store_true",
        help="also write samples.npz: start and end of every inference that the figures count, in ns",
    )  # fmt: skip
    group.add_argument(
        "--sample-memory", metavar="MB", type=_positive, default=DEFAULT_SAMPLE_MEMORY_MB,
        help="for exact samples, over all agents; a longer run goes on with histograms (error at most 0.1%%); "
        f"default {DEFAULT_SAMPLE_MEMORY_MB}, that is {DEFAULT_SAMPLE_MEMORY_MB >> 4} million inferences",
    )  # fmt: skip
    group.add_argument("--json", action="store_true", help="print the report, and nothing else, on stdout")
