"""Bad input: one sentence that helps, exit code 2, no traceback, nothing left running, nothing measured."""

import os
import subprocess
from pathlib import Path

import pytest

from ovbench.coordinator.entry import execute
from tests.process.driver import COORDINATOR, PATIENCE_S, Start


def complain(*options: str, folder: Path, limits: str = "true") -> str:
    """The one line that a wrong call gets. `limits`: what the shell sets before."""
    command = ["sh", "-c", f'{limits} && exec "$0" "$@"', COORDINATOR, *options]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=PATIENCE_S)
    lines = done.stderr.splitlines()
    assert done.returncode == 2, done
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("ovbench-coord: ")
    assert "Traceback" not in done.stderr + done.stdout
    return lines[0]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["-nstreams", "0"], "-nstreams"),
        (["-nstreams", "two"], "'two'"),
        (["-nireq", "0"], "-nireq"),
        (["-nthreads", "-1"], "-nthreads"),
        (["-niter", "-1"], "-niter"),
        (["-niter", "1", "--agents", "2"], "-niter 1"),
        (["-t", "0"], "-t"),
        (["-t", "nan"], "-t"),
        (["-t", "1e8"], "at most 1e7"),
        (["--seed", "9999999999999999999"], "below 2^62"),
        (["-b", "0"], "-b"),
        (["--agents", "0"], "--agents"),
        (["--agents", "many"], "'many'"),
        (["--warmup", "-1"], "--warmup"),
        (["-api", "both"], "-api"),
        (["-hint", "fast"], "-hint"),
        (["-hint", "throughput", "-nstreams", "2"], "contradict"),
        (["-d", "GPU"], "-d GPU"),
        (["-c", "kernels.xml"], "GPU"),
        (["-i", "nowhere.npy"], "-i nowhere.npy"),
        (["-i", "input:nowhere/"], "-i input:nowhere/"),
        (["-i", "."], "no images, .npy or .bin"),
        (["-max_irate", "-1"], "-max_irate"),
        (["-shape", "[1,x]"], "-shape [1,x]: 'x'"),
        (["-data_shape", "[1,?]"], "-data_shape [1,?]"),
        (["-layout", "[N1]"], "-layout [N1]"),
        (["-inference_only", "perhaps"], "'perhaps'"),
        (["-ip", "f31"], "-ip"),
        (["-iop", "input:f31"], "-iop input:f31"),
        (["--mean_values", "[a]"], "--mean_values [a]"),
        (["--scale_values", "[0]"], "--scale_values [0]"),
        (["-lfile", "--scale_values", "[1]"], "-lfile"),
        (["-latency_percentile", "101"], "-latency_percentile"),
        (["-report_type", "all"], "-report_type"),
        (["-json_stats", "perhaps"], "-json_stats"),
        (["-pc", "no", "-pcsort", "sort"], "contradict"),
        (["-exec_graph_path", "/dev/null/graph.xml"], "/dev/null"),
        (["-load_config", "nowhere.json"], "nowhere.json"),
        (["-dump_config", "/dev/null/config.json"], "/dev/null"),
        (["-m", "builtin:resnet"], "builtin:tiny"),
        (["--backend", "null"], "null:SERVICE_TIME_US"),
        (["--backend", "null:-1"], "null:SERVICE_TIME_US"),
        (["--backend", "null:1000,drift=fast"], "drift=fast"),
        (["--backend", "null:0,exp"], "no service time that exp could change"),
        (["--backend", "null:1000,wrong=agent", "--agents", "1"], "wrong=agent"),
        (["--launcher", "external", "--agents", "1"], "--bind"),
        (["--bind", "ipc:///x"], "--launcher external"),
        (["--launcher", "external", "--bind", "tcp://0.0.0.0:5555", "--agents", "1"], "ipc:///path"),
        (["benchmark"], "benchmark"),
        (["--require", "fps"], "--require 'fps'"),
        (["--require", "p98 < 5"], "did you mean"),
        (["--require", "fps > +5%"], "relative"),
        (["--rate", "0"], "--rate"),
        (["--rate", "-300"], "--rate"),
        (["--rate", "nan"], "--rate"),
        (["--rate", "1e10"], "1e9"),
        (["--rate", "1e9", "-t", "1000"], "--sample-memory"),
        (["--rate", "0.001"], "less than one arrival"),
        (["--rate", "300", "-max_irate", "300"], "-max_irate"),
        (["--arrivals", "constant"], "needs a rate"),
        (["--rate", "300", "--arrivals", "uniform"], "'uniform' is none of"),
        (["--rate", "300", "--arrivals", "gamma:0"], "'gamma:0'"),
        (["--arrivals", "trace:nowhere.csv"], "nowhere.csv"),
        (["--arrival-seed", "1"], "--arrival-seed 1"),
        (["--stages", "10:100"], "durations have a unit"),
        (["--stages", "10s:100..", "--rate", "300"], "'10s:100..'"),
        (["--stages", "10s:100", "--rate", "300"], "contradict"),
        (["--stages", "10s:0"], "the rate 0 throughout"),
        (["--rate", "300", "--dispatch", "fair"], "'fair'"),
        (["--dispatch", "random"], "--dispatch"),
        (["--slo-ms", "fast"], "'fast'"),
        (["--slo-ms", "p101:20"], "p101:20"),
        (["--slo-ms", "p99:20,p99:5"], "two limits"),
        (["--rate", "300", "--timeout-ms", "0"], "--timeout-ms"),
        (["--timeout-ms", "20"], "--timeout-ms"),
        (["--rate", "300", "--drain", "-1"], "--drain"),
        (["--rate", "300", "--spin", "-1"], "--spin"),
        (["--until", "p99 +-0%"], "--until"),
        (["--scenario", "batch"], "'batch' is none of"),
        (["--scenario", "server"], "--rate"),
        (["--scenario", "offline", "--rate", "300"], "--rate"),
        (["--scenario", "multi-stream"], "multi-stream:8"),
        (["show", "."], "neither report.json nor study.json"),
        (["show", "/dev/null"], "not JSON"),
        (["compare", ".", "."], "neither report.json nor study.json"),
        (["compare", "a", "b", "--fail-if", "p99 > 5%"], "needs a sign"),
        (["export", "nowhere", "--csv", "a.csv"], "nowhere"),
        (["export-model", "builtin:resnet", "a.xml"], "builtin:tiny"),
        (["export-model", "builtin:tiny", "a.onnx"], ".xml"),
        (["export-model", "builtin:tiny", "nowhere/a.xml"], "nowhere"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_refused_before_anything_starts_gets_one_sentence(
    tmp_path: Path,
    options: list[str],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without a process for each: all of them come through the same few lines of `execute`."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        execute(options)
    out, err = capsys.readouterr()
    assert (ended.value.code, out, len(err.splitlines())) == (2, "", 1), err
    assert err.startswith("ovbench-coord: ")
    assert says in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        ("", [], "no instants"),
        ("0.1\n0.3\n0.2\n", [], "back in time"),
        ("0.1\nnan\n", [], "no instant"),
        ("0.1\nsoon\n", [], "'soon'"),
        ("-0.1\n", [], "negative"),
        ("0.5\n2.5\n", ["-t", "2"], "longer than -t 2"),
        ("0.5\n", ["--rate", "300"], "--rate 300"),
    ],
)
def test_a_trace_that_is_no_schedule_gets_one_sentence(
    tmp_path: Path, text: str, options: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text(text)
    with pytest.raises(SystemExit) as ended:
        execute(["--arrivals", f"trace:{trace}", *options])
    out, err = capsys.readouterr()
    assert (ended.value.code, out, len(err.splitlines())) == (2, "", 1), err
    assert "trace.csv" in err
    assert says in err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["-m", "nowhere.xml"], "nowhere.xml"),
        (["--launcher", "external", "--bind", "ipc:///proc/nowhere/bus", "--agents", "1"], "--bind"),
        (["--unknown"], "--unknown"),
        (["export-model", "builtin:tiny", "/proc/a.xml"], "/proc/a.xml: No such file or directory"),
        (["show", "nowhere"], "nowhere"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_call_gets_one_sentence(tmp_path: Path, options: list[str], says: str) -> None:
    assert says in complain(*options, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_the_terminal_cannot_show_or_would_obey_gets_one_sentence(tmp_path: Path) -> None:
    line = complain("-m", "модель\x1b[2J.xml", folder=tmp_path, limits="export PYTHONIOENCODING=ascii")
    assert r"\u043c\u043e\u0434\u0435\u043b\u044c\x1b[2J.xml" in line


def test_too_few_descriptors_get_one_sentence(tmp_path: Path) -> None:
    assert "ulimit -n 65" in complain("--agents", "1", "-m", "builtin:tiny", folder=tmp_path, limits="ulimit -n 20")


@pytest.mark.parametrize("flag", ["-ip u8", "-iop data:u8", "--mean_values [1]", "-shape [1]", "-b 2"])
def test_a_change_to_a_compiled_model_gets_one_sentence(tmp_path: Path, flag: str) -> None:
    model = tmp_path / "model.blob"
    model.write_bytes(b"compiled")
    assert "compiled already" in complain("-m", str(model), *flag.split(), folder=tmp_path)


@pytest.mark.parametrize("text", ["CPU", "[1]", '{"GPU": {}}', '{"CPU": {"NUM_STREAMS": [1]}}'])
def test_a_configuration_of_another_form_gets_one_sentence(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.json"
    file.write_text(text)
    assert "-load_config" in complain("-load_config", str(file), folder=tmp_path)


IR = """<?xml version="1.0"?>
<net name="cut" version="11"><layers><layer id="0" name="data" type="Parameter" version="opset1">"""


@pytest.mark.parametrize(
    ("content", "says"),
    [("", "empty"), (IR, "cannot read"), ("this is no model", "cannot read")],
    ids=["empty", "truncated", "no model"],
)
def test_a_broken_model_file_gets_one_sentence(tmp_path: Path, content: str, says: str) -> None:
    model = tmp_path / "model.xml"
    model.write_text(content)
    line = complain("-m", str(model), "--agents", "2", folder=tmp_path)
    assert says in line
    assert "model.xml" in line


def test_an_unreadable_folder_for_a_model_gets_one_sentence(tmp_path: Path) -> None:
    assert "cannot read" in complain("-m", str(tmp_path), "--agents", "1", folder=tmp_path)


def test_an_interrupted_preparation_leaves_no_result_that_looks_like_one(start: Start) -> None:
    coordinator = start("-m", "builtin:squeezenet1.1", "--agents", "1", "--warmup", "600")
    coordinator.wait_for("Step 1/11")
    coordinator.process.terminate()
    ran = coordinator.finish()
    assert ran.code == 130
    assert ran.report["throughput"]["count"] == 0
    assert ran.report["latency_ms"] is None


@pytest.mark.parametrize("json_wanted", [False, True])
def test_a_folder_that_cannot_be_written_is_found_before_anything_is_measured(
    tmp_path: Path, json_wanted: bool
) -> None:
    options = ["--backend", "null:1000", "-api", "sync", "--agents", "1", "-t", "600", "--warmup", "0"]
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    done = subprocess.run(
        [COORDINATOR, *options, *(["--json"] if json_wanted else []), "--report-folder", str(in_the_way / "report")],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr.splitlines() == [done.stderr.strip()]
    assert "cannot be made" in done.stderr


@pytest.mark.parametrize("option", [["--html"], ["--plots", "svg"]], ids=" ".join)
def test_pictures_without_the_extra_are_refused_before_anything_is_measured(
    option: list[str], start: Start, tmp_path: Path
) -> None:
    (tmp_path / "vl_convert.py").write_text("raise ImportError")
    coordinator = start("--backend", "null:1000", *option, env={**os.environ, "PYTHONPATH": str(tmp_path)})
    _, err = coordinator.process.communicate(timeout=PATIENCE_S)
    assert coordinator.process.returncode == 2
    assert err.splitlines() == [err.strip()]
    assert "pip install 'ovbench[html]'" in err
    assert not coordinator.folder.exists()
