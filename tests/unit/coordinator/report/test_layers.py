"""The layers as -pc and -pcsort show them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ovbench.coordinator.report.layers import EXPLANATION, cut, layer_lines, ordered, share, slower_lines
from ovbench.coordinator.request.request import PcSort
from ovbench.coordinator.result.report import LayerPart, LayersPart

CONVOLUTION = LayerPart("conv1", "Convolution", "brgconv_avx512_1x1_bf16", "EXECUTED", 0.3, 0.2, 0.31, 0)
SOFTMAX = LayerPart("softmax", "Softmax", "jit_avx512_f32", "EXECUTED", 0.1, 0.1, 0.1, 0)
RELU = LayerPart("relu1", "Relu", "undef", "NOT_RUN", 0.0, 0.0, 0.0, 0)
CONSTANT = LayerPart("weights", "Const", "undef", "OPTIMIZED_OUT", 0.0, 0.0, 0.0, 0)


def part(*layers: LayerPart) -> LayersPart:
    return LayersPart(layers, sum(layer.real for layer in layers), sum(layer.cpu for layer in layers))


ALL = part(CONSTANT, SOFTMAX, RELU, CONVOLUTION)


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        (None, ["weights", "softmax", "relu1", "conv1"]),
        ("no_sort", ["weights", "softmax", "relu1", "conv1"]),
        ("sort", ["conv1", "softmax", "weights", "relu1"]),
        ("simple_sort", ["conv1", "softmax", "weights"]),
    ],
)
def test_the_order_is_benchmark_app_s(sort: PcSort | None, names: list[str]) -> None:
    assert [layer.name for layer in ordered(ALL.layers, sort)] == names


def test_a_share_is_of_the_time_of_all_layers() -> None:
    assert share(CONVOLUTION, ALL) == 0.75
    assert share(RELU, ALL) == 0.0


def test_layers_that_took_no_time_have_no_share() -> None:
    assert share(RELU, part(RELU)) == 0.0
    _, row, total = layer_lines(part(RELU), None, 80)
    assert row.endswith("N/A")
    assert total.endswith("N/A")


@pytest.mark.parametrize(("length", "shown"), [(19, "a" * 19), (20, "a" * 16 + "..."), (90, "a" * 16 + "...")])
def test_long_names_are_cut_where_benchmark_app_cuts_them(length: int, shown: str) -> None:
    assert cut("a" * length) == shown


def test_a_layer_has_its_kernel_its_times_in_milliseconds_and_its_share() -> None:
    rows = [line.split() for line in layer_lines(ALL, "sort", 80)]
    assert rows[0] == ["layer", "type", "executed", "by", "real", "ms", "CPU", "ms", "share"]
    assert rows[1] == ["conv1", "Convolution", "brgconv_avx512_1x1_bf16", "0.300", "0.200", "75.00%"]
    assert rows[-1] == ["total", "0.400", "0.300", "100.00%"]


def test_a_layer_that_was_not_executed_says_so_in_place_of_a_kernel() -> None:
    lines = layer_lines(ALL, "no_sort", 80)
    assert "(optimized out)" in lines[1]
    assert "(not run)" in lines[3]
    assert not any("undef" in line for line in lines)


def test_a_layer_that_has_a_kernel_but_no_time_took_less_than_is_counted() -> None:
    quick = replace(CONVOLUTION, status="NOT_RUN", exec_type="jit_avx512_f32", real=0.0, cpu=0.0)
    (line,) = layer_lines(part(quick), None, 80)[1:-1]
    assert "jit_avx512_f32 (under 1 us)" in line
    assert "not run" not in line


def test_the_layers_of_a_usual_model_fit_80_columns_uncut() -> None:
    named = [replace(CONVOLUTION, name=f"Convolution_{i}", real=0.5, cpu=0.5) for i in range(100, 150)]
    lines = layer_lines(part(*named), None, 78)
    assert max(map(len, lines)) <= 78
    assert not any("..." in line for line in lines)


names = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=60)
layers = st.builds(
    LayerPart,
    name=names,
    type=names,
    exec_type=names,
    status=st.sampled_from(["NOT_RUN", "OPTIMIZED_OUT", "EXECUTED"]),
    real=st.floats(0, 9999),
    cpu=st.floats(0, 9999),
    slowest_real=st.floats(0, 9999),
    slowest_agent=st.integers(0, 4095),
)


@settings(max_examples=50, deadline=None)
@given(given_layers=st.lists(layers, max_size=20), width=st.integers(66, 200))
def test_the_table_is_never_wider_than_the_terminal(given_layers: list[LayerPart], width: int) -> None:
    lines = layer_lines(part(*given_layers), "no_sort", width)
    assert len(lines) == len(given_layers) + 2
    assert max(map(len, lines)) <= width


def test_no_layer_is_slower_on_one_agent_where_all_are_alike() -> None:
    assert list(slower_lines(ALL)) == []


def test_a_layer_that_is_much_slower_on_one_agent_is_named_with_how_much() -> None:
    slow = replace(CONVOLUTION, slowest_real=0.45, slowest_agent=3)
    (line,) = slower_lines(part(slow, SOFTMAX))
    assert line.split() == ["conv1", "agent", "3:", "0.450", "ms,", "50", "%", "more"]


@pytest.mark.parametrize("real", [0.0, 0.002, 0.007])
def test_a_microsecond_is_no_difference_as_openvino_counts_in_whole_ones(real: float) -> None:
    assert list(slower_lines(part(replace(SOFTMAX, real=real, slowest_real=real + 0.001)))) == []
    assert len(list(slower_lines(part(replace(SOFTMAX, real=real, slowest_real=real + 0.002))))) == 1


def test_of_many_slower_layers_those_that_cost_most_are_named() -> None:
    slower = [replace(SOFTMAX, name=f"n{i}", slowest_real=0.2 + i / 100) for i in range(15)]
    lines = list(slower_lines(part(*slower)))
    assert lines[0].startswith("n14 ")
    assert lines[-1] == "and 5 more"
    assert len(lines) == 11


def test_the_explanation_fits_80_columns_when_indented() -> None:
    assert max(map(len, EXPLANATION)) <= 78


def test_figures_stand_below_each_other() -> None:
    assert len({len(line) for line in layer_lines(ALL, "no_sort", None)}) == 1
