"""What the compiled loops are built on: words of memory, calls of C functions, atomic operations, the clock and sleep.

Addresses, not symbols, because only then is the machine code the same in every process. Division has numpy's errors,
which are none: no exception of Python's leaves the loops.
"""

from typing import Any, Final

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

compiled: Final = njit(error_model="numpy")
"""Has numba compile a function, with all that it calls."""

i64 = types.int64
word_pointer = types.CPointer(types.int64)
_I64 = ir.IntType(64)
_I32 = ir.IntType(32)


@intrinsic
def words(typing_context: Any, address: Any) -> Any:
    """The int64 words at an address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], _I64.as_pointer())

    return word_pointer(types.int64), generate


@intrinsic
def reals(typing_context: Any, address: Any) -> Any:
    """The float64 words at an address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], ir.DoubleType().as_pointer())

    return types.CPointer(types.float64)(types.int64), generate


@intrinsic
def call_status(typing_context: Any, function: Any, argument: Any) -> Any:
    """int32 function(int64 argument), the function given by address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(_I32, [_I64])
        return builder.call(builder.inttoptr(args[0], kind.as_pointer()), [args[1]])

    return types.int32(types.int64, types.int64), generate


@intrinsic
def call_pair(typing_context: Any, function: Any, first: Any, second: Any) -> Any:
    """void function(int64 first, int64 second), the function given by address; pointers pass as int64."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [_I64, _I64])
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), [args[1], args[2]])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


@intrinsic
def call_three(typing_context: Any, function: Any, first: Any, second: Any, third: Any) -> Any:
    """int32 function(int64 first, int64 second, int64 third), the function given by address; pointers pass as int64.

    It serves memcpy too, whose result is not looked at.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(_I32, [_I64, _I64, _I64])
        return builder.call(builder.inttoptr(args[0], kind.as_pointer()), args[1:])

    return types.int32(types.int64, types.int64, types.int64, types.int64), generate


@intrinsic
def stack_words(typing_context: Any) -> Any:
    """The address of two int64 words that live as long as the calling function runs."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        with builder.goto_entry_block():
            pair = builder.alloca(_I64, 2)
        return builder.ptrtoint(pair, _I64)

    return types.int64(), generate


@intrinsic
def _call_clock(typing_context: Any, function: Any, clock: Any, timespec: Any) -> Any:
    """int clock_gettime(clockid_t, struct timespec *)."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(_I32, [_I32, _I64])
        return builder.call(builder.inttoptr(args[0], kind.as_pointer()), [args[1], args[2]])

    return types.int32(types.int64, types.int32, types.int64), generate


@intrinsic
def _call_sleep(typing_context: Any, function: Any, clock: Any, flags: Any, timespec: Any) -> Any:
    """int clock_nanosleep(clockid_t, int flags, const struct timespec *, NULL)."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(_I32, [_I32, _I32, _I64, _I64])
        arguments = [args[1], args[2], args[3], ir.Constant(_I64, 0)]
        return builder.call(builder.inttoptr(args[0], kind.as_pointer()), arguments)

    return types.int32(types.int64, types.int32, types.int32, types.int64), generate


@intrinsic
def fetch_add(typing_context: Any, address: Any, value: Any) -> Any:
    """Atomic: adds to the word at an address and returns what it was.

    What a thread did before is seen by those whose turn comes later.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], _I64.as_pointer())
        return builder.atomic_rmw("add", pointer, args[1], "acq_rel")

    return types.int64(types.int64, types.int64), generate


@intrinsic
def swap(typing_context: Any, address: Any, expected: Any, value: Any) -> Any:
    """Atomic, and ordered among all threads: stores `value` if the word is `expected`; returns what it was."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], _I64.as_pointer())
        return builder.extract_value(builder.cmpxchg(pointer, args[1], args[2], "seq_cst", "seq_cst"), 0)

    return types.int64(types.int64, types.int64, types.int64), generate


@intrinsic
def publish(typing_context: Any, address: Any, value: Any) -> Any:
    """Stores the word at an address, so that who reads it sees what the thread has stored before. A plain store on
    x86-64."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store_atomic(args[1], builder.inttoptr(args[0], _I64.as_pointer()), "release", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def settle(typing_context: Any) -> Any:
    """What the thread has stored is seen before what it stores from now on. Nothing on x86-64."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.fence("release")
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def see_all(typing_context: Any) -> Any:
    """What is read from now on is not older than what was read before: what another thread had stored before it
    published that is seen. Nothing on x86-64."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.fence("acquire")
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def bit_length(typing_context: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        zeros = builder.ctlz(args[0], ir.Constant(ir.IntType(1), 0))
        return builder.sub(ir.Constant(_I64, 64), zeros)

    return types.int64(types.int64), generate


@compiled
def now(clock, timespec):
    """CLOCK_MONOTONIC in ns; `timespec` is the address of two words of scratch."""
    _call_clock(clock, types.int32(1), timespec)
    pair = words(timespec)
    return pair[0] * 1_000_000_000 + pair[1]


@compiled
def sleep_until(sleep, timespec, instant):
    pair = words(timespec)
    pair[0] = instant // 1_000_000_000
    pair[1] = instant % 1_000_000_000
    _call_sleep(sleep, types.int32(1), types.int32(1), timespec)
