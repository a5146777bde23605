"""Command lines with a mistake, and what was probably meant, in one sentence."""

from pathlib import Path

import pytest

from ovbench.common.errors import UsageError
from ovbench.coordinator.entry import parse
from ovbench.coordinator.request.request import Request
from ovbench.coordinator.study.request import StudyRequest


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("model.xml", "other.xml", "asked.json", "hosts.txt", "photo.png", "due.csv", "plan.toml"):
        (tmp_path / name).write_bytes(b"<net/>")
    (tmp_path / "done").mkdir()
    (tmp_path / "done" / "report.json").write_bytes(b"{}")
    return tmp_path


MEANT = {
    "--agnets 2": "--agnets: a run has no such flag; did you mean --agents?",
    "-nstreems 2": "-nstreems: a run has no such flag; did you mean -nstreams?",
    "-hnt latency": "did you mean -hint?",
    "-tiem 5": "did you mean --time?",
    "nstreams 2": "did you mean -nstreams?",
    "--agents 2 nireq 4": "'nireq' is neither a flag nor the value of one; did you mean -nireq?",
    "\u2013nstreams 2 -t 1": "begins with a dash that is no hyphen; did you mean -nstreams?",
    "-t 1 \u2014agents 2": "did you mean --agents?",
    "-api synch": "'synch' is not one of sync, async; did you mean sync?",
    "-hint latncy": "did you mean latency?",
    "--launcher slrum": "did you mean slurm?",
    "--dispatch shard --rate 9": "did you mean shared?",
    "--agents per-cor": "did you mean per-core?",
    "--memory locla": "did you mean local?",
    "--arrivals poison --rate 9": "did you mean poisson?",
    "--scenario ofline": "did you mean offline?",
    "-ip f31": "did you mean",
    "-iop data:flt32": "did you mean f32?",
    "-m builtin:squeezenet": "did you mean builtin:squeezenet1.1?",
    "-m mlp": "did you mean builtin:mlp?",
    "releases": "unknown command 'releases'; it is a study: ovbench-coord study releases",
    "mlp": "unknown command 'mlp'; did you mean builtin:mlp?",
    "-m modle.xml": "did you mean model.xml?",
    "modle.xml": "-m modle.xml: there is no such file; did you mean model.xml?",
    "model": "unknown command 'model'; did you mean model.xml?",
    "-i foto.png": "did you mean photo.png?",
    "-load_config askd.json": "did you mean asked.json?",
    "--hosts-file host.txt --bind tcp://10.0.0.1:0": "did you mean hosts.txt?",
    "--arrivals trace:deu.csv": "did you mean due.csv?",
    "study --plan paln.toml": "did you mean plan.toml?",
    "study -nstreems 1,2": "did you mean -nstreams?",
    "study scalin": "did you mean scaling?",
    "show --jsn done": "--jsn: show has no such flag; did you mean --json?",
    "compare done done --signifcant": "did you mean --significant?",
    "shwo done": "did you mean show?",
    "helo": "did you mean help?",
    "help threshold": "did you mean thresholds?",
    "help -nstreems": "did you mean nstreams?",
    "done": "done is a result, not a model; ovbench-coord show done prints it",
    "-nstreams 1,2": "several values are for a study, as in ovbench-coord study -nstreams 1,2",
    "-nireq 1..8": "several values are for a study, as in ovbench-coord study -nireq 1..8",
    "-api sync,async": "several values are for a study",
    "-t 10s,1m": "several values are for a study",
    "--agents 1,2": "several values are for a study",
    "-m model.xml,other.xml": "several are for a study, as in ovbench-coord study -m model.xml,other.xml",
    "model.xml,other.xml": "a run has one model; several are for a study",
    "-pc model.xml": "write the model in front of -pc, or -m model.xml",
    "-m other.xml model.xml": "model.xml and -m other.xml are two models; a run has one",
    "model.xml other.xml": "is neither a flag nor the value of one",
}


@pytest.mark.parametrize(("line", "says"), MEANT.items(), ids=list(MEANT))
def test_a_mistake_is_answered_with_what_was_meant(line: str, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse(line.split())
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("line", ["-nstreams 1,x", "-nstreams x", "-t 1,soon", "--seed 1,", "-b 2,1,0"])
def test_what_a_study_would_not_take_either_has_no_hint_of_one(line: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse(line.split())
    assert "study" not in str(refused.value)


@pytest.mark.parametrize(
    "line",
    [
        "model.xml --agents 2",
        "run model.xml --agents 2",
        "run -m model.xml --agents 2",
        "--agents 2 model.xml",
        "--agents 2 -pc yes model.xml -pc no",
    ],
)
def test_a_model_needs_no_flag(line: str, folder: Path) -> None:
    parsed = parse(line.split())
    assert isinstance(parsed, Request)
    assert (parsed.model.source, parsed.placement.agents) == (str(folder / "model.xml"), 2)


@pytest.mark.parametrize("line", ["study model.xml,other.xml -t 1", "study -t 1 -m model.xml,other.xml"])
def test_a_study_takes_models_without_a_flag(line: str) -> None:
    parsed = parse(line.split())
    assert isinstance(parsed, StudyRequest)
    assert parsed.axes.given("-m") == ("model.xml", "other.xml")
    assert parse(["study", "scaling", "model.xml"]).kind == "scaling"


@pytest.mark.parametrize(
    ("bare", "bracketed"),
    [
        (("-shape", "1,3,224,224"), ("-shape", "[1,3,224,224]")),
        (("-shape", " 1,?,..8 "), ("-shape", "[1,?,..8]")),
        (("-data_shape", "1,128"), ("-data_shape", "[1,128]")),
        (("--mean_values", "1,2,3"), ("--mean_values", "[1,2,3]")),
        (("--scale_values", "2"), ("--scale_values", "[2]")),
    ],
)
def test_what_is_for_every_input_needs_no_brackets(bare: tuple[str, ...], bracketed: tuple[str, ...]) -> None:
    assert parse(bare) == parse(bracketed)
