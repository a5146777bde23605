"""Command lines, from words to what each verb understands of them."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovbench.common.errors import UsageError
from ovbench.coordinator.commands.compare import CompareResults
from ovbench.coordinator.commands.export import ExportResult
from ovbench.coordinator.commands.export_model import ExportModel
from ovbench.coordinator.commands.show import ShowResult
from ovbench.coordinator.commands.topology import ShowTopology
from ovbench.coordinator.entry import parse
from ovbench.coordinator.request.request import Request
from ovbench.coordinator.request.requirement import parse_requirement
from tests.builders import request
from tests.trees import LAPTOP


def complaint(*argv: str) -> str:
    with pytest.raises(UsageError) as refused:
        parse(argv)
    return str(refused.value)


def test_each_command_becomes_its_request() -> None:
    assert parse(["show", "a", "--json"]) == ShowResult("a", True)
    assert parse(["export", "a", "--csv", "a.csv"]) == ExportResult("a", Path("a.csv"), None)
    assert parse(["export", "a", "--hlog", "a.hlog"]) == ExportResult("a", None, Path("a.hlog"))
    wanted = ("p99 > +5%", "fps < 900")
    conditions = tuple(parse_requirement("--fail-if", text, relative=True) for text in wanted)
    argv = ["compare", "a", "b", "c", "--significant", *(word for text in wanted for word in ("--fail-if", text))]
    assert parse(argv) == CompareResults(("a", "b", "c"), conditions, True, False)


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ("show", "RESULT"),
        ("show a b", "b"),
        ("compare", "RESULT"),
        ("compare a", "nothing to compare it with"),
        ("compare a b --significant", "--significant is about --fail-if"),
        ("compare a b --within-run", "--within-run is about --significant"),
        ("compare a b --fail-if p99", "--fail-if 'p99'"),
        ("export a", "nothing to write"),
        ("export --csv a.csv", "RESULT"),
        ("frobnicate", "frobnicate"),
        ("export-model", "builtin:NAME"),
        ("export-model builtin:tiny", "FILE.xml"),
        ("export-model builtin:resnet model.xml", "builtin:resnet"),
        ("export-model builtin:tiny model.onnx", ".xml"),
        ("export-model builtin:tiny no/such/folder/model.xml", "no/such/folder"),
        ("shwo a", "did you mean show?"),
        (
            "benchmark",
            "the commands are calibrate, compare, completion, export, export-model, help, manifest, run, show, study, "
            "topology, or none, or a model file, to run",
        ),
    ],
)
def test_a_wrong_command_gets_a_sentence_that_names_what_is_wrong(argv: str, says: str) -> None:
    with pytest.raises(UsageError) as told:
        parse(argv.split())
    assert says in str(told.value)


def test_requirements_of_a_run_are_parsed_before_it_and_reported() -> None:
    found = request("--require", "fps >= 900", "--require", "p99 < 5")
    assert [requirement.figure for requirement in found.criteria.requirements] == ["fps", "p99_ms"]
    assert found.requested()["require"] == "fps >= 900; p99 < 5"
    assert request().requested()["require"] is None
    with pytest.raises(UsageError, match="--require 'fps > 5%'"):
        request("--require", "fps > 5%")


@pytest.mark.parametrize(
    ("argv", "name"), [(["builtin:tiny"], "tiny"), (["squeezenet1.1"], "squeezenet1.1")], ids=["with builtin:", "bare"]
)
def test_a_built_in_model_can_be_exported(argv: list[str], name: str, tmp_path: Path) -> None:
    assert parse(["export-model", *argv, str(tmp_path / "m.xml")]) == ExportModel(name, tmp_path / "m.xml")


def test_a_topology_is_of_this_machine_or_of_a_recorded_one(tmp_path: Path) -> None:
    LAPTOP.write(tmp_path)
    assert parse(["topology"]) == ShowTopology(sysfs=None, record=None, json=False)
    assert parse(["topology", "--json", "--sysfs", str(tmp_path)]) == ShowTopology(tmp_path, None, True)
    assert parse(["topology", "--record", "new"]) == ShowTopology(None, Path("new").absolute(), False)


def test_a_topology_that_cannot_be_shown_is_refused(tmp_path: Path) -> None:
    LAPTOP.write(tmp_path)
    assert complaint("topology", "--sysfs", f"{tmp_path}/x").startswith(
        f"--sysfs {tmp_path}/x: there is no such folder"
    )
    assert "contradict each other" in complaint("topology", "--record", "new", "--sysfs", str(tmp_path))
    assert "contradict each other" in complaint("topology", "--record", "new", "--json")
    assert "is not a flag of it" in complaint("topology", "--agents", "2")
    assert "add --hosts" in complaint("topology", "--launcher", "local")
    assert "UTF-8" in complaint("topology", "--record", "new\udcff")


@pytest.mark.parametrize(
    "argv", [["--help"], ["--version"], ["export-model", "--help"], ["topology", "--help"]], ids=" ".join
)
def test_help_and_version_end_well(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(argv)
    assert ended.value.code == 0
    assert "ovbench" in capsys.readouterr().out


FLAGS = [
    "-m", "-d", "-b", "-api", "-hint", "-nstreams", "-nthreads", "-nireq", "-t", "-niter", "--warmup", "--agents",
    "--agent-python", "--launcher", "--bind", "--join-timeout", "--dry-run", "-report_folder", "--save-samples",
    "--sample-memory", "--prepare-timeout",
    "--json", "--seed", "--backend", "export-model", "-i", "-max_irate", "-shape", "-data_shape", "-layout", "-lfile",
    "-inference_only", "-no_warmup", "-ip", "-op", "-iop", "--mean_values", "--scale_values", "-latency_percentile",
    "-report_type", "-json_stats", "-pc", "-pcsort", "-pcseq", "-exec_graph_path", "-c", "-cdir", "-load_config",
    "--cpus-per-agent", "--cpus", "--nodes", "--sockets", "--smt", "--core-kind", "--spread", "--cross-node",
    "--housekeeping", "--memory", "--hosts", "--advertise", "--launcher", "--remote-python",
    "topology", "--sysfs", "--record",
]  # fmt: skip
VALUES = [
    "0",
    "1",
    "2",
    "-1",
    "1e9",
    "nan",
    "sync",
    "latency",
    "none",
    "CPU",
    "builtin:tiny",
    "null:1",
    "",
    "-",
    "--",
    "[1,3]",
    "a:b",
    "a[1..2][?]",
    "NCHW",
    "u8",
    "a:u8",
    "yes",
    "sort",
    ".",
]
words = st.sampled_from(FLAGS) | st.sampled_from(VALUES) | st.text(st.characters(exclude_characters="\0"), max_size=6)


@settings(max_examples=150, deadline=None)
@given(argv=st.lists(words, max_size=6).filter(lambda argv: "-h" not in argv))
def test_no_command_line_ends_in_anything_but_a_request_or_one_sentence(argv: list[str]) -> None:
    try:
        parsed = parse(argv)
    except UsageError:
        return
    assert isinstance(parsed, Request | ExportModel | ShowTopology)


def test_the_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError) as error:
        parse(["nonsense"])
    commands = str(error.value).partition("the commands are ")[2].split(", or none")[0].split(", ")
    with pytest.raises(SystemExit):
        parse(["--help"])
    printed = capsys.readouterr().out
    assert "study" in commands
    assert [name for name in commands if f"\n  {name} " not in printed] == []
    assert "ovbench-coord study -m model.xml" in printed


def test_two_exports_into_one_file_are_refused() -> None:
    said = complaint("export", "a", "--csv", "out", "--hlog", "./out")
    assert said == "--csv and --hlog are both for out; give each a file of its own"
    assert parse(["export", "a", "--csv", "out", "--hlog", "-"]) == ExportResult("a", Path("out"), Path("-"))
