"""Real models through the whole of ovbench, against the samples file and against benchmark_app on the same file."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.process.driver import COORDINATOR, Run

BENCHMARK_APP = str(Path(sys.executable).with_name("benchmark_app"))


@pytest.fixture(scope="module")
def tiny_ir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("models") / "tiny.xml"
    subprocess.run([COORDINATOR, "export-model", "builtin:tiny", str(file)], check=True, capture_output=True)
    return file


def benchmark_app(model: Path, folder: Path, *options: str) -> dict[str, Any]:
    """benchmark_app's own JSON report."""
    subprocess.run(
        [BENCHMARK_APP, "-m", str(model), "-d", "CPU", "-report_type", "no_counters", "-json_stats",
         "-report_folder", str(folder), *options],
        check=True, capture_output=True,
    )  # fmt: skip
    report: dict[str, Any] = json.loads((folder / "benchmark_report.json").read_text())
    return report


@pytest.mark.parametrize("model", ["builtin:tiny", "builtin:mlp", "builtin:squeezenet1.1"])
@pytest.mark.parametrize("api", ["sync", "async"])
def test_built_in_models_run_and_their_samples_tell_the_same_story(run: Run, model: str, api: str) -> None:
    ran = run("-m", model, "--agents", "2", "-api", api, "-t", "0.6", "--warmup", "0.2", "--save-samples")
    report = ran.report
    assert ran.code == 0, ran.out
    with np.load(ran.folder / "samples.npz") as samples:
        for agent in report["agents"]:
            starts, ends = samples[f"agent_{agent['id']}_start_ns"], samples[f"agent_{agent['id']}_end_ns"]
            assert len(starts) == len(ends) == agent["throughput"]["count"] > 10
            assert (ends > starts).all()
            # Little's law: with n requests in flight all the time, latencies add up to n times the time they took.
            busy_ns = int((ends - starts).sum())
            span_ns = int(ends.max() - starts.min())
            assert busy_ns == pytest.approx(agent["nireq"] * span_ns, rel=0.1)
    assert report["effective"]["backend"] == "openvino"
    assert report["effective"]["properties"]["NUM_STREAMS"] == str(report["effective"]["streams"])
    assert all(report["phases_ms"][phase] > 0 for phase in ("read_model", "compile", "first_inference"))
    assert all(agent["placement"]["mask"] == agent["cpus"] for agent in report["agents"])


def test_synchronous_inferences_follow_each_other_without_a_gap(run: Run) -> None:
    ran = run("-m", "builtin:mlp", "--agents", "1", "-api", "sync", "-t", "0.3", "--warmup", "0.1", "--save-samples")
    with np.load(ran.folder / "samples.npz") as samples:
        starts, ends = samples["agent_0_start_ns"], samples["agent_0_end_ns"]
    assert (starts[1:] == ends[:-1]).all()


def test_settings_are_read_back_from_the_compiled_model(run: Run) -> None:
    report = run(
        "-m", "builtin:mlp", "--agents", "1", "-api", "async", "-nstreams", "1", "-nthreads", "1", "-nireq", "3",
        "-b", "5", "-t", "0.2", "--warmup", "0",
    ).report  # fmt: skip
    effective = report["effective"]
    assert (effective["streams"], effective["threads"], effective["nireq"]) == (1, 1, 3)
    assert effective["batch"] == 5
    (data,) = effective["inputs"]
    assert (data["name"], data["type"], data["shape"], data["layout"]) == ("data", "f32", [5, 256], "[N,C]")
    assert effective["outputs"][0]["shape"] == [5, 256]
    assert report["throughput"]["fps"] == pytest.approx(5 * report["throughput"]["inferences_per_s"])


def test_more_streams_than_cpus_is_reported_as_what_it_became(run: Run) -> None:
    report = run("-m", "builtin:tiny", "--agents", "2", "-nstreams", "64", "-t", "0.2", "--warmup", "0").report
    streams = {agent["streams"] for agent in report["agents"]}
    changed = [f["message"] for f in report["validity"]["findings"] if f["code"] == "settings_changed"]
    assert streams != {64}
    assert changed
    assert "-nstreams 64 became" in changed[0]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (("-api", "sync"), ("-api", "sync")),
        (("-hint", "latency"), ("-hint", "latency")),
        (("-hint", "throughput"), ("-hint", "throughput")),
        (("-hint", "none", "-nstreams", "1", "-nireq", "4"), ("-hint", "none", "-nstreams", "1", "-nireq", "4")),
        (("-niter", "99", "-api", "async", "-nireq", "4"), ("-niter", "99", "-api", "async", "-nireq", "4")),
        (("-b", "2"), ("-b", "2")),
    ],
    ids=lambda options: " ".join(options),
)
def test_the_same_options_mean_the_same_as_for_benchmark_app(
    run: Run, tiny_ir: Path, tmp_path: Path, ours: tuple[str, ...], theirs: tuple[str, ...]
) -> None:
    time = () if "-niter" in ours else ("-t", "1")
    our = run("-m", str(tiny_ir), "--agents", "1", *ours, *time, "--warmup", "0.1").report
    their = benchmark_app(tiny_ir, tmp_path, *theirs, *time)
    setup = their["configuration_setup"]
    assert our["effective"]["api"] == setup["API"]
    assert our["effective"]["nireq"] == int(setup["number of parallel infer requests"])
    assert str(our["effective"]["batch"]) == setup["batch size"]
    if "number of CPU streams" in setup:
        assert our["effective"]["streams"] == int(setup["number of CPU streams"])
    if "-niter" in ours:
        assert our["throughput"]["count"] == int(their["execution_results"]["total number of iterations"]) == 100
    # Not a timing test: it only has to tell a rate from one that is wrong by a factor.
    assert our["throughput"]["fps"] > 0.3 * float(their["execution_results"]["throughput"])


def test_properties_reach_openvino_and_are_read_back(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"CPU": {"ENABLE_HYPER_THREADING": "NO", "PERFORMANCE_HINT": "LATENCY"}}))
    dumped, cache = tmp_path / "dumped.json", tmp_path / "cache"
    ran = run(
        "-m", "builtin:mlp", "--agents", "1", "-infer_precision", "f32", "-load_config", str(config),
        "-dump_config", str(dumped), "-cdir", str(cache), "-t", "0.2", "--warmup", "0",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    properties = ran.report["effective"]["properties"]
    assert properties["INFERENCE_PRECISION_HINT"] == "f32"
    assert properties["ENABLE_HYPER_THREADING"] == "NO"
    assert properties["PERFORMANCE_HINT"] == "LATENCY"
    assert any(cache.iterdir())
    assert json.loads(dumped.read_text())["CPU"]["INFERENCE_PRECISION_HINT"] == "f32"


@pytest.mark.parametrize(
    "wrong", [("-infer_precision", "f7"), ("-load_config", "unknown")], ids=["precision", "property"]
)
def test_what_openvino_refuses_gets_one_sentence(run: Run, tmp_path: Path, wrong: tuple[str, str]) -> None:
    option, value = wrong
    if option == "-load_config":
        file = tmp_path / "config.json"
        file.write_text(json.dumps({"CPU": {"NO_SUCH_PROPERTY": "1"}}))
        value = str(file)
    ran = run("-m", "builtin:tiny", "--agents", "2", option, value)
    assert ran.code == 2
    assert len(ran.err.splitlines()) == 1


def test_an_extension_that_is_none_gets_one_sentence(run: Run, tmp_path: Path) -> None:
    library = tmp_path / "lib.so"
    library.write_text("no library")
    ran = run("-m", "builtin:tiny", "--agents", "2", "-extensions", str(library))
    assert ran.code == 2
    assert len(ran.err.splitlines()) == 1
    assert "-extensions" in ran.err
