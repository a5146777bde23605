"""The command line of a study and its file."""

from pathlib import Path

import pytest

from ovbench.common.errors import UsageError
from ovbench.coordinator.study.request import StudyRequest, parse_study, study_parser

PLAN = """
kind = "ab"
repetitions = 4
order_seed = 7
p99_limit_ms = 12.5
size_percent = 0.5
a = "-nstreams 1"
b = "-nstreams 2"
[settings]
m = "builtin:tiny"
t = 2
"""


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    file = tmp_path / "study.toml"
    file.write_text(PLAN)
    return file


def test_a_file_says_what_flags_say(plan: Path) -> None:
    from_file = parse_study(["--plan", str(plan)])
    words = ["ab", "--repetitions", "4", "--order-seed", "7", "--p99-limit-ms", "12.5", "-m", "builtin:tiny", "-t", "2"]
    assert from_file == parse_study([*words, "--size-percent", "0.5", "--a", "-nstreams 1", "--b", "-nstreams 2"])


def test_flags_go_before_a_file(plan: Path) -> None:
    request = parse_study(["--plan", str(plan), "--repetitions", "9", "--size-percent", "3", "-t", "5"])
    assert (request.repetitions, request.own["size_percent"]) == (9, 3.0)
    assert request.axes.argv({}) == ("-m", "builtin:tiny", "-t", "5")


def test_a_side_may_have_no_flags_or_begin_with_a_dash() -> None:
    assert parse_study(["ab", "--a", "", "--b", "--strict"]).own == {"a": "", "b": "--strict"}
    assert parse_study(["ab", "--a=", "--b=-t 1"]).own == {"a": "", "b": "-t 1"}


def test_the_words_of_a_side_are_not_changed() -> None:
    request = parse_study(["ab", "--a", "--cache_dir my_dir", "--b", "-h"])
    assert request.own == {"a": "--cache_dir my_dir", "b": "-h"}


def test_a_side_without_flags_goes_before_that_of_a_file(plan: Path) -> None:
    assert parse_study(["--plan", str(plan), "--a", ""]).own == {"a": "", "b": "-nstreams 2", "size_percent": 0.5}


def test_conditions_may_be_repeated_and_a_plan_has_one_or_several(tmp_path: Path) -> None:
    sides = ["ab", "--a", "", "--b", ""]
    asked = parse_study([*sides, "--fail-if", "slower", "--fail-if", "p99 > +5%"])
    assert asked.own["fail_if"] == ["slower", "p99 > +5%"]
    assert "fail_if" not in parse_study(sides).own
    file = tmp_path / "study.toml"
    for text, expected in (("'slower'", ["slower"]), ("['slower', 'fps < -3%']", ["slower", "fps < -3%"])):
        file.write_text(f"kind = 'ab'\nfail_if = {text}\n")
        assert parse_study(["--plan", str(file)]).own["fail_if"] == expected


def test_a_study_that_is_gone_on_with_may_have_other_conditions() -> None:
    assert parse_study(["--resume", "x", "--fail-if", "slower"]).own == {"fail_if": ["slower"]}
    assert parse_study(["--resume", "x"]).own == {}


def test_the_plan_in_the_help_is_a_plan(tmp_path: Path) -> None:
    epilog = study_parser().epilog or ""
    file = tmp_path / "study.toml"
    file.write_text(epilog.partition("of settings:")[2])
    request = parse_study(["--plan", str(file)])
    assert request.repetitions == 5
    assert len(list(request.axes.points())) == 3 * 8


def test_a_hint_is_not_taken_for_help() -> None:
    assert parse_study(["-hint", "latency,throughput"]).axes.varied == {"-hint": ("latency", "throughput")}


def test_a_study_without_more_is_a_sweep() -> None:
    assert parse_study([]) == StudyRequest()
    assert parse_study(["sweep"]) == StudyRequest()


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["scalin"], "did you mean scaling?"),
        (["--repetitions", "0"], "--repetitions"),
        (["--order-seed", "-1"], "--order-seed"),
        (["--p99-limit-ms", "nan"], "--p99-limit-ms"),
        (["ab", "--size-percent", "0"], "--size-percent: '0' is not a number of percent above 0, up to 100"),
        (["ab", "--size-percent", "101"], "--size-percent"),
        (["ab", "--size-percent", "nan"], "--size-percent"),
        (["ab", "--size-percent", "two"], "--size-percent"),
        (["scaling", "--fail-if", "slower"], "--fail-if is for the verdict of study ab"),
        (["ab", "--fail-if", "slowr"], "this is no verdict; did you mean slower?"),
        (["ab", "--fail-if", "fps < 900"], "--fail-if: 'fps < 900': B is judged by its change from A"),
        (["scaling", "--size-percent", "2"], "--size-percent is for the verdict of study ab"),
        (["--resume", "x", "--size-percent", "1"], "leave --size-percent out"),
        (["--accept-changes"], "--resume"),
        (["--resume", "x", "-nstreams", "2"], "leave -nstreams out"),
        (["scaling", "--resume", "x"], "leave study scaling out"),
        (["scaling", "--sysfs", "x"], "add --dry-run"),
        (["scaling", "--sysfs", "no/such", "--dry-run"], "no/such"),
        (["--plan", "no/such.toml"], "cannot be read"),
        (["--a", "-nstreams 1"], "--a is a side of study ab"),
        (["scaling", "--b", ""], "--b is a side of study ab"),
        (["ab", "--a"], "--a"),
        (["ab", "--a", "--b", "-t 1"], "--a"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_wrong_is_said_in_a_sentence(argv: list[str], told: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_study(argv)
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("repetitons = 3", "did you mean repetitions?"),
        ("repetitions = 0", "repetitions is 0"),
        ("repetitions = 2000", "not a whole number from 1 to 1000"),
        ("[settings]\nnstreams = []", "settings.nstreams: the array is empty"),
        ("[settings]\nnstreems = 1", "settings.nstreems: no run has this setting"),
        ("repetitions = true", "repetitions is True"),
        ("p99_limit_ms = 'x'", "p99_limit_ms"),
        ("p99_limit_ms = inf", "p99_limit_ms is inf"),
        ("p99_limit_ms = nan", "p99_limit_ms is nan"),
        ("size_percent = 0", "size_percent is 0"),
        ("fail_if = 'slowly'", "fail_if is 'slowly', which is not a condition"),
        ("fail_if = []", "fail_if is [], which is not a condition"),
        ("fail_if = [3]", "fail_if is [3], which is not a condition"),
        ("size_percent = nan", "size_percent is nan"),
        ("size_percent = '2 %'", "size_percent is '2 %', which is not a number above 0, up to 100"),
        ("size_percent = 2", "size_percent is for the verdict of study ab"),
        ("order_seed = 1000000000000000000000", "order_seed"),
        ("a = '-t 1'", "a is a side of study ab"),
        ("kind = 'scalin'", "kind"),
        ("settings = 1", "settings"),
        ("= 1", "no TOML"),
        ("[settings]\nnstreems = 1", "did you mean nstreams?"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_in_a_sentence(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "study.toml"
    file.write_text(text)
    with pytest.raises(UsageError) as error:
        parse_study(["--plan", str(file)])
    assert told in str(error.value)
