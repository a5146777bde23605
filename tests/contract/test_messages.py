"""The bus: what each message looks like in bytes, and that bytes which are no message never do more than be dropped.

`golden_messages.json` holds the encoding of one message of each type. When a test here fails because a message was
changed, agents of another version do not understand it any more: raise PROTOCOL_VERSION and record the new encoding.
"""

import json
import math
import struct
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, get_args

import msgspec
import pytest
import zmq
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect, structs

from ovbench.common.bounded import MOST_NAME, MOST_TEXT, as_name, as_text
from ovbench.common.effective import (
    Build,
    Effective,
    FileDigest,
    Filling,
    Lack,
    OutputDigest,
    Outputs,
    Phases,
    Port,
    ShapeGroup,
)
from ovbench.common.folded import FoldedTimes
from ovbench.common.histogram import COARSE, FINE
from ovbench.common.job import (
    Data,
    FileState,
    InputFiles,
    Job,
    Known,
    Load,
    Model,
    NullService,
    Pace,
    Placement,
    Preprocessing,
    Runtime,
    Schedule,
    ScheduleAddress,
)
from ovbench.common.messages import (
    MAX_MESSAGE_BYTES,
    PROTOCOL_VERSION,
    SAMPLES_PER_MESSAGE,
    Again,
    AnyNotice,
    AnyOrder,
    Counted,
    Delivered,
    Dropped,
    End,
    Failed,
    Finished,
    Folded,
    Foreign,
    Graph,
    Hello,
    Layer,
    Layers,
    MaskChange,
    Memory,
    Notice,
    OnCpu,
    OnNode,
    Order,
    Prepare,
    Progress,
    Pulse,
    Ready,
    Reject,
    Release,
    Samples,
    Start,
    Stop,
    Tally,
    Usage,
    Warmed,
    WarmUp,
    tag,
)
from ovbench.common.wire import BadMessage, Hub, check, decode, encode


def int32s(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}i", *numbers)


def int64s(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}q", *numbers)


JOB: Final = Job(
    model=Model(
        source="builtin:tiny",
        batch=(2, 2),
        shapes={"data": ((1, 4), (0, -1))},
        data_shapes={"": (((1, 1), (16, 16)),)},
        layouts={"data": "NC"},
    ),
    runtime=Runtime(device="CPU", hint="none", streams=2, threads=4, requests=8),
    load=Load(
        api="async",
        duration_s=10.0,
        iterations=100,
        warmup_s=1.0,
        inference_only=False,
        cells_ns=(1_000_000, 3_000_000),
        counts_s=1.5,
        schedule=Schedule(
            address=ScheduleAddress(pid=4711, descriptor=7, count=100, nonce="0123456789abcdef" * 2),
            first=40,
            count=60,
            shared=False,
            lead_in_s=0.5,
        ),
        drain_s=2.0,
        timeout_s=0.25,
        spin_s=1e-4,
    ),
    placement=Placement(cpus=(0, 1), housekeeping=(7,)),
    null=NullService(service_ns=1000, exponential_seed=7),
    data=Data(files=(InputFiles(input="data", paths=("/a.npy",)),), seed=42),
    sample_bytes=1 << 20,
    preprocessing=Preprocessing(input_type="u8", mean={"": (1.0, 2.0, 3.0)}),
    wants_graph=True,
    known=(Known(state=FileState(device=1, inode=2, size=3, modified_ns=4, changed_ns=5), sha256="a1" * 32),),
)
PACED: Final = structs.replace(
    JOB, load=structs.replace(JOB.load, pace=Pace(frame_period_ns=1e6, phase=0.5), schedule=None, timeout_s=None)
)
ORDERS: Final[tuple[Order, ...]] = (
    Prepare(
        agent=3,
        job=JOB,
        heartbeat_s=0.5,
        lease_s=3.0,
    ),
    Again(job=PACED),
    WarmUp(at_ns=1_000_000_000_001),
    Start(at_ns=(1 << 62) - 1),
    End(at_ns=1_000_000_000_003),
    Stop(),
    Pulse(),
    Release(),
    Reject(reason="no place is free"),
)
OUTPUTS: Final = Outputs(
    repeatable=True, outputs=(OutputDigest(name="output", digest="0f" * 16, sketch=bytes(8), scale=1.5),)
)
NOTICES: Final[tuple[Notice, ...]] = (
    Hello(version=PROTOCOL_VERSION, pid=4711, host="box", agent=None, nonce="0123456789abcdef" * 2),
    Progress(step=10, completed=1234, buckets=(5, 300), counts=(1, 2), idle=True, backlog=3),
    Counted(completed=3, dropped=1, total_s=0.25, buckets=int32s(5, 300), counts=int64s(1, 2), cpu_s=1.5),
    Tally(cell=7, inferences=2.5, buckets=int32s(5, 300), counts=int64s(1, 1)),
    Ready(
        effective=Effective(
            backend="openvino",
            model="tiny",
            device="CPU",
            hint="THROUGHPUT",
            precision="f32",
            streams=2,
            threads=4,
            requests=8,
            iterations=None,
            batch=1,
            inputs=(Port(name="data", type="f32", shape=((1, 1), (16, 16))),),
            outputs=(Port(name="output", type="f32", shape=None),),
            properties={"NUM_STREAMS": "2"},
            fillings=(Filling(input="data", text="random f32 in [0, 1)", tensors=2),),
            groups=(ShapeGroup(shapes=((1, 16),), batch=1),),
            files=(FileDigest(kind="model", name="builtin:tiny.bin", sha256="0f" * 32, size=64),),
            capabilities=("FP32", "BF16"),
            isa="avx512_core_bf16",
            build=Build(
                version="2025.1.0-18503",
                tested=True,
                lacks=(Lack(capability="extensions", needs="ov_core_add_extension", effect="-extensions is refused."),),
                instead={"ov_core_set_properties": "ov_core_set_property"},
            ),
        ),
        phases=Phases(
            load_runtime_ms=1.5,
            read_model_ms=2.5,
            reshape_ms=0.0,
            compile_ms=3.5,
            create_requests_ms=0.25,
            first_inference_ms=0.125,
        ),
        mask=(0, 1),
        openvino="2026.4.0",
        memory_policy="bind:0",
        outputs=OUTPUTS,
    ),
    Warmed(completed=17),
    Finished(
        start_ns=1_000,
        stop_ns=2_000,
        completed=3,
        usage=(
            Usage(
                at_ns=1_000,
                user_s=0.5,
                system_s=0.25,
                control_s=0.125,
                voluntary_switches=1,
                involuntary_switches=2,
                migrations=None,
                cpus=(OnCpu(cpu=1, load_s=0.5, control_s=0.125),),
                throttled_periods=3,
                throttled_s=0.25,
            ),
        ),
        memory=Memory(rss_mb=100.5, pss_mb=60.5, private_mb=40.5, peak_rss_mb=110.5),
        seen=(0,),
        mask=(0, 1),
        error=None,
        mask_changes=(MaskChange(thread=7, control=False, before=(0, 1), after=(1,)),),
        nodes=(OnNode(node=1, own_mb=40.5, total_mb=60.5),),
        outputs=OUTPUTS,
    ),
    Samples(request=1, data=bytes(range(48)), timed=True),
    Folded(
        request=1,
        count=2,
        first_end_ns=10,
        last_end_ns=20,
        least_ns=1,
        most_ns=2,
        pivot_ns=1,
        total_deviation_ns=1.0,
        total_square_ns2=1.0,
        fine_buckets=int32s(1, 2),
        fine_counts=int64s(1, 1),
        slice_ns=1_000_000_000,
        slice_indices=int32s(0, 0),
        slice_buckets=int32s(1, 2),
        slice_counts=int64s(1, 1),
        service=FoldedTimes(
            least_ns=1,
            most_ns=1,
            pivot_ns=1,
            total_deviation_ns=0.0,
            total_square_ns2=0.0,
            fine_buckets=int32s(1),
            fine_counts=int64s(2),
        ),
        wait=None,
    ),
    Dropped(data=int64s(-5, 7)),
    Layers(
        request=1,
        layers=(Layer(name="relu", type="Relu", exec_type="jit_f32", status="EXECUTED", real_us=7, cpu_us=6),),
    ),
    Graph(data=b"<net/>"),
    Delivered(messages=4),
    Failed(kind="usage", message="no such model"),
)
MESSAGES: Final[tuple[Order | Notice, ...]] = (*ORDERS, *NOTICES)
EACH = pytest.mark.parametrize(
    ("message", "union"),
    [(message, AnyOrder) for message in ORDERS] + [(message, AnyNotice) for message in NOTICES],
    ids=[tag(message) for message in MESSAGES],
)
UNIONS = pytest.mark.parametrize("union", [AnyOrder, AnyNotice], ids=["orders", "notices"])
GOLDEN: Final = json.loads(Path(__file__).with_name("golden_messages.json").read_text())
quick = settings(max_examples=200, deadline=None)


def pack(value: Any) -> bytes:
    return msgspec.msgpack.encode(value)


def fields(message: Order | Notice) -> dict[str, Any]:
    """As it is on the wire, before it is packed."""
    plain: dict[str, Any] = msgspec.msgpack.decode(encode(message))
    return plain


def refuse(data: bytes, union: Any) -> None:
    with pytest.raises(BadMessage):
        decode(data, union)


def test_there_is_a_golden_encoding_of_every_type_of_message() -> None:
    assert {type(message) for message in ORDERS} == set(get_args(AnyOrder))
    assert {type(message) for message in NOTICES} == set(get_args(AnyNotice))
    assert set(GOLDEN["messages"]) == {tag(message) for message in MESSAGES}


def test_the_golden_encodings_are_those_of_this_protocol() -> None:
    assert GOLDEN["version"] == PROTOCOL_VERSION


@EACH
def test_a_message_is_encoded_as_it_always_was(message: Order | Notice, union: Any) -> None:
    assert encode(message).hex() == GOLDEN["messages"][tag(message)]


@EACH
def test_a_golden_encoding_is_understood(message: Order | Notice, union: Any) -> None:
    assert decode(bytes.fromhex(GOLDEN["messages"][tag(message)]), union) == message


def test_a_hello_of_another_protocol_is_understood_by_its_version_alone(tmp_path: Path) -> None:
    """That of version 1 as it was, and one of a version to come."""
    first = bytes.fromhex("85a474797065a568656c6c6fa776657273696f6e01a3706964cd1267a4686f7374a3626f78a56167656e74c0")
    later = pack({"type": "hello", "who": ["x"], "version": 99})
    hub, link = Hub(f"ipc://{tmp_path}/bus"), zmq.Context().socket(zmq.DEALER)
    link.connect(f"ipc://{tmp_path}/bus")
    for data in (first, later, encode(NOTICES[0]), pack({"type": "hello", "version": PROTOCOL_VERSION})):
        link.send(data)
    heard: list[object] = []
    while len(heard) < 4:
        hub.wait(10.0)
        heard += [notice for _, notice in hub.messages(100, 1 << 20)]
    assert heard[:3] == [Foreign(version=1), Foreign(version=99), NOTICES[0]]
    assert isinstance(heard[3], BadMessage)
    link.context.destroy(linger=0)
    hub.close()


@EACH
def test_a_message_cannot_be_changed_once_it_is_made(message: Order | Notice, union: Any) -> None:
    for name in message.__struct_fields__:
        with pytest.raises(AttributeError):
            setattr(message, name, None)
    assert type(message).__struct_config__.frozen


@EACH
def test_a_message_of_the_other_direction_is_refused(message: Order | Notice, union: Any) -> None:
    refuse(encode(message), AnyNotice if union is AnyOrder else AnyOrder)


@EACH
def test_a_message_that_is_cut_short_anywhere_is_refused(message: Order | Notice, union: Any) -> None:
    data = encode(message)
    for length in range(len(data)):
        refuse(data[:length], union)


@EACH
def test_a_message_with_something_after_it_is_refused(message: Order | Notice, union: Any) -> None:
    refuse(encode(message) + b"\x00", union)


@EACH
def test_an_unknown_key_is_refused(message: Order | Notice, union: Any) -> None:
    refuse(pack({**fields(message), "surprise": 1}), union)


@EACH
def test_a_missing_key_is_refused_unless_it_has_a_default(message: Order | Notice, union: Any) -> None:
    known = {f.name: f.required for f in msgspec.structs.fields(type(message))}
    for name, required in {**known, "type": True}.items():
        rest = {key: value for key, value in fields(message).items() if key != name}
        if required:
            refuse(pack(rest), union)
        else:
            decode(pack(rest), union)


@EACH
def test_a_value_of_no_known_kind_is_refused_in_every_field(message: Order | Notice, union: Any) -> None:
    for name in fields(message):
        refuse(pack({**fields(message), name: [[[None]]]}), union)


def every_number(plain: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where in a decoded message there are numbers."""
    if isinstance(plain, dict):
        return [found for key, value in plain.items() for found in every_number(value, (*path, key))]
    if isinstance(plain, list):
        return [found for key, value in enumerate(plain) for found in every_number(value, (*path, key))]
    return [path] if isinstance(plain, int | float) and not isinstance(plain, bool) else []


def replaced(plain: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    if isinstance(plain, dict):
        return {key: replaced(old, path[1:], value) if key == path[0] else old for key, old in plain.items()}
    return [replaced(old, path[1:], value) if key == path[0] else old for key, old in enumerate(plain)]


@EACH
@pytest.mark.parametrize(
    "value",
    [True, "1", b"1", math.nan, math.inf, -math.inf, None, [1], {"1": 1}],
    ids=["a truth value", "text", "bytes", "nan", "inf", "-inf", "nothing", "a list", "a map"],
)
def test_what_is_no_number_is_refused_wherever_a_number_belongs(
    message: Order | Notice, union: Any, value: object
) -> None:
    optional = {
        "agent", "iterations", "duration_s", "streams", "threads", "requests", "batch", "migrations", "null",
        "exponential_seed", "timeout_s", "backlog", "counts_s",
    }  # fmt: skip
    for path in every_number(fields(message)):
        if value is None and path[-1] in optional:
            continue
        refuse(pack(replaced(fields(message), path, value)), union)


@EACH
def test_a_negative_number_is_refused_wherever_none_makes_sense(message: Order | Notice, union: Any) -> None:
    for path in every_number(fields(message)):
        open_or_signed = {
            "version",
            "total_deviation_ns",
            "streams",
            "batch",
            "shapes",
            "data_shapes",
            "shape",
            "mean",
            "scale",
        }
        if open_or_signed & set(path):
            continue
        refuse(pack(replaced(fields(message), path, -1)), union)


@UNIONS
@pytest.mark.parametrize("value", ["no such message", "", 7, None, True, b"stop", ["stop"]])
def test_an_unknown_tag_is_refused(union: Any, value: object) -> None:
    refuse(pack({"type": value}), union)


@UNIONS
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\x91" * 100_000,
        b"\x81\xa1a" * 100_000,
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xd6\xff\x00\x00\x00\x00",
        b"\xc7\x00\xff",
        b"\x81\x90\x01",
        b"\x81\xa4type\xff",
        b"\xa2\xff\xfe",
    ],
    ids=[
        "nothing", "a byte that means nothing", "lists in lists", "maps in maps", "a list of 4 billion",
        "a map of 4 billion", "4 GB of bytes", "4 GB of text", "an extension", "a timestamp", "a list as a key",
        "a tag that is a number", "text that is not UTF-8",
    ],
)  # fmt: skip
def test_bytes_that_are_no_message_are_refused_before_anything_is_built(union: Any, data: bytes) -> None:
    refuse(data, union)


@UNIONS
@quick
@given(data=st.binary(max_size=200))
def test_no_bytes_whatever_raise_anything_but_bad_message(union: Any, data: bytes) -> None:
    try:
        decoded = decode(data, union)
    except BadMessage:
        return
    assert isinstance(decoded, get_args(union))


plain_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@EACH
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_field_of_any_other_value_gives_a_message_of_that_type_or_bad_message(
    message: Order | Notice, union: Any, data: st.DataObject
) -> None:
    known = fields(message)
    name = data.draw(st.sampled_from(sorted(known)))
    try:
        decoded = decode(pack({**known, name: data.draw(plain_values)}), union)
    except BadMessage:
        return
    assert isinstance(decoded, get_args(union))
    assert decode(encode(decoded), union) == decoded or name == "type"


@EACH
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_message_with_bytes_flipped_is_a_message_or_bad(
    message: Order | Notice, union: Any, data: st.DataObject
) -> None:
    damaged = bytearray(encode(message))
    for place in data.draw(st.lists(st.integers(0, len(damaged) - 1), min_size=1, max_size=4)):
        damaged[place] = data.draw(st.integers(0, 255))
    try:
        decoded = decode(bytes(damaged), union)
    except BadMessage:
        return
    assert isinstance(decoded, get_args(union))


def test_text_that_is_too_long_is_refused() -> None:
    decode(pack({"type": "reject", "reason": "x" * 20_000}), AnyOrder)
    refuse(pack({"type": "reject", "reason": "x" * 20_001}), AnyOrder)
    refuse(pack({"type": "reject", "reason": "x" * 1_000_000}), AnyOrder)


def test_a_message_of_samples_has_a_most_and_it_fits_the_bus() -> None:
    full = Samples(request=0, data=bytes(16 * SAMPLES_PER_MESSAGE))
    assert len(encode(full)) < MAX_MESSAGE_BYTES
    assert decode(encode(full), AnyNotice) == full
    refuse(pack({"type": "samples", "request": 0, "data": bytes(16 * SAMPLES_PER_MESSAGE + 16)}), AnyNotice)


def test_samples_that_are_not_whole_pairs_are_refused() -> None:
    refuse(pack({"type": "samples", "request": 0, "data": bytes(24)}), AnyNotice)


def test_an_instant_beyond_62_bits_is_refused() -> None:
    refuse(pack({"type": "start", "at_ns": 1 << 62}), AnyOrder)


def unbounded(kind: Any, path: str, known: set[type]) -> Iterator[str]:
    """Where in a type there is something without a limit: a number, a length."""
    match kind:
        case inspect.StructType(cls=cls, fields=fields_):
            if cls not in known:
                known.add(cls)
                for field in fields_:
                    yield from unbounded(field.type, f"{cls.__name__}.{field.name}", known)
        case inspect.UnionType(types=types):
            for one in types:
                yield from unbounded(one, path, known)
        case inspect.IntType() | inspect.FloatType():
            if (kind.ge is None and kind.gt is None) or (kind.le is None and kind.lt is None):
                yield path
        case inspect.StrType(max_length=None, pattern=None) | inspect.BytesType(max_length=None):
            yield path
        case inspect.TupleType(item_types=types):
            for one in types:
                yield from unbounded(one, path, known)
        case inspect.VarTupleType(item_type=one, max_length=most):
            if most is None:
                yield path
            yield from unbounded(one, path, known)
        case inspect.DictType(key_type=key, value_type=value, max_length=most):
            if most is None:
                yield path
            yield from unbounded(key, path, known)
            yield from unbounded(value, path, known)
        case inspect.StrType() | inspect.BytesType() | inspect.BoolType() | inspect.NoneType() | inspect.LiteralType():
            return
        case _:
            yield f"{path}: {kind}"


@UNIONS
def test_every_number_and_every_length_on_the_wire_has_its_bounds(union: Any) -> None:
    assert list(unbounded(inspect.type_info(union), "", set())) == []


@pytest.mark.parametrize(
    "data",
    [
        b"\xdd\x00\x7f\xff\xf0" + b"\x80" * 0x7FFFF0,
        b"\x82\xa4type\xa5hello\xa7version\xdd\x00\x7f\xff\x00" + b"\x80" * 0x7FFF00,
        b"\x82\xa4type\xa8finished\xa4seen\xdd\x00\x7f\xff\x00" + b"\x01" * 0x7FFF00,
        b"\x82\xa4type\xa8finished\xa4mask\xdd\xff\xff\xff\xff" + b"\x01" * 0x7FFF00,
        b"\x82\xa4type\xa8finished\xaemask\xdf\x00\x3f\xff\x00" + b"\x01\x80" * 0x3FFF00,
        b"\x82\xa1x\xdd\x00\x7f\xff\x00" + b"\x80" * 0x7FFF00 + b"\xa4type\xa8finished",
    ],
    ids=["maps", "maps for a number", "too many numbers", "more than there are", "another key", "before its type"],
)
def test_a_full_message_of_what_has_no_place_in_it_is_refused_without_building_it(data: bytes) -> None:
    """An empty map is one byte on the wire and 64 in memory. The bound is a tenth of the message."""
    assert len(data) <= MAX_MESSAGE_BYTES
    tracemalloc.start()
    try:
        refuse(data, AnyNotice)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MAX_MESSAGE_BYTES // 10


def test_an_agent_number_has_bounds() -> None:
    hello = fields(NOTICES[0])
    refuse(pack({**hello, "agent": 1 << 20}), AnyNotice)
    refuse(pack({**hello, "agent": -1}), AnyNotice)


def test_the_reason_of_a_bad_message_names_the_place() -> None:
    with pytest.raises(BadMessage, match="at_ns"):
        decode(pack({"type": "start", "at_ns": "soon"}), AnyOrder)


@pytest.mark.parametrize(
    "change",
    [
        {"fine_buckets": int32s(1, FINE.size)},
        {"fine_buckets": int32s(1, -1)},
        {"fine_buckets": int32s(1)},
        {"fine_buckets": int32s(1, 2) + b"."},
        {"fine_counts": int64s(1, 2)},
        {"fine_counts": int64s(3, -1)},
        {"fine_counts": int64s(2)},
        {"fine_counts": int64s(2, 0)},
        {"fine_counts": int64s((1 << 62) + 2, 1 << 62)},
        {"least_ns": 3},
        {"pivot_ns": 0},
        {"pivot_ns": 3},
        {"first_end_ns": 21},
        {"total_deviation_ns": 5.0},
        {"total_deviation_ns": -1e300},
        {"total_square_ns2": 1e300},
        {"slice_buckets": int32s(1, COARSE.size)},
        {"slice_buckets": int32s(1, -1)},
        {"slice_buckets": b""},
        {"slice_counts": int64s(2, 2)},
        {"slice_counts": b""},
        {"slice_indices": int32s(0, -1)},
        {"slice_indices": int32s(0)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_histogram_that_contradicts_itself_is_no_message(change: dict[str, object]) -> None:
    (folded,) = [message for message in NOTICES if isinstance(message, Folded)]
    refuse(pack(fields(folded) | change), AnyNotice)


def test_a_text_of_any_origin_can_be_said() -> None:
    """As the name of a file that is not UTF-8, and a list of all that a large model has."""
    check(Failed(kind="usage", message=as_text("b\udce9.npy" + "x" * MOST_TEXT)))
    assert as_text("-i caf\u00e9.npy") == "-i caf\u00e9.npy"
    assert as_text("b\udce9") == "b?"
    assert as_name("b\udce9") == "b?"
    assert as_name("x" * MOST_NAME) == "x" * MOST_NAME
    assert as_name("x" * (MOST_NAME + 1)) == "x" * (MOST_NAME - 1) + "…"


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (Failed(kind="usage", message="x" * (MOST_TEXT + 1)), "'failed' cannot be encoded: .*length <= 20000"),
        (Graph(data=bytes(MAX_MESSAGE_BYTES)), "'graph' would be a message of .* bytes"),
        (Failed(kind="usage", message="\udce9"), "'failed' cannot be encoded: .*surrogates"),
        (
            Again(msgspec.structs.replace(JOB, model=Model("/" + "x" * 20_000))),
            "'again' cannot be encoded: .*length <= 20000",
        ),
    ],
)
def test_a_message_that_would_be_dropped_on_arrival_is_found_before(message: AnyNotice | AnyOrder, says: str) -> None:
    with pytest.raises(BadMessage, match=says):
        check(message)
