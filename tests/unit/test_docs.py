"""What README and docs say: commands that work, flags that exist, links that lead somewhere."""

import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import yaml
from PIL import Image

from ovbench.agent.options import parse_options
from ovbench.coordinator.analysis.merge import merge
from ovbench.coordinator.analysis.recording import sample_arrays
from ovbench.coordinator.entry import execute, parse
from ovbench.coordinator.result.report import to_json
from ovbench.coordinator.study.folder import StudyFolder
from tests.builders import ms, recording, report, seconds, steady
from tests.studies import outcome, study
from tests.trees import TWO_SOCKETS, Tree

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").glob("*.md"))]
SAVED: Final = ("show", "compare", "export", "topology", "help", "completion", "--version", "-h", "--help")


def blocks(page: Path) -> Iterator[str]:
    yield from re.findall(r"^```\w*\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """The command lines of ovbench-coord for users, each once; without those that write what has tests of its own."""
    found: dict[str, None] = {}
    for page in PAGES[2:] + PAGES[:1]:
        for line in "".join(blocks(page)).splitlines():
            command = re.split(r"\s+#\s|\s\|\s|\s>\s~|\s&$", line)[0].removeprefix("taskset -c 0 ")
            unlike = re.search("export-model|manifest|--record", command)
            if command.startswith("ovbench-coord ") and not unlike:
                found[command] = None
    return list(found)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory, written: Callable[[Tree], Path]) -> Path:
    """A folder with every file and every result that a command names."""
    folder = tmp_path_factory.mktemp("docs")
    for model in ("model.xml", "model.onnx", "text.xml", "models/model.xml"):
        (folder / model).parent.mkdir(exist_ok=True)
        (folder / model).write_bytes(b"<net/>")
    (folder / "photos").mkdir()
    Image.new("RGB", (8, 8)).save(folder / "photos" / "one.png")
    np.save(folder / "ids.npy", np.zeros(4, np.int64))
    np.save(folder / "mask.npy", np.ones(4, np.float32))
    (folder / "asked.json").write_text('{"CPU": {"NUM_STREAMS": "1"}}')
    (folder / "study.toml").write_text('repetitions = 2\n[settings]\nm = "model.xml"\nnireq = "1..3"\n')
    (folder / "monday.csv").write_text("due_s\n0\n0.5\n2\n")
    (folder / "bursts.txt").write_text("0\n0\n0.1\n0.1\n")
    (folder / "bus").mkdir(mode=0o700)
    (folder / "night").mkdir()
    (folder / "night" / "run.keys").write_text("{}")
    (folder / "other").symlink_to(sys.prefix)
    (folder / "server").symlink_to(written(TWO_SOCKETS))
    load = recording(0, seconds(1), seconds(2), steady(seconds(1), ms(10), 50))
    for run in ("before", "after", "ovbench-results/20261123T014734Z-squeezenet1.1", "ovbench-results/older"):
        (folder / run).mkdir(parents=True)
        (folder / run / "report.json").write_bytes(to_json(report()))
    for name in ("study-1", "study-2"):
        planned = study({"-nstreams": ("1", "2")}, repetitions=3)
        (folder / name).mkdir()
        kept = StudyFolder(folder / name)
        kept.create(planned)
        for number, trial in enumerate(planned.trials):
            kept.keep_samples(trial, sample_arrays([load], merge([load]).window))
            kept.keep(trial, outcome(trial, 100.0 + number % 2, 5.0), report(samples_file="samples.npz"))
    (folder / "run").symlink_to("study-1/trials/0001")  # a trial's folder is that of a run
    return folder


@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_docs_is_one_that_ovbench_takes(
    command: str,
    sandbox: Path,
    written: Callable[[Tree], Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Runs and studies are planned for a large machine and not run; what is done with results is done."""
    monkeypatch.chdir(sandbox)
    monkeypatch.setenv("HOME", str(sandbox))
    monkeypatch.setenv("PWD", str(sandbox))
    command = command.replace("$(hostname -i)", "10.0.0.1")
    argv = [os.path.expanduser(os.path.expandvars(word)) for word in shlex.split(command)[1:]]
    if argv[0] not in SAVED:
        argv += [] if "--dry-run" in argv else ["--dry-run"]
        for _ in range(0 if "--sysfs" in argv or argv[0] == "calibrate" else hosts_in(argv)):
            argv += ["--sysfs", str(written(TWO_SOCKETS))]
    with pytest.raises(SystemExit) as ended:
        execute(argv)
    assert (ended.value.code, capsys.readouterr().err) == (0, "")


def hosts_in(argv: list[str]) -> int:
    """As many machines are planned for; 1 is this one."""
    return max((argv[at + 1].count(",") + 1 for at, word in enumerate(argv) if word == "--hosts"), default=1)


def anchors(page: Path) -> set[str]:
    """Of its headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#\s]*(?:#[^)\s]*)?)\)", page.read_text()):
        name, _, anchor = link.partition("#")
        if "://" not in link:
            target = page.parent / name if name else page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


def test_the_index_has_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    assert [page.name for page in (ROOT / "docs").glob("*.md") if f"({page.name})" not in index] == ["README.md"]


def test_a_flag_that_is_named_exists(capsys: pytest.CaptureFixture[str]) -> None:
    """In prose, by its long name; command lines have a test of their own."""
    of_slurm = {"--cpu-bind", "--exclusive", "--immediate", "--no-kill", "--overlap", "--time"}
    of_ray = {"--head", "--num-cpus"}
    of_containers = {"--cpuset-cpus", "--cpuset-mems", "--entrypoint", "--pid"}
    of_pytest = {"--no-ovbench", "--ovbench-folder"}
    known = {"--limit", "--seconds", "--runs"} | of_pytest | of_slurm | of_ray | of_containers
    with pytest.raises(SystemExit):
        parse_options(["--help"])
    known |= set(re.findall(r"--[a-z][\w-]*", capsys.readouterr().out))
    for verb in (
        "run",
        "study",
        "show",
        "compare",
        "export",
        "topology",
        "calibrate",
        "manifest",
        "help",
        "completion",
    ):
        with pytest.raises(SystemExit):
            execute([*verb.split(), "--help"])
        known |= set(re.findall(r"--[a-z][\w-]*", capsys.readouterr().out))
    for page in PAGES:
        prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
        named = {
            flag.replace("_", "-")
            for code in re.findall(r"`([^`]+)`", prose)
            for flag in re.findall(r"(?<!\S)--[a-z][\w-]*", code)
        }
        assert named - known == set(), page.name


WORKFLOW: Final = yaml.safe_load((ROOT / "docs" / "examples" / "github-actions.yml").read_text())


def steps() -> list[dict[str, Any]]:
    return [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize(
    "command", [step["run"] for step in steps() if step.get("run", "").startswith("ovbench-coord ")]
)
def test_a_command_of_the_workflow_is_one_that_ovbench_takes(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    for model in ("model.xml", "base/model.xml", "change/model.xml"):
        (tmp_path / model).parent.mkdir(exist_ok=True)
        (tmp_path / model).write_bytes(b"<net/>")
    parse([os.path.expandvars(word) for word in shlex.split(command)[1:]])


def test_what_a_step_of_the_workflow_uses_is_made_by_one_before_it() -> None:
    """Files by the names that commands give them."""
    texts = [str(step) for step in steps()]
    for name in ("ab.md", "baseline/study.json", "--report-folder current", "--report-folder ab"):
        assert any(name in text for text in texts), name
    assert [step["uses"] for step in steps() if "uses" in step and "@" not in step["uses"]] == []
