"""The pages as a browser shows them: no error, no request to any host, every chart drawn, hover, light and dark."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from ovbench.coordinator.report.html.runpage import run_page
from ovbench.coordinator.report.html.studypage import study_page
from tests.browser.chromium import Chromium, program
from tests.builders import delivered, report, run
from tests.pages import STUDIES, full_report, hosts_report, rate_report

pytest.importorskip("vl_convert")
pytestmark = pytest.mark.skipif(program() is None, reason="there is no Chromium here")

DRAWN = (
    "document.querySelectorAll('figure[data-chart]').length === document.querySelectorAll('figure[data-drawn]').length"
)
READY = f"document.readyState === 'complete' && {DRAWN}"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with Chromium(tmp_path_factory.mktemp("profile")) as chromium:
        yield chromium


def shown(browser: Chromium, folder: Path, page: bytes, *, dark: bool = False) -> None:
    file = folder / "report.html"
    file.write_bytes(page)
    browser.problems.clear()
    browser.requested.clear()
    browser.open(file, dark=dark)
    browser.wait_until(READY)


@cache
def pages() -> Mapping[str, bytes]:
    runs = {
        "run": full_report(),
        "run of one agent": report(run([delivered(0)])),
        "run on 256 CPUs": full_report(256, 256),
        "run at a rate": rate_report(),
        "run on three hosts": hosts_report(),
        "run on many hosts": hosts_report(40, 4),
        "run at a rate that is too high": rate_report(overloaded=True),
    }
    return {name: run_page(of) for name, of in runs.items()} | {
        kind: study_page(*make(), {}) for kind, make in STUDIES.items()
    }


def test_every_page_draws_its_charts_without_an_error_and_asks_no_host(browser: Chromium, tmp_path: Path) -> None:
    for name, page in pages().items():
        shown(browser, tmp_path, page)
        assert browser.problems == [], name
        assert [one for one in browser.requested if not one.startswith(("file://", "data:"))] == [], name
        sizes = browser.value("[...document.querySelectorAll('.plot svg')].map(s => s.getBoundingClientRect().height)")
        assert len(sizes) == len(re.findall(b"<figure", page)), name
        assert min(sizes) > 60, name
        assert browser.value("document.documentElement.scrollWidth <= window.innerWidth"), name
        assert browser.value("document.title") != "taken", name


def test_the_point_under_the_pointer_shows_its_figures(browser: Chromium, tmp_path: Path) -> None:
    shown(browser, tmp_path, run_page(rate_report()))
    for chart, text in (
        ("parts", " ms"),
        ("wait_and_service", "wait "),
        ("arrivals", "delivered "),
        ("backlog", "due and not completed"),
        ("goodput", "within the limit"),
        ("throughput", "FPS"),
        ("latency", " ms"),
        ("cpus", "busy"),
        ("cpus_over_time", "busy"),
        ("interference", "CPU "),
    ):
        browser.value(f"document.querySelector('figure[data-chart={chart}]').scrollIntoView({{block: 'center'}})")
        x, y = browser.value(
            f"(r => [r.x + 0.3 * r.width, r.y + 0.5 * r.height])"
            f"(document.querySelector('figure[data-chart={chart}] .plot svg').getBoundingClientRect())"
        )
        browser.point_at(1, 1)
        browser.point_at(x, y)
        browser.point_at(x + 1, y)
        browser.wait_until("!document.getElementById('tip').hidden")
        assert text in browser.value("document.getElementById('tip').textContent"), chart


def test_dark_is_dark_and_paper_is_light(browser: Chromium, tmp_path: Path) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    page = run_page(full_report())
    shown(browser, tmp_path, page, dark=False)
    light = browser.value(colour)
    axis = "getComputedStyle(document.querySelector('.plot text')).fill"
    label = browser.value(axis)
    shown(browser, tmp_path, page, dark=True)
    assert (light, browser.value(colour)) == ("rgb(255, 255, 255)", "rgb(20, 24, 29)")
    assert browser.value(axis) != label
    assert browser.printed().startswith(b"%PDF")
    browser.emulate_print()
    assert browser.value(colour) == light


@pytest.mark.long
def test_tables_fit_on_paper_and_no_heading_stands_there_alone(browser: Chromium, tmp_path: Path) -> None:
    """A4 within its margins being 190 mm wide, at 96 dots to an inch."""
    for name, page in pages().items():
        shown(browser, tmp_path, page)
        browser.emulate_print()
        browser.value("document.body.style.width = '718px'")
        width = "Math.max(...[...document.querySelectorAll('.scroll')].map(one => one.scrollWidth))"
        assert browser.value(width) <= 718, name
        alone = "one.offsetHeight > 0 && !one.innerText.includes('\\n')"
        headings = f"[...document.querySelectorAll('section')].filter(one => {alone}).map(one => one.innerText)"
        assert browser.value(headings) == [], name
