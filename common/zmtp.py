"""What a peer with a key sends before and after it is known, followed byte by byte: ZMTP 3 with CURVE.

The framing is that of rfc.zeromq.org/spec/23, the commands those of rfc.zeromq.org/spec/26: a greeting, HELLO,
INITIATE, then messages. Of all that, only sizes and flags are read here; the proof that a peer has a key is libzmq's.
Behind the handshake every frame is encrypted, and so is whether another part follows; but each part is a frame.
"""

from typing import Final

GREETING_BYTES: Final = 64
HELLO_BYTES: Final = 202
_MOST_INITIATE: Final = 1_024
_MECHANISM: Final = b"CURVE" + bytes(15)
_SIGNATURE, _MARK, _MAJOR, _MINOR = 0, 9, 10, 11
_MORE, _LONG, _COMMAND = 1, 2, 4
SMALL_FRAME: Final = 48
"""A frame of ours is longer, one of libzmq's own heartbeats is shorter."""
FRAME_MEMORY: Final = 96
"""What libzmq needs for a frame beside its body."""

SERVER_GREETING: Final = b"\xff" + bytes(7) + b"\x01\x7f" + b"\x03\x01" + _MECHANISM + bytes(32)
"""As libzmq has it."""


class Stranger(Exception):
    """What no peer of ours sends; the text is for those who test it."""


class Handshake:
    """Keeps what comes until it is whole: greeting with HELLO, then INITIATE. A peer sends nothing ahead."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._greeted = False

    def hello(self, data: bytes) -> bytes | None:
        """The greeting and HELLO once they have come, else None. Raises Stranger."""
        self._kept += data
        _check_greeting(bytes(self._kept[:GREETING_BYTES]))
        head = bytes(self._kept[GREETING_BYTES : GREETING_BYTES + 8])
        if not b"\x04\xc8\x05HELLO".startswith(head):
            raise Stranger("no HELLO after the greeting")
        return self._whole(GREETING_BYTES + HELLO_BYTES)

    def initiate(self, data: bytes) -> bytes | None:
        """INITIATE once it has come, else None. Raises Stranger."""
        self._kept += data
        if bytes(self._kept[:1]) not in (b"", b"\x06"):
            raise Stranger("no INITIATE after HELLO")
        if len(self._kept) < 9:
            return None
        length = int.from_bytes(self._kept[1:9], "big")
        if length > _MOST_INITIATE or not b"\x08INITIATE".startswith(bytes(self._kept[9:18])):
            raise Stranger("no INITIATE after HELLO")
        return self._whole(9 + length)

    def _whole(self, length: int) -> bytes | None:
        if len(self._kept) > length:
            raise Stranger("more than was its turn")
        if len(self._kept) < length:
            return None
        whole = bytes(self._kept)
        self._kept.clear()
        return whole


def _check_greeting(data: bytes) -> None:
    """Also where it has only begun."""
    right = (
        data[:1] in (b"", b"\xff")
        and data[_MARK:_MAJOR] in (b"", b"\x7f")
        and data[_MAJOR:_MINOR] in (b"", b"\x03")
        and _MECHANISM.startswith(data[12:32])
        and data[32:33] in (b"", b"\0")
    )
    if not right:
        raise Stranger("no greeting of ZMTP 3 with CURVE by a client")


class Traffic:
    """Follows the frames after the handshake. `most`: bytes in a frame, as it is encrypted."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._header = b""
        self._rest = 0
        self.large_bytes = 0
        """Memory for the frames that have begun and are longer than SMALL_FRAME."""
        self.small_frames = 0

    def follow(self, data: bytes) -> None:
        """Raises Stranger for what is no frame that libzmq sends with CURVE."""
        at, end = 0, len(data)
        while at < end:
            if self._rest:
                step = min(self._rest, end - at)
                self._rest -= step
                at += step
                continue
            if not self._header and end - at >= 2 and data[at] == 0:
                self._begin(data[at + 1])
                at += 2
                continue
            self._header += data[at : at + 1]
            at += 1
            flags = self._header[0]
            if flags not in (0, _LONG):
                raise Stranger(f"a frame with flags {flags}")
            if len(self._header) == (9 if flags else 2):
                length = int.from_bytes(self._header[1:], "big")
                self._header = b""
                self._begin(length)

    def _begin(self, length: int) -> None:
        if length > self._most:
            raise Stranger(f"a frame of {length} bytes")
        self._rest = length
        if length > SMALL_FRAME:
            self.large_bytes += length + FRAME_MEMORY
        else:
            self.small_frames += 1
