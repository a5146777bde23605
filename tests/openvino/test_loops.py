"""Real models through the whole of ovbench, against the samples file and what OpenVINO says of itself."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.process.driver import Run


@pytest.mark.parametrize("model", ["builtin:tiny", "builtin:mlp", "builtin:squeezenet1.1"])
@pytest.mark.parametrize("api", ["sync", "async"])
def test_built_in_models_run_and_their_samples_agree_with_the_report(run: Run, model: str, api: str) -> None:
    ran = run("-m", model, "--agents", "2", "-api", api, "-t", "0.6", "--warmup", "0.2", "--save-samples")
    report = ran.report
    assert ran.code == 0, ran.out
    with np.load(ran.folder / "samples.npz") as samples:
        for agent in report["agents"]:
            starts, ends = samples[f"agent_{agent['id']}_start_ns"], samples[f"agent_{agent['id']}_end_ns"]
            assert len(starts) == len(ends) == agent["throughput"]["count"] > 2
            assert (ends > starts).all()
            # Little's law: with n requests in flight all the time, latencies add up to n times the time they took, but
            # for those that were under way when the window began and when it ended.
            latencies = ends - starts
            span_ns = int(ends.max() - starts.min())
            least_ns = agent["nireq"] * (span_ns - 2 * int(latencies.max()))
            assert 0.9 * least_ns <= latencies.sum() <= agent["nireq"] * span_ns
    assert report["effective"]["backend"] == "openvino"
    assert report["effective"]["properties"]["NUM_STREAMS"] == str(report["effective"]["streams"])
    assert all(report["phases_ms"][phase] > 0 for phase in ("read_model", "compile", "first_inference"))
    assert all(agent["placement"]["mask"] == agent["cpus"] for agent in report["agents"])


def test_synchronous_inferences_follow_each_other_without_a_gap(run: Run) -> None:
    ran = run("-m", "builtin:mlp", "--agents", "1", "-api", "sync", "-niter", "1000", "--save-samples")
    with np.load(ran.folder / "samples.npz") as samples:
        starts, ends = samples["agent_0_start_ns"], samples["agent_0_end_ns"]
    assert (starts[1:] == ends[:-1]).all()


def test_settings_are_read_back_from_the_compiled_model(run: Run) -> None:
    report = run(
        "-m", "builtin:mlp", "--agents", "1", "-api", "async", "-nstreams", "1", "-nthreads", "1", "-nireq", "3",
        "-b", "5", "-niter", "30", "--warmup", "0",
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


def test_properties_reach_openvino_and_are_read_back(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"CPU": {"ENABLE_HYPER_THREADING": "NO", "PERFORMANCE_HINT": "LATENCY"}}))
    dumped, cache = tmp_path / "dumped.json", tmp_path / "cache"
    ran = run(
        "-m", "builtin:mlp", "--agents", "1", "-infer_precision", "f32", "-load_config", str(config),
        "-dump_config", str(dumped), "-cdir", str(cache), "-niter", "20", "--warmup", "0",
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
