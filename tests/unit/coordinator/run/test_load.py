"""What the report has of the backlog, where it is known and where it is not."""

from dataclasses import replace

import numpy as np

from ovbench.common.samples import SampleArray
from ovbench.coordinator.analysis.merge import merge_run
from ovbench.coordinator.result.arrivals import ArrivalsPart
from ovbench.coordinator.run.load import arrivals_part
from ovbench.coordinator.session.record import RunRecord
from tests.builders import at_rate, delivered, finished, in_part_folded, ms, request, run, seconds
from tests.queueing import ZERO, Setting, record_of, serve


def part_of(record: RunRecord) -> ArrivalsPart:
    merged = merge_run(record)
    assert merged is not None
    part = arrivals_part(record, merged)
    assert part is not None
    return part


def test_the_backlog_is_of_both_ends_of_the_window() -> None:
    setting = Setting(agents=1, drain_ns=seconds(2))
    part = part_of(record_of(setting, serve(setting, [ms(20) * at for at in range(-5, 50)], [ms(100)] * 55)))
    # The first of the lead-in ends when the window opens; 50 come in that, and 10 are done before it closes.
    assert (part.backlog_start, part.backlog_end) == (5, 45)
    assert part.backlog_growth_per_s is not None
    assert part.backlog_growth_per_s > 35


def test_a_load_that_ended_before_its_window_has_no_backlog() -> None:
    setting = Setting(agents=1)
    record = record_of(setting, serve(setting, [ms(-900) + ms(5) * at for at in range(100)], [ms(1)] * 100))
    stopped = finished(start_ns=ZERO, stop_ns=ZERO - ms(500), completed=0)
    (agent,) = record.agents
    part = part_of(replace(record, agents=(replace(agent, samples=(), finished=stopped),), interrupted=True))
    assert (part.offered, part.backlog_start, part.backlog_end, part.backlog_growth_per_s) == (0, None, None, None)


def test_where_samples_were_folded_the_backlog_is_not_known() -> None:
    due = seconds(1) + ms(10) * np.arange(1000)
    head, middle, tail = in_part_folded(SampleArray.of(due, due + ms(2), due).table, keep=100)
    agent = at_rate(replace(delivered(0, data=np.concatenate([head, tail])), folded=(middle,)), 0.01)
    part = part_of(run([agent], wanted=request("-max_irate", "100")))
    assert (part.backlog_start, part.backlog_end, part.backlog_growth_per_s) == (None, None, None)
