"""A calibration for people: progress while it goes on, then its verdict, what scatters, and who else was there."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ..result.calibration import Calibration, CpuProbe
from ..result.numbers import duration, microseconds, rate
from ..session.events import AgentLost, Event
from ..study.calibrating import speed_changed
from .console import SteadyConsole, renews
from .lines import print_line
from .steps import lost_lines
from .table import fitted_table

_STYLES: Final = {"quiet": "bold green", "noisy": "bold yellow", "disturbed": "bold red"}
_INDENT: Final = 2
_STARTS: Final = (5, 20)
"""So many starts of each side, as examples of what repeating them shows."""


@dataclass
class CalibrationScreen:
    """The terminal as the audience: one line that is renewed between trials, off a terminal a line for each part."""

    console: SteadyConsole
    quiet: bool = False
    _live: Live | None = None
    _about: str = ""
    _lost: list[AgentLost] = field(default_factory=list)

    def begin(self, about_s: float) -> None:
        self._about = f"about {duration(about_s)} in all"
        self.done(f"calibrating this machine, {self._about}; leave it alone meanwhile")

    def step(self, doing: str) -> None:
        if self.quiet or not renews(self.console) or self.console.behind:
            return
        if self._live is None:
            self._live = Live(console=self.console, auto_refresh=False, transient=True)
            self._live.start()
        self._live.update(Text(f"  {doing}", "cyan", overflow="ellipsis", no_wrap=True), refresh=True)

    def done(self, text: str) -> None:
        if not self.quiet:
            print_line(self.console, Text(text), _INDENT)

    def handle(self, event: Event) -> None:
        if isinstance(event, AgentLost):
            for line in lost_lines([event]):
                self.console.print(Text(f"  {line}", "bold red"), highlight=False, soft_wrap=True)

    def detach(self) -> None:
        self.console.detach()

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
        self.console.attach()


def print_calibration(console: Console, found: Calibration) -> None:
    """Fits a terminal of 80 columns; most important last, where a terminal ends."""

    def show(line: Text) -> None:
        print_line(console, line, _INDENT)

    machine = found.machine
    show(Text(f"\n{machine.hostname}  {machine.cpu_model}", "bold"))
    cores = f"{machine.physical_cores} cores, {machine.logical_cpus} logical CPUs, {len(found.cpus)} measured"
    show(Text(f"  {cores}; OpenVINO {found.openvino}, {found.taken_at}, {duration(found.seconds)}", "dim"))
    console.print()
    console.print(noise_table(found))
    show(Text(f"  {NOISE_NOTE}", "dim"))
    for title, lines in SECTIONS.items():
        for number, line in enumerate(lines(found)):
            print_line(console, Text.assemble((f"{title if number == 0 else '':<{_TITLE}}", "bold"), line), _TITLE)
    show(Text())
    show(Text.assemble((f"{found.verdict}", _STYLES[found.verdict]), ("" if found.because else "  " + QUIET)))
    for reason in found.because:
        show(Text(f"  {reason}"))
    for line in floor_lines(found):
        show(Text(line, "bold"))


QUIET: Final = "others hardly used the measured CPUs, and nothing scatters by much"


def noise_rows(found: Calibration) -> Iterator[tuple[str, ...]]:
    for work in found.works:
        for index, noise in enumerate(work.noise):
            yield (
                work.name if index == 0 else "",
                f"{work.starts} x {work.trials // max(1, work.starts)}" if index == 0 else "",
                noise.figure,
                f"{noise.within_percent:.2f} %",
                f"{noise.between_percent:.2f} %",
                f"{noise.two_runs_percent:.1f} %",
            )


NOISE_NOTE: Final = "standard deviations; two runs of the same differ by more in 1 of 20 pairs"
NOISE_TITLES: Final = ("work", "starts", "figure", "in a start", "by start", "two runs")


def noise_table(found: Calibration) -> Table:
    return fitted_table(NOISE_TITLES, list(noise_rows(found)), names=3)


def same_lines(found: Calibration) -> Iterator[str]:
    for work in found.works:
        if (same := work.same) is not None:
            low, high = (100 * (end - 1) for end in (same.low, same.high))
            yield f"{work.name} {100 * (same.ratio - 1):+.1f} % ({low:+.1f} to {high:+.1f} %)"


def cpu_lines(found: Calibration) -> Iterator[str]:
    probes = found.probes
    if not probes:
        return

    def worst(name: str) -> tuple[str, CpuProbe]:
        return max(probes.items(), key=lambda item: float(getattr(item[1], name)))

    speeds = [one.hash_mb_per_s for one in probes.values()]
    _, late = worst("late_p99_us")
    cpu, gap = worst("longest_gap_us")
    yield (
        f"the slowest of {len(probes)} is {100 * (1 - min(speeds) / max(speeds)):.1f} % below the fastest"
        if len(probes) > 1 else f"CPU {cpu} alone"
    )  # fmt: skip
    yield f"sleepers wake {microseconds(late.late_median_us)} late, 1 in 100 {microseconds(late.late_p99_us)}"
    yield (
        f"a thread that never waits lost {max(one.taken_percent for one in probes.values()):.2f} % of its time, up to "
        f"{microseconds(gap.longest_gap_us)} at once"
    )


def clock_lines(found: Calibration) -> Iterator[str]:
    clock, late = found.clock, found.lateness_us
    yield f"{clock.source or 'source unknown'}, {clock.read_ns:.0f} ns a reading"
    if late is not None:
        yield f"starts at a rate are {microseconds(late.median)} late, 1 in 100 {microseconds(late.p99)}"
    frequencies = clock.frequency_mhz.values()
    governor = "" if clock.governor is None else f"governor {clock.governor}, "
    if frequencies:
        low, high = min(one.min for one in frequencies), max(one.mean for one in frequencies)
        yield f"{governor}frequency {low:,.0f} to {high:,.0f} MHz under load"
    else:
        yield f"{governor}frequency not shown by the kernel"


def speed_lines(found: Calibration) -> Iterator[str]:
    for work in found.works:
        yield (
            f"{work.name} {rate(work.fps.value)} inferences/s, {work.first_to_last_percent:+.1f} % from first to last "
            "start"
        )
    earlier = found.earlier
    if earlier is None:
        return
    many = "1 earlier calibration" if earlier.count == 1 else f"the median of {earlier.count} earlier calibrations"
    changed = dict(speed_changed(found))
    for name, percent in changed.items():
        word = "slower" if percent < 0 else "faster"
        yield f"{name}: {abs(percent):.0f} % {word} than {many} (since {earlier.since[:10]})"
    if not changed:
        alone = found.verdict == "disturbed" or not earlier.works_percent
        what = "plain speed of the CPUs " if alone else ""
        yield f"{what}as in {many} (since {earlier.since[:10]})"


SECTIONS: Final[Mapping[str, Callable[[Calibration], Iterator[str]]]] = {
    "A against A": same_lines, "CPUs": cpu_lines, "clock": clock_lines, "speed": speed_lines,
}  # fmt: skip
_TITLE: Final = max(map(len, SECTIONS)) + 2


def floor_lines(found: Calibration) -> Iterator[str]:
    floor = found.floor
    if floor is None:
        return
    few, many = _STARTS
    where = "on this machine" if found.verdict == "quiet" else f"on this machine while it is {found.verdict}"
    yield (
        f"Differences under {floor.two_runs_percent:.1f} % between two short runs cannot be seen {where}; over {few} "
        f"starts of each, under {floor.over(few):.1f} %, over {many}, {floor.over(many):.1f} %."
    )
