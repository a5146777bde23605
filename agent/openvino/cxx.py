"""What OpenVINO's C API leaves out, by its C++ functions on the C API's own handles: names, layouts, graphs as files.

A handle of the C API is a struct whose first member is the std::shared_ptr to the object (OpenVINO's sources,
src/bindings/c/src/common.h), so its first word is the object's address, and the handle itself is the address of the
std::shared_ptr. That the standard library is libstdc++, and which ABI of it, is proven by the symbols' names, which
another one's types would change (see `libstdcxx`). Nothing here may throw: a C++ exception cannot pass ctypes and ends
the process.
"""

import ctypes as c
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from ..host.libc import address
from .libstdcxx import NEW, OLD, Hashtable, Object, Paths, Strings, Vector, function, pointer
from .package import OpenVinoError, shared_library

_PORT: Final = "_ZNK2ov6OutputIKNS_4NodeEE"
_NODE: Final = "_ZNK2ov4Node"
_SERIALIZE: Final = "_ZN2ov9serializeERKSt10shared_ptrIKNS_5ModelEERK{}_NS_4pass9Serialize7VersionE"
_SHARED_MEMORY: Final = "/dev/shm"
_LATEST_VERSION: Final = 0  # ov::pass::Serialize::Version::UNSPECIFIED

CLAIMS: Final = ("names", "layouts", "states", "graphs", "strings")
"""What `Cxx` may have that depends on how C++ objects are laid out: each one is its `has_...`."""

_SET_CALLBACK: Final = "_ZN2ov12InferRequest12set_callbackESt8functionIFvNSt15__exception_ptr13exception_ptrEEE"


class _Layout(c.Structure):
    """ov::Layout (openvino/core/layout.hpp, 2024.6 to 2026.4), 136 bytes there; `spare` is for what others may add."""

    _fields_ = (
        ("names", Hashtable),
        ("letters", Hashtable),
        ("scalar", c.c_bool),
        ("dynamic", c.c_bool),
        ("left", c.c_int64),
        ("right", c.c_int64),
        ("spare", c.c_char * 376),
    )

    def text(self, strings: Strings) -> str:
        """As ov::Layout::to_string has it; right of the dots the dimensions have negative indices."""
        if self.scalar:
            return "**SCALAR**"
        letters = {c.c_int64.from_address(at).value: _text(strings, at + 8) for at in self.letters.values()}
        words = [letters.get(index, "?") for index in range(self.left)]
        if self.dynamic:
            words += ["...", *(letters.get(index, "?") for index in range(-self.right, 0))]
        return f"[{','.join(words)}]"


class Cxx:
    """The functions that a build exports. One port or model is to be used by one thread at a time."""

    def __init__(self, library: c.CDLL) -> None:
        self._library = library
        self.strings = self._find_strings()
        tag = "B5cxx11" if self.strings is NEW else ""
        self._names = self._find(f"{_PORT}9get_names{tag}Ev", c.POINTER(Hashtable), c.c_void_p)
        self._node = self._find(f"{_PORT}8get_nodeEv", c.c_void_p, c.c_void_p)
        self._friendly = self._find(f"{_NODE}17get_friendly_name{tag}Ev", c.c_void_p, c.c_void_p)
        self._input_count = self._find(f"{_NODE}14get_input_sizeEv", c.c_size_t, c.c_void_p)
        self._source = self._find(f"{_NODE}18get_input_node_ptrEm", c.c_void_p, c.c_void_p, c.c_size_t)
        self._layout = self._find("_ZN2ov6layout10get_layoutERKNS_6OutputIKNS_4NodeEEE", _Layout, c.c_void_p)
        self._states = self._find("_ZN2ov12InferRequest11query_stateEv", Vector, c.c_void_p)
        self._assign = self._find("_ZNSs6assignEPKcm", c.c_void_p, c.c_void_p, c.c_char_p, c.c_size_t)
        self._files = _Files.find(library, self.strings) if self.strings is not None else None
        self.has_strings = self.strings is not None
        naming = (self._names, self._node, self._friendly, self._input_count, self._source)
        self.has_names = self.has_strings and None not in naming
        self.has_layouts = self._layout is not None and self.has_strings
        self.has_states = self._states is not None
        self.has_graphs = self._files is not None
        self.has_callback = self._has(_SET_CALLBACK)

    @classmethod
    def load(cls) -> "Cxx":
        """Raises OpenVinoError where there is no library."""
        return cls(shared_library("libopenvino.so*"))

    @property
    def claims(self) -> tuple[str, ...]:
        return tuple(claim for claim in CLAIMS if getattr(self, f"has_{claim}"))

    def distrust(self, claim: str) -> None:
        """Do without it from now on: one of `CLAIMS`."""
        setattr(self, f"has_{claim}", False)

    @property
    def sets_texts(self) -> bool:
        """Whether there is `set_texts`."""
        return self.has_strings and self.strings is OLD and self._assign is not None

    def names(self, port: c.c_void_p) -> tuple[str, ...]:
        """All names of an `ov_output_const_port_t`'s tensor, sorted: OpenVINO keeps them in no order."""
        if not self.has_names:
            return ()
        found = self._names(_object(port)).contents
        return tuple(sorted(_text(self._known_strings, name) for name in found.values()))

    def node_name(self, port: c.c_void_p) -> str:
        """The friendly name of the node that an input is; of an output, that of the node whose result it is."""
        if not self.has_names:
            return ""
        node = self._node(_object(port))
        if self._input_count(node):
            node = self._source(node, 0)
        return _text(self._known_strings, self._friendly(node))

    def layout(self, port: c.c_void_p) -> str:
        """As in `[N,C,H,W]`; `[...]` where none is set.

        The ov::Layout comes back as a copy that ctypes has made of it, which no C++ function may be given: its tables
        still point to where it was. So it is read here. Its destructor is inline, so what it holds on the heap, some
        hundred bytes where a layout is set, is never freed.
        """
        return self._layout(_object(port)).text(self._known_strings) if self.has_layouts else "[...]"

    def has_state(self, request: int) -> bool:
        """Whether an ov::InferRequest, by its address, keeps something from one inference to the next. It must be idle.

        The list of it comes back as a copy that ctypes has made, so it is never freed, as a layout.
        """
        if not self.has_states:
            return False
        states = self._states(request)
        return bool(states.begin != states.end)

    @property
    def callback_address(self) -> int | None:
        """void ov::InferRequest::set_callback(std::function<void(std::exception_ptr)>), called with `this` and an
        address; None where there is none.

        The C API's callback has no argument that reports a failure, so the loops use the C++ method that it wraps. By
        the Itanium C++ ABI an argument of class type is passed by the address of a temporary. A std::function is four
        words: two of state, a manager and an invoker (libstdc++, bits/std_function.h, the same since GCC 4.5).
        """
        return address(self._library[_SET_CALLBACK]) if self.has_callback else None

    def texts(self, strings: int, size: int) -> bytes:
        """All std::string in so many bytes at an address: of each its length, 8 bytes little endian, and its bytes.

        Only where there is `has_strings`.
        """
        known = self._known_strings
        found = (known.read(strings + index * known.size) for index in range(size // known.size))
        return b"".join(len(text).to_bytes(8, "little") + text for text in found)

    def set_texts(self, strings: int, texts: tuple[bytes, ...]) -> None:
        """The same the other way, with builds of the old ABI alone, whose C API makes no tensors of strings."""
        assert self.sets_texts
        for index, text in enumerate(texts):
            self._assign(strings + index * OLD.size, text, len(text))

    def serialize(self, model: c.c_void_p, xml_file: Path) -> None:
        """Write an `ov_model_t` as the XML of an IR, without its weights; a runtime model too. Replaces `xml_file`.

        OpenVINO throws where it cannot open or write a file, as on a full disk, and where a name does not end in
        `.xml`. So it writes to memory, under a name that is fit, and what fails is our own copy of that. The weights,
        which may be many GB, go to the null device by a link, because OpenVINO removes both files when it fails.
        Raises OSError for `xml_file`, or where there is no folder for temporary files, and OpenVinoError with a build
        that cannot.
        """
        if self._files is None or not self.has_graphs:
            raise OpenVinoError("this build of OpenVINO does not export ov::serialize")
        if self.strings is OLD:
            self._serialize_by_file(model, xml_file)
            return
        memory = os.memfd_create("graph.xml")
        with open(memory, "rb") as written, tempfile.TemporaryDirectory(prefix="ovbench-") as name:
            graph, weights = Path(name, "graph.xml"), Path(name, "graph.bin")
            graph.symlink_to(f"/proc/self/fd/{memory}")
            weights.symlink_to(os.devnull)
            self._files.serialize(model, graph, weights)
            with xml_file.open("wb") as copy:
                shutil.copyfileobj(written, copy)

    def _serialize_by_file(self, model: c.c_void_p, xml_file: Path) -> None:
        """2025.2 and 2025.3 follow links, of which one to such memory leads nowhere; so it is a file in memory."""
        assert self._files is not None
        place = _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK) else None
        with tempfile.TemporaryDirectory(prefix="ovbench-", dir=place) as name:
            graph, weights = Path(name, "graph.xml"), Path(name, "graph.bin")
            weights.symlink_to(os.devnull)
            self._files.serialize(model, graph, weights)
            with graph.open("rb") as written, xml_file.open("wb") as copy:
                shutil.copyfileobj(written, copy)

    def _find_strings(self) -> Strings | None:
        """Those that either function's name has; None where neither is there, and nothing says which they are."""
        for strings, tag in ((NEW, "B5cxx11"), (OLD, "")):
            if self._has(f"{_NODE}17get_friendly_name{tag}Ev") or self._has(f"{_PORT}9get_names{tag}Ev"):
                return strings
        return None

    @property
    def _known_strings(self) -> Strings:
        assert self.strings is not None
        return self.strings

    def _has(self, symbol: str) -> bool:
        return hasattr(self._library, symbol)

    def _find(self, symbol: str, result: Any, *arguments: Any) -> Any:
        """None where there is no such function."""
        return function(self._library, symbol, result, *arguments) if self._has(symbol) else None


class _Files:
    """ov::serialize(model, xml, bin, version), whose files are named by paths, or up to 2025.1 by strings."""

    def __init__(self, library: c.CDLL, strings: Strings, kind: str, paths: Paths | None) -> None:
        """`kind`: of the files, as the mangled name has it. Raises AttributeError."""
        self._strings, self._paths = strings, paths
        symbol = _SERIALIZE.format(kind)
        self._serialize = function(library, symbol, None, c.c_void_p, c.c_void_p, c.c_void_p, c.c_uint8)

    @classmethod
    def find(cls, library: c.CDLL, strings: Strings) -> "_Files | None":
        try:
            paths = Paths(library, strings)
            return cls(library, strings, "NSt10filesystem7__cxx114pathESA" if strings is NEW else _OLD_PATHS, paths)
        except AttributeError:
            try:
                return cls(library, strings, "SsS7", None) if strings is OLD else None
            except AttributeError:
                return None

    def serialize(self, model: c.c_void_p, graph: Path, weights: Path) -> None:
        with self._name(graph) as xml, self._name(weights) as binary:
            self._serialize(model, xml.address, binary.address, _LATEST_VERSION)

    @contextmanager
    def _name(self, file: Path) -> Iterator[Object]:
        if self._paths is None:
            yield self._strings.make(os.fsencode(file))
            return
        path = self._paths.make(os.fsencode(file))
        yield path
        self._paths.free(path)


_OLD_PATHS: Final = "NSt10filesystem4pathES9"


def _text(strings: Strings, address: int) -> str:
    return strings.read(address).decode(errors="replace")


def _object(handle: c.c_void_p) -> int:
    """The address of the C++ object that a handle of the C API holds."""
    assert handle.value is not None
    found = pointer(handle.value)
    assert found is not None
    return found
