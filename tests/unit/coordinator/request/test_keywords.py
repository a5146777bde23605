"""Keyword arguments become the command line that they stand for."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from ovbench.common.errors import UsageError
from ovbench.coordinator.request.commandline import parse_run
from ovbench.coordinator.request.flags import FLAGS
from ovbench.coordinator.request.keywords import argv_of, keyword_of, keywords
from ovbench.coordinator.study.planflags import FLAGS as OF_STUDIES
from ovbench.coordinator.study.request import parse_study


def test_every_flag_has_a_name_of_its_own() -> None:
    for flags in (FLAGS, OF_STUDIES):
        names = [keyword_of(flag) for flag in flags]
        assert len(set(names)) == len(names)
        assert [name for name in names if not name.isidentifier()] == []


def test_a_name_that_the_report_has_for_what_was_requested_is_taken() -> None:
    """But for what is made of several flags, or of none."""
    made = {"trace_sha256", "time_s"}
    taken = set(keywords(FLAGS)) | {word.lstrip("-").replace("-", "_") for flag in FLAGS for word in flag.spellings}
    assert {name for name in parse_run(()).requested() if name not in taken} == made


@pytest.mark.parametrize(
    ("options", "argv"),
    [
        ({"agents": 4, "api": "sync", "duration_s": 5}, ("--agents", "4", "-api", "sync", "-t", "5")),
        ({"duration_s": 0.1}, ("-t", "0.1")),
        ({"t": 5}, ("-t", "5")),
        ({"number_streams": 2}, ("-nstreams", "2")),
        ({"nireq": np.int64(3), "rate": np.float32(0.5)}, ("-nireq", "3", "--rate", "0.5")),
        ({"duration_s": Decimal("2.5")}, ("-t", "2.5")),
        ({"model": Path("a b.xml")}, ("-m", "a b.xml")),
        ({"model": None, "rate": None}, ()),
        ({"save_samples": True, "strict": False}, ("--save-samples",)),
        ({"inference_only": False}, ("-inference_only", "no")),
        ({"pin": True}, ("-pin", "YES")),
        ({"cpus": [0, 2]}, ("--cpus", "0,2")),
        ({"require": ("fps > 9", "p99 < 5")}, ("--require", "fps > 9", "--require", "p99 < 5")),
        ({"require": "fps > 9"}, ("--require", "fps > 9")),
        ({"inputs": ["a.png", Path("b.png")]}, ("-i", "a.png", "b.png")),
        ({"mean_values": "-1,2,3"}, ("--mean-values=-1,2,3",)),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_option_becomes_words(options: dict[str, object], argv: tuple[str, ...]) -> None:
    assert argv_of(options, FLAGS) == argv


def test_a_list_has_the_alternatives_of_a_study() -> None:
    argv = argv_of({"nstreams": [1, 2], "cpus": ["0-3", "4-7"], "agents": "1..4"}, FLAGS, several=True)
    axes = parse_study(argv).axes
    assert axes.varied == {"-nstreams": ("1", "2"), "--cpus": ("0-3", "4-7"), "--agents": ("1", "2", "3", "4")}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"apy": "sync"}, ["apy", "did you mean api"]),
        ({"dry_run": True}, ["dry_run", "no such option"]),
        ({"strict": "yes"}, ["strict", "True or False"]),
        ({"agents": {}}, ["agents={}", "a dict is no value"]),
        ({"agents": object()}, ["agents", "a object is no value"]),
    ],
)
def test_what_is_no_option_or_no_value_is_said_in_a_sentence(options: dict[str, object], words: list[str]) -> None:
    with pytest.raises(UsageError) as error:
        argv_of(options, FLAGS)
    assert [word for word in words if word not in str(error.value)] == []
