"""How the memory for exact samples is divided among an agent's requests; both sides reckon with it. Pure."""

from typing import Final

SAMPLE_BYTES: Final = 16
HEAD: Final = 4_096
LEAST_RING: Final = 4_096


def ring_length(sample_bytes: int, requests: int) -> int:
    """Samples in each request's ring: the largest power of two so that head and ring fit the memory, at least 4096."""
    room = sample_bytes // SAMPLE_BYTES // requests - HEAD
    return max(LEAST_RING, 1 << max(0, room.bit_length() - 1))


def most_samples(sample_bytes: int, requests: int) -> int:
    """That all requests together keep exactly."""
    return requests * (HEAD + ring_length(sample_bytes, requests))
