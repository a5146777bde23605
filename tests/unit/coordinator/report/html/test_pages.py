"""The pages as files: well formed, whole by themselves, and text stays text."""

import builtins
import json
import re
import tempfile
from collections.abc import Mapping
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from ovbench.common.errors import UsageError
from ovbench.coordinator.report.html import vega
from ovbench.coordinator.report.html.chart import PALETTE
from ovbench.coordinator.report.html.document import Html, document, join, table, tag
from ovbench.coordinator.report.html.runcharts import run_charts
from ovbench.coordinator.report.html.runpage import interval_text, run_files, run_page
from ovbench.coordinator.report.html.studycharts import study_charts
from ovbench.coordinator.report.html.studypage import study_files, study_page
from ovbench.coordinator.result.latency import Interval
from ovbench.coordinator.result.numbers import rate
from ovbench.coordinator.session.record import AgentRecord
from ovbench.coordinator.study.gate import gate_words
from tests.builders import delivered, job, report, request, run
from tests.pages import (
    HOSTILE,
    STUDIES,
    ab_study,
    full_report,
    hosts_report,
    rate_report,
    releases_study,
    scaling_study,
)
from tests.studies import answer

pytest.importorskip("vl_convert")

MOST_BYTES = 2_000_000
VOID = {"meta", "br", "img", "wbr"}


class Reader(HTMLParser):
    """Elements, what was in each kind of them, and every address; a tag that is not closed is an error."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.addresses: list[str] = []
        self.feed(page.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src", "action", "data")]
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self.open[-1] if self.open else "", []).append(data)


@pytest.fixture(autouse=True)
def cache_of_all(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library once for all tests of this process, and nothing in the user's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp()))


@cache
def pages() -> Mapping[str, bytes]:
    studies = {kind: make() for kind, make in STUDIES.items()}
    return {
        "of a run": run_page(full_report()),
        "of a run that came to nothing": run_page(
            report(run([AgentRecord(0, job(), why="it never came")], readings=[]))
        ),
        "of a run of 256 agents": run_page(full_report(256, 256)),
        "of a run at a rate": run_page(rate_report()),
        "of a run at a rate that is too high": run_page(rate_report(overloaded=True)),
        "of a run of one agent": run_page(report(run([delivered(0)]))),
        "of a run on three hosts": run_page(hosts_report()),
        "of a run on many hosts": run_page(hosts_report(40, 4)),
        **{f"of a study of {kind}": study_page(*made, {}) for kind, made in studies.items()},
        "of a study with a report": study_page(*studies["ab"], {"0001": full_report()}),
        "of a study that has not begun": study_page(studies["scaling"][0], [], {}),
    }


def test_a_page_is_well_formed_whole_by_itself_and_not_large() -> None:
    for name, page in pages().items():
        reader = Reader(page)
        assert reader.open == [], name
        assert len(page) <= MOST_BYTES, name
        assert "link" not in reader.names, name
        assert [one for one in reader.addresses if not re.fullmatch(r"trials/[0-9]{4}/report\.json", one)] == [], name
        # In the library there are the names of XML's vocabularies and of its own schema, which it does not fetch.
        ours = [text for kind, texts in reader.texts.items() if kind != "script" for text in texts]
        assert not any("://" in text for text in ours), name
        assert "default-src &#x27;none&#x27;" in page.decode() or "default-src 'none'" in page.decode()


def test_what_would_be_html_is_text() -> None:
    for name, page in pages().items():
        reader = Reader(page)
        assert "img" not in reader.names, name
        assert reader.names.count("script") == 2 + reader.names.count("figure"), name
        assert not any("taken" in text for text in reader.texts["title"] if text != HOSTILE and "<" not in text), name
    assert HOSTILE in "".join(
        Reader(run_page(full_report())).texts["span"] + Reader(run_page(full_report())).texts["h1"]
    )


def test_the_charts_in_a_page_are_json_with_their_rows() -> None:
    page = run_page(full_report())
    found = re.findall(rb'<script type="application/json">(.*?)</script>', page, re.DOTALL)
    assert len(found) == len(run_charts(full_report()))
    names = [row.get("name") for one in found for part in json.loads(one)["data"] for row in part.get("values", [])]
    assert f"conv {HOSTILE} 0" in names


def test_the_key_figures_of_a_run_are_written_as_on_the_terminal_with_their_intervals() -> None:
    page = run_page(report()).decode()
    assert ">200.0<" in page
    assert ">10.0 ms<" in page
    assert "194.0 to 206.0" not in page
    whole = full_report()
    assert whole.throughput.fps_ci95 is not None
    assert whole.throughput.fps_ci95.low is not None
    assert f"{whole.throughput.fps_ci95.low:,.1f} to " in run_page(whole).decode()


def test_at_a_rate_what_is_unknown_is_more_than_a_bound_and_latency_has_its_parts() -> None:
    page = run_page(rate_report(overloaded=True))
    cells = Reader(page).texts["td"]
    assert [cell for cell in cells if cell in ("latency, from due", "wait", "service")] == [
        "latency, from due", "wait", "service",
    ]  # fmt: skip
    assert "> 12.2 ms" in cells
    assert "unknown" not in cells
    assert "247.0" in Reader(page).texts["dd"]  # what was done in the window


def test_at_a_rate_each_stage_has_its_row() -> None:
    page = run_page(rate_report()).decode()
    assert page.index("<h2>Latency</h2>") < page.index("<h2>Arrivals</h2>") < page.index("<h2>Stages</h2>")
    assert "100..400" in Reader(page.encode()).texts["td"]


def test_a_closed_loop_has_neither_arrivals_nor_stages() -> None:
    page = run_page(report()).decode()
    assert "<h2>Arrivals</h2>" not in page
    assert "<h2>Stages</h2>" not in page
    assert "from due" not in page


def test_a_closed_loop_with_an_objective_has_its_goodput_of_inferences() -> None:
    page = run_page(structs.replace(report(), goodput=rate_report().goodput)).decode()
    assert "<h2>Goodput</h2>" in page
    assert "of inferences" in page
    assert "of arrivals" not in page


def test_at_a_rate_throughput_has_no_interval_as_that_would_be_of_how_arrivals_scatter() -> None:
    interval = rate_report().throughput.fps_ci95
    assert interval is not None
    assert interval.low is not None
    assert f"{interval.low:,.1f} to " not in run_page(rate_report()).decode()


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (None, ""),
        (Interval(None, None), ""),
        (Interval(1190.0, 1219.0), "1,190.0 to 1,219.0"),
        (Interval(2.0, None), "at least 2.000"),
        (Interval(None, 2.0), "at most 2.000"),
    ],
)
def test_an_interval_may_lack_a_bound(interval: Interval | None, text: str) -> None:
    assert interval_text(interval, rate) == text


def test_a_study_of_several_builds_names_each() -> None:
    study, outcomes = ab_study()
    builds = [structs.replace(one, openvino=f"2026.4.{index % 2}-{index % 2}") for index, one in enumerate(outcomes)]
    page = study_page(study, builds, {"0001": full_report()}).decode()
    assert "2026.4.0-0, 2026.4.1-1" in page


def test_a_study_begins_with_its_answer_and_the_command_lines() -> None:
    study, outcomes = scaling_study()
    said = answer(study, outcomes)
    page = study_page(study, outcomes, {}, said).decode()
    text = [part for texts in Reader(page.encode()).texts.values() for part in texts]
    for sentence in (said.headline, *said.lines, *said.unsaid, said.choices[0].setting.command):
        assert sentence in text
    assert page.index("<h2>Answer</h2>") < page.index("<h2>Charts</h2>") < page.index("<h2>Settings</h2>")


def test_the_page_of_a_study_says_what_was_to_pass_and_whether_it_did() -> None:
    study, outcomes = releases_study()
    judged = structs.replace(study, fail_if=("fps < -3%", "p95 > +5%"))
    said = answer(judged, outcomes)
    texts = [part for texts in Reader(study_page(judged, outcomes, {}, said)).texts.values() for part in texts]
    words = [gate_words(one, True) for one in said.gate]
    assert any(one.startswith("cannot be judged: p95 > +5%, 2026.2, -m a.xml") for one in words)
    assert {one.strip() for one in words} <= {text.strip() for text in texts}
    assert texts.count("failed") == sum(one.fails for one in said.gate)
    assert "5 there-and-back blocks, seed 1" in " ".join(texts)


def test_an_interval_may_be_divided_on_paper_between_its_numbers_alone() -> None:
    cells = ["1.98 ms to 2.02 ms", "45,100 to 46,200", "from here to there"]
    page = table(("", "", ""), [cells], names=0)
    assert "<td>1.98 ms to <wbr>2.02 ms</td>" in page
    assert "<td>45,100 to <wbr>46,200</td>" in page
    assert "<td>from here to there</td>" in page


def test_every_chart_compiles_and_becomes_a_picture_in_its_own_colours() -> None:
    charts = [*run_charts(full_report()), *run_charts(rate_report(overloaded=True))]
    for make in STUDIES.values():
        study, outcomes = make()
        charts += study_charts(study, outcomes, answer(study, outcomes))
    for chart in charts:
        assert vega.compiled(chart)["marks"]
        picture = vega.plot(chart, "svg").decode()
        assert picture.startswith("<svg")
        assert "var(" not in picture
        assert PALETTE["--text"][0] in picture or PALETTE["--muted"][0] in picture
        assert "<script" not in picture


def test_plots_are_files_by_the_names_of_the_charts() -> None:
    whole = full_report()
    assert set(run_files(whole, html=False, plots="svg")) == {f"{chart.name}.svg" for chart in run_charts(whole)}
    assert set(run_files(whole, html=True, plots=None)) == {"report.html"}
    one = run_files(report(run([delivered(0)])), html=False, plots="png")
    assert all(content.startswith(b"\x89PNG") for content in one.values())
    study, outcomes = scaling_study()
    assert set(study_files(study, outcomes, {}, "svg")) >= {"report.html", "scaling.svg", "drift.svg"}


def test_charts_in_the_page_and_in_files_are_those_of_one_of_both() -> None:
    one, study = report(run([delivered(0)])), scaling_study()
    both = run_files(one, html=True, plots="svg")
    assert both["report.html"] == run_files(one, html=True, plots=None)["report.html"]
    assert both.keys() - {"report.html"} == run_files(one, html=False, plots="svg").keys()
    both = study_files(*study, {}, "svg")
    assert both["report.html"] == study_files(*study, {}, None)["report.html"]


def test_a_page_has_the_charts_that_it_is_given_instead_of_its_own() -> None:
    """So whoever has made them for files need not have them made again."""
    one, study = report(run([delivered(0)])), scaling_study()
    assert run_page(one, run_charts(one)) == run_page(one)
    assert run_page(one, run_charts(one)[:1]).count(b"<figure") == 1
    charts = study_charts(*study, answer(*study))
    assert study_page(*study, {}, None, charts[:1]).count(b"<figure") == 1


def test_a_chart_that_is_wrong_is_noticed() -> None:
    """Guards the guard: that charts compile proves something."""
    chart = run_charts(full_report())[0]
    chart.spec["layer"][0]["mark"] = {"type": "no such mark"}
    with pytest.raises(ValueError, match="failed"):
        vega.compiled(chart)


class Bundler:
    """Stands in for vl-convert, which takes a second for a bundle."""

    def __init__(self) -> None:
        self.bundles = 0

    def javascript_bundle(self, snippet: str) -> str:
        self.bundles += 1
        return f"{snippet} of all that is needed"


@pytest.fixture
def bundler(monkeypatch: pytest.MonkeyPatch) -> Bundler:
    bundler = Bundler()
    monkeypatch.setattr(vega, "library", lambda: bundler)
    return bundler


def test_the_library_is_made_once_and_then_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bundler: Bundler
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = vega.script()
    (kept,) = (tmp_path / "ovbench").rglob("*.js")
    assert kept.read_text() == first
    inode = kept.stat().st_ino
    assert vega.script() == first
    assert kept.stat().st_ino == inode
    assert bundler.bundles == 1
    kept.write_text(vega.LIBRARY_MARK + "changed")
    assert vega.script() == first
    assert kept.read_text() == first


def test_a_cache_that_cannot_be_written_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bundler: Bundler
) -> None:
    (tmp_path / "ovbench").write_text("a file")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert vega.script() == f"{vega.LIBRARY_MARK}{vega.SNIPPET} of all that is needed"


def test_without_the_extra_the_message_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *rest: Any) -> Any:
        if name == "vl_convert":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(UsageError, match=r"pip install 'ovbench\[html\]'"):
        run_page(report())


def test_text_is_escaped_and_html_is_not() -> None:
    assert tag("p", "a < b", Html("<br>"), None, title='"x"', hidden=True, id=None) == (
        '<p title="&quot;x&quot;" hidden>a &lt; b<br></p>'
    )
    assert join([Html("<b>"), Html("</b>")]) == "<b></b>"
    assert b"<title>&lt;x&gt;</title>" in document("<x>", Html(""))


def test_the_page_of_a_scenario_has_loadgens_words() -> None:
    wanted = request("--scenario", "single-stream", "-t", "10")
    page = run_page(report(run([delivered(0)], wanted=wanted))).decode()
    assert "MLPerf SingleStream, by LoadGen" in page
    assert "90.0th percentile latency" in page
