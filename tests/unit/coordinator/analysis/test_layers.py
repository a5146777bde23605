"""Times by layer: means over requests and agents that can be worked out on paper, and the order they come in."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovbench.common.messages import Layer, Layers
from ovbench.coordinator.analysis.layers import merge_layers
from ovbench.coordinator.result.report import LayerPart, LayersPart
from tests.builders import layer

quick = settings(max_examples=60, deadline=None)


def counted(*layers: Layer, request: int = 0) -> Layers:
    return Layers(request=request, layers=layers)


def merged(delivered: Mapping[int, Sequence[Layers]], by_request: bool = False) -> LayersPart:
    found = merge_layers(delivered, by_request)
    assert found is not None
    return found


def only(delivered: Mapping[int, Sequence[Layers]]) -> LayerPart:
    (found,) = merged(delivered).layers
    return found


def names(part: LayersPart) -> list[str]:
    return [one.name for one in part.layers]


def named(*letters: str) -> list[Layers]:
    return [counted(*(layer(letter, 10) for letter in letters))]


def test_a_layer_is_reported_as_openvino_has_it_in_milliseconds() -> None:
    found = only({0: [counted(layer("conv1", real_us=1500, cpu_us=1250, exec_type="brgemm_avx512"))]})
    assert (found.name, found.type, found.exec_type) == ("conv1", "Convolution", "brgemm_avx512")
    assert (found.status, found.real, found.cpu) == ("EXECUTED", 1.5, 1.25)
    assert (found.slowest_agent, found.slowest_real) == (0, 1.5)


def test_an_agents_time_is_the_mean_over_its_requests() -> None:
    requests = [counted(layer(real_us=us, cpu_us=2 * us), request=number) for number, us in enumerate((100, 200, 600))]
    found = only({0: requests})
    assert (found.real, found.cpu) == pytest.approx((0.3, 0.6))


def test_each_agent_weighs_the_same_however_many_requests_it_has() -> None:
    many = [counted(layer(real_us=100), request=number) for number in range(9)]
    assert only({0: many, 1: [counted(layer(real_us=300))]}).real == pytest.approx(0.2)


def test_the_slowest_agent_is_named_with_its_own_mean() -> None:
    slow = [counted(layer(real_us=200)), counted(layer(real_us=400), request=1)]
    found = only({0: [counted(layer(real_us=250))], 4: slow, 5: [counted(layer(real_us=299))]})
    assert found.slowest_agent == 4
    assert found.slowest_real == pytest.approx(0.3)


def test_of_agents_that_are_equally_slow_the_first_is_named() -> None:
    assert only({agent: [counted(layer(real_us=7))] for agent in (2, 3)}).slowest_agent == 2


def test_layers_that_do_not_fit_one_message_go_on_in_the_next() -> None:
    messages = [
        counted(layer("a", 1), request=0), counted(layer("a", 3), request=1),
        counted(layer("b", 10), request=0), counted(layer("b", 30), request=1),
    ]  # fmt: skip
    found = merged({0: messages})
    assert names(found) == ["a", "b"]
    assert [one.real for one in found.layers] == pytest.approx([0.002, 0.02])


def test_layers_of_the_same_name_are_kept_apart_by_their_order() -> None:
    found = merged({agent: [counted(layer("x", 100), layer("y", 5), layer("x", 300))] for agent in (0, 1)})
    assert [(one.name, one.real) for one in found.layers] == [("x", 0.1), ("y", 0.005), ("x", 0.3)]


def test_layers_of_the_same_name_are_kept_apart_across_messages_and_counted_anew_in_each_request() -> None:
    messages = [counted(layer("x", us), request=request) for request in (0, 1) for us in (100, 300)]
    assert [one.real for one in merged({0: messages}).layers] == [0.1, 0.3]


@pytest.mark.parametrize(
    ("lists", "order"),
    [
        (["abc", "abc"], "abc"),
        (["abd", "abcd"], "abcd"),
        (["bc", "abc"], "abc"),
        (["ab", "abc"], "abc"),
        (["ac", "abxc", "abc"], "abxc"),
        (["abc", "xyz"], "xyzabc"),
        (["ab", "ba"], "ab"),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, list) else "",
)
def test_layers_that_some_lack_stand_after_those_that_they_follow(lists: list[str], order: str) -> None:
    assert names(merged({agent: named(*letters) for agent, letters in enumerate(lists)})) == list(order)


def test_an_agent_without_a_layer_spent_no_time_on_it() -> None:
    found = merged({0: [counted(layer("a", 100), layer("b", 60))], 1: [counted(layer("a", 200))]})
    assert {one.name: one.real for one in found.layers} == pytest.approx({"a": 0.15, "b": 0.03})
    assert found.total_real == pytest.approx((0.160 + 0.200) / 2)


@quick
@given(
    st.dictionaries(
        st.integers(0, 5),
        st.lists(st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 10**9), min_size=1), min_size=1, max_size=4),
        min_size=1,
        max_size=4,
    )
)
def test_the_layers_add_up_to_the_mean_time_of_an_inference(times: dict[int, list[dict[str, int]]]) -> None:
    delivered = {
        agent: [
            counted(*(layer(name, us, us // 2) for name, us in request.items()), request=number)
            for number, request in enumerate(requests)
        ]
        for agent, requests in times.items()
    }
    found = merged(delivered)
    of_agents = [sum(sum(request.values()) for request in requests) / len(requests) for requests in times.values()]
    assert found.total_real == pytest.approx(sum(of_agents) / len(of_agents) / 1e3)
    assert found.total_real == pytest.approx(sum(one.real for one in found.layers))
    assert sorted(names(found)) == sorted({name for requests in times.values() for one in requests for name in one})


def test_totals_do_not_wrap() -> None:
    hour_us = 3_600_000_000
    found = merged({0: [counted(*(layer(f"layer{n}", hour_us, hour_us) for n in range(3)))]})
    assert (found.total_real, found.total_cpu) == (3 * 3.6e6, 3 * 3.6e6)


def test_requests_that_never_ran_are_left_out_of_the_mean() -> None:
    idle = counted(layer(status="NOT_RUN"), request=1)
    found = only({0: [counted(layer(real_us=100)), idle], 1: [idle]})
    assert (found.real, found.status, found.slowest_agent) == (0.1, "EXECUTED", 0)


def test_where_nothing_ran_the_layers_are_reported_all_the_same() -> None:
    found = only({0: [counted(layer(status="NOT_RUN")), counted(layer(status="OPTIMIZED_OUT"), request=1)]})
    assert (found.real, found.status) == (0.0, "OPTIMIZED_OUT")


def test_a_layer_that_one_request_executed_was_executed() -> None:
    optimized = layer("b", status="OPTIMIZED_OUT", exec_type="undef")
    executed = layer("b", 40, exec_type="jit")
    found = merged({0: [counted(layer("a", 1), optimized), counted(layer("a", 1), executed, request=1)]}).layers[1]
    assert (found.status, found.exec_type, found.real) == ("EXECUTED", "jit", 0.02)


@pytest.mark.parametrize("delivered", [{}, {0: []}, {0: [], 1: []}], ids=["no agents", "no layers", "of two"])
def test_without_layers_there_is_nothing_to_report(delivered: dict[int, list[Layers]]) -> None:
    assert merge_layers(delivered) is None


def test_each_request_is_reported_by_itself_only_where_that_was_asked_for() -> None:
    delivered = {3: [counted(layer("a", 200), request=1), counted(layer("a", 100, 50), layer("b", 7), request=0)]}
    assert merged(delivered).by_request == ()
    first, second = merged(delivered, by_request=True).by_request
    assert (first.agent, first.request, second.agent, second.request) == (3, 0, 3, 1)
    assert [(one.name, one.real, one.cpu) for one in first.layers] == [("a", 0.1, 0.05), ("b", 0.007, 0.0)]
    assert [one.real for one in second.layers] == [0.2]
