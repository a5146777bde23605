"""Figures by name."""

from ovbench.coordinator.result.figures import BY_NAME, FIGURES


def test_no_name_or_alias_means_two_figures() -> None:
    assert len(BY_NAME) == sum(1 + len(figure.aliases) for figure in FIGURES)


def test_the_unit_of_a_figure_is_the_end_of_its_name() -> None:
    units = {figure.name: figure.unit for figure in FIGURES}
    assert units["p99_9_ms"] == units["compile_ms"] == "ms"
    assert (units["cpu_percent"], units["memory_mb"], units["fps"]) == ("%", "MiB", "")
