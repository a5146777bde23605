"""What a study keeps on disk, typed: `study.json` is a `Study`, each line of `trials.jsonl` an `Outcome`. Pure.

A folder `trials/<id>/` has the report of each trial. These keys are a contract, as those of the report are.
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from .arrivals import ObjectivePart
from .effective import InEffect
from .latency import Interval
from .noise import NoiseFloor
from .report import Status

SCHEMA: Final = "ovbench.study/1"
AGENTS_IN: Final = "agents in "
"""Before the path of their own Python, in a fingerprint."""
STUDY_FILE: Final = "study.json"
TRIALS_FILE: Final = "trials.jsonl"
TRIALS_FOLDER: Final = "trials"
ANSWER_FILE: Final = "answer.json"

SIZE_PERCENT: Final = 2.0
"""What A against B calls no difference, unless another size was stated."""

WITHIN_PERCENT: Final = 5.0
"""How narrow the interval of a capacity is to be, half of it, unless another was asked for."""

RETRY_SUSPECT: Final = 1
"""Rounds in which SUSPECT trials are run again, unless another number was asked for."""

Point = dict[str, str]
"""The settings that a study varies: a value for each, by flag as it was given."""

KindName = Literal["sweep", "scaling", "streams", "partition", "batch", "ab", "releases", "bisect", "load", "capacity"]


class Trial(Struct, frozen=True, forbid_unknown_fields=True):
    """One run of a study. `point`: the settings that are varied, by flag as it was given; `argv`: all of them."""

    id: Annotated[str, Meta(pattern=r"\A[0-9]{4,6}\Z")]
    point: Point
    repetition: int
    argv: tuple[str, ...]


class Fingerprint(Struct, frozen=True, forbid_unknown_fields=True):
    """What must not have changed where a study is resumed. `models`: digest of its files, by model as it was given."""

    models: dict[str, str]
    machine: dict[str, str]
    files: Annotated[dict[str, str], Meta(description="SHA-256 of each file, by its path; empty in older studies")] = {}


class Study(Struct, frozen=True, forbid_unknown_fields=True):
    """`trials` are in the order in which they are run: repetitions interleaved at random, by `seed`."""

    ovbench: str
    kind: KindName
    created_at: str
    command: tuple[str, ...]
    seed: int
    repetitions: int
    axes: Annotated[dict[str, tuple[str, ...]], Meta(description="the settings that are varied, and their values")]
    trials: tuple[Trial, ...]
    fingerprint: Fingerprint
    p99_limit_ms: float | None = None
    size_percent: Annotated[float, Meta(gt=0, le=100, description="of two sides, what is no difference")] = SIZE_PERCENT
    metric: Annotated[Literal["fps", "median", "p99"], Meta(description="of a bisection, what is to be slower")] = "fps"
    retry_suspect: Annotated[
        int, Meta(ge=0, le=10, description="rounds in which SUSPECT trials are run again; older studies have none")
    ] = 0
    stopped: Annotated[str, Meta(description="why it was ended before its plan was; else empty")] = ""
    accepted: Annotated[tuple[str, ...], Meta(description="changes accepted on resume")] = ()
    fail_if: Annotated[tuple[str, ...], Meta(description="conditions on what is compared; any gives exit code 4")] = ()
    within_percent: Annotated[
        float, Meta(gt=0, le=50, description="of a capacity, half its 95 % interval that is enough")
    ] = WITHIN_PERCENT
    slo: Annotated[str, Meta(description="the limits of latency that a rate is to keep, as --slo-ms has them")] = ""
    at_rate: Annotated[
        tuple[str, ...], Meta(description="flags of the trials at a rate, where those of a closed loop come first")
    ] = ()
    at_percent: Annotated[
        tuple[float, ...], Meta(description="of a load study, its rates in percent of the closed loop's, ascending")
    ] = ()
    noise: Annotated[
        NoiseFloor | None, Meta(description="of the machine, by its last undisturbed calibration; null without one")
    ] = None
    schema: Literal["ovbench.study/1"] = SCHEMA


class LayerTime(Struct, frozen=True, forbid_unknown_fields=True):
    """Of a layer as executed: its mean time in one inference."""

    name: str
    type: str
    exec_type: str
    ms: float


class Outcome(Struct, frozen=True, forbid_unknown_fields=True):
    """How a trial went. `status` FAILED: it could not be run (`why`), and its figures are null.

    `latency_ms` has min, median, mean, p90, p95, p99, p99_9 and max, as far as they are known: see `at_least`. `cores`:
    measured logical CPUs; `streams` and `requests`: of all agents together.
    """

    trial: str
    point: Point
    repetition: int
    started_at: str
    seconds: Annotated[float, Meta(description="from its beginning to its end, warm-up and window included")]
    exit_code: int
    status: Status | Literal["FAILED"]
    fps: float | None = None
    fps_ci95: Interval | None = None
    latency_ms: dict[str, float] = {}
    agents: int | None = None
    cores: int | None = None
    streams: int | None = None
    requests: int | None = None
    busy_percent: float | None = None
    frames_per_cpu_s: float | None = None
    openvino: Annotated[str | None, Meta(description="of the agents; null with the null device")] = None
    findings: tuple[str, ...] = ()
    why: str = ""
    attempt: Annotated[int, Meta(ge=0, description="0, or the round in which it was run again")] = 0
    files: Annotated[dict[str, str], Meta(description="SHA-256 of the model's files and inputs that were read")] = {}
    in_effect: Annotated[
        InEffect | None, Meta(description="null where not all agents became ready, and in older studies")
    ] = None
    figures: Annotated[
        dict[str, float], Meta(description="by name, those that only a load at a rate, or with a limit, has")
    ] = {}
    at_least: Annotated[
        dict[str, float], Meta(description="by name, of figures that are not known: what they cannot be below")
    ] = {}
    covers: Annotated[
        dict[str, int],
        Meta(description="how many sockets, nodes and cores the measured CPUs are of; empty over several hosts"),
    ] = {}
    layers: Annotated[
        tuple[LayerTime, ...], Meta(description="of trials that count layers where others of the study do not")
    ] = ()
    objectives: Annotated[tuple[ObjectivePart, ...], Meta(description="limits of the latency, in their order")] = ()
    start: Annotated[
        int | None,
        Meta(description="trials of the same number had the same agents; null in older studies, and where FAILED"),
    ] = None

    @property
    def at_rate(self) -> bool:
        """Whether inferences were due at instants of their own, so that latency is from those."""
        return "offered_per_s" in self.figures

    @property
    def folder(self) -> str:
        """Of its report, in the folder of all trials."""
        return folder_of(self.trial, self.attempt)


def folder_of(trial: str, attempt: int) -> str:
    return f"{trial}-again-{attempt}" if attempt else trial


def study_json(study: Study) -> bytes:
    """Raises nothing; indented, for people who look into it."""
    return msgspec.json.format(msgspec.json.encode(study), indent=2) + b"\n"


def outcome_line(outcome: Outcome) -> bytes:
    return msgspec.json.encode(outcome) + b"\n"
