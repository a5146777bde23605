"""What the loops record: the buckets they count in, samples that stay, and histograms that the others fold into."""

import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llvmlite import binding as llvm
from numba import cfunc, types

from ovbench.agent.loop import loops, recording
from ovbench.agent.loop.cache import load_loops
from ovbench.agent.loop.recorder import Recorder
from ovbench.common.histogram import COARSE, FINE, MOST_VALUE, Int64s, Layout
from ovbench.common.samplememory import FIRST_SLICE_NS, HEAD


@pytest.mark.parametrize("layout", [FINE, COARSE], ids=["fine", "coarse"])
@settings(max_examples=200, deadline=None)
@given(value=st.integers(0, MOST_VALUE) | st.integers(0, 60).map(lambda bits: 1 << bits))
def test_the_loops_count_in_the_buckets_of_the_layout(layout: Layout, value: int) -> None:
    assert load_loops()["bucket"](value, layout.bits) == layout.buckets(np.array([value]))[0]


@pytest.mark.parametrize("layout", [FINE, COARSE], ids=["fine", "coarse"])
def test_the_edges_of_the_octaves_are_the_same_in_the_loops(layout: Layout) -> None:
    edges = np.array([(1 << power) + step for power in range(43) for step in (-1, 0, 1)])
    assert [load_loops()["bucket"](int(edge), layout.bits) for edge in edges] == layout.buckets(edges).tolist()


def test_a_latency_below_zero_counts_as_zero() -> None:
    assert load_loops()["bucket"](-5, FINE.bits) == 0


@pytest.mark.parametrize(("name", "addresses"), [("record", 3), ("record_due", 4)])
def test_number_and_folds_are_published_after_what_they_count(name: str, addresses: int) -> None:
    """For CPUs that reorder stores; on x86-64, which does not, it takes no more than a plain store."""
    compiled = cfunc(types.void(*[types.int64] * addresses), error_model="numpy")(getattr(recording, name).py_func)
    module = llvm.parse_assembly(compiled.inspect_llvm())
    assert len(re.findall(r"^ *store atomic i64 .* release, align 8", str(module), re.MULTILINE)) == 2
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    assembly = {}
    for triple in ("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"):
        try:
            target = llvm.Target.from_triple(triple)
        except RuntimeError:
            continue  # llvmlite may be built for its own machine only
        module.triple = triple
        assembly[triple.partition("-")[0]] = target.create_target_machine(opt=3, reloc="pic").emit_assembly(module)
    assert assembly
    assert not re.search(r"\t(lock|xchg|mfence)", assembly.get("x86_64", ""))
    assert "aarch64" not in assembly or len(re.findall(r"\tstlu?r\t", assembly["aarch64"])) >= 2


@pytest.mark.parametrize(
    ("module", "name", "signature", "fence"),
    [
        (recording, "record", "vqqq", "release"),
        (recording, "catch_up", "v", "acquire"),
        (loops, "run_async", "vqqq", "acquire"),
    ],
)
def test_what_threads_tell_each_other_has_an_order(module: ModuleType, name: str, signature: str, fence: str) -> None:
    """What is overwritten is known before it is; who sees that all is done, or how much, sees all of it."""
    kinds = [{"v": types.void, "q": types.int64}[letter] for letter in signature]
    compiled = cfunc(kinds[0](*kinds[1:]), error_model="numpy")(getattr(module, name).py_func)
    assert set(re.findall(r"^ *fence (\w+)$", compiled.inspect_llvm(), re.MULTILINE)) == {fence}


def test_that_a_request_is_done_is_published_after_its_last_sample() -> None:
    assert "[S_DONE] = 1" not in Path(loops.__file__).read_text()


BEGIN = 5_000_000_000


@pytest.fixture
def recorder() -> Recorder:
    """The smallest there is: a head and a ring of 4096 samples each, for one request, of a load that began at BEGIN."""
    recorder = Recorder.allocate(1, 1)
    recorder.control.begin_ns = BEGIN
    return recorder


def record(recorder: Recorder, samples: Int64s, request: int = 0) -> None:
    address = recorder.slots[request].address
    for start, end in samples.tolist():
        load_loops()["record"](address, start, end)


def load(count: int, span_ns: int = 10**9) -> Int64s:
    """Samples with latencies over four octaves, ends ascending over `span_ns` from BEGIN on."""
    random = np.random.default_rng(1)
    ends = BEGIN + np.sort(random.integers(0, span_ns, count))
    return np.stack([ends - random.integers(10**6, 16 * 10**6, count), ends], axis=1)


CAPACITY = HEAD + 4096


def test_samples_stay_exact_while_they_fit(recorder: Recorder) -> None:
    samples = load(CAPACITY)
    record(recorder, samples)
    assert recorder.count(0) == CAPACITY
    assert np.array_equal(recorder.samples[0].table, samples)
    assert recorder.slots[0].folded == 0
    assert not recorder.fine.any()


def test_the_head_is_never_overwritten(recorder: Recorder) -> None:
    samples = load(CAPACITY + 10_000)
    record(recorder, samples)
    assert np.array_equal(recorder.samples[0].table[:HEAD], samples[:HEAD])


def test_the_ring_holds_the_latest_samples(recorder: Recorder) -> None:
    samples = load(CAPACITY + 10_000)
    record(recorder, samples)
    ring = recorder.samples[0].table[HEAD:]
    assert np.array_equal(ring[np.argsort(ring[:, 1], kind="stable")][:, 1], samples[-4096:, 1])
    assert {tuple(pair) for pair in ring.tolist()} == {tuple(pair) for pair in samples[-4096:].tolist()}


def test_what_the_ring_overwrites_is_in_the_histogram_and_nothing_else_is(recorder: Recorder) -> None:
    samples = load(CAPACITY + 10_000)
    record(recorder, samples)
    gone = samples[HEAD:-4096]
    latencies = gone[:, 1] - gone[:, 0]
    slot = recorder.slots[0]
    assert np.array_equal(recorder.fine[0], FINE.count(latencies))
    assert slot.folded == len(gone)
    assert (slot.first_end_ns, slot.last_end_ns) == (gone[0, 1], gone[-1, 1])
    assert (slot.least_ns, slot.most_ns) == (latencies.min(), latencies.max())


def test_the_sums_about_the_pivot_give_numpys_mean_and_deviation(recorder: Recorder) -> None:
    samples = load(CAPACITY + 10_000)
    record(recorder, samples)
    gone = samples[HEAD:-4096]
    latencies = (gone[:, 1] - gone[:, 0]).astype(np.float64)
    slot = recorder.slots[0]
    assert slot.pivot_ns == latencies[0]
    mean = slot.deviation_ns / len(gone)
    assert latencies[0] + mean == pytest.approx(latencies.mean(), rel=1e-12)
    assert slot.square_ns2 / len(gone) - mean**2 == pytest.approx(latencies.var(), rel=1e-9)


@pytest.mark.parametrize("span_s", [1, 25, 26, 52, 255, 256, 257, 511, 513, 3000, 100_000])
def test_slices_double_until_they_cover_the_load(recorder: Recorder, span_s: int) -> None:
    samples = load(CAPACITY + 5_000, span_s * 10**9)
    record(recorder, samples)
    gone = samples[HEAD:-4096]
    length = recorder.slots[0].slice_ns
    assert length % FIRST_SLICE_NS == 0
    last = (gone[:, 1].max() - BEGIN) // length
    assert last < 256
    assert length == FIRST_SLICE_NS or (gone[:, 1].max() - BEGIN) >= 256 * (length // 2)
    expected = np.zeros((256, COARSE.size), np.int64)
    np.add.at(expected, ((gone[:, 1] - BEGIN) // length, COARSE.buckets(gone[:, 1] - gone[:, 0])), 1)
    assert np.array_equal(recorder.coarse[0], expected)


def test_requests_record_apart_from_each_other() -> None:
    recorder = Recorder.allocate(2, 1)
    recorder.control.begin_ns = BEGIN
    first, second = load(CAPACITY + 10), load(100)
    record(recorder, first, 0)
    record(recorder, second, 1)
    assert np.array_equal(recorder.samples[1].table[:100], second)
    assert recorder.slots[0].folded == 10
    assert recorder.slots[1].folded == 0
    assert not recorder.fine[1].any()
