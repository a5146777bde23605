"""How libstdc++ lays out strings, tables and paths, in either of its two ABIs: read and made here by address.

Since GCC 5 a std::string has 32 bytes and holds short texts itself. Before, and in OpenVINO's wheels up to 2025.4, it
is a pointer to a text that copies share, behind its length, its capacity and a count of those that share it
(`_GLIBCXX_USE_CXX11_ABI=0`). Every libstdc++ has both, under different symbols.
"""

import ctypes as c
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

_SHARED: Final = 1 << 30
"""How many share a text of ours: never so few that C++ frees it."""


def function(library: c.CDLL, symbol: str, result: Any, *arguments: Any) -> Any:
    """Raises AttributeError where neither the library nor the libstdc++ that it loads exports the symbol."""
    found = library[symbol]
    found.restype = result
    found.argtypes = arguments
    return found


@dataclass(frozen=True)
class Object:
    """A C++ object of ours; C++ may read and copy it for as long as this lives, but not change it."""

    memory: c.Array[c.c_char]
    kept: tuple[object, ...] = ()

    @property
    def address(self) -> int:
        return c.addressof(self.memory)


class Strings(Protocol):
    """The std::string of an ABI."""

    @property
    def size(self) -> int:
        """Bytes of the object itself: one element of a tensor of strings."""

    @property
    def paths(self) -> str:
        """How the mangled names of std::filesystem::path's methods begin, without the leading `_ZN`."""

    def read(self, address: int) -> bytes: ...
    def make(self, content: bytes) -> Object: ...


class NewStrings:
    """The pointer is to the object itself where the text is short."""

    size: Final = 32
    paths: Final = "St10filesystem7__cxx114path"

    def read(self, address: int) -> bytes:
        return c.string_at(pointer(address) or 0, c.c_size_t.from_address(address + 8).value)

    def make(self, content: bytes) -> Object:
        memory, text = c.create_string_buffer(self.size), c.create_string_buffer(content)
        _set_words(memory, c.addressof(text), len(content), len(content))
        return Object(memory, (text,))


class OldStrings:
    size: Final = 8
    paths: Final = "St10filesystem4path"

    def read(self, address: int) -> bytes:
        text = pointer(address) or 0
        return c.string_at(text, c.c_size_t.from_address(text - 24).value)

    def make(self, content: bytes) -> Object:
        memory, text = c.create_string_buffer(self.size), c.create_string_buffer(b"\0" * 24 + content)
        _set_words(text, len(content), len(content), _SHARED)
        _set_words(memory, c.addressof(text) + 24)
        return Object(memory, (text,))


NEW: Final[Strings] = NewStrings()
OLD: Final[Strings] = OldStrings()


class Paths:
    """Makes std::filesystem::path: a string, and a pointer to its parts, or, with no more than one, its kind."""

    def __init__(self, library: c.CDLL, strings: Strings) -> None:
        """Raises AttributeError."""
        name, self._strings = strings.paths, strings
        inside = "S2_" if strings is NEW else "S1_"  # of the mangled name: the path's own, as was mentioned before
        self._no_parts = function(library, f"_ZN{name}5_ListC1Ev", None, c.c_void_p)
        self._split = function(library, f"_ZN{name}14_M_split_cmptsEv", None, c.c_void_p)
        deleter = f"_ZNK{name}5_List13_Impl_deleterclEPN{inside}5_ImplE"
        self._delete = function(library, deleter, None, c.c_void_p, c.c_void_p)

    def make(self, content: bytes) -> Object:
        """To be given to `free`."""
        text = self._strings.make(content)
        memory = c.create_string_buffer(text.memory.raw, self._strings.size + 8)
        made = Object(memory, (text,))
        self._no_parts(self._parts(made))
        self._split(made.address)
        return made

    def free(self, path: Object) -> None:
        self._delete(None, pointer(self._parts(path)))

    def _parts(self, path: Object) -> int:
        return path.address + self._strings.size


class Hashtable(c.Structure):
    """std::unordered_set or _map: a list of nodes, and an index into it that is not needed to walk it."""

    _fields_ = (
        ("buckets", c.c_void_p),
        ("bucket_count", c.c_size_t),
        ("first", c.c_void_p),
        ("size", c.c_size_t),
        ("rehash", c.c_char * 16),
        ("single_bucket", c.c_void_p),
    )

    def values(self) -> Iterator[int]:
        """Their addresses, in no order; a node begins with the address of the next one."""
        node = self.first
        while node:
            yield node + 8
            node = pointer(node)


class Vector(c.Structure):
    """std::vector, the addresses of its first element, behind its last, and behind its memory."""

    _fields_ = (("begin", c.c_void_p), ("end", c.c_void_p), ("room", c.c_void_p))


def pointer(address: int) -> int | None:
    """What is at an address."""
    return c.c_void_p.from_address(address).value


def _set_words(memory: c.Array[c.c_char], *words: int) -> None:
    (c.c_size_t * len(words)).from_buffer(memory)[:] = list(words)
