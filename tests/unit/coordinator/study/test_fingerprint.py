"""What must not change under a study that is resumed."""

import hashlib
from pathlib import Path

import pytest
from msgspec import structs

from ovbench.coordinator.result.environment import AgentPython
from ovbench.coordinator.result.study import Fingerprint
from ovbench.coordinator.study.fingerprint import changes, fingerprint
from tests.builders import request
from tests.machines import machine


@pytest.fixture
def model(tmp_path: Path) -> Path:
    file = tmp_path / "model.xml"
    file.write_text("<net/>")
    file.with_suffix(".bin").write_bytes(b"weights")
    return file


def of(model: Path) -> Fingerprint:
    return fingerprint([request("-m", str(model))], machine())


def test_nothing_has_changed_where_nothing_was_touched(model: Path) -> None:
    assert list(changes(of(model), of(model))) == []


@pytest.mark.parametrize("suffix", [".xml", ".bin"])
def test_a_model_has_changed_with_its_file_or_its_weights(model: Path, suffix: str) -> None:
    before = of(model)
    model.with_suffix(suffix).write_bytes(b"other")
    assert list(changes(before, of(model))) == [f"the file {model.with_suffix(suffix)}"]


def test_an_older_study_knows_its_models_but_not_file_by_file(model: Path) -> None:
    older = structs.replace(of(model), files={})
    assert list(changes(older, of(model))) == []
    model.with_suffix(".bin").write_bytes(b"other")
    assert list(changes(older, of(model))) == [f"the file {model}"]


def test_a_file_is_known_by_its_own_digest_as_the_report_of_a_run_has_it(model: Path) -> None:
    weights = model.with_suffix(".bin")
    assert of(model).files[str(weights)] == hashlib.sha256(b"weights").hexdigest()


def test_a_build_has_changed_with_what_is_in_the_agents_python(monkeypatch: pytest.MonkeyPatch) -> None:
    def with_openvino(number: str) -> Fingerprint:
        agents = AgentPython("/opt/b/python", "3.11.7", number, "0.1.0", {})
        monkeypatch.setattr("ovbench.coordinator.study.fingerprint.examine", lambda path: agents)
        return fingerprint([request("--agent-python", "/opt/b/python")], machine())

    before, now = with_openvino("2026.4.0"), with_openvino("2026.4.1")
    assert list(changes(before, now)) == [
        "agents in /opt/b/python (was openvino 2026.4.0, ovbench 0.1.0, is openvino 2026.4.1, ovbench 0.1.0)"
    ]


def test_a_machine_has_changed_with_the_cpus_that_may_be_used() -> None:
    before, now = (fingerprint([], machine(allowed=frozenset(cpus))) for cpus in ({0, 1}, {0}))
    assert list(changes(before, now)) == ["allowed_cpus (was 0-1, is 0)"]


@pytest.mark.parametrize("backend", [(), ("--backend", "null:1000")])
def test_a_trace_of_arrivals_must_not_change_whatever_serves_it(tmp_path: Path, backend: tuple[str, ...]) -> None:
    trace = tmp_path / "trace.txt"

    def now() -> Fingerprint:
        return fingerprint([request("--arrivals", f"trace:{trace}", *backend)], machine())

    trace.write_text("0\n1\n2\n")
    before = now()
    assert list(changes(before, now())) == []
    trace.write_text("0\n1\n3\n")
    assert list(changes(before, now())) == [f"the file {trace}"]
