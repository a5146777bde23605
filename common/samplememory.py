"""How an agent's memory is divided among its requests; both sides reckon with it. Pure."""

from typing import Final

from .samplelayout import row_bytes

FIRST_SLICE_NS: Final = 100_000_000
"""Of a request's histogram by time, and of a run's timeline: so short that a stall of 300 ms shows. Both double their
slices where there are too many, so one is a multiple of the other."""

HEAD: Final = 4_096
LEAST_RING: Final = 4_096

MOST_REQUESTS: Final = 65_536
"""Of one agent. Each has some MB of address space for what it records, mostly never touched."""

_MOST_SLICES: Final = 256
_LEAST_SLICES: Final = 16
_FEW: Final = 64
"""Up to so many requests have the least of samples and all slices, whatever memory is given; more share as much."""
_LEAST: Final = 128


def head_and_ring(sample_bytes: int, requests: int, timed: bool = False) -> tuple[int, int]:
    """Samples in each request's head, and in its ring; powers of two. `timed`: of a load at a rate.

    HEAD, and as many as fit the memory beside it, at least LEAST_RING. Of very many requests each has less, half of it
    for the head.
    """
    least = min(HEAD + LEAST_RING, max(_LEAST, _FEW * (HEAD + LEAST_RING) // requests))
    room = max(least, sample_bytes // row_bytes(timed) // requests)
    head = min(HEAD, _power_of_two(room // 2))
    return head, _power_of_two(room - head)


def slices(requests: int) -> int:
    """Time slices of each request's histogram; a power of two."""
    return max(_LEAST_SLICES, min(_MOST_SLICES, _power_of_two(_FEW * _MOST_SLICES // requests)))


def most_samples(sample_bytes: int, requests: int, timed: bool = False) -> int:
    """That all requests together keep exactly."""
    return requests * sum(head_and_ring(sample_bytes, requests, timed))


def _power_of_two(number: int) -> int:
    """The largest that is not above; 1 at least."""
    return 1 << max(0, number.bit_length() - 1)
