"""Recording an inference: its sample is stored, and folded into histograms when another one takes its place."""

from typing import Final

from ovbench.common.histogram import COARSE, FINE, MOST_VALUE
from ovbench.common.samplelayout import CLOSED_WORDS, DUE, END, OPEN_WORDS, START

from .layout import (
    C_BEGIN,
    P_DEVIATION,
    P_FINE,
    P_LEAST,
    P_MOST,
    P_PIVOT,
    P_SQUARE,
    PART_WORDS,
    S_CAPACITY,
    S_COARSE,
    S_CONTROL,
    S_COUNT,
    S_DEVIATION,
    S_FINE,
    S_FIRST_END,
    S_FOLDED,
    S_HEAD,
    S_LAST_END,
    S_LEAST,
    S_MASK,
    S_MOST,
    S_PARTS,
    S_PIVOT,
    S_SAMPLES,
    S_SLICE_NS,
    S_SLICES,
    S_SQUARE,
)
from .native import bit_length, compiled, publish, reals, see_all, settle, words

_FINE_BITS: Final = FINE.bits
_COARSE_BITS: Final = COARSE.bits
_COARSE_SIZE: Final = COARSE.size
_MOST_VALUE: Final = MOST_VALUE


@compiled
def bucket(value, bits):
    """The bucket of a latency: `histogram.Layout(bits).buckets`, in integers."""
    if value < 0:
        value = 0
    elif value > _MOST_VALUE:
        value = _MOST_VALUE
    shift = bit_length(value) - bits
    if shift < 0:
        shift = 0
    return (shift << (bits - 1)) + (value >> shift)


@compiled
def _halve_slices(coarse, slices, size):
    """Make the slices twice as long: add each pair up into the first half and clear the second."""
    cells = words(coarse)
    half = slices // 2
    for index in range(half):
        for cell in range(size):
            first = (2 * index) * size + cell
            cells[index * size + cell] = cells[first] + cells[first + size]
    for cell in range(half * size, slices * size):
        cells[cell] = 0


@compiled
def _fold(address, due, start, end):
    """Take a sample that is about to be overwritten into the histograms. Costs some 10 ns, and memory that is fixed.

    Who reads meanwhile knows from the number of samples which one is being overwritten, so that has to be seen first.
    """
    settle()
    slot = words(address)
    sums = reals(address)
    latency = end - due
    if slot[S_FOLDED] == 0:
        slot[S_FIRST_END] = end
        slot[S_LEAST] = latency
        slot[S_MOST] = latency
        slot[S_PIVOT] = latency
    slot[S_LAST_END] = end
    slot[S_LEAST] = min(slot[S_LEAST], latency)
    slot[S_MOST] = max(slot[S_MOST], latency)
    deviation = float(latency - slot[S_PIVOT])
    sums[S_DEVIATION] += deviation
    sums[S_SQUARE] += deviation * deviation
    fine = words(slot[S_FINE])
    fine[bucket(latency, _FINE_BITS)] += 1
    if slot[S_PARTS] != 0:
        _fold_part(slot[S_PARTS], slot[S_FOLDED], end - start)
        _fold_part(slot[S_PARTS] + 8 * PART_WORDS, slot[S_FOLDED], start - due)
    publish(address + 8 * S_FOLDED, slot[S_FOLDED] + 1)
    since = end - words(slot[S_CONTROL])[C_BEGIN]
    while since >= slot[S_SLICE_NS] * slot[S_SLICES]:
        _halve_slices(slot[S_COARSE], slot[S_SLICES], _COARSE_SIZE)
        slot[S_SLICE_NS] *= 2
    coarse = words(slot[S_COARSE])
    coarse[(since // slot[S_SLICE_NS]) * _COARSE_SIZE + bucket(latency, _COARSE_BITS)] += 1


@compiled
def _fold_part(address, folded, value):
    """The service or the wait of a sample, of which `folded` were folded before."""
    part = words(address)
    sums = reals(address)
    if folded == 0:
        part[P_LEAST] = value
        part[P_MOST] = value
        part[P_PIVOT] = value
    part[P_LEAST] = min(part[P_LEAST], value)
    part[P_MOST] = max(part[P_MOST], value)
    deviation = float(value - part[P_PIVOT])
    sums[P_DEVIATION] += deviation
    sums[P_SQUARE] += deviation * deviation
    part[P_FINE + bucket(value, _FINE_BITS)] += 1


@compiled
def _place_in_ring(slot, count):
    """Of the sample with that index, where the memory is full: behind the head, round and round."""
    head = slot[S_HEAD]
    return head + ((count - head) & slot[S_MASK])


@compiled
def record(address, start, end):
    """Store an inference of a closed loop: in the head, then round the ring; what that overwrites is folded first."""
    slot = words(address)
    count = slot[S_COUNT]
    index = count
    samples = words(slot[S_SAMPLES])
    if count >= slot[S_CAPACITY]:
        index = _place_in_ring(slot, count)
        former = CLOSED_WORDS * index
        _fold(address, samples[former + START], samples[former + START], samples[former + END])
    samples[CLOSED_WORDS * index + START] = start
    samples[CLOSED_WORDS * index + END] = end
    publish(address + 8 * S_COUNT, count + 1)


@compiled
def record_due(address, due, start, end):
    """The same of an inference that was due at an instant of its own."""
    slot = words(address)
    count = slot[S_COUNT]
    index = count
    samples = words(slot[S_SAMPLES])
    if count >= slot[S_CAPACITY]:
        index = _place_in_ring(slot, count)
        former = OPEN_WORDS * index
        _fold(address, samples[former + DUE], samples[former + START], samples[former + END])
    samples[OPEN_WORDS * index + START] = start
    samples[OPEN_WORDS * index + END] = end
    samples[OPEN_WORDS * index + DUE] = due
    publish(address + 8 * S_COUNT, count + 1)


@compiled
def catch_up():
    """For who reads while the load goes on, between two readings whose order matters."""
    see_all()
