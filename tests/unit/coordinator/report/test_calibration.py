"""A calibration as people see it."""

import io

import pytest
from rich.console import Console

from ovbench.coordinator.report.calibration import print_calibration
from ovbench.coordinator.report.markdown.calibration import calibration_markdown
from ovbench.coordinator.result.calibration import Calibration, calibration_json
from tests.calibrations import NEIGHBOUR, calibration


def shown(found: Calibration) -> list[str]:
    out = io.StringIO()
    print_calibration(Console(file=out, width=80, force_terminal=True, color_system=None), found)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_a_quiet_machine_fits_a_screen_and_ends_with_what_cannot_be_seen() -> None:
    found = calibration()
    lines = shown(found)
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 34
    assert found.floor is not None
    words = " ".join(" ".join(lines).split())
    assert words.endswith(
        f"Differences under {found.floor.two_runs_percent:.1f} % between two short runs cannot be seen on this "
        f"machine; over 5 starts of each, under {found.floor.over(5):.1f} %, over 20, {found.floor.over(20):.1f} %."
    )


def test_the_table_has_the_figures_of_the_calibration() -> None:
    found = calibration()
    noise = found.works[1].noise[0]
    text = "\n".join(shown(found))
    assert f"{noise.within_percent:.2f} %" in text
    assert f"{noise.two_runs_percent:.1f} %" in text
    same = found.works[1].same
    assert same is not None
    assert f"builtin:mlp {100 * (same.ratio - 1):+.1f} % (" in text


def test_a_disturbed_machine_says_by_whom() -> None:
    text = " ".join(" ".join(shown(calibration(neighbour=NEIGHBOUR))).split())
    assert "disturbed others used 30.0 % of the measured CPUs' time; 40 of 40 trials were disturbed" in text
    assert "compiler (pid 4242) 60 %" in text


@pytest.mark.parametrize(("fps", "says"), [(500.0, "50 % slower than"), (1000.0, "as in the median of 2 earlier")])
def test_the_speed_is_set_against_earlier_ones(fps: float, says: str) -> None:
    before = [calibration(seed=7, taken_at="2026-01-01T10:00:00Z"), calibration(seed=8)]
    text = " ".join(" ".join(shown(calibration(before, fps=fps))).split())
    assert says in text
    assert "(since 2026-01-01)" in text


def test_a_machine_that_is_not_quiet_may_show_more_when_it_is() -> None:
    text = " ".join(" ".join(shown(calibration(between=0.05))).split())
    assert "cannot be seen on this machine while it is noisy; over" in text


def test_markdown_leads_with_the_verdict() -> None:
    text = calibration_markdown(calibration(neighbour=NEIGHBOUR))
    assert text.startswith("### ❌ lab-1 is disturbed\n")
    assert "| work | starts | figure |" in text
    assert calibration_markdown(calibration()).startswith("### ✅ lab-1 is quiet\n")


def test_its_json_is_what_is_kept() -> None:
    assert b'"schema": "ovbench.calibration/1"' in calibration_json(calibration())
