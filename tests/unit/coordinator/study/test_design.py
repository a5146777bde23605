"""What each study compares, and that its trials are interleaved so that drift falls on all alike."""

from collections import Counter
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovbench.common.errors import UsageError
from ovbench.coordinator.result.study import KindName
from ovbench.coordinator.study.axes import parse_axes
from ovbench.coordinator.study.design import MOST_TRIALS, SIDE, Design
from ovbench.coordinator.study.kinds.cards import AB_BLOCKS
from ovbench.coordinator.study.kinds.registry import KINDS
from tests.machines import machine
from tests.studies import trials


def of(kind: KindName, *words: str, cores: int = 4, **own: str) -> Design:
    return KINDS[kind].design(parse_axes(words), machine(cores=cores), own)


def test_a_sweep_is_every_combination() -> None:
    made = of("sweep", "-nstreams", "1,2", "-api", "sync,async", "-t", "1")
    assert len(made.points) == 4
    assert made.axes == {"-nstreams": ("1", "2"), "-api": ("sync", "async")}


def test_scaling_is_one_to_all_cores_with_an_agent_each() -> None:
    made = of("scaling", "-m", "a.xml")
    assert [point["--agents"] for point in made.points] == ["1", "2", "3", "4"]
    assert made.argv(made.points[0]) == ("-m", "a.xml", "--cpus-per-agent", "1", "--agents", "1")


def test_scaling_over_hosts_takes_the_first_one_the_first_two_and_so_on_with_the_same_agents_on_each() -> None:
    made = of("scaling", "--hosts", "a,b=4,user@c:2222,d,e", "--agents", "2")
    names = ["a", "a,b=4", "a,b=4,user@c:2222,d", "a,b=4,user@c:2222,d,e"]
    assert [point["--hosts"] for point in made.points] == names
    assert made.argv(made.points[1]) == ("--agents", "2", "--hosts", "a,b=4")


def test_scaling_over_hosts_can_name_which_and_scale_agents_on_given_ones() -> None:
    given = of("scaling", "--hosts", "a", "--hosts", "a,c")
    assert [point["--hosts"] for point in given.points] == ["a", "a,c"]
    agents = of("scaling", "--hosts", "a,b", "--agents", "1,2")
    assert list(agents.points) == [{"--agents": "1"}, {"--agents": "2"}]
    assert agents.argv(agents.points[0])[:2] == ("--hosts", "a,b")
    assert "--agents" in of("scaling", "--hosts", "a").points[0]


def test_scaling_on_many_cores_takes_some_of_the_counts_and_the_last() -> None:
    assert [int(p["--agents"]) for p in of("scaling", cores=48).points] == [1, 2, 4, 6, 8, 12, 16, 24, 32, 48]


def test_the_counts_and_sizes_of_scaling_can_be_set() -> None:
    made = of("scaling", "--agents", "1,3", "--cpus-per-agent", "2")
    assert made.argv(made.points[1]) == ("--cpus-per-agent", "2", "--agents", "3")


def test_scaling_can_be_that_of_one_agent_over_its_cores() -> None:
    made = of("scaling", "--cpus-per-agent", "1,2,4")
    assert [made.argv(point) for point in made.points][1] == ("--agents", "1", "--cpus-per-agent", "2")
    with pytest.raises(UsageError, match="--agents has 2 values"):
        of("scaling", "--cpus-per-agent", "1,2", "--agents", "1,2")


def test_streams_never_have_fewer_requests_than_streams() -> None:
    made = of("streams", cores=2)
    assert [(p["-nstreams"], p["-nireq"]) for p in made.points] == [
        ("1", "1"), ("1", "2"), ("1", "4"), ("2", "2"), ("2", "4"), ("2", "8"),
    ]  # fmt: skip
    assert made.argv(made.points[0]) == ("--agents", "1", "-nstreams", "1", "-nireq", "1")
    assert [p["-nireq"] for p in of("streams", "-nstreams", "2", "-nireq", "1,2,3").points] == ["2", "3"]


def test_partitions_share_the_same_cores_out_whole() -> None:
    assert [(p["--agents"], p["-nstreams"]) for p in of("partition").points] == [("1", "4"), ("2", "2"), ("4", "1")]


def test_a_partition_of_one_cpu_is_one_agent_with_one_stream() -> None:
    made = of("partition", "--cpus", "0")
    assert made.points == ({"--agents": "1", "-nstreams": "1"},)


@pytest.mark.parametrize(
    ("words", "largest"),
    [
        (["--cpus", "0-2"], 3),
        (["--nodes", "1"], 4),
        (["--sockets", "0"], 4),
        (["--core-kind", "efficient"], 2),
        (["--housekeeping", "0,1"], 6),
        (["--smt", "use"], 14),
        ([], 8),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_sizes_go_up_to_what_placement_leaves(words: list[str], largest: int) -> None:
    topology = machine(sockets=2, cores=4, threads=2, efficient=1)
    scaling = KINDS["scaling"].design(parse_axes(words), topology, {})
    streams = KINDS["streams"].design(parse_axes(words), topology, {})
    assert scaling.points[-1] == {"--agents": str(largest)}
    assert streams.axes["-nstreams"][-1] == str(largest)


def test_a_partition_is_of_whole_cores() -> None:
    made = KINDS["partition"].design(parse_axes(["--smt", "use"]), machine(cores=2, threads=2), {})
    assert [(p["--agents"], p["-nstreams"]) for p in made.points] == [("1", "2"), ("2", "1")]


def test_agents_of_several_cpus_are_as_many_as_fit() -> None:
    assert [p["--agents"] for p in of("scaling", "--cpus-per-agent", "2", cores=6).points] == ["1", "2", "3"]


def test_parts_of_the_machine_without_cpus_to_measure_make_no_partition() -> None:
    made = KINDS["partition"].design(parse_axes(["--sockets", "1"]), machine(sockets=2, cores=2), {})
    assert {"--agents": "per-socket"} not in made.points


def test_partitions_by_part_of_the_machine_come_where_there_are_several() -> None:
    made = KINDS["partition"].design(parse_axes([]), machine(sockets=2, cores=2, nodes=2), {})
    assert {"--agents": "per-node"} in made.points
    assert {"--agents": "per-socket"} in made.points
    assert {"--agents": "per-node"} not in of("partition").points


def test_agents_that_are_no_number_are_left_to_the_run_to_refuse() -> None:
    odd = ("0", "\N{SUPERSCRIPT TWO}")
    assert of("partition", "--agents", ",".join(odd)).points == tuple({"--agents": number} for number in odd)


def test_batches_go_up_in_powers_of_two() -> None:
    assert [p["-b"] for p in of("batch").points] == ["1", "2", "4", "8", "16", "32"]


def test_the_sides_of_a_comparison_add_to_what_they_have_in_common() -> None:
    made = of("ab", "-t", "5", a="-nstreams 1", b="-nstreams 2 -t 6")
    assert [made.argv(point) for point in made.points] == [
        ("-t", "5", "-nstreams", "1"),
        ("-t", "6", "-nstreams", "2"),
    ]


@given(st.integers(1, 20), st.integers(0, 1000))
def test_each_block_of_a_comparison_is_abba_or_baab(blocks: int, seed: int) -> None:
    order = [trial.point[SIDE] for trial in trials(of("ab", a="-nstreams 1", b="-nstreams 2"), blocks, seed)]
    assert len(order) == 4 * blocks
    assert {"".join(order[at : at + 4]) for at in range(0, len(order), 4)} <= {"ABBA", "BAAB"}


def test_comparisons_begin_with_either_side() -> None:
    order = [trial.point[SIDE] for trial in trials(of("ab", a="-nstreams 1", b="-nstreams 2"), 40, 0)]
    assert 10 <= Counter(order[::4])["A"] <= 30


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 1000))
def test_a_repetition_has_every_setting_once_before_the_next(points: int, repetitions: int, seed: int) -> None:
    made = of("sweep", "-nireq", f"1..{points + 1}")
    order = trials(made, repetitions, seed)
    for repetition in range(repetitions):
        block = order[repetition * len(made.points) : (repetition + 1) * len(made.points)]
        assert {trial.repetition for trial in block} == {repetition}
        assert Counter(trial.point["-nireq"] for trial in block) == Counter(p["-nireq"] for p in made.points)


def test_the_order_is_drawn_anew_for_each_repetition_and_again_the_same_by_its_seed() -> None:
    made = of("sweep", "-nireq", "1..8")
    first, second = trials(made, 2, 1), trials(made, 2, 1)
    assert first == second
    assert [t.point for t in first[:8]] != [t.point for t in first[8:]]
    assert [t.point for t in first] != [t.point for t in trials(made, 2, 2)]


def test_trials_are_numbered_in_their_order() -> None:
    assert [trial.id for trial in trials(of("batch"), 2, 0)][:3] == ["0001", "0002", "0003"]


def test_every_kind_has_repetitions_of_its_own() -> None:
    documented: dict[KindName, int] = {"sweep": 3, "scaling": 5, "streams": 3, "partition": 5, "batch": 3}
    documented["ab"] = AB_BLOCKS
    assert {name: KINDS[name].repetitions for name in documented} == documented
    assert tuple(KINDS) == get_args(KindName)
    assert all(kind.repetitions > 1 for kind in KINDS.values())


@pytest.mark.parametrize(
    ("kind", "words", "own", "told"),
    [
        ("sweep", ["-t", "5"], {}, "no setting has several values"),
        ("scaling", ["-nstreams", "1,2"], {}, "varies --agents only"),
        ("streams", ["-nstreams", "4", "-nireq", "1,2"], {}, "would be idle"),
        ("streams", ["-nstreams", "1,2", "-nireq", "1"], {}, "-nstreams 2 is more than every -nireq"),
        ("streams", ["-nstreams", "AUTO,2"], {}, "-nstreams AUTO is not a whole number"),
        ("streams", ["-nireq", "x"], {}, "-nireq x is not a whole number"),
        ("streams", ["-nstreams", "1..1000", "-nireq", "1000..1900"], {}, "901,000 settings are more than 2,000"),
        ("sweep", ["-nstreams", "1..1000", "-nireq", "1..1000", "-b", "1..1000"], {}, "1,000,000,000 settings"),
        ("scaling", ["--cpus", "x"], {}, "--cpus"),
        ("ab", ["-t", "5"], {"a": "-nstreams 1"}, "give both sides"),
        ("ab", ["-nstreams", "1,2"], {"a": "-nstreams 1", "b": ""}, "-nstreams is given to a side and has 2 values"),
        ("ab", [], {"a": "-nstreams 1,2", "b": "-nstreams 2"}, "a side has one of each"),
        ("ab", [], {"a": "'", "b": "-nstreams 2"}, "cannot be split"),
    ],
)
def test_what_cannot_be_studied_is_refused(kind: KindName, words: list[str], own: dict[str, str], told: str) -> None:
    with pytest.raises(UsageError) as error:
        KINDS[kind].design(parse_axes(words), machine(), own)
    assert told in str(error.value)


def test_absurdly_many_trials_are_refused_with_their_number() -> None:
    with pytest.raises(UsageError, match=f"more than {MOST_TRIALS:,}"):
        trials(of("sweep", "-nireq", "1..900"), 3, 0)
