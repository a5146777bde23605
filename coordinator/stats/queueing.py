"""Queues that several serve, first come first served: what waits come to. Pure."""

from math import inf

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]


def erlang_c(servers: int, load: float) -> float:
    """The share of Poisson arrivals that wait in M/M/c, by Erlang; `load` is the share of their time that servers
    serve, below 1. By the recursion of Erlang's B, in which nothing overflows."""
    offered = servers * load
    lost = 1.0
    for server in range(1, servers + 1):
        lost = offered * lost / (server + offered * lost)
    return lost / (1 - load * (1 - lost))


def allen_cunneen(servers: int, rate: float, service: float, gaps_cv2: float, services_cv2: float) -> float:
    """The mean wait in G/G/c, approximately: that of M/M/c by how irregular gaps and services are (their squared
    coefficients of variation). Exact for M/G/1 and M/M/c; without limit where more arrives than can be served."""
    load = rate * service / servers
    if load >= 1:
        return inf
    return erlang_c(servers, load) * service / (servers * (1 - load)) * (gaps_cv2 + services_cv2) / 2


def waits(dues: Floats, services: Floats, free: Floats) -> Floats:
    """Of each arrival in queues beside each other: the recursion of Kiefer and Wolfowitz.

    `dues` ascend: [queues, n]; `services`: [queues, ways, n], each queue's with so many services in the same arrivals;
    `free`: from when on each server is idle, [queues, servers]. [queues, ways, n].
    """
    queues, ways, count = services.shape
    idle = np.repeat(free[:, None, :], ways, axis=1).reshape(queues * ways, -1)
    every = np.arange(queues * ways)
    found = np.empty((count, queues * ways))
    come = np.repeat(dues.T, ways, axis=1)
    taken = np.ascontiguousarray(services.transpose(2, 0, 1).reshape(count, -1))
    for number in range(count):
        first = idle.argmin(axis=1)
        start = np.maximum(come[number], idle[every, first])
        found[number] = start - come[number]
        idle[every, first] = start + taken[number]
    return found.reshape(count, queues, ways).transpose(1, 2, 0)


def ideal_starts(dues: Int64s, service: int, servers: int) -> Int64s:
    """When each arrival would be started if all took the same time, and nobody was served before, [n].

    Servers take turns then, so it is a queue of each: Lindley's recursion, solved.
    """
    starts = np.empty_like(dues)
    for server in range(min(servers, len(dues))):
        own = dues[server::servers]
        work = service * np.arange(len(own))
        starts[server::servers] = np.maximum.accumulate(own - work) + work
    return starts


def time_beside(starts: Int64s, ends: Int64s) -> Int64s:
    """The time in which others were served while each was, summed over them, [n]."""
    took = ends - starts
    return _served_before(starts, ends, ends) - _served_before(starts, ends, starts) - took


def _served_before(starts: Int64s, ends: Int64s, instants: Int64s) -> Int64s:
    """How much service there was before each instant, of all together."""
    return _since(np.sort(starts, kind="stable"), instants) - _since(np.sort(ends, kind="stable"), instants)


def _since(ordered: Int64s, instants: Int64s) -> Int64s:
    """Over those of `ordered` that were before an instant, the sum of the time since. It may wrap around; differences
    of such sums are right all the same."""
    before = np.searchsorted(ordered, instants)
    sums = np.concatenate([np.zeros(1, np.int64), np.cumsum(ordered)])
    result: Int64s = before * instants - sums[before]
    return result
