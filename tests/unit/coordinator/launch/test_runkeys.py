from pathlib import Path

import pytest

from ovbench.common.errors import UsageError
from ovbench.common.keys import belong_together
from ovbench.coordinator.launch.runkeys import RunKeys, make_run_keys, read_run_keys, run_keys_bytes


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "run.keys"
    path.touch(mode=0o600)
    return path


def made() -> RunKeys:
    return make_run_keys(("a", "b"))[0]


def test_a_host_has_its_own_pair_and_the_coordinator_knows_its_public_key() -> None:
    keys, pairs = make_run_keys(("a", "b"))
    assert keys.hosts == {name: pair.public for name, pair in pairs.items()}
    assert len({keys.own.secret, *(pair.secret for pair in pairs.values())}) == 3
    assert all(map(belong_together, (keys.own, *pairs.values())))
    assert not any(pair.secret in run_keys_bytes(keys).decode() for pair in pairs.values())


def test_what_is_written_is_read_back(file: Path) -> None:
    keys = made()
    file.write_bytes(run_keys_bytes(keys))
    assert read_run_keys(str(file)) == keys


def test_a_file_that_others_can_read_is_refused(file: Path) -> None:
    file.write_bytes(run_keys_bytes(made()))
    file.chmod(0o640)
    with pytest.raises(UsageError, match=r"^--run-keys .*: others can read it, and it holds a key; run: chmod 600"):
        read_run_keys(str(file))


def test_anything_else_is_refused_in_one_sentence_without_a_word_of_it(file: Path) -> None:
    good = run_keys_bytes(made())
    for data in (b"", b"[]", b"\xff\xfe", good[:-3], good.replace(b'"format":1', b'"format":2')):
        file.write_bytes(data)
        with pytest.raises(UsageError, match=r"^--run-keys .*(manifest has written|write the manifest anew)$"):
            read_run_keys(str(file))


def test_keys_that_do_not_belong_together_are_refused(file: Path) -> None:
    one, other = made(), made()
    file.write_bytes(run_keys_bytes(one).replace(one.own.secret.encode(), other.own.secret.encode()))
    with pytest.raises(UsageError, match=r"a key in it is damaged; write the manifest anew$"):
        read_run_keys(str(file))


def test_a_file_that_is_not_there_is_said() -> None:
    with pytest.raises(UsageError, match=r"^--run-keys /no/such: No such file or directory$"):
        read_run_keys("/no/such")
