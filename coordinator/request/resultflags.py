"""The flags that say what is made of a run, and by what it is judged. A table."""

from typing import Final, get_args

from . import values
from .defaults import DEFAULT_SAMPLE_MEMORY_MB
from .flag import Flag
from .request import PcSort, PlotFormat, ReportType
from .slo import parse_objectives
from .thresholds import limit_flags

PLOTS: Final[tuple[PlotFormat, ...]] = get_args(PlotFormat)
PC_SORTS: Final[tuple[PcSort, ...]] = get_args(PcSort)
_SAME_FILE: Final = "every trial would write the same file"
_NOT_OF_TRIALS: Final = "trials have no reports of benchmark_app; run the setting by itself"

STATISTICS: Final = (
    Flag(
        "latency_percentile",
        ("-latency_percentile", "--latency-percentile"),
        "the percentile that is reported as the latency, 1 to 100; default 50, the median",
        metavar="N",
        parse=values.percent,
        default=50,
        begun=True,
    ),
    Flag(
        "report_type",
        ("-report_type", "--report-type"),
        "also write benchmark_app's report: figures only, with the time of each layer on average, or with that "
        "of each infer request, too",
        choices=get_args(ReportType),
        refused=_NOT_OF_TRIALS,
        begun=True,
    ),
    Flag(
        "report_folder",
        ("-report_folder", "--report-folder"),
        "where all reports go; default ovbench-results/<UTC time>-<model>/",
        metavar="DIR",
        parse=values.optional_path,
        path="folder",
        refused="set it on the study itself; every trial has a folder in the study's",
        begun=True,
    ),
    Flag(
        "json_stats",
        ("-json_stats", "--json-stats"),
        "the reports of -report_type in JSON, not CSV",
        metavar="YES|NO",
        parse=values.yes_no,
        takes="at most one",
        default=False,
        refused=_NOT_OF_TRIALS,
        begun=True,
    ),
    Flag(
        "perf_counts",
        ("-pc", "--perf-counts"),
        "print the time of each layer",
        metavar="YES|NO",
        parse=values.yes_no,
        takes="at most one",
        begun=True,
    ),
    Flag(
        "pcsort",
        ("-pcsort", "--perf-counts-sort"),
        "print it slowest first (sort), the same without what did not run (simple_sort), or in the model's order",
        choices=PC_SORTS,
        begun=True,
    ),
    Flag(
        "pcseq",
        ("-pcseq", "--pcseq"),
        "print the latency for each shape of -data_shape",
        metavar="YES|NO",
        parse=values.yes_no,
        takes="at most one",
        default=False,
        begun=True,
    ),
    Flag(
        "load_config",
        ("-load_config", "--load-config"),
        'further properties, as JSON: {"CPU": {"NUM_STREAMS": "3"}}; flags go before them',
        metavar="FILE",
        parse=values.optional_path,
        path="file",
    ),
    Flag(
        "dump_config",
        ("-dump_config", "--dump-config"),
        "write the properties that each agent requests, in the format of -load_config",
        metavar="FILE",
        parse=values.optional_path,
        path="file",
        refused=_SAME_FILE,
    ),
)

RESULTS: Final = (
    Flag(
        "quiet",
        ("-q", "--quiet"),
        "print the summary of the report alone: no steps, nothing while it goes on, no tables",
        takes="nothing",
        default=False,
        refused="set it on the study itself",
    ),
    Flag(
        "overwrite",
        ("--overwrite",),
        "write the report also where there is one in the folder already, over it",
        takes="nothing",
        default=False,
        refused="a study has a folder of its own; name one where there is none",
    ),
    Flag(
        "save_samples",
        ("--save-samples",),
        "also write samples.npz: start and end of every inference that the figures count, in ns",
        takes="nothing",
        default=False,
    ),
    Flag(
        "sample_memory",
        ("--sample-memory",),
        "for exact samples, over all agents; a longer run goes on with histograms (error at most 0.1%); "
        f"default {DEFAULT_SAMPLE_MEMORY_MB}, that is {(DEFAULT_SAMPLE_MEMORY_MB << 16) // 10**6} million inferences",
        metavar="MB",
        parse=values.positive,
        default=DEFAULT_SAMPLE_MEMORY_MB,
    ),
    Flag(
        "html",
        ("--html",),
        "also write report.html: the report with charts, in one file; needs ovbench[html]",
        takes="nothing",
        default=False,
        refused="a study has a page in any case",
    ),
    Flag(
        "plots",
        ("--plots",),
        "also write each chart as a file of that format; needs ovbench[html]",
        choices=PLOTS,
        refused="set it on the study itself",
    ),
    Flag(
        "markdown",
        ("--markdown",),
        "also write the report as Markdown, for a comment on a pull request; - for stdout",
        metavar="FILE",
        parse=values.path,
        path="file",
        refused="set it on the study itself",
    ),
    Flag(
        "json",
        ("--json",),
        "print the report, and nothing else, on stdout",
        takes="nothing",
        default=False,
        refused="the answer is in the study's folder",
    ),
)

VALIDITY: Final = (
    Flag("strict", ("--strict",), "a warning, too, makes a run INVALID: exit code 4", takes="nothing", default=False),
    Flag(
        "require",
        ("--require",),
        "exit code 4 unless a figure meets it, as in 'fps >= 900' or 'p99_ms < 5'; may be repeated",
        metavar="LIMIT",
        default=(),
        repeatable=True,
        refused="a study judges no limits; use ovbench-coord compare --fail-if, or a run",
    ),
    Flag(
        "slo_ms",
        ("--slo-ms",),
        "limits of the latency, for all or for a percentile, as in 20 or p99:20,p50:5: report how many inferences keep "
        "them (goodput); limit that with --require 'goodput >= 0.99'",
        metavar="MS",
        parse=parse_objectives,
        default=(),
    ),
    Flag(
        "check_outputs",
        ("--check-outputs",),
        "compare the outputs of all agents on the first inputs, before and after the load; default yes",
        metavar="YES|NO",
        parse=values.yes_no,
        takes="at most one",
        default=True,
    ),
)

THRESHOLDS: Final = limit_flags()
