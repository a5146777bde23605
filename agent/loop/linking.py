"""Machine code made ready to be mapped anywhere: an ELF object, as LLVM emits it, becomes one image.

The object has code and constants that refer to each other by distance, so the image needs nothing but a place. What it
calls in other libraries it calls through stubs of its own, which jump to an address that is filled in when it is
loaded. Nothing in it is written to while it runs.

Formats: System V ABI (gabi), its supplements for x86-64 and AArch64.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_X86_64: Final = 62
_AARCH64: Final = 183

_PROGBITS: Final = 1
_SYMTAB: Final = 2
_RELA: Final = 4
_UNWIND: Final = 0x70000001
_WRITE: Final = 1
_ALLOC: Final = 2

_PAGE: Final = 4096
_STUB_BYTES: Final = 16
_STUBS: Final[Mapping[int, bytes]] = {
    _X86_64: bytes.fromhex("ff2502000000") + b"\x66\x90",  # jmp *8(start of the stub)
    _AARCH64: bytes.fromhex("50000058") + bytes.fromhex("00021fd6"),  # ldr x16, 8 on; br x16
}
"""The first half of a stub; the second half is the address."""


class Unlinkable(Exception):
    """An object that has what loops have no use for; the text is a clause that says what."""


@dataclass(frozen=True)
class Places:
    """In an image. `symbols`: where functions begin. `imports`: where the addresses of other libraries' functions
    belong, 8 bytes each. `frames`: where the table for unwinding begins."""

    symbols: dict[str, int]
    imports: dict[str, int]
    frames: int


@dataclass(frozen=True)
class Image:
    """`data`: to be mapped at a page's beginning."""

    data: bytes
    places: Places


@dataclass(frozen=True)
class _Section:
    name: str
    kind: int
    flags: int
    offset: int
    size: int
    link: int
    info: int
    align: int

    @property
    def loaded(self) -> bool:
        return bool(self.flags & _ALLOC) and self.size > 0


@dataclass(frozen=True)
class _Symbol:
    name: str
    section: int
    value: int
    is_global: bool


@dataclass(frozen=True)
class _Relocation:
    offset: int
    kind: int
    symbol: int
    addend: int


def link(data: bytes, exported: Sequence[str], importable: Sequence[str]) -> Image:
    """`importable`: what it may call elsewhere. Raises Unlinkable."""
    found = _Object(data)
    places, end = _layout(found)
    memory = bytearray(end)
    for number, place in places.items():
        section = found.sections[number]
        memory[place : place + section.size] = found.contents(section)
    imports: dict[str, int] = {}
    for number, place in places.items():
        for relocation in found.relocations(number):
            symbol = found.symbols[relocation.symbol]
            if symbol.section:
                target = _place(places, symbol, found) + symbol.value
            else:
                if symbol.name not in importable:
                    raise Unlinkable(f"the code refers to {symbol.name or 'something without a name'}")
                if symbol.name not in imports:
                    imports[symbol.name] = len(memory) + 8
                    memory += _STUBS[found.machine] + bytes(8)
                target = imports[symbol.name] - 8
            _relocate(memory, found.machine, place + relocation.offset, relocation, target + relocation.addend)
    return Image(bytes(memory), Places(_exports(found, places, exported), imports, _frames(found, places)))


def _layout(found: "_Object") -> tuple[dict[int, int], int]:
    """Where each section goes: tables for unwinding last, as what follows them has to end them."""
    places: dict[int, int] = {}
    end = 0
    order = sorted(range(len(found.sections)), key=lambda number: found.sections[number].name == ".eh_frame")
    for number in order:
        section = found.sections[number]
        if not section.loaded:
            continue
        if section.flags & _WRITE or section.kind not in (_PROGBITS, _UNWIND):
            raise Unlinkable(f"the code has a section {section.name}")
        end = _aligned(end, section.align)
        places[number] = end
        end += section.size
        if section.name == ".eh_frame":
            end += 4  # zeros: the end of the table
    return places, _aligned(end, _STUB_BYTES)


def _aligned(offset: int, align: int) -> int:
    if align > _PAGE:
        raise Unlinkable(f"the code has to be aligned to {align} bytes")
    return -(-offset // max(1, align)) * max(1, align)


def _place(places: Mapping[int, int], symbol: _Symbol, found: "_Object") -> int:
    try:
        return places[symbol.section]
    except KeyError:
        raise Unlinkable(f"the code refers to {symbol.name}, which is in no section of it") from None


def _exports(found: "_Object", places: Mapping[int, int], exported: Sequence[str]) -> dict[str, int]:
    defined = {symbol.name: symbol for symbol in found.symbols if symbol.is_global and symbol.section in places}
    missing = [name for name in exported if name not in defined]
    if missing:
        raise Unlinkable(f"the code has no {', '.join(missing)}")
    return {name: places[defined[name].section] + defined[name].value for name in exported}


def _frames(found: "_Object", places: Mapping[int, int]) -> int:
    tables = [place for number, place in places.items() if found.sections[number].name == ".eh_frame"]
    if len(tables) != 1:
        raise Unlinkable("the code has no table for unwinding")
    return tables[0]


class _Object:
    """A relocatable ELF file of 64 bits, little endian."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        try:
            magic, self.machine = data[:6], struct.unpack_from("<HH", data, 16)[1]
            if magic != b"\x7fELF\x02\x01" or self.machine not in _STUBS:
                raise Unlinkable(f"there is no way to load code for machine {self.machine}")
            self.sections = self._read_sections()
            self.symbols = self._read_symbols()
        except (struct.error, IndexError, ValueError):
            raise Unlinkable("the object is not whole") from None

    def contents(self, section: _Section) -> bytes:
        return self._data[section.offset : section.offset + section.size]

    def relocations(self, target: int) -> Iterator[_Relocation]:
        for section in self.sections:
            if section.kind == _RELA and section.info == target:
                for offset, info, addend in struct.iter_unpack("<QQq", self.contents(section)):
                    yield _Relocation(offset, info & 0xFFFFFFFF, info >> 32, addend)

    def _read_sections(self) -> list[_Section]:
        (start,) = struct.unpack_from("<Q", self._data, 40)
        size, count, names_at = struct.unpack_from("<HHH", self._data, 58)
        raw = [struct.unpack_from("<IIQQQQIIQQ", self._data, start + size * number) for number in range(count)]
        names = raw[names_at][4]
        return [
            _Section(self._text(names + row[0]), row[1], row[2], row[4], row[5], row[6], row[7], row[8]) for row in raw
        ]

    def _read_symbols(self) -> list[_Symbol]:
        table = next((section for section in self.sections if section.kind == _SYMTAB), None)
        if table is None:
            raise Unlinkable("the object has no symbols")
        names = self.sections[table.link].offset
        return [
            _Symbol(self._text(names + name), section, value, info >> 4 != 0)
            for name, info, _, section, value, _ in struct.iter_unpack("<IBBHQQ", self.contents(table))
        ]

    def _text(self, offset: int) -> str:
        return self._data[offset : self._data.index(b"\0", offset)].decode()


def _relocate(memory: bytearray, machine: int, at: int, relocation: _Relocation, target: int) -> None:
    """`target`: S + A of the ABI, from the image's beginning, which is a page's."""
    distance = target - at
    if machine == _X86_64:
        if relocation.kind not in (2, 4):  # PC32, PLT32
            raise Unlinkable(f"the code has a relocation of type {relocation.kind}")
        struct.pack_into("<i", memory, at, distance)
        return
    if relocation.kind in (260, 261):  # PREL64, PREL32
        struct.pack_into("<q" if relocation.kind == 260 else "<i", memory, at, distance)
        return
    (word,) = struct.unpack_from("<I", memory, at)
    struct.pack_into("<I", memory, at, word | _aarch64_bits(relocation.kind, at, target))


_AARCH64_SCALES: Final[Mapping[int, int]] = {277: 0, 278: 0, 284: 1, 285: 2, 286: 3, 299: 4}
"""ADD_ABS_LO12_NC, LDST8, 16, 32, 64 and 128_ABS_LO12_NC: an offset in the page, in units of a power of two: which."""


def _aarch64_bits(kind: int, at: int, target: int) -> int:
    """Of an instruction that leaves room for them."""
    distance = target - at
    if kind in (282, 283):  # JUMP26, CALL26
        return distance >> 2 & 0x3FFFFFF
    if kind in _AARCH64_SCALES:
        return (target & 0xFFF) >> _AARCH64_SCALES[kind] << 10
    if kind in (274, 275):  # ADR_PREL_LO21, ADR_PREL_PG_HI21
        value = distance if kind == 274 else (target >> 12) - (at >> 12)
        return (value & 3) << 29 | (value >> 2 & 0x7FFFF) << 5
    raise Unlinkable(f"the code has a relocation of type {kind}")
