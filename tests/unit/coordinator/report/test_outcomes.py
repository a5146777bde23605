"""The trials of a study as a table."""

import io

from rich.console import Console

from ovbench.coordinator.report.outcomes import print_study
from ovbench.coordinator.study.record import Fingerprint, Outcome, Study, Trial, outcome_of
from tests.builders import report


def test_each_trial_that_ended_has_its_row() -> None:
    trials = tuple(Trial(f"{n:04}", {"-nstreams": str(n)}, 1, ()) for n in (1, 2, 3))
    study = Study("0.1.0", "streams", "", (), 0, 1, {"-nstreams": ("1", "2", "3")}, trials, Fingerprint({}, {}))
    failed = Outcome(trial="0002", point=trials[1].point, repetition=1, started_at="", seconds=0.0, exit_code=2,
                     status="FAILED")  # fmt: skip
    written = io.StringIO()
    done = outcome_of(trials[0], report(), 12.0, 0)
    print_study(Console(file=written, width=80, force_terminal=False), study, [done, failed])
    title, header, _, one, two = written.getvalue().splitlines()
    assert title == "streams: 2 of 3 trials"
    assert header.split() == ["trial", "setting", "repetition", "FPS", "median", "p99", "verdict"]
    assert one.split() == ["0001", "-nstreams", "1", "1", "200.0", "10.0", "ms", "10.0", "ms", "VALID"]
    assert two.split() == ["0002", "-nstreams", "2", "1", "-", "-", "-", "FAILED"]
