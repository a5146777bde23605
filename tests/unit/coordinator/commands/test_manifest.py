import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from ovbench.common.errors import ExitCode, Unwritable, UsageError
from ovbench.common.join import parse_join
from ovbench.coordinator.commands.manifest import manifest, parse_manifest
from ovbench.coordinator.commands.verb import Call
from ovbench.coordinator.launch.runkeys import read_run_keys
from ovbench.coordinator.session.interrupts import Interrupts

ASKED = ("--pods", "2", "--cpus", "8", "--image", "ovbench:0.1")


def write(folder: Path, *words: str) -> list[Any]:
    request = parse_manifest(("kubernetes", str(folder), *words))
    assert manifest(request, Call((), Interrupts())) == ExitCode.VALID
    return list(yaml.safe_load_all((folder / "manifest.yaml").read_text()))


def test_a_host_can_join_with_what_its_pod_is_given(tmp_path: Path) -> None:
    hosts, own, *_ = write(tmp_path / "run", *ASKED, "--name", "night")
    joins = [parse_join(text.encode(), "it") for text in hosts["stringData"].values()]
    assert [(join.host, join.endpoint) for join in joins] == [
        ("night-0", "tcp://night-coordinator-0.night:5555"),
        ("night-1", "tcp://night-coordinator-0.night:5555"),
    ]
    keys = tmp_path / "keys"
    keys.touch(mode=0o600)
    keys.write_text(own["stringData"]["keys"])
    known = read_run_keys(str(keys))
    assert known.hosts == {join.host: join.public_key for join in joins}
    assert {join.coordinator_key for join in joins} == {known.own.public}


def test_the_files_are_for_their_owner_alone_and_their_keys_are_new_each_time(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    first = write(folder, *ASKED)
    assert (folder.stat().st_mode & 0o777, (folder / "manifest.yaml").stat().st_mode & 0o777) == (0o700, 0o600)
    assert [file.name for file in folder.iterdir()] == ["manifest.yaml"]
    assert write(folder, *ASKED)[0] != first[0]


def test_a_coordinator_outside_has_its_keys_in_a_file_and_is_told_how_to_begin(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    documents = write(folder, *ASKED, "--advertise", "tcp://10.0.0.7:5555")
    assert [document["kind"] for document in documents] == ["Secret", "Job"]
    assert (folder / "run.keys").stat().st_mode & 0o777 == 0o600
    assert list(read_run_keys(str(folder / "run.keys")).hosts) == ["ovbench-0", "ovbench-1"]
    assert capsys.readouterr().out.splitlines() == [
        f"kubectl create -f {folder}/manifest.yaml",
        f"ovbench-coord --launcher kubernetes --run-keys {folder}/run.keys --bind tcp://10.0.0.7:5555",
        f"kubectl delete -f {folder}/manifest.yaml",
    ]


def test_what_stands_after_two_hyphens_is_the_coordinators() -> None:
    request = parse_manifest(("kubernetes", "run", *ASKED, "--", "-m", "builtin:mlp", "--image", "x", "--", "y"))
    assert request.cluster.words == ("-m", "builtin:mlp", "--image", "x", "--", "y")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("kubernetes", "run"), "manifest kubernetes: --pods is missing; give --pods N --cpus N --image IMAGE"),
        (("kubernetes", "run", *ASKED[2:]), "manifest kubernetes: --pods is missing"),
        (("kubernetes", "run", "--pods", "0"), "'0' is not a whole number from 1 to 1024"),
        (("kubernetes", "run", "--cpus", "1.5"), "'1.5' is not a whole number of CPUs from 1 to 8192"),
        (("kubernetes", "run", "--memory", "8GB"), "'8GB' is not a size as Kubernetes writes it, such as 8Gi"),
        (("kubernetes", "run", "--name", "A"), "'A' is not a name for objects"),
        (("kubernetes", "run", "--name", "a" * 41), "is not a name for objects: at most 40 "),
        (("kubernetes", "run", "--image", "a b"), "'a b' is not the name of an image"),
        (("kubernetes", "run", "--node-selector", "arch"), "'arch' is not a label of nodes"),
        (("kubernetes", "run", "--advertise", "10.0.0.7"), "'10.0.0.7' is not where hosts reach the coordinator"),
        (("nomad", "run", *ASKED), "'nomad' is not one of kubernetes"),
        (
            ("kubernetes", "run", *ASKED, "--advertise", "tcp://10.0.0.7:1", "--", "-t", "3"),
            "--advertise tcp://10.0.0.7:1: the coordinator is not in the cluster, so give its flags to it",
        ),
    ],
)
def test_what_is_wrong_is_one_sentence(words: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_manifest(words)
    assert sentence in str(refused.value)


def test_the_page_on_hosts_has_commands_that_are_understood() -> None:
    text = (Path(__file__).parents[4] / "docs" / "hosts.md").read_text().replace("\\\n", "")
    commands = re.findall(r"^ovbench-coord manifest (.*)$", text, re.MULTILINE)
    assert len(commands) > 1
    for command in commands:
        parse_manifest(shlex.split(command))


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    request = parse_manifest(("kubernetes", str(tmp_path / "file" / "run"), *ASKED))
    with pytest.raises(Unwritable, match=r"file/run cannot be written: Not a directory"):
        manifest(request, Call((), Interrupts()))
