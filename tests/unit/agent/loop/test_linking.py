"""Machine code made ready to be mapped: it does what LLVM's own loader makes of the same object."""

import ctypes
import mmap
import struct
from collections.abc import Callable
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovbench.agent.host.libc import function_address
from ovbench.agent.loop.linking import Image, Unlinkable, link

IR: Final = """
declare double @log1p(double)
declare ptr @memset(ptr, i32, i64)

define internal i64 @twice(i64 %x) noinline {
  %y = mul i64 %x, 2
  ret i64 %y
}

define i64 @choose(i64 %x) {
entry:
  switch i64 %x, label %other [ i64 0, label %a i64 1, label %b i64 2, label %c i64 3, label %d i64 4, label %e ]
a:
  ret i64 11
b:
  %t = call i64 @twice(i64 %x)
  ret i64 %t
c:
  ret i64 -5
d:
  ret i64 1000
e:
  ret i64 77
other:
  %u = call i64 @twice(i64 %x)
  ret i64 %u
}

define double @logarithm(double %x) {
  %l = call double @log1p(double %x)
  %m = fmul double %l, 0x3FD5555555555555
  %n = fadd double %m, 0x400921FB54442D18
  ret double %n
}

define void @clear(i64 %address, i64 %bytes) {
  %p = inttoptr i64 %address to ptr
  call ptr @memset(ptr %p, i32 0, i64 %bytes)
  ret void
}
"""
NAMES: Final = ("choose", "logarithm", "clear")
IMPORTS: Final = ("log1p", "memset")
_TYPES: Final = {
    "choose": ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64),
    "logarithm": ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double),
    "clear": ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64),
}


def compiled(triple: str = "", text: str = IR) -> bytes:
    from llvmlite import binding as llvm  # as large as all else together

    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    target = llvm.Target.from_triple(triple) if triple else llvm.Target.from_default_triple()
    machine = target.create_target_machine(opt=2, reloc="pic", codemodel="small")
    module = llvm.parse_assembly(text)
    module.triple, module.data_layout = target.triple, str(machine.target_data)
    return bytes(machine.emit_object(module))


@pytest.fixture(scope="module")
def ours() -> dict[str, Callable[..., float]]:
    image = link(compiled(), NAMES, IMPORTS)
    memory = mmap.mmap(-1, len(image.data), prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory[:] = image.data
    for name, offset in image.places.imports.items():
        struct.pack_into("<Q", memory, offset, function_address(name))
    base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    functions: dict[str, Callable[..., float]] = {
        name: _TYPES[name](base + offset) for name, offset in image.places.symbols.items()
    }
    return functions


@pytest.fixture(scope="module")
def llvms() -> dict[str, Callable[..., float]]:
    from llvmlite import binding as llvm

    machine = llvm.Target.from_default_triple().create_target_machine()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(compiled()))
    engine.finalize_object()
    _ENGINES.append(engine)
    return {name: _TYPES[name](engine.get_function_address(name)) for name in NAMES}


_ENGINES: Final[list[object]] = []


@given(st.integers(-(1 << 40), 1 << 40) | st.integers(-1, 6))
def test_tables_and_calls_within_the_code_lead_where_llvms_loader_leads(
    ours: dict[str, Callable[..., float]], llvms: dict[str, Callable[..., float]], value: int
) -> None:
    assert ours["choose"](value) == llvms["choose"](value)


@given(st.floats(-0.999, 1e9))
def test_constants_and_functions_of_libraries_are_found(
    ours: dict[str, Callable[..., float]], llvms: dict[str, Callable[..., float]], value: float
) -> None:
    assert ours["logarithm"](value) == llvms["logarithm"](value)


def test_memory_is_cleared_by_the_c_librarys_function(ours: dict[str, Callable[..., float]]) -> None:
    memory = (ctypes.c_char * 100).from_buffer_copy(b"x" * 100)
    ours["clear"](ctypes.addressof(memory) + 10, 50)
    assert memory.raw == b"x" * 10 + bytes(50) + b"x" * 40


def _words(image: Image) -> list[int]:
    return [word for (word,) in struct.iter_unpack("<I", image.data)]


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def test_on_aarch64_branches_lead_to_functions_and_stubs_and_constants_are_where_loads_look() -> None:
    image = link(compiled("aarch64-unknown-linux-gnu"), NAMES, IMPORTS)
    words = _words(image)
    code = range(min(image.places.symbols.values()) // 4, min(image.places.imports.values()) // 4)
    targets = {
        4 * at + 4 * _signed(words[at] & 0x3FFFFFF, 26) for at in code if words[at] >> 26 in (0b100101, 0b000101)
    }
    stubs = {offset - 8 for offset in image.places.imports.values()}
    assert stubs <= targets
    for stub in stubs:  # ldr x16, #8; br x16
        assert words[stub // 4 : stub // 4 + 2] == [0x58000050, 0xD61F0200]
    loads = [at for at in code if words[at] & 0xFFC00000 == 0xFD400000]  # ldr d, [x, #imm]
    found = set()
    for at in loads:
        page = next(words[back] for back in range(at - 1, at - 6, -1) if words[back] & 0x9F000000 == 0x90000000)
        distance = _signed((page >> 5 & 0x7FFFF) << 2 | page >> 29 & 3, 21)
        place = (4 * at >> 12) + distance << 12 | (words[at] >> 10 & 0xFFF) << 3
        found.add(struct.unpack_from("<d", image.data, place)[0])
    assert found == {3.141592653589793}  # a third is put together by instructions


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "@state = global i64 5\ndefine i64 @choose() {\n %x = load i64, ptr @state\n ret i64 %x\n}",
            "a section .data",
        ),
        ("declare i64 @elsewhere()\ndefine i64 @choose() {\n %x = call i64 @elsewhere()\n ret i64 %x\n}", "elsewhere"),
        ("define i64 @other() {\n ret i64 1\n}", "has no choose"),
    ],
)
def test_what_loops_have_no_use_for_is_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(Unlinkable, match=said):
        link(compiled(text=text), ("choose",), IMPORTS)


@given(st.binary(max_size=200) | st.integers(0, 63).map(lambda count: compiled()[:count]))
def test_what_is_no_object_is_refused(data: bytes) -> None:
    with pytest.raises(Unlinkable):
        link(data, NAMES, IMPORTS)


def test_another_machines_code_is_refused() -> None:
    with pytest.raises(Unlinkable, match="no way to load code for machine 243"):
        link(compiled("riscv64-unknown-linux-gnu"), NAMES, IMPORTS)
