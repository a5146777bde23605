"""Settings with several values: what is written, what it stands for, what is refused."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovbench.common.errors import UsageError
from ovbench.coordinator.request.byflag import by_flag, in_common, own_flags
from ovbench.coordinator.request.commandline import parse_run
from ovbench.coordinator.study.axes import parse_axes, read_axes


@pytest.mark.parametrize(
    ("words", "axes"),
    [
        (["-nstreams", "1,2,4"], {"-nstreams": ("1", "2", "4")}),
        (["-nireq", "1..4"], {"-nireq": ("1", "2", "3", "4")}),
        (["-nireq", "1..9+4"], {"-nireq": ("1", "5", "9")}),
        (["--agents", "1..20*3"], {"--agents": ("1", "3", "9")}),
        (["-b", "1,4..6"], {"-b": ("1", "4", "5", "6")}),
        (["-api", "sync,async", "-t", "5"], {"-api": ("sync", "async")}),
        (["-m", "a.xml,b.xml"], {"-m": ("a.xml", "b.xml")}),
        (["--cpus", "0-3", "--cpus", "4-7"], {"--cpus": ("0-3", "4-7")}),
        (["--number_streams", "1,2"], {"-nstreams": ("1", "2")}),
        (["-nstreams=1,2"], {"-nstreams": ("1", "2")}),
        (["-nstreams", "2,2"], {}),
        (["-shape", "[1,3,224,224]", "--cpus", "0,1", "-latency_percentile", "99"], {}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_several_values_make_an_axis(words: list[str], axes: dict[str, tuple[str, ...]]) -> None:
    assert parse_axes(words).varied == axes


@pytest.mark.parametrize(
    ("words", "table", "values"),
    [
        (["--rate", "100,200"], {"rate": [100, 200]}, ("100", "200")),
        (["--rate", "100..300+100"], {"rate": "100..300+100"}, ("100", "200", "300")),
        (["--arrivals", "poisson,gamma:2"], {"arrivals": ["poisson", "gamma:2"]}, ("poisson", "gamma:2")),
        (
            ["--stages", "1s:9,1s:9..19", "--stages", "2s:9"],
            {"stages": ["1s:9,1s:9..19", "2s:9"]},
            ("1s:9,1s:9..19", "2s:9"),
        ),
        (["--arrival-seed", "1..3"], {"arrival_seed": "1..3"}, ("1", "2", "3")),
        (["--dispatch", "shared,random"], {"dispatch": ["shared", "random"]}, ("shared", "random")),
        (["--drain", "0,0.5"], {"drain": [0, 0.5]}, ("0", "0.5")),
        (["--timeout-ms", "5,10"], {"timeout_ms": [5, 10]}, ("5", "10")),
        (["--spin", "0,50"], {"spin": [0, 50]}, ("0", "50")),
        (["--slo-ms", "5", "--slo-ms", "p99:9,p50:5"], {"slo_ms": ["5", "p99:9,p50:5"]}, ("5", "p99:9,p50:5")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_how_a_load_arrives_can_be_varied_in_words_and_in_a_file(
    words: list[str], table: dict[str, object], values: tuple[str, ...]
) -> None:
    """Each point is a run."""
    axes = parse_axes(words)
    assert list(axes.varied.values()) == list(read_axes(table).varied.values()) == [values]
    rate = () if {"--rate", "--stages"} & set(words) else ("--rate", "50")
    points = [parse_run((*rate, *axes.argv(point))) for point in axes.points()]
    assert len({str(run.requested()) for run in points}) == len(values)


def test_a_value_that_begins_with_a_dash_is_a_value() -> None:
    assert parse_axes(["-b", "-1", "-api", "sync"]).argv({}) == ("-b", "-1", "-api", "sync")


def test_a_flag_without_a_value_stays_one() -> None:
    assert parse_axes(["--strict", "-nstreams", "1,2"]).argv({"-nstreams": "2"}) == ("--strict", "-nstreams", "2")


def test_the_samples_of_all_trials_can_be_kept() -> None:
    for settings in (parse_axes(["--save-samples"]), read_axes({"save_samples": True})):
        assert parse_run(settings.argv({})).output.save_samples


def test_a_flag_with_several_words_keeps_them_apart() -> None:
    assert parse_axes(["-i", "a.png", "b.png"]).argv({}) == ("-i", "a.png", "b.png")


def test_a_flag_that_a_run_takes_more_than_once_is_the_same_in_every_trial() -> None:
    settings = parse_axes(["-i", "a:1.png", "2.png", "-i", "b:3.npy", "-nstreams", "1,2"])
    assert settings.varied == {"-nstreams": ("1", "2")}
    assert settings.argv({"-nstreams": "2"})[:5] == ("-i", "a:1.png", "2.png", "-i", "b:3.npy")
    assert read_axes({"i": ["a:1.png", "b:3.npy"]}).argv({}) == ("-i", "a:1.png", "-i", "b:3.npy")


_COUNTS = st.lists(st.integers(1, 99), min_size=1, max_size=4, unique=True)


@given(_COUNTS, _COUNTS)
def test_the_points_are_all_combinations_and_each_is_a_run(streams: list[int], requests: list[int]) -> None:
    settings = parse_axes(["-nstreams", ",".join(map(str, streams)), "-nireq", ",".join(map(str, requests))])
    runtimes = [parse_run(settings.argv(point)).runtime for point in settings.points()]
    assert [(runtime.streams, runtime.requests) for runtime in runtimes] == list(product(streams, requests))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["-nstreems", "1,2"], "did you mean -nstreams?"),
        (["5"], "'5' is not a flag"),
        (["-nstreams"], "a value is missing"),
        (["-nstreams", "1,,2"], "between two commas"),
        (["-nireq", "4..1"], "-nireq 4..1"),
        (["-nireq", "1..8*1"], "1..64*2"),
        (["-nireq", "0..8*2"], "1..64*2"),
        (["-nireq", "1..8+0"], "1..64*2"),
        (["-nireq", "a..b"], "a range is written"),
        (["-nireq", "1..999999999"], "more than 1000 values"),
        (["-dump_config", "x.json"], "every trial would write the same file"),
        (["--require", "fps > 5"], "compare --fail-if"),
        (["-report_type", "no_counters"], "benchmark_app"),
        (["-json_stats"], "benchmark_app"),
        (["--html"], "a page in any case"),
        (["--plots", "svg"], "set it on the study itself"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_wrong_is_said_in_a_sentence(words: list[str], told: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_axes(words)
    assert told in str(error.value)


def test_a_table_has_settings_by_their_names_without_dashes() -> None:
    settings = read_axes({"m": "a.xml", "nstreams": [1, 2], "number-infer-requests": "1..3", "strict": True, "t": 2.5})
    assert settings.varied == {"-nstreams": ("1", "2"), "-nireq": ("1", "2", "3")}
    assert settings.argv({"-nstreams": "2", "-nireq": "1"})[:5] == ("-m", "a.xml", "--strict", "-t", "2.5")


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"nstreems": 1}, "did you mean nstreams?"),
        ({"nstreams": []}, "the array is empty"),
        ({"nstreams": {"a": 1}}, "not a value for it"),
        ({"report_folder": "x"}, "the study's"),
        ({"nireq": "1,,2"}, "between two commas"),
        ({"strict": [True, False]}, "a switch"),
        ({"require": "fps > 5"}, "compare --fail-if"),
    ],
)
def test_what_is_wrong_in_a_table_is_said_in_a_sentence(table: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError) as error:
        read_axes(table)
    assert told in str(error.value)


def test_a_text_of_a_table_is_split_as_that_of_a_flag() -> None:
    assert read_axes({"nstreams": "1,2,4", "cpus": "0,1"}).varied == {"-nstreams": ("1", "2", "4")}


def test_a_switch_of_a_table_that_is_off_is_left_out() -> None:
    settings = read_axes({"strict": False, "t": 1234567.5})
    assert settings.argv({}) == ("-t", "1234567.5")
    assert list(settings.points()) == [{}]


def test_runs_have_flags_in_common_by_their_values() -> None:
    one, two = ("-m", "a.xml", "-nireq", "2", "--strict"), ("--strict", "-m", "a.xml", "-nstreams=2", "-nireq", "4")
    assert by_flag(two) == {"--strict": "", "-m": "a.xml", "-nstreams": "2", "-nireq": "4"}
    assert in_common([one, two]) == {"-m": "a.xml", "--strict": ""}
    assert own_flags(two, in_common([one, two])) == "-nstreams 2 -nireq 4"
    assert in_common([]) == {}
