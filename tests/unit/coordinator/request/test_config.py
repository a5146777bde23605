"""Files of OpenVINO properties."""

import json
from pathlib import Path

import pytest

from ovbench.common.errors import UsageError
from ovbench.common.job import Runtime
from ovbench.coordinator.plan.plan import make_plan
from ovbench.coordinator.request.config import config_json, read_config
from tests.builders import request
from tests.machines import machine


def written(folder: Path, text: str) -> Path:
    file = folder / "config.json"
    file.write_text(text)
    return file


def test_the_cpus_properties_are_read_as_text(tmp_path: Path) -> None:
    file = written(tmp_path, '{"CPU": {"NUM_STREAMS": "3", "THREADS": 4, "PERF_COUNT": true, "X": false}}')
    expected = {"NUM_STREAMS": "3", "THREADS": "4", "PERF_COUNT": "YES", "X": "NO"}
    assert read_config(file) == expected


def test_an_empty_file_has_nothing(tmp_path: Path) -> None:
    assert read_config(written(tmp_path, "{}")) == {}


def test_other_devices_beside_the_cpu_do_not_matter(tmp_path: Path) -> None:
    """As in benchmark_app, which looks up the device that it runs on."""
    assert read_config(written(tmp_path, '{"GPU": {"X": [1]}, "CPU": {"A": "b"}}')) == {"A": "b"}


def test_truth_values_as_benchmark_app_dumps_them_are_read(tmp_path: Path) -> None:
    file = written(tmp_path, '{"CPU": {"PERF_COUNT": "True", "ALLOW_AUTO_BATCHING": "False"}}')
    assert read_config(file) == {"PERF_COUNT": "YES", "ALLOW_AUTO_BATCHING": "NO"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("CPU", "not JSON"),
        ("[1]", "must look like"),
        ('{"CPU": 1}', "must look like"),
        ('{"GPU": {}}', "GPU and none of the CPU"),
        ('{"CPU": {"NUM_STREAMS": [1]}}', "NUM_STREAMS"),
        pytest.param("[" * 200_000, "nested too deeply", id="deep"),
    ],
)
def test_a_file_of_another_format_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read_config(written(tmp_path, text))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_config(tmp_path / "nowhere.json")


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    properties = Runtime(streams=2, config={"LOG_LEVEL": "LOG_NONE"}).properties()
    assert read_config(written(tmp_path, config_json(properties).decode())) == properties


def test_flags_go_before_the_file_and_the_files_hint_before_the_default(tmp_path: Path) -> None:
    file = written(tmp_path, json.dumps({"CPU": {"NUM_STREAMS": "3", "PERFORMANCE_HINT": "LATENCY", "A": "b"}}))

    def asked(*argv: str) -> dict[str, str]:
        plan = make_plan(request("-load_config", str(file), "--agents", "1", *argv), machine())
        return plan.jobs[0].runtime.properties()

    assert asked() == {"NUM_STREAMS": "3", "PERFORMANCE_HINT": "LATENCY", "A": "b", "PERF_COUNT": "NO"}
    assert asked("-hint", "none", "-nstreams", "5")["NUM_STREAMS"] == "5"
    assert asked("-hint", "throughput")["PERFORMANCE_HINT"] == "THROUGHPUT"


def test_every_setting_has_its_openvino_name() -> None:
    runtime = Runtime(
        hint="latency", streams=1, threads=2, requests=3, precision="bf16", pinning="NO", cache_dir="/cache",
        count_layers=True, auto_batching=False,
    )  # fmt: skip
    assert runtime.properties() == {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": "1",
        "INFERENCE_NUM_THREADS": "2",
        "PERFORMANCE_HINT_NUM_REQUESTS": "3",
        "INFERENCE_PRECISION_HINT": "bf16",
        "ENABLE_CPU_PINNING": "NO",
        "CACHE_DIR": "/cache",
        "PERF_COUNT": "YES",
        "ALLOW_AUTO_BATCHING": "NO",
    }


@pytest.mark.parametrize("text", ["bf16", "CPU:bf16", "cpu:bf16"])
def test_a_precision_may_name_the_cpu(text: str) -> None:
    assert request("-infer_precision", text).runtime.precision == "bf16"


@pytest.mark.parametrize("text", ["GPU:f32", "CPU:"])
def test_a_precision_for_something_else_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="CPU"):
        request("-infer_precision", text)


def test_extensions_and_the_file_to_dump_to_are_looked_for_first(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        request("-extensions", str(tmp_path / "lib.so"))
    with pytest.raises(UsageError, match="is not a folder"):
        request("-dump_config", "/dev/null/config.json")
    assert request("-dump_config", str(tmp_path / "new" / "config.json")).output.dump_config is not None
