"""The command line: benchmark_app's defaults and rules, and one sentence for whatever is wrong."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovbench.common.errors import UsageError
from ovbench.coordinator.options import ExportModel, Options, parse
from tests.builders import options


@pytest.fixture
def model(tmp_path: Path) -> Path:
    file = tmp_path / "model.xml"
    file.write_text("<net/>")
    return file


def complaint(*argv: str) -> str:
    with pytest.raises(UsageError) as refused:
        parse(argv)
    return str(refused.value)


def test_without_any_option_the_built_in_model_runs_for_ten_seconds_on_every_core() -> None:
    plain = options()
    assert plain.model == "builtin:squeezenet1.1"
    assert (plain.device, plain.api, plain.hint) == ("CPU", "async", "throughput")
    assert (plain.duration_s, plain.iterations, plain.warmup_s) == (10.0, None, 1.0)
    assert (plain.streams, plain.threads, plain.requests, plain.batch) == (None, None, None, None)
    assert plain.agents is None
    assert plain.null_service_us is None
    assert plain.launcher == "local"
    assert (plain.json, plain.dry_run, plain.save_samples) == (False, False, False)


@pytest.mark.parametrize(
    ("argv", "api", "hint"),
    [
        ([], "async", "throughput"),
        (["-api", "async"], "async", "throughput"),
        (["-api", "sync"], "sync", "latency"),
        (["-hint", "latency"], "sync", "latency"),
        (["-hint", "latency", "-api", "async"], "async", "latency"),
        (["-hint", "throughput"], "async", "throughput"),
        (["-hint", "tput"], "async", "throughput"),
        (["-hint", "throughput", "-api", "sync"], "sync", "throughput"),
        (["-hint", "ctput"], "async", "cumulative_throughput"),
        (["-hint", "none"], "async", "none"),
        (["-hint", "none", "-api", "sync"], "sync", "none"),
        (["-nstreams", "2"], "async", "none"),
        (["-nthreads", "2"], "async", "none"),
        (["-nstreams", "2", "-hint", "none"], "async", "none"),
        (["-nthreads", "2", "-api", "sync"], "sync", "none"),
        (["-nireq", "8"], "async", "throughput"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_api_and_hint_follow_from_each_other_as_in_benchmark_app(argv: list[str], api: str, hint: str) -> None:
    parsed = options(*argv)
    assert (parsed.api, parsed.hint) == (api, hint)


@pytest.mark.parametrize(
    ("argv", "duration_s", "iterations"),
    [
        ([], 10.0, None),
        (["-t", "3"], 3.0, None),
        (["-niter", "100"], None, 100),
        (["-t", "3", "-niter", "100"], 3.0, 100),
        (["-niter", "0"], None, 0),
        (["-t", "0.5"], 0.5, None),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_run_lasts_as_long_as_its_time_or_its_iterations(
    argv: list[str], duration_s: float | None, iterations: int | None
) -> None:
    parsed = options(*argv)
    assert (parsed.duration_s, parsed.iterations) == (duration_s, iterations)


@pytest.mark.parametrize(
    ("short", "long"),
    [
        (["-d", "CPU"], ["--target-device", "CPU"]),
        (["-api", "sync"], ["--api-type", "sync"]),
        (["-hint", "latency"], ["--perf-hint", "latency"]),
        (["-hint", "latency"], ["--perf_hint", "latency"]),
        (["-nstreams", "3"], ["--number-streams", "3"]),
        (["-nstreams", "3"], ["--number_streams=3"]),
        (["-nthreads", "3"], ["--number-threads", "3"]),
        (["-nireq", "3"], ["--number-infer-requests", "3"]),
        (["-nireq", "3"], ["--number_infer_requests", "3"]),
        (["-b", "3"], ["--batch-size", "3"]),
        (["-t", "3"], ["--time", "3"]),
        (["-niter", "3"], ["--number-iterations", "3"]),
        (["-report_folder", "x_y"], ["--report-folder", "x_y"]),
        (["-report_folder", "x_y"], ["--report_folder=x_y"]),
        (["-m", "builtin:tiny"], ["--path-to-model", "builtin:tiny"]),
    ],
    ids=" ".join,
)
def test_every_short_name_has_a_long_one_that_means_the_same(short: list[str], long: list[str]) -> None:
    assert options(*short) == options(*long)


def test_options_of_ovbench_s_own_arrive() -> None:
    parsed = options(
        "--agents", "4", "--warmup", "0", "--seed", "7", "--backend", "null:1500", "--save-samples",
        "--sample-memory", "64", "--json", "--dry-run", "--join-timeout", "9",
    )  # fmt: skip
    assert (parsed.agents, parsed.warmup_s, parsed.seed, parsed.null_service_us) == (4, 0.0, 7, 1500.0)
    assert (parsed.sample_memory_mb, parsed.join_timeout_s) == (64, 9.0)
    assert parsed.save_samples
    assert parsed.json
    assert parsed.dry_run


def test_a_model_file_becomes_an_absolute_path(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(model.parent)
    assert options("-m", "model.xml").model == str(model)


def test_a_model_under_the_home_folder_is_found(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(model.parent))
    assert options("-m", "~/model.xml").model == str(model)


def test_a_folder_may_be_a_model(tmp_path: Path) -> None:
    """TensorFlow's saved models are folders."""
    assert options("-m", str(tmp_path)).model == str(tmp_path)


def test_the_null_backend_needs_no_model_file() -> None:
    assert options("--backend", "null:10", "-m", "missing.xml").model == "missing.xml"


def test_the_device_may_be_written_in_any_case() -> None:
    assert options("-d", "cpu").device == "CPU"


def test_external_agents_need_more_time_to_come() -> None:
    external = options("--launcher", "external", "--bind", "ipc:///tmp/bus", "--agents", "1")
    assert external.join_timeout_s > options().join_timeout_s


@pytest.mark.parametrize("bind", ["ipc:///tmp/bus", "tcp://127.0.0.1:5555", "tcp://localhost:5555", "tcp://[::1]:5555"])
def test_external_agents_connect_on_this_host(bind: str) -> None:
    assert options("--launcher", "external", "--bind", bind, "--agents", "2").bind == bind


WRONG = {
    "-nstreams 0": "-nstreams",
    "-nstreams -1": "-nstreams",
    "-nstreams two": "two",
    "-nstreams 1.5": "1.5",
    "-nthreads 0": "-nthreads",
    "-nireq 0": "-nireq",
    "-b 0": "-b",
    "-niter -1": "-niter",
    "-niter many": "many",
    "-t 0": "-t",
    "-t -1": "-t",
    "-t nan": "nan",
    "-t inf": "inf",
    "-t 1e300": "1e300",
    "-t soon": "soon",
    "--warmup -1": "--warmup",
    "--warmup nan": "nan",
    "--agents 0": "--agents",
    "--agents -3": "--agents",
    "--agents 5000": "5000",
    "--agents few": "few",
    "--seed -1": "--seed",
    "--sample-memory 0": "--sample-memory",
    "--join-timeout 0": "--join-timeout",
    "-niter 3 --agents 4": "-niter 3",
    "-hint latency -nstreams 2": "-nstreams",
    "-hint throughput -nthreads 2": "-nthreads",
    "-hint fast": "fast",
    "-api both": "both",
    "-d GPU": "GPU",
    "-d AUTO": "AUTO",
    "-m builtin:resnet": "builtin:resnet",
    "-m builtin:": "builtin:",
    "-m no/such/model.xml": "no/such/model.xml",
    "-m ~nobody-of-that-name/model.xml": "~nobody-of-that-name",
    f"-m {'x' * 300}.xml": "-m x",
    "-m": "-m",
    "--backend null": "null",
    "--backend null:": "null:",
    "--backend null:0": "null:0",
    "--backend null:-5": "null:-5",
    "--backend null:nan": "null:nan",
    "--backend cuda": "cuda",
    "--launcher slurm": "slurm",
    "--launcher external": "--bind",
    "--launcher external --bind ipc:///tmp/bus": "--agents",
    "--launcher external --agents 2 --bind tcp://0.0.0.0:5555": "tcp://0.0.0.0:5555",
    "--launcher external --agents 2 --bind bus": "bus",
    "--bind ipc:///tmp/bus": "--launcher external",
    "--no-such-option": "--no-such-option",
    "--agent 2": "--agent",
    "frobnicate": "frobnicate",
    "--agents 2 frobnicate": "frobnicate",
    "export-model": "builtin:NAME",
    "export-model builtin:tiny": "FILE.xml",
    "export-model builtin:resnet model.xml": "builtin:resnet",
    "export-model builtin:tiny model.onnx": ".xml",
    "export-model builtin:tiny no/such/folder/model.xml": "no/such/folder",
}


@pytest.mark.parametrize(("line", "named"), WRONG.items(), ids=[line[:60] for line in WRONG])
def test_what_is_wrong_is_said_in_one_sentence_that_names_it(line: str, named: str) -> None:
    said = complaint(*line.split())
    assert named in said
    assert "\n" not in said
    assert len(said) > 20


def test_an_empty_model_file_is_refused(model: Path) -> None:
    model.write_bytes(b"")
    assert "empty" in complaint("-m", str(model))


@pytest.mark.parametrize(
    ("argv", "name"), [(["builtin:tiny"], "tiny"), (["squeezenet1.1"], "squeezenet1.1")], ids=["with builtin:", "bare"]
)
def test_a_built_in_model_can_be_exported(argv: list[str], name: str, tmp_path: Path) -> None:
    assert parse(["export-model", *argv, str(tmp_path / "m.xml")]) == ExportModel(name, tmp_path / "m.xml")


@pytest.mark.parametrize("argv", [["--help"], ["--version"], ["export-model", "--help"]], ids=" ".join)
def test_help_and_version_end_well(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(argv)
    assert ended.value.code == 0
    assert "ovbench" in capsys.readouterr().out


FLAGS = [
    "-m", "-d", "-b", "-api", "-hint", "-nstreams", "-nthreads", "-nireq", "-t", "-niter", "--warmup", "--agents",
    "--launcher", "--bind", "--join-timeout", "--dry-run", "-report_folder", "--save-samples", "--sample-memory",
    "--json", "--seed", "--backend", "export-model",
]  # fmt: skip
VALUES = ["0", "1", "2", "-1", "1e9", "nan", "sync", "latency", "none", "CPU", "builtin:tiny", "null:1", "", "-", "--"]
words = st.sampled_from(FLAGS) | st.sampled_from(VALUES) | st.text(st.characters(exclude_characters="\0"), max_size=6)


@settings(max_examples=150, deadline=None)
@given(argv=st.lists(words, max_size=6).filter(lambda argv: "-h" not in argv))
def test_no_command_line_ends_in_anything_but_options_or_one_sentence(argv: list[str]) -> None:
    try:
        parsed = parse(argv)
    except UsageError:
        return
    assert isinstance(parsed, Options | ExportModel)


def test_what_was_requested_is_reported_by_the_names_of_the_command_line() -> None:
    requested = options("-nstreams", "2", "-t", "3", "--agents", "4", "--backend", "null:1500").requested()
    assert requested["nstreams"] == 2
    assert requested["time_s"] == 3.0
    assert requested["agents"] == 4
    assert requested["backend"] == "null:1500"
    assert requested["nireq"] is None
    assert options().requested()["backend"] == "openvino"
