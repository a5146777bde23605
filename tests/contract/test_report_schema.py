"""The published JSON Schema of report.json, and that what a run writes keeps to it."""

import json
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final

import jsonschema  # type: ignore[import-untyped]
import msgspec
import pytest

from ovbench.coordinator.request.thresholds import Thresholds
from ovbench.coordinator.result import report as result
from ovbench.coordinator.result.findings import EFFECTS, Code
from ovbench.coordinator.result.report import Report, from_json, json_schema, to_json
from ovbench.coordinator.session.record import AgentRecord
from tests.builders import clock, delivered, effective, job, layer, over_hosts, ready, report, request, run

PUBLISHED: Final = Path(result.__file__).resolve().with_name("report.schema.json")

KEYS: Final = {
    "": "schema ovbench started_at command requested effective environment window throughput latency_ms phases_ms cpu "
    "agents timeline validity",
    "ovbench": "version",
    "environment": "hostname kernel cpu_model sockets nodes physical_cores logical_cpus openvino python governor",
    "window": "duration_s warmup_s start_skew_us stop_skew_us",
    "throughput": "fps inferences_per_s count batch frames",
    "latency_ms": "exact count min mean stddev median p90 p95 p99 p99_9 max chosen_percentile chosen",
    "phases_ms": "read_model reshape compile first_inference import_model",
    "cpu": "busy_percent per_cpu agents_percent coordinator_percent others_percent",
    "cpu.per_cpu.0": "busy user system iowait steal",
    "cpu.places.0": "socket node core",
    "cpu.timeline": "t_s busy_percent",
    "latency_distribution": "percents merged agents",
    "agents.0": "id host pid cpus placement streams threads nireq throughput latency_ms cpu memory_mb state",
    "agents.0.placement": "requested mask seen",
    "agents.0.throughput": "fps count",
    "agents.0.latency_ms": "exact count min mean stddev median p90 p95 p99 p99_9 max",
    "agents.0.cpu": "user_s system_s percent voluntary_switches involuntary_switches migrations",
    "agents.0.memory_mb": "rss pss peak_before_compile peak_after_compile",
    "timeline.0": "t_s fps p99_ms busy_percent",
    "validity": "status findings",
    "validity.findings.0": "code severity message",
}
"""What others rely on: by place, the keys that must be there."""

OF_A_HOST: Final = (
    "name hostname state reason class clock topology kernel governor openvino python libraries precision isa "
    "capabilities agents throughput latency_ms cpu efficiency findings"
)
"""The same of each of `hosts`."""


def oversubscribed() -> Report:
    """A whole report with a finding in it."""
    return report(run([delivered(0), delivered(1, cpus=(0,))]))


def without_any_agent() -> Report:
    lost = AgentRecord(0, job(), why="it never came")
    return report(run([lost]))


def with_everything() -> Report:
    """Groups of shapes, layers by request, notes: what most reports lack."""
    wanted = request("--agents", "1", "-pcseq", "-report_type", "detailed_counters")
    prepared = ready(effective(groups=(1, 4), notes=("The input was cut.",)))
    return report(run([delivered(layers=[layer("conv", 7)], prepared=prepared)], wanted=wanted))


def compiled_only() -> Report:
    member = AgentRecord(0, job(duration_s=None, iterations=0), pid=1, host="box", ready=ready())
    return report(run([member], wanted=request("-niter", "0", "--agents", "1")))


def with_requirements() -> Report:
    return report(
        run([delivered()], wanted=request("--require", "fps > 1", "--require", "memory < 1", "--agents", "1"))
    )


def over_unlike_hosts() -> Report:
    """Three, of which one was lost and one infers in another precision."""
    gone = AgentRecord(3, job((0,)), why="host c was lost")
    bf16 = ready(msgspec.structs.replace(effective(), precision="bf16", isa="avx512_core_bf16", capabilities=("BF16",)))
    members = {"a": [delivered(0), delivered(1)], "user@b:2222": [delivered(2, cpus=(0,), prepared=bf16)], "c": [gone]}
    return report(over_hosts(members, lost={"c": "its network was gone for 3 s"}, clocks={"a": clock(0, 2_000)}))


REPORTS: Final = {
    "of two agents": report(),
    "with a finding": oversubscribed(),
    "with samples saved": report(samples_file="samples.npz"),
    "where nothing came of it": without_any_agent(),
    "interrupted": report(replace(run([delivered()]), interrupted=True)),
    "by number of iterations": report(run([delivered()], wanted=request("-niter", "1000", "--agents", "1"))),
    "without readings of the CPUs": report(run([delivered()], readings=[])),
    "with groups and layers": with_everything(),
    "of a model that was only compiled": compiled_only(),
    "with requirements": with_requirements(),
    "over unlike hosts": over_unlike_hosts(),
    "of one other host": report(over_hosts({"b": [delivered(0)]})),
}
EACH = pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)


def validator() -> Any:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    return jsonschema.Draft202012Validator(json_schema())


def test_the_published_schema_is_that_of_the_types() -> None:
    assert json.loads(PUBLISHED.read_text()) == json_schema(), "run scripts/schema and commit what it writes"


@EACH
def test_a_report_keeps_to_the_schema(report: Report) -> None:
    problems = [f"{error.json_path}: {error.message}" for error in validator().iter_errors(json.loads(to_json(report)))]
    assert problems == []


@EACH
def test_a_report_read_back_is_the_same(report: Report) -> None:
    assert from_json(to_json(report)) == report


def test_a_report_from_before_there_were_hosts_is_read() -> None:
    """As it was written then: without what has come since."""
    old = json.loads(to_json(REPORTS["with a finding"]))
    del old["hosts"]
    for part, names in (
        ("window", ("edge_error_us", "skew_error_us")),
        ("fairness", ("by_host", "among")),
        ("latency_distribution", ("hosts",)),
    ):
        for name in names:
            del old[part][name]
    assert validator().is_valid(old)
    assert from_json(json.dumps(old).encode()) == REPORTS["with a finding"]


def test_what_is_of_each_host_is_there() -> None:
    whole = json.loads(to_json(REPORTS["over unlike hosts"]))
    assert all(set(OF_A_HOST.split()) <= set(host) for host in whole["hosts"])
    assert [host["state"] for host in whole["hosts"]] == ["ok", "ok", "lost"]
    clocks = [set(host["clock"]) for host in whole["hosts"]]
    assert clocks[0] == {"offset_us", "offset_error_us", "drift_ppm", "round_trips", "least_round_trip_us"}
    codes = {finding["code"] for finding in whole["validity"]["findings"]}
    assert {"host_lost", "clock_error", "unlike_hosts"} <= codes


def test_a_report_of_another_schema_is_refused_by_both() -> None:
    other = json.loads(to_json(REPORTS["of two agents"])) | {"schema": "ovbench.report/2"}
    assert not validator().is_valid(other)
    with pytest.raises(msgspec.ValidationError, match="schema"):
        from_json(json.dumps(other).encode())


def test_the_schema_notices_what_is_wrong() -> None:
    """Guards the guard: a schema that accepts everything proves nothing."""
    good = json.loads(to_json(REPORTS["of two agents"]))
    for key, value in (("throughput", None), ("cpu", {}), ("agents", {}), ("validity", {"status": "GOOD"})):
        assert not validator().is_valid(good | {key: value})
    assert not validator().is_valid({key: value for key, value in good.items() if key != "window"})


@pytest.mark.parametrize(("place", "keys"), KEYS.items(), ids=[place or "report" for place in KEYS])
def test_the_keys_that_others_rely_on_are_there(place: str, keys: str) -> None:
    part = json.loads(to_json(oversubscribed()))
    for step in filter(None, place.split(".")):
        part = part[int(step)] if isinstance(part, list) else part[step]
    assert set(keys.split()) <= set(part)


def test_the_name_of_the_schema_comes_first() -> None:
    assert next(iter(json.loads(to_json(REPORTS["of two agents"])))) == "schema"
    assert json.loads(to_json(REPORTS["of two agents"]))["schema"] == "ovbench.report/1"


def test_a_report_holds_no_number_that_json_does_not_know() -> None:
    whole = REPORTS["of two agents"]
    broken = msgspec.structs.replace(
        whole, throughput=msgspec.structs.replace(whole.throughput, fps=float("nan"))
    )  # fmt: skip
    with pytest.raises(ValueError, match="JSON"):
        to_json(broken)


def test_what_only_some_reports_have_is_in_this_one() -> None:
    """Guards the guard: the schema is held against these parts by a report that has them."""
    whole = REPORTS["with groups and layers"]
    assert len(whole.groups) == 2
    assert whole.layers is not None
    assert whole.layers.by_request
    assert whole.effective is not None
    assert whole.effective.notes
    assert [requirement.met for requirement in REPORTS["with requirements"].requirements] == [True, False]


def test_every_finding_is_described_in_the_docs() -> None:
    text = (Path(__file__).parents[2] / "docs" / "validity.md").read_text()
    assert set(re.findall(r"^\| `([a-z_]+)` \|", text, re.M)) == set(Code)


@pytest.mark.parametrize(("word", "effect"), [("SUSPECT", "doubt"), ("PARTIAL", "loss")])
def test_what_a_finding_makes_of_the_verdict_is_described_in_the_docs(word: str, effect: str) -> None:
    text = (Path(__file__).parents[2] / "docs" / "validity.md").read_text()
    told = set(re.findall(rf"^\| `([a-z_]+)` \| [^|]*\({word}\)", text, re.M))
    assert told == {code for code, of_code in EFFECTS.items() if of_code == effect}


def test_every_limit_is_described_in_the_docs_with_its_default() -> None:
    text = (Path(__file__).parents[2] / "docs" / "validity.md").read_text()
    for limit in fields(Thresholds):
        assert f"`{limit.metadata['flag']}` {limit.default:g}" in text, limit.name
