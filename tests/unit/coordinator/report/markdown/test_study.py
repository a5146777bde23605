"""A study as Markdown: the answer first, then what was to pass, and figures that are the answer's."""

from msgspec import structs

from ovbench.coordinator.report.markdown.markup import MOST
from ovbench.coordinator.report.markdown.study import study_markdown
from ovbench.coordinator.result.study import Point, Study
from ovbench.coordinator.study.answer import Answer
from tests.studies import answer, outcomes, study
from tests.unit.coordinator.report.markdown.test_run import rows


def compared(*fail_if: str, axes: dict[str, tuple[str, ...]] | None = None) -> tuple[Study, Answer]:
    planned = structs.replace(study({"side": ("A", "B"), **(axes or {})}, "ab", 6), fail_if=fail_if)

    def fps(point: Point) -> float:
        return 100.0 if point["side"] == "A" else 95.0

    return planned, answer(planned, outcomes(planned, fps, lambda point: 5.0, noise=0.005, seed=1))


def test_the_answer_is_the_first_line_with_a_mark_for_the_gate() -> None:
    planned, said = compared()
    assert study_markdown(planned, said).splitlines()[0].startswith("### B (")
    assert study_markdown(*compared("slower")).startswith("### ❌ B (")
    assert study_markdown(*compared("faster")).startswith("### ✅ B (")


def test_what_failed_comes_first() -> None:
    text = study_markdown(*compared("faster", "p95 > +5%", "fps < -3%"))
    listed = [line for line in text.splitlines() if line.startswith(("- ✅", "- ❌"))]
    assert [line.split("`")[1] for line in listed] == ["p95 > +5%", "fps < -3%", "faster"]
    assert listed[0].endswith("cannot be judged: no ratio is known")
    assert "B has 5." in listed[1]


def test_ratios_are_those_of_the_answer() -> None:
    planned, said = compared()
    found = [row for row in rows(study_markdown(planned, said)) if row[0] in ("throughput", "median", "p99")]
    ratio = said.comparisons[0]
    assert found[0] == [
        "throughput", f"{ratio.ratio:.3f}", f"{ratio.low:.3f} to {ratio.high:.3f}", "slower",
    ]  # fmt: skip
    assert len(found) == len(said.comparisons)


def test_several_models_have_their_geometric_mean_first() -> None:
    text = study_markdown(*compared("slower", axes={"-m": ("a.xml", "b.xml")}))
    models = [row[0] for row in rows(text) if len(row) == 5 and row[1] == "throughput"]
    assert models == ["geometric mean", "-m a.xml", "-m b.xml"]
    assert "`slower`, -m a.xml: B has" in text


def test_each_setting_has_a_row() -> None:
    planned = study({"-nstreams": ("1", "2")})
    said = answer(planned, outcomes(planned, lambda point: 100.0 * int(point["-nstreams"]), lambda point: 5.0))
    text = study_markdown(planned, said)
    named = [row for row in rows(text) if row[0].startswith("-nstreams")]
    assert [row[:2] for row in named] == [["-nstreams 1", "100.0"], ["-nstreams 2", "200.0"]]
    assert "**Inconclusive**" in study_markdown(planned, answer(planned, []))


def test_an_answer_fits_a_comment() -> None:
    planned = study(
        {"-nstreams": tuple(map(str, range(1, 33))), "-nireq": tuple(map(str, range(1, 33)))}, repetitions=1
    )
    said = answer(planned, outcomes(planned, lambda point: 100.0, lambda point: 5.0))
    text = study_markdown(planned, said)
    assert len(text) < 65_536
    assert "984 more, in `answer.json`" in text


def test_a_study_of_many_long_settings_is_no_longer_than_a_comment_and_keeps_its_gate() -> None:
    models = tuple(f"{'folder/' * 400}{number}.xml" for number in range(30))
    planned, said = compared("slower", axes={"-m": models})
    text = study_markdown(planned, structs.replace(said, gate=said.gate[-1:]))
    assert len(text) <= MOST
    assert text.startswith("### ❌ ")
    assert "- ❌ `slower`: B has" in text
    assert text.endswith("; more in `answer.json`\n")
