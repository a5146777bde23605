"""Messages between a coordinator and supervisors as bytes, with their bounds."""

from typing import Final

import msgspec

from .hostmessages import HOST_PROTOCOL_VERSION, AnyHostNotice, AnyHostOrder, ForeignHost, Present
from .messages import MAX_MESSAGE_BYTES
from .reliable import HEADER_BYTES
from .wire import BadMessage

_ENVELOPE_BYTES: Final = 4_096
MAX_HOST_MESSAGE_BYTES: Final = MAX_MESSAGE_BYTES + _ENVELOPE_BYTES
"""An agent's largest message with the supervisor's around it."""

ENCRYPTION_BYTES: Final = 33
"""Name, nonce, tag and flags of a MESSAGE (rfc.zeromq.org/spec/26)."""

MOST_FRAME_BYTES: Final = MAX_HOST_MESSAGE_BYTES + HEADER_BYTES + ENCRYPTION_BYTES
_LONGEST_PRESENT: Final = 1 << 20

_encode: Final = msgspec.msgpack.Encoder().encode
_notices: Final[msgspec.msgpack.Decoder[AnyHostNotice]] = msgspec.msgpack.Decoder(AnyHostNotice)
_orders: Final[msgspec.msgpack.Decoder[AnyHostOrder]] = msgspec.msgpack.Decoder(AnyHostOrder)
_foreign: Final = msgspec.msgpack.Decoder(ForeignHost)


def encode(message: AnyHostNotice | AnyHostOrder) -> bytes:
    """Raises BadMessage for one that is too large or has text that is none."""
    try:
        data = _encode(message)
    except (UnicodeEncodeError, msgspec.ValidationError) as error:
        raise BadMessage(f"it cannot be encoded: {error}") from None
    if len(data) > MAX_HOST_MESSAGE_BYTES:
        raise BadMessage(f"it would be a message of {len(data)} bytes, more than {MAX_HOST_MESSAGE_BYTES}")
    return data


def decode_order(data: bytes | memoryview) -> AnyHostOrder:
    """Raises BadMessage for anything else, whatever the bytes are."""
    try:
        return _orders.decode(data)
    except (ValueError, msgspec.DecodeError, RecursionError) as error:
        raise BadMessage(str(error)) from None


def decode_notice(data: bytes | memoryview) -> AnyHostNotice | ForeignHost:
    """Raises BadMessage for anything else, whatever the bytes are."""
    try:
        notice = _notices.decode(data)
    except (ValueError, msgspec.DecodeError, RecursionError) as error:
        foreign = _foreigner(data)
        if foreign is None:
            raise BadMessage(str(error)) from None
        return foreign
    if isinstance(notice, Present) and notice.version != HOST_PROTOCOL_VERSION:
        return ForeignHost(notice.version)
    return notice


def _foreigner(data: bytes | memoryview) -> ForeignHost | None:
    """The first word of another protocol, which may have other fields than ours."""
    if len(data) > _LONGEST_PRESENT:
        return None
    try:
        found = _foreign.decode(data)
    except (ValueError, msgspec.DecodeError, RecursionError):
        return None
    return found if found.version != HOST_PROTOCOL_VERSION else None
