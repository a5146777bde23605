"""Agents that have read different things are named before the load."""

import pytest
from msgspec import structs

from ovbench.common.effective import Effective, FileDigest
from ovbench.coordinator.session.agreement import disagreement
from ovbench.coordinator.session.member import Member
from tests.builders import effective, job, ready


def reading(*contents: str, model: str = "tiny") -> Effective:
    files = tuple(FileDigest("model", f"/m{at}.bin", content * 64, 4096) for at, content in enumerate(contents))
    return structs.replace(effective(), files=files, model=model)


def fleet(*of: Effective) -> list[Member]:
    return [Member(id, job(), ready=ready(one)) for id, one in enumerate(of)]


def test_agents_that_have_read_the_same_agree() -> None:
    assert disagreement(fleet(reading("a", "b"), reading("a", "b"))) is None
    assert disagreement([]) is None
    assert disagreement([Member(0, job())]) is None


def test_the_same_content_under_another_name_is_the_same() -> None:
    """As in containers, where each has it in a place of its own."""
    renamed = reading("a")
    renamed = structs.replace(renamed, files=(structs.replace(renamed.files[0], name="/elsewhere.bin"),))
    assert disagreement(fleet(reading("a"), renamed)) is None


def test_agents_with_another_file_are_named_with_both_digests() -> None:
    sentence = disagreement(fleet(reading("a", "b"), reading("a", "c"), reading("a", "b"), reading("a", "c")))
    assert sentence is not None
    assert "the model file /m1.bin of agents 1,3 is cccccccccccc... (4,096 bytes)" in sentence
    assert "that of agent 0 bbbbbbbbbbbb..." in sentence
    assert "\n" not in sentence


def test_a_file_that_only_some_have_is_named() -> None:
    sentence = disagreement(fleet(reading("a"), reading("a", "b")))
    assert sentence is not None
    assert "/m1.bin of agent 1 is bbbbbbbbbbbb... (4,096 bytes), that of agent 0 not there" in sentence


@pytest.mark.parametrize("change", [{"model": "squeezenet1.1"}, {"batch": 4}, {"backend": "null:1"}, {"inputs": ()}])
def test_another_model_is_reported_where_files_say_nothing(change: dict[str, object]) -> None:
    """squeezenet beside tiny."""
    sentence = disagreement(fleet(effective(), structs.replace(effective(), **change)))
    assert sentence is not None
    assert f"{next(iter(change)).removesuffix('s')}" in sentence


def test_a_null_device_that_is_slower_on_one_agent_is_a_fault_to_find() -> None:
    one, slow = (structs.replace(effective(), backend=f"null:{service}") for service in ("2000", "3000"))
    assert disagreement(fleet(one, slow)) is None


def test_an_agent_that_is_not_ready_is_no_disagreement() -> None:
    assert disagreement([*fleet(reading("a"), reading("a")), Member(2, job())]) is None
