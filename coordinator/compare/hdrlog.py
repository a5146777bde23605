"""Latencies as an HDR histogram log (`.hlog`), which the tools around HdrHistogram read. Pure.

The text format is that of HistogramLogWriter, version 1.3; a histogram is in the V2 encoding, compressed
(AbstractHistogram.encodeIntoCompressedByteBuffer; https://github.com/HdrHistogram/HdrHistogram). Its buckets for three
significant digits are those of `histogram.FINE`, so counts need no conversion.
"""

import base64
import re
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from ovbench.common.clock import NS_PER_MS, NS_PER_S
from ovbench.common.histogram import FINE, MOST_VALUE, Int64s
from ovbench.common.samples import SampleArray

_COOKIE: Final = 0x1C849303 | 0x10
_COMPRESSED_COOKIE: Final = 0x1C849304 | 0x10
_HEADER: Final = struct.Struct(">iiiiqqd")
_DIGITS: Final = 3
_LEGEND: Final = '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'


def _zigzag(number: int) -> bytes:
    """Seven bits to a byte, the lowest first; the ninth byte, if there is one, has eight (ZigZagEncoding)."""
    rest = (number << 1) ^ (number >> 63)
    written = bytearray()
    while rest > 0x7F and len(written) < 8:
        written.append(0x80 | rest & 0x7F)
        rest >>= 7
    return bytes([*written, rest])


def encode_histogram(counts: Int64s) -> str:
    """Counts by bucket of FINE, as base64. Empty buckets are written as their negative number."""
    (used,) = counts.nonzero()
    payload = bytearray()
    before = -1
    for bucket in used.tolist():
        empty = bucket - before - 1
        if empty:
            payload += _zigzag(-empty)
        payload += _zigzag(int(counts[bucket]))
        before = bucket
    whole = _HEADER.pack(_COOKIE, len(payload), 0, _DIGITS, 1, MOST_VALUE, 1.0) + payload
    packed = zlib.compress(whole)
    return base64.b64encode(struct.pack(">ii", _COMPRESSED_COOKIE, len(packed)) + packed).decode()


def histogram_log(
    agents: Mapping[int, SampleArray],
    start_ns: int,
    stop_ns: int,
    epoch_s: float,
    comment: str,
    hosts: Mapping[int, str] | None = None,
) -> str:
    """A line for each agent and second of the window [start_ns, stop_ns], by the instant for which inferences count: at
    a rate when they were due, otherwise when they ended.

    Values are in ns, Interval_Max in ms. Timestamps are seconds since the window's start; `epoch_s`: when that was, in
    seconds since 1970. `hosts`: by agent, of several; a line's tag begins with it.
    """
    return _log(comment, epoch_s, _intervals(agents, start_ns, stop_ns, hosts or {}))


@dataclass(frozen=True)
class TrialLatencies:
    """`start_s`: since the study's start; `text`: a comment, of a line or several."""

    tag: str
    start_s: float
    length_s: float
    agents: Mapping[int, SampleArray]
    text: str


def tag_of(point: Mapping[str, str]) -> str:
    """`nstreams=2+nireq=4`: what varies in a study; no tag may have commas or spaces (HistogramLogWriter)."""
    parts = (f"{flag.lstrip('-')}={value}" for flag, value in point.items())
    return _tag("+".join(parts))


def _tag(text: str) -> str:
    return re.sub(r"[,\s]+", "_", text)


def study_log(trials: Iterable[TrialLatencies], epoch_s: float, comment: str) -> str:
    """A line for each trial, of all its agents together, in the order given, which is to be that of their starts.

    Units as in `histogram_log`; `epoch_s`: when the study began.
    """
    return _log(comment, epoch_s, _trial_lines(trials))


def _trial_lines(trials: Iterable[TrialLatencies]) -> Iterator[str]:
    for trial in trials:
        yield from _comments(trial.text)
        latencies = np.concatenate([samples.latencies for samples in trial.agents.values()])
        if len(latencies):
            yield _line(trial.tag, trial.start_s, trial.length_s, latencies)


def _log(comment: str, epoch_s: float, intervals: Iterable[str]) -> str:
    head = (
        *_comments(comment),
        "#[Histogram log format version 1.3]",
        f"#[StartTime: {epoch_s:.3f} (seconds since epoch)]",
        _LEGEND,
    )
    return "\n".join((*head, *intervals)) + "\n"


def _comments(text: str) -> Iterator[str]:
    return (f"#[{line}]" for line in text.splitlines())


def _line(tag: str, start_s: float, length_s: float, latencies: Int64s) -> str:
    most_ms = int(latencies.max()) / NS_PER_MS
    return f"Tag={tag},{start_s:.3f},{length_s:.3f},{most_ms:.3f},{encode_histogram(FINE.count(latencies))}"


def _intervals(
    agents: Mapping[int, SampleArray], start_ns: int, stop_ns: int, hosts: Mapping[int, str]
) -> Iterator[str]:
    """Ordered by time, as readers expect."""
    seconds = max(1, -(-(stop_ns - start_ns) // NS_PER_S))
    tags = {agent: _tag(f"{hosts[agent]}/" if agent in hosts else "") + f"agent-{agent}" for agent in agents}
    parts = {agent: _by_second(agents[agent], start_ns, seconds) for agent in sorted(agents)}
    for second in range(seconds):
        length_s = min(NS_PER_S, stop_ns - start_ns - second * NS_PER_S) / NS_PER_S
        for agent, latencies in parts.items():
            chosen = latencies[second]
            if len(chosen):
                yield _line(tags[agent], second, length_s, chosen)


def _by_second(samples: SampleArray, start_ns: int, seconds: int) -> list[Int64s]:
    """Latencies, by the second of the window for which they count; those of its very edge are of the last one."""
    instants = samples.dues if samples.timed else samples.ends
    places = np.clip((instants - start_ns) // NS_PER_S, 0, seconds - 1)
    order = np.argsort(places, kind="stable")
    return np.split(samples.latencies[order], np.searchsorted(places[order], np.arange(1, seconds)))
