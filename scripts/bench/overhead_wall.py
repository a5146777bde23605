"""Wall time around the measurement: that of ovbench with two agents against that of benchmark_app.

ovbench: from the process's start to its end, less warm-up and window. benchmark_app: its wall time less the duration
that it reports. Both on squeezenet1.1 for a second, with caches warm. Prints where ovbench's time goes, and what of it
comparing outputs takes.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from statistics import median

from .versus import AppRun, Goal, OvbenchRun, Row, Settings, in_turn, parse, ratio_row, report, say, workbench

SECONDS = 1.0
RUNS = 7
REACH = Goal(high=2.0)
OUTPUTS_REACH = Goal(high=1.05)


def measure(settings: Settings) -> Iterator[Row]:
    length = ("-t", f"{max(1, round(settings.seconds))}")
    ovbenches: list[OvbenchRun] = []
    apps: list[AppRun] = []
    with workbench() as bench:

        def ovbench() -> float:
            ovbenches.append(bench.ovbench("-m", "builtin:squeezenet1.1", "--agents", "2", *length))
            return _outside_s(ovbenches[-1])

        def unchecked() -> float:
            return _outside_s(
                bench.ovbench("-m", "builtin:squeezenet1.1", "--agents", "2", *length, "--check-outputs", "no")
            )

        def app() -> float:
            apps.append(bench.benchmark_app("squeezenet1.1", *length))
            return apps[-1].wall_s - apps[-1].duration_s

        bench.model("squeezenet1.1")
        bench.ovbench("-m", "builtin:squeezenet1.1", "--agents", "2", "-t", "0.2", "--warmup", "0")
        ours, theirs, plain = in_turn(settings.runs, ovbench, app, unchecked)
    yield ratio_row("wall time outside warm-up and window, 2 agents", ours, theirs, "benchmark_app", REACH, "s")
    yield ratio_row("the same, outputs compared", ours, plain, "not compared", OUTPUTS_REACH, "s")
    spent = [_stages(one) for one in ovbenches]
    for stage in spent[0]:
        say(f"{median(one[stage] for one in spent):7.3f} s  {stage}")
    for phase in ("load_runtime", "read_model", "reshape", "compile", "create_requests", "first_inference"):
        times = [getattr(one.report.phases_ms, phase) for one in ovbenches if one.report.phases_ms is not None]
        say(f"{median(times) / 1e3:7.3f} s    of the preparation: {phase.replace('_', ' ')}, slowest agent")


def _outside_s(one: OvbenchRun) -> float:
    window = one.report.window
    return one.wall_s - window.warmup_s - window.duration_s


def _stages(one: OvbenchRun) -> dict[str, float]:
    """Seconds from one event to the next, by ovbench's own lines and its window; they add up to the wall time."""
    window = one.report.window
    loaded = _line_ns(one, r"\[Step 2/")
    warm_up_ns = round(window.warmup_s * 1e9)
    events = (
        ("", one.began_ns),
        ("the coordinator's imports, options and plan", _line_ns(one, r"\[Step 1/")),
        ("fork server, agents, their preparation", loaded),
        ("start of the warm-up, and from its end to the window's start", window.start_ns - warm_up_ns),
        ("warm-up (not counted)", window.start_ns),
        ("window (not counted)", window.stop_ns),
        ("finish, delivery, agents' end, merge", _line_ns(one, r"\[Step 11/")),
        ("report: file and text", one.lines[-1][0]),
        ("end of the process", one.ended_ns),
    )
    return {name: (at - before) / 1e9 for (_, before), (name, at) in pairwise(events)}


def _line_ns(one: OvbenchRun, pattern: str) -> int:
    return next(at for at, line in one.lines if re.match(pattern, line))


if __name__ == "__main__":
    raise SystemExit(report(measure(parse(__doc__, SECONDS, RUNS))))
