"""Scenarios as people write them, LoadGen's rules for each, and the flags that do not go with them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovbench.common.errors import UsageError
from ovbench.coordinator.request.scenario import Given, Rules, Scenario, parse_scenario, refuse_contradictions, rules_of
from ovbench.coordinator.request.slo import Objective

SERVER: Given = {"--rate": 300.0, "--slo-ms": "15"}
PLAIN = st.builds(Scenario, st.sampled_from(["single-stream", "server", "offline"]))
MULTI_STREAM = st.builds(Scenario, st.just("multi-stream"), st.integers(1, 65536))


@given(PLAIN | MULTI_STREAM)
def test_a_scenario_is_read_as_it_is_written(scenario: Scenario) -> None:
    assert parse_scenario(str(scenario)) == scenario


@pytest.mark.parametrize("text", ["", "SingleStream", "single_stream", "server:4", " offline", "offline "])
def test_what_is_no_scenario_is_refused_with_those_there_are(text: str) -> None:
    with pytest.raises(ValueError, match=f"^'{text}' is none of single-stream, multi-stream:N, server and offline"):
        parse_scenario(text)


@pytest.mark.parametrize("number", ["", ":", ":0", ":-1", ":x", ":1.5", ":65537", ":100000", ":08", ":٣"])
def test_multi_stream_takes_the_samples_of_a_query(number: str) -> None:
    with pytest.raises(ValueError, match=f"^'multi-stream{number}' has no number .* write multi-stream:8"):
        parse_scenario(f"multi-stream{number}")


@pytest.mark.parametrize(
    ("text", "percentile", "min_queries"),
    [("single-stream", 0.9, 100), ("multi-stream:8", 0.99, 662), ("server", 0.99, 100), ("offline", 0.99, 100)],
)
def test_the_rules_are_loadgens_unless_a_time_is_given(text: str, percentile: float, min_queries: int) -> None:
    scenario = parse_scenario(text)
    assert rules_of(scenario) == Rules(percentile, 600.0, min_queries)
    assert rules_of(scenario, 2.5) == Rules(percentile, 2.5, min_queries)


def test_a_servers_target_is_the_99th_percentile_unless_another_is_named() -> None:
    assert rules_of(Scenario("server"), None, Objective(15.0)) == Rules(0.99, 600.0, 100, 15_000_000)
    assert rules_of(Scenario("server"), 5.0, Objective(0.5, 97.0)) == Rules(0.97, 5.0, 100, 500_000)


def test_no_other_scenario_has_a_target() -> None:
    assert rules_of(Scenario("offline"), None, Objective(15.0)) == rules_of(Scenario("offline"))


def test_a_server_is_not_judged_by_its_longest_latency() -> None:
    with pytest.raises(UsageError, match=r"^--slo-ms p100:20: .* use p99, or p99\.9$"):
        refuse_contradictions(Scenario("server"), {**SERVER, "--slo-ms": "p100:20"})


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("single-stream", {}),
        ("multi-stream:2", {"--cpus-per-agent": 2}),
        ("single-stream", {"--agents": 1, "--cpus-per-agent": 4, "-nireq": 1, "-api": "async"}),
        ("multi-stream:8", {"--agents": 1, "-nireq": 8, "-api": "async"}),
        ("server", SERVER),
        ("server", {**SERVER, "--arrivals": "poisson", "--agents": 4, "-nireq": 2, "-api": "sync"}),
        ("offline", {"--agents": "per-core", "-nireq": 8, "-api": "sync"}),
    ],
)
def test_what_goes_with_a_scenario_is_not_refused(text: str, given: Given) -> None:
    refuse_contradictions(parse_scenario(text), given)


@pytest.mark.parametrize(
    ("text", "flag", "value", "to_do"),
    [
        ("single-stream", "--rate", 100.0, "leave --rate out, or use --scenario server"),
        ("multi-stream:4", "--stages", "10s:5", "leave --stages out, or use --scenario server"),
        ("offline", "-max_irate", 10.0, "leave -max_irate out, or use --scenario server"),
        ("offline", "--arrivals", "poisson", "leave --arrivals out, or use --scenario server"),
        ("single-stream", "--agents", 4, "use --agents 1"),
        ("multi-stream:4", "--agents", "per-core", "use --agents 1"),
        ("single-stream", "-nireq", 2, "use -nireq 1, or leave it out"),
        ("multi-stream:4", "-nireq", 8, "use -nireq 4, or leave it out"),
        ("multi-stream:4", "-api", "sync", "use -api async, or leave it out"),
        ("server", "-max_irate", 10.0, "use --rate"),
        ("server", "--stages", "10s:5", "use --rate"),
        ("server", "--arrivals", "constant", "use --arrivals poisson, or leave it out"),
        ("server", "--timeout-ms", 5.0, "leave --timeout-ms out"),
        ("server", "--dispatch", "random", "use --dispatch shared, or leave it out"),
        ("server", "-niter", 1000, "leave -niter out, and give the time with -t"),
        ("offline", "--until", "fps +-1%", "leave one of the two out"),
    ],
)
def test_a_flag_that_contradicts_a_scenario_is_named_with_what_to_do(
    text: str, flag: str, value: str | float, to_do: str
) -> None:
    beside = SERVER if text == "server" else {}
    with pytest.raises(UsageError) as refused:
        refuse_contradictions(parse_scenario(text), {**beside, flag: value})
    assert str(refused.value).startswith(
        f"{flag} {str(value).removesuffix('.0')} and --scenario {text} contradict each other: "
    )
    assert str(refused.value).endswith(to_do)


@pytest.mark.parametrize("missing", ["--rate", "--slo-ms"])
def test_a_server_needs_a_rate_and_a_latency(missing: str) -> None:
    given = {flag: value for flag, value in SERVER.items() if flag != missing}
    with pytest.raises(UsageError, match=f"^--scenario server needs {missing}, .* as in {missing} "):
        refuse_contradictions(Scenario("server"), given)


def test_a_server_is_judged_by_one_latency() -> None:
    with pytest.raises(UsageError, match=r"^--slo-ms p99:15,p50:5: a server is judged by one latency"):
        refuse_contradictions(Scenario("server"), {**SERVER, "--slo-ms": "p99:15,p50:5"})
