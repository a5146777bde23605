"""The job that one agent runs: frozen values, complete before an agent sees them.

Everything here was requested by the user or decided by the plan; what OpenVINO made of it (streams, threads, requests)
is reported by the agent as `messages.Effective`.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from . import builtin as builtins

Api = Literal["sync", "async"]
Hint = Literal["throughput", "cumulative_throughput", "latency", "none"]

Positive = Annotated[int, Meta(ge=1)]
NotNegative = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(ge=0, le=1e7)]


class Spec(Struct, frozen=True, forbid_unknown_fields=True):
    """Base of the values below."""


class Model(Spec, frozen=True, forbid_unknown_fields=True):
    """`source` is `builtin:NAME` or an absolute path; `batch` (N, None for the model's own) reshapes it.

    `extensions` are libraries with operations that OpenVINO lacks.
    """

    source: str
    batch: Positive | None = None
    extensions: tuple[str, ...] = ()

    @property
    def builtin(self) -> str | None:
        return self.source.removeprefix(builtins.PREFIX) if self.source.startswith(builtins.PREFIX) else None


class Runtime(Spec, frozen=True, forbid_unknown_fields=True):
    """What is asked of OpenVINO; None leaves the choice to it.

    `config` holds further properties by OpenVINO's names, as a configuration file gives them; what has a field of its
    own goes before it.
    """

    device: str = "CPU"
    hint: Hint = "throughput"
    streams: Positive | None = None
    threads: Positive | None = None
    requests: Positive | None = None
    precision: str | None = None
    pinning: Literal["YES", "NO"] | None = None
    cache_dir: str | None = None
    config: dict[str, str] = {}

    def properties(self) -> dict[str, str]:
        """All of it, in OpenVINO's names."""
        asked = {
            "PERFORMANCE_HINT": None if self.hint == "none" else self.hint.upper(),
            "NUM_STREAMS": self.streams,
            "INFERENCE_NUM_THREADS": self.threads,
            "PERFORMANCE_HINT_NUM_REQUESTS": self.requests,
            "INFERENCE_PRECISION_HINT": self.precision,
            "ENABLE_CPU_PINNING": self.pinning,
            "CACHE_DIR": self.cache_dir,
        }
        return {**self.config, **{name: str(value) for name, value in asked.items() if value is not None}}


class Load(Spec, frozen=True, forbid_unknown_fields=True):
    """One agent's share of the load: it runs until `duration_s` has passed and `iterations` are done, where given.

    `iterations` 0 compiles the model and runs nothing (benchmark_app's `-niter 0`).
    """

    api: Api
    duration_s: Seconds | None
    iterations: NotNegative | None
    warmup_s: Seconds

    @property
    def compile_only(self) -> bool:
        return self.iterations == 0


class Placement(Spec, frozen=True, forbid_unknown_fields=True):
    """CPUs that the inference threads may use, and CPUs for control threads (empty: the same ones)."""

    cpus: tuple[NotNegative, ...]
    housekeeping: tuple[NotNegative, ...] = ()


class NullBackend(Spec, frozen=True, forbid_unknown_fields=True):
    """Stands in for OpenVINO: each inference takes exactly `service_ns` on one of `streams` servers."""

    service_ns: Positive


class Job(Spec, frozen=True, forbid_unknown_fields=True):
    model: Model
    runtime: Runtime
    load: Load
    placement: Placement
    null: NullBackend | None
    seed: NotNegative
    sample_bytes: Positive
    """Memory for exact samples; an agent that records more goes on with a histogram (see `samples`)."""
