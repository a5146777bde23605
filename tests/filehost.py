"""A host's model cache in a process of its own, which a test may kill: orders on its standard input, notices on its
standard output, each after its length."""

import struct
import subprocess
import sys
from pathlib import Path
from typing import IO, Final

import msgspec

from ovbench.agent.modelcache.cache import ModelCache
from ovbench.common.cacheplace import CachePlace
from ovbench.common.hostmessages import AnyHostNotice, FileChunk, OfferFiles

_LENGTH: Final = struct.Struct("<I")
_orders: Final = msgspec.msgpack.Decoder(OfferFiles | FileChunk)
_notices: Final = msgspec.msgpack.Decoder(list[AnyHostNotice])


def write(stream: IO[bytes], value: object) -> None:
    data = msgspec.msgpack.encode(value)
    stream.write(_LENGTH.pack(len(data)) + data)
    stream.flush()


def read(stream: IO[bytes]) -> bytes | None:
    """None where the other side has ended."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    data = stream.read(_LENGTH.unpack(head)[0])
    return data if len(data) == _LENGTH.unpack(head)[0] else None


class HostProcess:
    """`heard` as of a `ModelCache`, but it may be ended in the middle."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "tests.filehost", str(folder)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1]
        )

    def tell(self, order: OfferFiles | FileChunk) -> None:
        assert self.process.stdin is not None
        write(self.process.stdin, order)

    def answer(self) -> list[AnyHostNotice]:
        assert self.process.stdout is not None
        data = read(self.process.stdout)
        assert data is not None
        found: list[AnyHostNotice] = list(_notices.decode(data))
        return found

    def heard(self, order: OfferFiles | FileChunk) -> list[AnyHostNotice]:
        self.tell(order)
        return self.answer()

    def kill(self) -> None:
        self.process.kill()
        self.close()

    def close(self) -> None:
        self.process.communicate()


def main() -> None:
    cache = ModelCache(CachePlace(sys.argv[1], 1 << 30), allow_extensions=False)
    while (data := read(sys.stdin.buffer)) is not None:
        write(sys.stdout.buffer, cache.heard(_orders.decode(data)))
    cache.close()


if __name__ == "__main__":
    main()
