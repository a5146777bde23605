"""What an agent does for a coordinator that it knows by an address or a key alone: started by hand, or on another host.

A job names files to read, folders to write to and libraries to load. The agent's owner says which of these it may have:
without a word only built-in models, random inputs and the null device, which need no file. It also says how much memory
and time a job may take.
"""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from ovbench.common import builtin
from ovbench.common.digests import external_names
from ovbench.common.errors import UsageError
from ovbench.common.job import Job

_PATHS: Final = ("_DIR", "_PATH", "_FILE", "_LIBRARY", "_LIB")
"""How properties of OpenVINO end whose values are paths, as CACHE_DIR and WEIGHTS_PATH."""

_PROPERTY: Final = "-load_config"
_MOST_FILES: Final = 100_000


@dataclass(frozen=True)
class Caps:
    """The most that a job may ask for: memory for samples, requests, and the length of all its parts together."""

    memory_mb: int = 65_536
    requests: int = 65_536
    duration_s: int = 7 * 86_400

    def check(self, job: Job) -> None:
        """Raises UsageError for a job that asks for more."""
        load, runtime = job.load, job.runtime
        asked_mb = job.sample_bytes >> 20
        if asked_mb > self.memory_mb:
            raise UsageError(
                f"--sample-memory: {asked_mb} MB are more than this agent gives, {self.memory_mb} MB; ask for less, or "
                f"start it with --max-memory {asked_mb}"
            )
        for flag, number in (
            ("-nireq", runtime.requests),
            ("-nstreams", runtime.streams),
            ("-nthreads", runtime.threads),
            ("--scenario", load.samples_per_query),
        ):
            if number is not None and number > self.requests:
                raise UsageError(
                    f"{flag}: {number} are more than this agent gives, {self.requests}; ask for fewer, or start it "
                    f"with --max-requests {number}"
                )
        asked_s = load.warmup_s + load.lead_in_s + (load.duration_s or 0.0) + load.drain_s
        if asked_s > self.duration_s:
            raise UsageError(
                f"-t: {asked_s:.0f} s are more than this agent gives, {self.duration_s} s; measure for a shorter time, "
                f"or start it with --max-duration {math.ceil(asked_s)}"
            )


@dataclass(frozen=True)
class Trust:
    """`roots`: the folders whose files a job may name, and `cache` one for what the coordinator has sent; with
    `extensions` it may load libraries there."""

    roots: tuple[str, ...] = ()
    cache: str | None = None
    extensions: bool = False
    caps: Caps = Caps()

    def check(self, job: Job) -> None:
        """Raises UsageError for a job that asks for more."""
        self.caps.check(job)
        for what, path in _paths(job):
            self._check_path(what, path)
        if job.model.extensions and not self.extensions:
            raise UsageError(
                "-extensions: this agent was started by hand and loads no libraries; start it with --allow-extensions"
            )

    def _check_path(self, what: str, path: str) -> None:
        roots = self.roots if self.cache is None or not self._is_sent(what) else (*self.roots, self.cache)
        if not roots and self.cache is None:
            raise UsageError(
                f"{what} {path}: this agent was started by hand and opens no files; start it with --root DIR, a "
                "folder that has it"
            )
        for file in _files(path):
            if any(_inside(file, root) for root in roots):
                continue
            where = path if file == path else f"{path}, by {file},"
            if not self.roots:
                raise UsageError(
                    f"{what} {where} is no file that was sent to this host for that; start its supervisor with "
                    "--root DIR, a folder that has it"
                )
            raise UsageError(
                f"{what} {where} is not in the agent's --root {' or '.join(self.roots)}; name a folder that has it"
            )

    def _is_sent(self, what: str) -> bool:
        """Whether files for it are taken from the coordinator; one for a property may have code run, as a library."""
        return what in ("-m", "-i", "-extensions") or (self.extensions and what.startswith(_PROPERTY))


def encode_trust(trust: Trust) -> str:
    """As one word of a command line."""
    return msgspec.json.encode(trust).decode()


def decode_trust(word: str) -> Trust:
    """Raises ValueError for what `encode_trust` does not make."""
    return msgspec.json.decode(word, type=Trust)


def _paths(job: Job) -> Iterator[tuple[str, str]]:
    """What a job names of the file system, each after the flag that it comes from."""
    if job.null is None and not _is_builtin(job.model.source):
        yield "-m", job.model.source
    for path in job.model.extensions:
        yield "-extensions", path
    for files in job.data.files:
        for path in files.paths:
            yield "-i", path
    if job.runtime.cache_dir is not None:
        yield "-cdir", job.runtime.cache_dir
    for name, value in job.runtime.config.items():
        if value and ("/" in value or name.upper().endswith(_PATHS)):
            yield f"{_PROPERTY} {name}", value
    if "/" in job.runtime.device:
        yield "-d", job.runtime.device


def _is_builtin(source: str) -> bool:
    return source.startswith(builtin.PREFIX) and "/" not in source


def _files(path: str) -> Iterator[str]:
    """The file, and those that are read with it: weights beside a model, what is in a folder; links may lead out."""
    yield path
    folder, name = os.path.split(path)
    stem = os.path.splitext(name)[0]
    if os.path.isdir(path):
        for count, (place, folders, files) in enumerate(os.walk(path)):
            if count > _MOST_FILES:
                raise UsageError(f"{path} has more than {_MOST_FILES} folders; name one with fewer")
            yield from (os.path.join(place, one) for one in (*folders, *files))
    else:
        yield from (os.path.join(folder, stem + suffix) for suffix in (".bin", ".pdiparams", ".onnx_data", ".data"))
        if name.lower().endswith(".onnx"):  # data of its tensors, wherever it says that they are
            yield from (os.path.join(folder, where) for where in external_names(path))


def _inside(path: str, root: str) -> bool:
    """Also of what does not exist yet, by the folder that it would be in."""
    real = os.path.realpath(path)
    top = os.path.realpath(root)
    return real == top or real.startswith(top.rstrip("/") + "/")
