"""The load at a rate that a run is asked for: its flags taken together, contradictions refused, its trace read."""

from dataclasses import dataclass

from ovbench.common.arrivals import Arrivals, Poisson, Renewal, Stage, Trace
from ovbench.common.errors import UsageError

from .arrivalnotation import TraceFile
from .defaults import DEFAULT_SECONDS
from .tracefile import read_trace


@dataclass(frozen=True)
class RateFlags:
    """What --rate, --arrivals, --stages, --arrival-seed, -t and -niter gave, None where they were left out."""

    rate: float | None = None
    law: Renewal | TraceFile | None = None
    stages: tuple[Stage, ...] | None = None
    seed: int | None = None
    time_s: float | None = None
    iterations: int | None = None
    default_s: float = DEFAULT_SECONDS
    """The length of a load that none of them says."""


def arrivals_of(flags: RateFlags, lead_in_s: float, most: int) -> Arrivals | None:
    """None where no rate is asked for. Raises UsageError, one sentence.

    `most`: arrivals that there is memory for, those of `lead_in_s` seconds before the window among them.
    """
    if isinstance(flags.law, TraceFile):
        found = _replayed(flags.law, flags)
    elif flags.stages is not None:
        found = _staged(flags.law or Poisson(), flags.stages, flags)
    elif flags.rate is not None:
        found = _level(flags.law or Poisson(), flags.rate, flags)
    else:
        _refuse_without_rate(flags)
        return None
    _refuse_too_many(found, lead_in_s, most)
    return found


def requested(arrivals: Arrivals | None) -> dict[str, str | int | float | None]:
    """For the report, by the names of the command line; the digest of a trace beside them."""
    if arrivals is None:
        return dict.fromkeys(("rate", "arrivals", "trace_sha256", "stages", "arrival_seed"))
    trace = arrivals.law if isinstance(arrivals.law, Trace) else None
    level = _is_level(arrivals)
    return {
        "rate": arrivals.stages[0].rate_from if level and trace is None else None,
        "arrivals": str(arrivals.law),
        "trace_sha256": None if trace is None else trace.sha256,
        "stages": None if level else ",".join(map(str, arrivals.stages)),
        "arrival_seed": arrivals.seed,
    }


def _replayed(file: TraceFile, flags: RateFlags) -> Arrivals:
    asked = f"--arrivals {file}"
    if flags.rate is not None:
        raise UsageError(
            f"--rate {flags.rate:g} and {asked} contradict each other: a trace has its own rate; stretch it with "
            "@SCALE, as in @2 for half the rate, or leave --rate out"
        )
    if flags.stages is not None:
        raise UsageError(f"--stages and {asked} contradict each other: a trace has its own rates; leave one out")
    if flags.iterations is not None:
        raise UsageError(f"-niter and {asked} contradict each other: a trace has its own end; leave -niter out")
    trace = read_trace(file)
    duration_s = trace.length_s if flags.time_s is None else flags.time_s
    if duration_s == 0:
        raise UsageError(f"{asked} has all its arrivals at one instant, and so no length; give one with -t")
    mean = trace.count / duration_s
    found = Arrivals(trace, (Stage(duration_s, mean, mean),), flags.seed or 0)
    if round(trace.last_s * 1e9) >= found.duration_ns:
        raise UsageError(
            f"{asked} is longer than -t {duration_s:g} allows, with an arrival after {trace.last_s:g} seconds; leave "
            "-t out, give a longer one, or scale the trace with @SCALE"
        )
    return found


def _staged(law: Renewal, stages: tuple[Stage, ...], flags: RateFlags) -> Arrivals:
    if flags.rate is not None:
        raise UsageError(
            f"--rate {flags.rate:g} and --stages contradict each other: stages have their own rates; leave one out"
        )
    if flags.iterations is not None:
        raise UsageError("-niter and --stages contradict each other: stages have their own lengths; leave -niter out")
    found = Arrivals(law, stages, flags.seed or 0)
    if flags.time_s is not None and round(flags.time_s * 1e9) != found.duration_ns:
        raise UsageError(
            f"-t {flags.time_s:g} and --stages of {found.duration_s:g} seconds contradict each other; leave -t out"
        )
    if found.expected < 1:
        raise UsageError("--stages: less than one arrival is to be expected in all; raise a rate, or lengthen a stage")
    return found


def _level(law: Renewal, rate: float, flags: RateFlags) -> Arrivals:
    if flags.iterations == 0:
        raise UsageError(f"-niter 0 only compiles the model, and --rate {rate:g} has nothing to load; leave one out")
    if flags.iterations is not None:
        raise UsageError(
            f"-niter {flags.iterations} and --rate {rate:g} contradict each other: a rate lasts for a time, and its "
            f"law says how many arrive in it; use -t {flags.iterations / rate:.6g} instead of -niter"
        )
    duration_s = flags.default_s if flags.time_s is None else flags.time_s
    if rate * duration_s < 1:
        raise UsageError(
            f"--rate {rate:g}: less than one arrival is to be expected in {duration_s:g} seconds; raise it, or give a "
            "longer -t"
        )
    return Arrivals(law, (Stage(duration_s, rate, rate),), flags.seed or 0)


def _refuse_without_rate(flags: RateFlags) -> None:
    if flags.law is not None:
        raise UsageError(f"--arrivals {flags.law} needs a rate; add --rate R, or --stages")
    if flags.seed is not None:
        raise UsageError(f"--arrival-seed {flags.seed} is for a load at a rate; add --rate R, or leave it out")


def _refuse_too_many(arrivals: Arrivals, lead_in_s: float, most: int) -> None:
    number = arrivals.most(lead_in_s)
    if number <= most:
        return
    if isinstance(arrivals.law, Trace):
        lower = "replay a part of the trace, or shorten --warmup"
    else:
        lower = "lower --rate or -t" if _is_level(arrivals) else "lower or shorten --stages"
    raise UsageError(
        f"as many as {number:,} arrivals may become due, and --sample-memory has room for {most:,}; {lower}, or raise "
        "--sample-memory"
    )


def _is_level(arrivals: Arrivals) -> bool:
    first, *others = arrivals.stages
    return not others and first.rate_from == first.rate_to
