"""The command line: benchmark_app's defaults and rules, and one sentence for whatever is wrong."""

from pathlib import Path

import pytest

from ovbench.common.errors import UsageError
from ovbench.common.job import Data, InputFiles, MemoryPolicy, Preprocessing
from ovbench.common.shape import OPEN
from ovbench.coordinator.request.commandline import parse_run
from ovbench.coordinator.request.flags import BY_SPELLING, LONG_NAMES, gnu
from ovbench.coordinator.request.nullbackend import Faults, NullSpec
from ovbench.coordinator.request.policy import Policy
from ovbench.coordinator.request.request import Recorded
from tests.builders import request
from tests.trees import LAPTOP


def complaint(*argv: str) -> str:
    with pytest.raises(UsageError) as refused:
        parse_run(argv)
    return str(refused.value)


@pytest.mark.parametrize(
    ("short", "long"),
    [
        (["-d", "CPU"], ["--target-device", "CPU"]),
        (["-api", "sync"], ["--api-type", "sync"]),
        (["-hint", "latency"], ["--perf-hint", "latency"]),
        (["-hint", "latency"], ["--perf_hint", "latency"]),
        (["-nstreams", "3"], ["--number-streams", "3"]),
        (["-nstreams", "3"], ["--number_streams=3"]),
        (["-nstreams", "AUTO"], ["-nstreams", "CPU:-1"]),
        (["-nthreads", "3"], ["--number-threads", "3"]),
        (["-nireq", "3"], ["--number-infer-requests", "3"]),
        (["-nireq", "3"], ["--number_infer_requests", "3"]),
        (["-b", "3"], ["--batch-size", "3"]),
        (["-t", "3"], ["--time", "3"]),
        (["-niter", "3"], ["--number-iterations", "3"]),
        (["-report_folder", "x_y"], ["--report-folder", "x_y"]),
        (["-report_folder", "x_y"], ["--report_folder=x_y"]),
        (["-m", "builtin:tiny"], ["--path-to-model", "builtin:tiny"]),
        (["-max_irate", "3"], ["--maximum-inference-rate", "3"]),
        (["-shape", "[1]"], ["--shape", "[1]"]),
        (["-data_shape", "a_b[1]"], ["--data-shape", "a_b[1]"]),
        (["-data_shape", "a_b[1]"], ["--data_shape=a_b[1]"]),
        (["-layout", "NC"], ["--layout", "NC"]),
        (["-lfile"], ["--load-from-file"]),
        (["-lfile"], ["--load_from_file"]),
        (["-inference_only", "no"], ["--inference-only", "no"]),
        (["-inference_only"], ["--inference_only=yes"]),
        (["-no_warmup"], ["--no-warmup"]),
        (["-ip", "u8"], ["--input-precision", "u8"]),
        (["-op", "u8"], ["--output-precision", "u8"]),
        (["-iop", "a:u8"], ["--input-output-precision", "a:u8"]),
        (["--mean_values", "[1]"], ["--mean-values", "[1]"]),
        (["--scale_values", "[1]"], ["--scale-values", "[1]"]),
        (["-latency_percentile", "90"], ["--latency-percentile", "90"]),
        (["-report_type", "no_counters"], ["--report-type", "no_counters"]),
        (["-json_stats"], ["--json-stats", "yes"]),
        (["-pc"], ["--perf-counts"]),
        (["-pcsort", "sort"], ["--perf-counts-sort", "sort"]),
        (["-pcseq"], ["--pcseq"]),
        (["-exec_graph_path", "g.xml"], ["--exec-graph-path", "g.xml"]),
        (["-infer_precision", "f32"], ["--infer-precision", "f32"]),
        (["-pin", "YES"], ["--infer-threads-pinning", "YES"]),
        (["-cdir", "x_y"], ["--cache-dir", "x_y"]),
        (["-dump_config", "x.json"], ["--dump-config", "x.json"]),
    ],
    ids=" ".join,
)
def test_every_short_name_has_a_long_one_that_means_the_same(short: list[str], long: list[str]) -> None:
    assert request(*short) == request(*long)


def test_what_was_asked_about_placement_arrives() -> None:
    parsed = request(
        "--agents", "per-node", "--cpus-per-agent", "3", "--cpus", "8,0-3", "--nodes", "0,1", "--sockets", "0",
        "--smt", "use", "--core-kind", "efficient", "--spread", "scatter", "--cross-node", "allow",
        "--housekeeping", "9",
    )  # fmt: skip
    assert parsed.placement == Policy(
        agents="per-node", cpus_per_agent=3, cpus=(0, 1, 2, 3, 8), nodes=(0, 1), sockets=(0,), smt="use",
        core_kind="efficient", spread="scatter", cross_node=True, housekeeping=(9,),
    )  # fmt: skip
    assert parsed.requested().items() >= {
        "agents": "per-node", "cpus_per_agent": 3, "cpus": "0-3,8", "nodes": "0-1", "sockets": "0", "smt": "use",
        "core_kind": "efficient", "spread": "scatter", "cross_node": "allow", "housekeeping": "9",
    }.items()  # fmt: skip


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("local", MemoryPolicy("local")),
        ("interleave", MemoryPolicy("interleave")),
        ("0", MemoryPolicy("bind", (0,))),
        ("1,0", MemoryPolicy("bind", (0, 1))),
        ("0-1", MemoryPolicy("bind", (0, 1))),
    ],
)
def test_a_memory_policy_is_a_word_or_a_list_of_nodes(text: str, policy: MemoryPolicy) -> None:
    parsed = request("--memory", text)
    assert parsed.placement.memory == policy
    assert parsed.requested()["memory"] == text.replace("1,0", "0-1")
    assert (request().placement.memory, request().requested()["memory"]) == (None, None)


def test_options_of_ovbench_s_own_arrive() -> None:
    parsed = request(
        "--agents", "4", "--warmup", "0", "--seed", "7", "--backend", "null:1500", "--save-samples",
        "--sample-memory", "64", "--json", "--dry-run", "--join-timeout", "9",
        "--prepare-timeout", "7200",
    )  # fmt: skip
    assert (parsed.placement.agents, parsed.load.warmup_s, parsed.data.seed, parsed.backend) == (
        4,
        0.0,
        7,
        NullSpec(1500.0, Faults()),
    )
    assert parsed.output.sample_memory_mb == 64
    assert (parsed.launch.join_timeout_s, parsed.launch.prepare_timeout_s) == (9.0, 7200.0)
    assert parsed.output.save_samples
    assert parsed.output.json
    assert parsed.dry_run


def test_the_null_backend_needs_no_model_file() -> None:
    assert request("--backend", "null:10", "-m", "missing.xml").model.source == "missing.xml"


def test_the_device_may_be_written_in_any_case() -> None:
    assert request("-d", "cpu").runtime.device == "CPU"


@pytest.mark.parametrize("device", ["AUTO", "AUTO:CPU", "AUTO:CPU,-GPU", "AUTO:-GPU", "MULTI:CPU", "HETERO:CPU"])
def test_a_device_that_may_be_nothing_but_the_cpu_is_the_cpu(device: str) -> None:
    assert request("-d", device).runtime.device == "CPU"


@pytest.mark.parametrize(
    ("begun", "whole"),
    [
        (("--batch", "4"), ("--batch_size", "4")),
        (("--number_iter=8",), ("--number_iterations=8",)),
        (("--lat", "90"), ("--latency_percentile", "90")),
    ],
)
def test_the_beginning_of_a_long_name_of_benchmark_app_is_enough(
    begun: tuple[str, ...], whole: tuple[str, ...]
) -> None:
    assert request(*begun) == request(*whole)


def test_a_beginning_that_several_names_have_is_refused() -> None:
    assert "--input" in complaint("--input", "f32")


def test_no_flag_is_taken_for_the_beginning_of_another() -> None:
    flags = BY_SPELLING
    assert [flag for flag in flags if gnu(flag) != flag and "_" not in flag] == []
    assert {f"--{name}" for name in LONG_NAMES} <= set(flags)


def test_external_agents_connect_on_this_host() -> None:
    external = ("--launcher", "external", "--agents", "2")
    assert request(*external, "--bind", "ipc:///bus").launch.bind == "ipc:///bus"


def test_the_agents_python_is_where_it_was_named_and_its_link_is_not_followed(tmp_path: Path) -> None:
    link = tmp_path / "python"
    link.symlink_to("/usr/bin/env")
    assert request("--agent-python", str(link)).launch.agent_python == str(link)
    assert request("--agent-python", "env/python").launch.agent_python == f"{Path.cwd()}/env/python"
    assert request("--agent-python", "env/python").requested()["agent_python"] == f"{Path.cwd()}/env/python"


WRONG = {
    "--agent-python python3 --launcher external --agents 1 --bind ipc:///bus": "--agent-python",
    "-nstreams 0": "-nstreams",
    "-nstreams -2": "-nstreams",
    "-nstreams two": "two",
    "-nstreams 1.5": "1.5",
    "-nthreads -1": "-nthreads",
    "-nstreams GPU:2": "GPU:2",
    "-nstreams CPU:0": "-nstreams",
    "-infer_precision GPU:f32": "GPU:f32",
    "-nireq 0": "-nireq",
    "-nireq 65537": "-nireq 65537 is more than 65,536",
    "-b 0": "-b",
    "-b ..0": "-b",
    "-b 8..2": "8..2",
    "-b many": "many",
    "-b 1,2": "1,2",
    "-b 99999999999": "99999999999",
    "-shape 1,x": "-shape 1,x",
    "-shape data": "-shape data",
    "-shape [1,x]": "-shape [1,x]",
    "-shape data[1,2": "-shape data[1,2",
    "-shape data[1]mask[2]": "mask[2]",
    "-shape data[1],data[2]": "'data' is there twice",
    "-shape [1][2]": "2 values",
    "-shape [1],data[2]": "contradict",
    "-shape [12345678901]": "12345678901",
    "-data_shape data[1,?]": "open",
    "-data_shape [1..8]": "open",
    "-data_shape 4,?": "open",
    "-data_shape [4],data[5]": "contradict",
    "-layout [N1]": "-layout [N1]",
    "-layout NCC": "twice",
    "-layout ...": "not a layout",
    "-layout [N,CH]": "N,CH",
    "-layout data[]": "not a layout",
    "-ip f31": "f31",
    "-op float": "float",
    "-iop data": "-iop data",
    "-iop data:f31": "f31",
    "-iop data:f16,data:f32": "twice",
    "-iop :f16": ":f16",
    "--mean_values [1,x]": "'x'",
    "--mean_values 1,2,x": "'x'",
    "--mean_values [nan]": "nan",
    "--mean_values []": "--mean_values []",
    "--scale_values [1,0,1]": "0 cannot be divided by",
    "--scale_values [inf]": "inf",
    "--scale_values data[1][2]": "2 values",
    "-max_irate -1": "-max_irate",
    "-max_irate nan": "nan",
    "-max_irate 1e-9": "1e-9",
    "-latency_percentile 0": "-latency_percentile",
    "-latency_percentile 101": "101",
    "-latency_percentile 99.9": "99.9",
    "-report_type all_counters": "all_counters",
    "-json_stats maybe": "maybe",
    "-pc maybe": "maybe",
    "-pcseq 2": "-pcseq",
    "-pcsort fast": "fast",
    "-inference_only sometimes": "sometimes",
    "-pin yes": "-pin",
    "-pc no -pcsort sort": "contradict",
    "-pc no -report_type average_counters": "contradict",
    "-c kernels.xml": "GPU",
    "-lfile --mean_values [1]": "--mean_values and -lfile",
    "-lfile -shape [1]": "-shape and -lfile",
    "-lfile -b 2": "-b and -lfile",
    "-lfile -ip u8": "-ip and -lfile",
    "-exec_graph_path /dev/null/graph.xml": "/dev/null is not a folder",
    "-exec_graph_path .": "folder",
    "-dump_config ~nobody-of-that-name/config.json": "~nobody-of-that-name",
    "-cdir ~nobody-of-that-name": "-cdir",
    f"-exec_graph_path {'x' * 300}/graph.xml": "cannot be made: File name too long",
    "-load_config no-such.json": "-load_config no-such.json",
    "-extensions no-such.so": "-extensions",
    "-i no-such.npy": "-i no-such.npy",
    "-api sync -niter 2 -nireq 4": "-nireq 4",
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
    "--agents per-die": "per-l3",
    "--cpus-per-agent 0": "--cpus-per-agent",
    "--cpus 0-x": "0-x",
    "--cpus 3-1": "3-1",
    "--cpus 0,": "0,",
    "--cpus 0-99999999999": "0-99999999999",
    "--nodes all": "all",
    "--sockets one": "one",
    "--housekeeping ,": "--housekeeping",
    "--memory far": "neither local nor interleave",
    "--memory 1-0": "1-0",
    "--smt on": "--smt",
    "--core-kind big": "--core-kind",
    "--spread wide": "--spread",
    "--cross-node yes": "--cross-node",
    "--seed -1": "--seed",
    "--sample-memory 0": "--sample-memory",
    "--join-timeout 0": "--join-timeout",
    "--prepare-timeout 0": "--prepare-timeout",
    "-niter 3 --agents 4": "-niter 3",
    "-hint latency -nstreams 2": "-nstreams",
    "-hint throughput -nthreads 2": "-nthreads",
    "-hint fast": "fast",
    "-api both": "both",
    "-d GPU": "GPU",
    "-d AUTO:GPU,CPU": "AUTO:GPU,CPU",
    "-d AUTO:-CPU": "AUTO:-CPU",
    "-d MULTI": "MULTI",
    "-d HETERO:GPU,CPU": "HETERO:GPU,CPU",
    "-m builtin:resnet": "builtin:resnet",
    "-m builtin:": "builtin:",
    "-m no/such/model.xml": "no/such/model.xml",
    "-m ~nobody-of-that-name/model.xml": "~nobody-of-that-name",
    f"-m {'x' * 300}.xml": "-m x",
    "-m": "-m",
    "--backend null": "null",
    "--backend null:": "null:",
    "--backend null:0.0001": "null:0.0001",
    "--backend null:-5": "null:-5",
    "--backend null:nan": "null:nan",
    "--backend cuda": "cuda",
    "--launcher mpi": "mpi",
    "--launcher external": "--bind",
    "--launcher external --bind ipc:///bus": "--agents",
    "--launcher external --bind ipc:///bus --agents per-node": "--agents N",
    "--launcher external --agents 2 --bind tcp://0.0.0.0:5555": "tcp://0.0.0.0:5555",
    "--launcher external --agents 2 --bind tcp://127.0.0.1:5555": "ipc:///path",
    "--launcher external --agents 2 --bind ipc:///tmp/bus": "others may write to /tmp",
    "--insecure": "--insecure",
    "--launcher external --agents 2 --bind bus": "bus",
    "--bind ipc:///bus": "--launcher external",
    "--no-such-option": "--no-such-option",
    "--agent 2": "--agent",
    "--agents 2 frobnicate": "frobnicate",
}


@pytest.mark.parametrize(("line", "named"), WRONG.items(), ids=[line[:60] for line in WRONG])
def test_what_is_wrong_is_said_in_one_sentence_that_names_it(line: str, named: str) -> None:
    said = complaint(*line.split())
    assert named in said
    assert "\n" not in said
    assert len(said) > 20


def test_names_that_are_no_utf_8_are_refused(tmp_path: Path) -> None:
    """On the command line, and found in a folder: neither jobs nor reports could hold them."""
    (tmp_path / "\udcff.bin").write_bytes(b"data")
    for argv in (["-report_folder", "\udcff"], ["-i", str(tmp_path)]):
        said = complaint(*argv)
        assert "not UTF-8" in said
        assert said.isascii()


def test_a_recorded_machine_can_be_planned_for_but_not_measured(tmp_path: Path) -> None:
    LAPTOP.write(tmp_path)
    assert request("--dry-run").sysfs == ()
    assert request("--dry-run", "--sysfs", str(tmp_path)).sysfs == (Recorded(tmp_path.name, tmp_path),)
    assert complaint("--sysfs", str(tmp_path)) == (
        f"--sysfs {tmp_path}: a recorded machine can be planned for, not measured; add --dry-run"
    )
    assert "there is no such folder" in complaint("--dry-run", "--sysfs", str(tmp_path / "nowhere"))


def test_a_flag_that_is_given_no_text_is_as_if_left_out() -> None:
    """As in benchmark_app, whose defaults are empty texts; scripts rely on it."""
    empty = (
        "-b", "-shape", "-data_shape", "-layout", "-iop", "--mean_values", "--scale_values", "-cdir", "-extensions",
        "-load_config", "-dump_config", "-report_folder", "-exec_graph_path", "-nstreams", "-infer_precision",
    )  # fmt: skip
    assert request(*(word for flag in empty for word in (flag, ""))) == request()


@pytest.mark.parametrize(
    ("text", "batch"),
    [("8", (8, 8)), ("?", (0, OPEN)), ("-1", (0, OPEN)), ("1..8", (1, 8)), ("2..", (2, OPEN)), ("..4", (0, 4))],
)
def test_a_batch_is_a_dimension(text: str, batch: tuple[int, int]) -> None:
    assert request("-b", text).model.batch == batch


def test_no_threads_mean_any_number_of_them() -> None:
    parsed = request("-nthreads", "0", "-hint", "latency")
    assert (parsed.runtime.threads, parsed.runtime.hint) == (None, "latency")


def test_streams_may_name_the_cpu() -> None:
    assert request("-nstreams", "CPU:3").runtime.streams == 3


def test_element_types_have_openvino_s_names() -> None:
    parsed = request("-ip", "bool", "-op", "f16", "-iop", "mask:0:bool, out:i64")
    assert parsed.preprocessing == Preprocessing("boolean", "f16", {"mask:0": "boolean", "out": "i64"})


def test_files_and_the_seed_are_the_data(tmp_path: Path) -> None:
    file = tmp_path / "a.npy"
    file.touch()
    assert request("-i", f"x:{file}", "--seed", "3").data == Data((InputFiles("x", (str(file),)),), 3)


def test_help_fits_a_terminal_of_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        parse_run(["--help"])
    assert [line for line in capsys.readouterr().out.splitlines() if len(line) > 80] == []


FLAGS_OF_BENCHMARK_APP = (
    "-h -i -m -d -hint -niter -max_irate -t -b -shape -data_shape -layout -extensions -c -cdir -lfile -api -nireq "
    "-nstreams -inference_only -no_warmup -infer_precision -ip -op -iop --mean-values --scale-values -nthreads -pin "
    "-latency_percentile -report_type -report_folder -json_stats -pc -pcsort -pcseq -exec_graph_path -dump_config "
    "-load_config"
)


@pytest.mark.parametrize("flag", FLAGS_OF_BENCHMARK_APP.split())
def test_help_has_every_flag_of_benchmark_app_with_a_long_name(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_run(["--help"])
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("  -")]
    (named,) = [words for words in lines if words[0].rstrip(",") == flag]
    assert any(word.startswith("--") for word in named[:2])


@pytest.mark.parametrize(
    ("argv", "advice"),
    [
        (("--require", "wait_p99_ms < 5"), "only a load at a rate has it; add --rate R"),
        (("--require", "fps > 1", "--require", "unfinished < 1"), "only a load at a rate has it; add --rate R"),
        (("--rate", "9", "--require", "goodput >= 0.99"), "it is by a limit of the latency; add --slo-ms X"),
    ],
)
def test_a_requirement_that_such_a_run_cannot_meet_is_refused_before_it(argv: tuple[str, ...], advice: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_run(argv)
    assert str(refused.value) == f"--require '{argv[-1]}': {advice}"


@pytest.mark.parametrize(
    "argv",
    [
        ("--rate", "9", "--require", "wait_p99_ms < 5"),
        ("--stages", "5s:9", "--require", "lateness_p99_us < 50"),
        ("-max_irate", "9", "--require", "service_p99_ms < 5"),
        ("--rate", "9", "--slo-ms", "20", "--require", "goodput >= 0.99"),
    ],
)
def test_a_requirement_on_a_figure_that_the_run_has_is_taken(argv: tuple[str, ...]) -> None:
    assert parse_run(argv).criteria.requirements[0].text == argv[-1]


@pytest.mark.parametrize(
    ("more", "spin_s"), [(("-api", "sync"), 2e-4), (("-api", "async"), 5e-5), (("-api", "async", "--spin", "7"), 7e-6)]
)
def test_an_agent_that_infers_synchronously_spins_for_longer(more: tuple[str, ...], spin_s: float) -> None:
    assert request("--rate", "100", *more).load.spin_s == spin_s
