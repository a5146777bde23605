"""Which machine it is: the same tomorrow, another one than its neighbour."""

from pathlib import Path

import pytest

from ovbench.common.topology import read_topology
from ovbench.coordinator.machine.identity import identify

HERE = read_topology()


def named(root: Path, text: str) -> Path:
    (root / "etc").mkdir(exist_ok=True)
    (root / "etc" / "machine-id").write_text(text)
    return root


def test_a_machine_is_itself_under_another_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = named(tmp_path, "3d1219c7c4c5404aaa1f6d2a48adfda4\n")
    before = identify(HERE, root)
    monkeypatch.setattr("socket.gethostname", lambda: "renamed")
    after = identify(HERE, root)
    assert after.hostname == "renamed"
    assert after.id == before.id
    assert "3d1219c7" not in before.id, "the number itself is nobody's business"


def test_machines_of_the_same_kind_are_two(tmp_path: Path) -> None:
    first = identify(HERE, named(tmp_path, "1" * 32)).id
    assert identify(HERE, named(tmp_path, "2" * 32)).id != first


@pytest.mark.parametrize("text", ["", "uninitialized\n"])
def test_without_an_identity_the_name_stands_for_it(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, names = named(tmp_path, text), iter("aba")
    monkeypatch.setattr("socket.gethostname", lambda: next(names))
    one, two, again = (identify(HERE, root).id for _ in range(3))
    assert one == again != two
