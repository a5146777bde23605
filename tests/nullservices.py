"""The service times of the null device in plain numpy, without its compiled code: what a queue is computed from."""

from typing import Final

import numpy as np
import numpy.typing as npt

from ovbench.common.job import NullService

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)


def service_times(service: NullService, count: int, stream: int = 0) -> npt.NDArray[np.int64]:
    """Of a stream's first `count` services in the load that is measured, where there are no faults: [count], ns."""
    if service.exponential_seed is None:
        return np.full(count, service.service_ns, np.int64)
    with np.errstate(over="ignore"):  # all of it modulo 2^64
        key = _mixed(_mixed(np.uint64(service.exponential_seed) + _GOLDEN) + np.uint64(stream) * _GOLDEN)
        numbers = np.arange(1, count + 1, dtype=np.uint64)
        uniform = (_mixed(key + numbers * _GOLDEN) >> np.uint64(11)) * 2.0**-53
    times: npt.NDArray[np.int64] = (-np.log1p(-uniform) * service.service_ns + 0.5).astype(np.int64)
    return times


def _mixed(states: npt.NDArray[np.uint64] | np.uint64) -> npt.NDArray[np.uint64]:
    """splitmix64 of each."""
    states = (states ^ (states >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    states = (states ^ (states >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(states ^ (states >> np.uint64(31)))
