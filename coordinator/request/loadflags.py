"""The flags that say what is inferred and how: model, load, runtime. A table."""

from typing import Final, get_args

from ovbench.common import builtin
from ovbench.common.arrivals import Dispatch

from . import arrivalnotation, values
from .defaults import (
    DEFAULT_DRAIN_SECONDS,
    DEFAULT_MODEL,
    DEFAULT_MOST_SECONDS,
    DEFAULT_SECONDS,
    DEFAULT_SPIN_US,
    DEFAULT_WARMUP_SECONDS,
    HINTS,
)
from .flag import Flag
from .scenario import MIN_DURATION_S, parse_scenario
from .until import parse_until

DISPATCHES: Final[tuple[Dispatch, ...]] = get_args(Dispatch)
_SAME_FILE: Final = "every trial would write the same file"
_BUILTIN: Final = ", ".join(builtin.PREFIX + name for name in builtin.NAMES)

OPTIONS: Final = (
    Flag(
        "help",
        ("-h", "--help"),
        "show this and exit; -h: the thirty lines to begin with",
        takes="nothing",
        refused="see ovbench-coord study --help",
        begun=True,
    ),
    Flag(
        "version",
        ("--version",),
        "show it, with OpenVINO's and Python's, and exit",
        takes="nothing",
        refused="see ovbench-coord --version",
    ),
    Flag(
        "inputs",
        ("-i", "--paths-to-input"),
        "files for the inputs, or folders of them: images, .npy and .bin. PATH,PATH or "
        "INPUT:PATH,PATH,INPUT:PATH; default: random data",
        metavar="PATH",
        takes="one or more",
        default=(),
        repeatable=True,
        path="file",
        begun=True,
    ),
    Flag(
        "model",
        ("-m", "--path-to-model"),
        "a model that OpenVINO reads (IR, ONNX, TensorFlow, TFLite, Paddle), a .blob compiled before, or "
        f"{_BUILTIN}; default {DEFAULT_MODEL}",
        metavar="MODEL",
        default=DEFAULT_MODEL,
        path="file",
        several="commas",
        begun=True,
    ),
    Flag("device", ("-d", "--target-device"), "CPU, the default", metavar="DEVICE", default="CPU", begun=True),
    Flag(
        "hint",
        ("-hint", "--perf-hint"),
        "default: latency with -api sync, else throughput; none where -nstreams, -nthreads or -pin is given",
        choices=tuple(HINTS),
        several="commas",
        begun=True,
    ),
    Flag(
        "api",
        ("-api", "--api-type"),
        "default: sync with -hint latency, else async",
        choices=("sync", "async"),
        several="commas",
        begun=True,
    ),
    Flag(
        "iterations",
        ("-niter", "--number-iterations"),
        "inferences of all agents together; with -t, until both are met; not at a --rate; 0 only compiles the model",
        metavar="N",
        parse=values.not_negative,
        several="ranges",
        begun=True,
    ),
    Flag(
        "time",
        ("-t", "--time"),
        f"length of the measurement, such as 90, 90s or 1m30s; default {DEFAULT_SECONDS:g}, or as long as -niter takes",
        metavar="SECONDS",
        parse=values.seconds,
        several="ranges",
        begun=True,
    ),
    Flag(
        "until",
        ("--until",),
        "measure until a figure is known so well, as in 'p99 +-3%' or 'fps +-1%': until its 95 % interval is within "
        f"that much of it; -t is then the most, default {DEFAULT_MOST_SECONDS:g}",
        metavar="FIGURE",
        parse=parse_until,
    ),
    Flag(
        "scenario",
        ("--scenario",),
        "a load of MLPerf's, judged by LoadGen's rules: single-stream; multi-stream:N, N at a time; server, arrivals "
        f"at --rate within --slo-ms; or offline. Takes {MIN_DURATION_S:g} seconds unless -t says otherwise",
        metavar="SCENARIO",
        parse=parse_scenario,
        several="commas",
    ),
    Flag(
        "max_irate",
        ("-max_irate", "--maximum-inference-rate"),
        "limit of the aggregate rate, in frames per second, divided among the agents; default 0, no limit",
        metavar="FPS",
        parse=values.rate,
        default=0.0,
        several="ranges",
        begun=True,
    ),
    Flag(
        "rate",
        ("--rate",),
        "let this many inferences per second become due, those of all agents together, done or not: latency is from "
        "when each was due, as in --rate 300",
        metavar="R",
        parse=values.inferences_per_s,
        several="ranges",
    ),
    Flag(
        "arrivals",
        ("--arrivals",),
        "when they become due: poisson, the default, as from many independent users; constant; gamma:CV for gaps of "
        "that coefficient of variation (gamma:2 has bursts); or trace:FILE[@SCALE], recorded instants in seconds (one "
        "a line, CSV with a header, or .npy), with @2 stretched to twice the time at half the rate",
        metavar="LAW",
        parse=arrivalnotation.law,
        several="commas",
    ),
    Flag(
        "stages",
        ("--stages",),
        "a rate that changes, instead of --rate and -t: DURATION:RATE or DURATION:RATE..RATE for a ramp, with ms, s, m "
        "or h, as in 10s:100,30s:100..500,60s:500",
        metavar="STAGES",
        parse=arrivalnotation.stages,
    ),
    Flag(
        "arrival_seed",
        ("--arrival-seed",),
        "seed of when they become due; default 0",
        metavar="N",
        parse=values.not_negative,
        several="ranges",
    ),
    Flag(
        "dispatch",
        ("--dispatch",),
        "who serves an arrival: shared, the default, one queue that all agents take from; or dealt beforehand, as a "
        "load balancer does: round-robin or random, or partition, the fixed equal shares of -max_irate",
        choices=DISPATCHES,
        several="commas",
    ),
    Flag(
        "drain",
        ("--drain",),
        "at a rate: so long after the end, what was due before it may still be started and finish; "
        f"default {DEFAULT_DRAIN_SECONDS:g}",
        metavar="SECONDS",
        parse=values.seconds_or_0,
        several="commas",
    ),
    Flag(
        "timeout_ms",
        ("--timeout-ms",),
        "drop what has waited so long to be started, and count it as dropped; default: never",
        metavar="MS",
        parse=values.milliseconds,
        several="commas",
    ),
    Flag(
        "spin_us",
        ("--spin",),
        "at a rate: wake so long before an inference is due, and spin; more is more punctual and takes more of the "
        f"CPU, 0 only sleeps; default {DEFAULT_SPIN_US['sync']:g}, with -api async {DEFAULT_SPIN_US['async']:g}",
        metavar="MICROSECONDS",
        parse=values.microseconds,
        several="commas",
    ),
    Flag(
        "warmup",
        ("--warmup",),
        f"load that all agents run together before the measurement; default {DEFAULT_WARMUP_SECONDS:g}, "
        "0 with -no_warmup; with --rate, arrivals of so long that are served and not counted",
        metavar="SECONDS",
        parse=values.seconds_or_0,
        several="commas",
    ),
    Flag(
        "seed",
        ("--seed",),
        "seed of the random inputs; default 0",
        metavar="N",
        parse=values.not_negative,
        default=0,
        several="ranges",
    ),
)

ADVANCED: Final = (
    Flag(
        "requests",
        ("-nireq", "--number-infer-requests"),
        "infer requests in flight (async); default: the best number, by OpenVINO",
        metavar="N",
        parse=values.positive,
        several="ranges",
        begun=True,
    ),
    Flag(
        "streams",
        ("-nstreams", "--number-streams"),
        "streams; N or CPU:N, or AUTO for OpenVINO's choice",
        metavar="N",
        parse=values.streams,
        several="ranges",
        begun=True,
    ),
    Flag(
        "inference_only",
        ("-inference_only", "--inference-only"),
        "no: set the next inputs before each inference, within the measurement though not within its latency, "
        "the default for open shapes; yes: set them once, the default for static ones",
        metavar="YES|NO",
        parse=values.yes_no,
        takes="at most one",
        several="commas",
        begun=True,
    ),
    Flag(
        "no_warmup",
        ("-no_warmup", "--no-warmup"),
        "leave out the first inference, and the warm-up unless --warmup is given",
        takes="nothing",
        default=False,
    ),
    Flag(
        "precision",
        ("-infer_precision", "--infer-precision"),
        "precision to infer in, such as f32 or bf16 (or CPU:bf16); default: OpenVINO's choice for this CPU",
        metavar="TYPE",
        parse=values.precision,
        several="commas",
    ),
    Flag(
        "exec_graph_path",
        ("-exec_graph_path", "--exec-graph-path"),
        "write the graph that OpenVINO executed (as an IR, by agent 0), with the time of each layer",
        metavar="FILE",
        parse=values.optional_path,
        path="file",
        refused=_SAME_FILE,
        begun=True,
    ),
    Flag(
        "extensions",
        ("-extensions", "--extensions"),
        "libraries with operations that OpenVINO lacks",
        metavar="FILE[,FILE]",
        default="",
        path="file",
        begun=True,
    ),
    Flag(
        "cache_dir",
        ("-cdir", "--cache-dir"),
        "keep compiled models there, so that the next run loads them faster",
        metavar="DIR",
        parse=values.optional_path,
        path="folder",
        begun=True,
    ),
    Flag(
        "whole_file",
        ("-lfile", "--load-from-file"),
        "compile from the file without reading the model first; a value after it means nothing",
        metavar="ANY",
        takes="at most one",
        default=False,
        begun=True,
    ),
    Flag(
        "kernels",
        ("-c", "--path-to-cldnn-config"),
        "refused: it is for the kernels of GPUs",
        metavar="FILE",
        path="file",
        begun=True,
    ),
)

DEVICE: Final = (
    Flag(
        "threads",
        ("-nthreads", "--number-threads"),
        "inference threads; 0, the default: OpenVINO's choice",
        metavar="N",
        parse=values.threads,
        several="ranges",
        begun=True,
    ),
    Flag(
        "pinning",
        ("-pin", "--infer-threads-pinning"),
        "whether OpenVINO pins its threads to cores within the agent's CPUs; default: its choice",
        choices=("YES", "NO"),
        several="commas",
        begun=True,
    ),
)
