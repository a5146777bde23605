"""A study on the screen, rendered to a string as for a terminal of 80 columns."""

import io

import pytest
from msgspec import structs
from rich.console import Console

from ovbench.coordinator.report.study import print_study
from ovbench.coordinator.result.effective import text_of
from ovbench.coordinator.result.study import Outcome, Study
from ovbench.coordinator.stats.scaling import throughput
from tests.studies import of_streams, outcome, outcomes, study


def shown(of: Study, done: list[Outcome], width: int = 80) -> str:
    written = io.StringIO()
    print_study(Console(file=written, width=width, force_terminal=False), of, done)
    return written.getvalue()


def scaled() -> tuple[Study, list[Outcome]]:
    planned = study({"--agents": ("1", "2", "4", "8")}, "scaling")
    return planned, outcomes(planned, lambda p: throughput(int(p["--agents"]), 389.0, 0.05, 0.01), lambda p: 3.0,
                             noise=0.02)  # fmt: skip


def rows(text: str) -> list[list[str]]:
    """Of the table: the lines between its rule and its legend."""
    lines = text.splitlines()
    first = next(number for number, line in enumerate(lines) if set(line.strip()) == {"─"})
    end = next(number for number, line in enumerate(lines) if "half the 95 % interval" in line)
    return [line.split() for line in lines[first + 1 : end]]


def test_the_answer_comes_first() -> None:
    text = shown(*scaled())
    assert text.strip().startswith("Most throughput:")
    places = [text.index(part) for part in ("Most throughput", "of ideal", "FPS by agents", "\nmost throughput",
                                            "\ninconclusive")]  # fmt: skip
    assert places == sorted(places)


def test_the_table_has_a_row_for_each_setting() -> None:
    planned = study({"-nstreams": ("1", "2")}, repetitions=3)
    fps = {"1": (200.2 / 1.01, 200.2, 202.202), "2": (400.2 / 1.01, 400.2, 404.202)}
    done = [outcome(trial, fps[trial.point["-nstreams"]][trial.repetition], 3.0) for trial in planned.trials]
    # t = 4.303 of two degrees of freedom: 4.303 x log(1.01) / sqrt(3) is 2.5 %.
    figures = ["2.5", "%", "1.50", "ms", "3.00", "ms", "99", "%"]
    assert rows(shown(planned, done)) == [
        ["1", "200.2", *figures, "100.1", "3"],
        ["*", "2", "400.2", *figures, "200.1", "3"],
    ]


def test_a_setting_without_a_valid_trial_says_why_it_has_no_figures() -> None:
    planned = study({"-nstreams": ("1", "2", "4")}, repetitions=1)
    one, two, _ = planned.trials
    done = [outcome(one, 100, 3), outcome(two, None, status="FAILED", why="no such model")]
    table = rows(shown(planned, done))
    assert [row[-1] for row in table] == ["1", "FAILED", "RUN"]
    assert table[1][1:3] == ["-", "-"]


def test_of_many_settings_the_fastest_are_shown_in_their_order() -> None:
    planned = study({"-nireq": tuple(map(str, range(1, 61)))})
    text = shown(planned, outcomes(planned, lambda p: 100.0 + int(p["-nireq"]), lambda p: 3.0))
    assert [next(word for word in row if word != "*") for row in rows(text)] == [str(n) for n in range(21, 61)]
    assert "the fastest 40 of 60 settings; " in text


def test_a_figure_that_no_trial_has_is_no_column() -> None:
    planned, done = scaled()
    without = [structs.replace(one, frames_per_cpu_s=None) for one in done]
    assert "/CPU-s" in shown(planned, done)
    assert "/CPU-s" not in shown(planned, without)


AXES: list[dict[str, tuple[str, ...]]] = [
    {"--agents": ("1", "2")},
    {"-nstreams": ("1", "16"), "-nireq": ("1", "64"), "-api": ("sync", "async")},
    {"-m": ("/models/of/somebody/mobilenet-v2-1.0-224.xml", "b.xml"), "-nstreams": ("1", "2"),
     "--cpus-per-agent": ("1", "2"), "-infer_precision": ("f32", "bf16")},
]  # fmt: skip


@pytest.mark.parametrize("axes", AXES)
def test_tables_plots_and_sentences_fit_80_columns_however_many_axes(axes: dict[str, tuple[str, ...]]) -> None:
    planned = study(axes, "scaling", 3)
    done = outcomes(planned, lambda p: 12345.0 * int(p.get("--agents", "1")), lambda p: 123.0, noise=0.02)
    text = shown(planned, done)
    copied = [line for line in text.splitlines() if "ovbench-coord" in line or "FPS (" in line]
    assert max(len(line) for line in text.splitlines() if line not in copied) <= 80
    assert "…" not in text


def test_on_a_terminal_no_word_is_divided_and_no_line_ends_in_spaces() -> None:
    planned = study({"-nstreams": ("1", "2")})
    done = outcomes(
        planned, lambda p: 1e5 * int(p["-nstreams"]), lambda p: 3.0, in_effect=lambda p: of_streams(2, str(p))
    )
    written = io.StringIO()
    print_study(Console(file=written, width=60, force_terminal=True, color_system=None), planned, done)
    lines = written.getvalue().splitlines()
    assert [line for line in lines if len(line) > 60 and "ovbench-coord" not in line] == []
    said = text_of(of_streams(2))
    assert said in " ".join(" ".join(lines).split())
    sentences = (
        lines[: lines.index("")] + lines[lines.index("inconclusive") :] if "inconclusive" in lines else lines[:3]
    )
    assert [line for line in sentences if line != line.rstrip()] == []


def test_commands_are_whole_lines() -> None:
    planned = study({"-nstreams": ("1", "2")}, model="/a/very/long/path/" * 8 + "model.xml")
    text = shown(planned, outcomes(planned, lambda p: 100.0 * int(p["-nstreams"]), lambda p: 3.0))
    assert f"  ovbench-coord -m {'/a/very/long/path/' * 8}model.xml -nstreams 2" in text.splitlines()


def test_files_are_listed_by_name_unless_that_is_ambiguous() -> None:
    apart = study({"-m": ("/a/one.xml", "/a/two.xml")}, repetitions=1)
    assert [row[0] for row in rows(shown(apart, []))] == ["one.xml", "two.xml"]
    alike = study({"-m": ("/a/one.xml", "/b/one.xml")}, repetitions=1)
    assert [row[0] for row in rows(shown(alike, []))] == ["/a/one.xml", "/b/one.xml"]


def test_words_of_a_study_are_no_markup() -> None:
    planned = study({"-m": ("[red]a.xml", "b[bold].xml")}, repetitions=1)
    done = outcomes(planned, lambda p: 100.0, lambda p: 3.0)
    done[0] = outcome(planned.trials[0], None, status="FAILED", why="[bold]no[/bold] [/]")
    text = shown(planned, done)
    assert [next(cell for cell in row if cell != "*") for row in rows(text)] == ["[red]a.xml", "b[bold].xml"]
    assert "[bold]no[/bold] [/]" in text


def test_the_plot_marks_every_size_and_names_the_law() -> None:
    text = shown(*scaled())
    plot = text[text.index("FPS by agents") : text.index("\nmost throughput")]
    legend, *canvas = plot.splitlines()
    assert "fit (" in legend
    assert sum(line.count("●") for line in canvas) == 4


def test_without_any_trial_there_is_still_a_table() -> None:
    text = shown(scaled()[0], [])
    assert "Inconclusive" in text
    assert len(rows(text)) == 4
