"""What is shown while a load runs, from heartbeats made by hand."""

import numpy as np
import pytest

from ovbench.common.histogram import COARSE
from ovbench.common.messages import Progress
from ovbench.coordinator.session.events import Snapshot
from ovbench.coordinator.session.fleet import Fleet
from ovbench.coordinator.session.rules import Rules
from ovbench.coordinator.session.snapshot import Tracker
from tests.builders import effective, job, ms, ready, seconds

BEGIN = seconds(100)


class Show:
    """Two agents on a CPU each, a load of ten seconds from BEGIN on, and the tracker that looks at them."""

    def __init__(self, duration_s: float | None = 10.0, batch: int = 1) -> None:
        self.fleet = Fleet([job((0,)), job((1,))], Rules(), 0)
        self.fleet.begin_ns = BEGIN
        for member in self.fleet.members:
            member.ready = ready(effective(batch=batch))
        self.tracker = Tracker(duration_s)

    def heartbeat(
        self, agent: int, at_s: float, completed: int, latencies_ms: tuple[float, ...] = (), busy_ms: int = 0
    ) -> None:
        buckets = tuple(COARSE.buckets(np.array([ms(latency) for latency in latencies_ms], np.int64)).tolist())
        member = self.fleet.members[agent]
        member.progress = Progress(10, completed, busy_ms, buckets, (1,) * len(buckets))
        member.progress_ns = BEGIN + seconds(at_s)

    def at(self, at_s: float) -> Snapshot:
        return self.tracker.snapshot(self.fleet, 75.0, BEGIN + seconds(at_s))


def test_time_that_is_over_and_time_that_is_left_add_up() -> None:
    now = Show().at(4.0)
    assert (now.elapsed_s, now.left_s, now.share) == (4.0, 6.0, 0.4)


def test_a_load_that_takes_longer_than_asked_for_has_no_time_left() -> None:
    now = Show().at(12.0)
    assert (now.left_s, now.share) == (0.0, 1.0)


def test_before_the_beginning_no_time_is_over() -> None:
    assert Show().at(-0.5).elapsed_s == 0.0


def test_a_load_of_unknown_length_has_no_share() -> None:
    now = Show(duration_s=None).at(4.0)
    assert (now.left_s, now.share) == (None, None)


def test_before_the_second_heartbeat_there_is_no_speed() -> None:
    show = Show()
    show.heartbeat(0, 0.5, 50)
    now = show.at(0.5)
    assert now.fps is None
    assert now.completed == 50
    assert [agent.fps for agent in now.agents] == [None, None]


def test_speed_is_between_the_last_two_heartbeats_of_each_agent() -> None:
    show = Show()
    for agent, per_second in ((0, 100), (1, 300)):
        show.heartbeat(agent, 1.0, 10)
        show.at(1.0)
        show.heartbeat(agent, 1.5, 10 + per_second // 2)
    now = show.at(1.5)
    assert now.fps == pytest.approx(400)
    assert [agent.fps for agent in now.agents] == pytest.approx([100, 300])
    assert now.completed == 60 + 160


def test_a_heartbeat_that_is_seen_again_says_nothing_new() -> None:
    """One slow inference of agent 1 among two hundred fast ones of agent 0, however often it is looked at."""
    show = Show()
    show.heartbeat(0, 1.0, 100, (5.0,) * 200)
    show.heartbeat(1, 1.0, 1, (500.0,))
    for quarter in range(8):
        assert show.at(1.0 + quarter / 4).p99_ms == pytest.approx(5.0, rel=0.01)
        show.heartbeat(0, 1.25 + quarter / 4, 125 + 25 * quarter)


def test_speed_is_in_frames_where_an_inference_has_many() -> None:
    show = Show(batch=8)
    show.heartbeat(0, 1.0, 100)
    show.at(1.0)
    show.heartbeat(0, 2.0, 200)
    assert show.at(2.0).fps == pytest.approx(800)


def test_an_agent_that_was_lost_adds_no_speed_but_what_it_did_was_done() -> None:
    show = Show()
    for at in (1.0, 2.0):
        for agent in (0, 1):
            show.heartbeat(agent, at, round(at * 100))
        show.at(at)
    show.fleet.died(1, "was killed", BEGIN)
    now = show.at(2.5)
    assert now.fps == pytest.approx(100)
    assert [agent.id for agent in now.agents] == [0]
    assert now.completed == 400


def test_the_percentile_so_far_is_that_of_all_heartbeats() -> None:
    show = Show()
    show.heartbeat(0, 1.0, 99, (5.0,) * 99)
    show.at(1.0)
    show.heartbeat(1, 1.0, 1, (500.0,))
    assert show.at(1.0).p99_ms == pytest.approx(5.0, rel=0.01)
    show.heartbeat(1, 1.5, 5, (500.0,) * 4)
    assert show.at(1.5).p99_ms == pytest.approx(500.0, rel=0.01)


def test_with_groups_of_shapes_in_turn_an_inference_has_the_mean_of_their_batches() -> None:
    show = Show()
    show.fleet.members[0].ready = ready(effective(batch=2, groups=(2, 6, 1)))
    show.heartbeat(0, 0.5, 50)
    show.at(0.5)
    show.heartbeat(0, 1.5, 150)
    assert show.at(1.5).fps == pytest.approx(100 * 3)


def test_without_latencies_there_is_no_percentile() -> None:
    assert Show().at(1.0).p99_ms is None


def test_a_bucket_that_does_not_exist_is_passed_over() -> None:
    show = Show()
    member = show.fleet.members[0]
    member.progress = Progress(step=10, completed=5, buckets=(COARSE.size, 3), counts=(1, 1))
    member.progress_ns = BEGIN + 1
    assert show.at(1.0).p99_ms == pytest.approx(3e-6)


def test_what_is_busy_beside_the_agents_is_others_load() -> None:
    """The two CPUs are busy for 75 %; the agents have 60 and 70 % of one each, together 65 % of both."""
    show = Show()
    for agent, share in ((0, 0.6), (1, 0.7)):
        show.heartbeat(agent, 1.0, 10, busy_ms=500)
        assert show.at(1.0).others_percent is None
        show.heartbeat(agent, 3.0, 20, busy_ms=500 + round(2000 * share))
    assert show.at(3.0).others_percent == pytest.approx(10)
    assert show.at(4.0).others_percent == pytest.approx(10), "nothing new was heard"
    assert show.tracker.snapshot(show.fleet, None, BEGIN).others_percent is None


def test_agents_that_had_more_than_the_kernel_counted_leave_nothing_to_others() -> None:
    show = Show()
    for agent in (0, 1):
        show.heartbeat(agent, 1.0, 10)
        show.at(1.0)
        show.heartbeat(agent, 2.0, 10, busy_ms=1000)
    assert show.at(2.0).others_percent == 0
