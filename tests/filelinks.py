"""A coordinator's file sender and hosts' model caches with queues between them, whose pace a test decides."""

import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from msgspec import structs

from ovbench.agent.modelcache.cache import ModelCache
from ovbench.common.cacheplace import CachePlace
from ovbench.common.hostmessages import (
    AnyHostNotice,
    FileChunk,
    HaveFiles,
    HostFailed,
    OfferFiles,
    TookChunk,
    WantFiles,
)
from ovbench.common.job import Data, InputFiles, Job, Load, Model, Placement, Runtime
from ovbench.coordinator.files.sender import FileSender


def job_of(model: str, inputs: Sequence[Path] = (), extensions: Sequence[Path] = ()) -> Job:
    return Job(
        model=Model(source=model, extensions=tuple(map(str, extensions))),
        runtime=Runtime(),
        load=Load(api="sync", duration_s=1.0, iterations=None, warmup_s=0.0),
        placement=Placement(cpus=(0,)),
        null=None,
        data=Data(files=(InputFiles(input=None, paths=tuple(map(str, inputs))),) if inputs else ()),
        sample_bytes=1 << 20,
    )


def model_in(folder: Path, size: int, name: str = "m") -> Path:
    """An IR whose weights are random."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.xml").write_bytes(b"<net/>")
    (folder / f"{name}.bin").write_bytes(os.urandom(size))
    return folder / f"{name}.xml"


def cache_in(folder: Path, limit_bytes: int = 1 << 30, allow_extensions: bool = False) -> ModelCache:
    return ModelCache(CachePlace(str(folder), limit_bytes), allow_extensions)


class Host(Protocol):
    """A model cache here, or in another process."""

    def heard(self, order: OfferFiles | FileChunk) -> list[AnyHostNotice]: ...
    def close(self) -> None: ...


class Exchange:
    """Orders and notices wait in `to_host` and `from_host` until a test has them taken."""

    def __init__(self, sender: FileSender, caches: Sequence[Host]) -> None:
        self.sender, self.caches = sender, list(caches)
        self.to_host: list[deque[OfferFiles | FileChunk]] = [deque() for _ in caches]
        self.from_host: list[deque[AnyHostNotice]] = [deque() for _ in caches]
        self.failed: list[tuple[int, HostFailed]] = []
        self.chunks = [0 for _ in caches]
        self.now_ns = 0
        for host in range(len(caches)):
            self.to_host[host].extend(sender.offers(host))

    def rejoin(self, host: int, cache: Host) -> None:
        """What was under way is gone; the host is offered the files again."""
        self.to_host[host].clear()
        self.from_host[host].clear()
        self.caches[host] = cache
        self.to_host[host].extend(self.sender.offers(host))

    def host_takes(self, host: int) -> bool:
        """One order. False where there is none."""
        if not self.to_host[host]:
            return False
        order = self.to_host[host].popleft()
        self.chunks[host] += isinstance(order, FileChunk)
        self.from_host[host].extend(self.caches[host].heard(order))
        return True

    def sender_hears(self, host: int) -> bool:
        if not self.from_host[host]:
            return False
        match self.from_host[host].popleft():
            case HostFailed() as failed:
                self.failed.append((host, failed))
            case (WantFiles() | TookChunk() | HaveFiles()) as notice:
                self.sender.heard(host, notice, self.now_ns)
        self.tick()
        return True

    def tick(self, elapsed_ns: int = 0) -> None:
        self.now_ns += elapsed_ns
        for host, chunk in self.sender.orders(self.now_ns):
            self.to_host[host].append(chunk)

    def run(self) -> None:
        """Until nothing happens any more."""
        hosts = range(len(self.caches))
        while sum(self.host_takes(host) | self.sender_hears(host) for host in hosts):
            pass


def content(job: Job) -> dict[str, bytes]:
    """What the files that a job names have in them: by name, weights as the agent finds them beside the model."""
    source = Path(job.model.source)
    found = {path.name: path.read_bytes() for path in (source, source.with_suffix(".bin")) if path.is_file()}
    for part in job.data.files:
        found |= {str(number): Path(path).read_bytes() for number, path in enumerate(part.paths)}
    return found


def damaged(chunk: FileChunk) -> FileChunk:
    return structs.replace(chunk, data=chunk.data[:-1] + bytes([chunk.data[-1] ^ 1]))
