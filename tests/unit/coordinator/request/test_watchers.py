"""--live and --metrics, from words to what is opened."""

from pathlib import Path

import pytest

from ovbench.common.errors import UsageError
from ovbench.coordinator.request.watchers import Address, Watchers, parse_live, parse_metrics
from ovbench.coordinator.study.request import parse_study
from tests.builders import request


@pytest.mark.parametrize(
    ("text", "address", "loopback"),
    [
        ("9464", Address("127.0.0.1", 9464), True),
        (":0", Address("127.0.0.1", 0), True),
        ("localhost:1", Address("localhost", 1), True),
        ("0.0.0.0:9464", Address("0.0.0.0", 9464), False),
        ("[::1]:9464", Address("::1", 9464), True),
        ("node-7.lab:65535", Address("node-7.lab", 65_535), False),
    ],
)
def test_an_address_is_of_this_host_alone_unless_it_says_otherwise(text: str, address: Address, loopback: bool) -> None:
    assert parse_metrics(text) == address
    assert address.is_loopback is loopback


@pytest.mark.parametrize("text", ["", "http://a:1", "65536", "a:b", "-1", "1.5", "::1:9464", "a b:1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="neither a port nor HOST:PORT"):
        parse_metrics(text)


@pytest.mark.parametrize("text", ["", "run.jsonl", "jsonl", "jsonl:", "csv:run"])
def test_what_is_no_file_of_lines_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="neither jsonl:FILE nor jsonl:-"):
        parse_live(text)


def test_a_run_and_a_study_have_the_same_watchers(tmp_path: Path) -> None:
    words = ("--live", f"jsonl:{tmp_path}/run.jsonl", "--metrics", "9464")
    wanted = Watchers(tmp_path / "run.jsonl", Address("127.0.0.1", 9464))
    assert request(*words).output.watchers == parse_study(words).watchers == wanted
    assert wanted.any
    assert not request().output.watchers.any


def test_stdout_has_one_use() -> None:
    assert request("--live", "jsonl:-").output.watchers.takes_stdout
    with pytest.raises(UsageError, match="--json and --live jsonl:- are both for stdout"):
        request("--live", "jsonl:-", "--json")


def test_a_file_that_cannot_be_written_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="--live"):
        request("--live", f"jsonl:{tmp_path}/file/run.jsonl")
