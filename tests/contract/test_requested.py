"""`requested` of report.json: what is reported of known command lines, key for key and in that order.

Programs read it, `compare` does too; a value here changes only where the meaning of a flag does.
"""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from ovbench.coordinator.request.commandline import parse_run

GOLDEN: Final[list[dict[str, Any]]] = json.loads((Path(__file__).parent / "golden_requested.json").read_text())
FOLDER: Final = "{folder}"


def requested(argv: list[str], folder: Path) -> dict[str, Any]:
    (folder / "model.xml").write_text("<net/>")
    (folder / "more.so").write_bytes(b"library")
    (folder / "a.npy").touch()
    (folder / "b.npy").touch()
    (folder / "trace.csv").write_text("due_s\n0\n0.5\n1\n")
    (folder / "config.json").write_text('{"CPU": {"NUM_STREAMS": "3", "PERF_COUNT": true}}')
    request = parse_run([word.replace(FOLDER, str(folder)) for word in argv])
    values = request.requested()
    return {
        key: value.replace(str(folder), FOLDER) if isinstance(value, str) else value for key, value in values.items()
    }


@pytest.mark.parametrize("known", GOLDEN, ids=lambda known: " ".join(known["argv"])[:60] or "no flags")
def test_what_was_requested_is_reported_key_for_key(known: dict[str, Any], tmp_path: Path) -> None:
    found = requested(known["argv"], tmp_path)
    assert list(found.items()) == list(known["requested"].items())
    assert list(map(type, found.values())) == list(map(type, known["requested"].values()))


def test_the_golden_command_lines_give_every_key_a_value_of_its_own() -> None:
    """Guards the guard: two keys that are confused would else be equal in all of them."""
    columns = {key: [repr(known["requested"][key]) for known in GOLDEN] for key in GOLDEN[0]["requested"]}
    assert [key for key, column in columns.items() if len(set(column)) == 1 and key not in ("device",)] == []
    assert len({tuple(column) for column in columns.values()}) == len(columns)
