"""What OpenVINO's C API leaves out, by its C++ functions on the C API's own handles: names, layouts, graphs as files.

A handle of the C API is a struct whose first member is the std::shared_ptr to the object (OpenVINO's sources,
src/bindings/c/src/common.h), so its first word is the object's address, and the handle itself is the address of the
std::shared_ptr. The layouts of strings and containers are libstdc++'s, stable since GCC 5; that it is libstdc++ is
proven by the symbols' names, which another standard library's types would change. Nothing here may throw: a C++
exception cannot pass ctypes and ends the process.
"""

import ctypes as c
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from .capi import OpenVinoError, shared_library

_PORT: Final = "_ZNK2ov6OutputIKNS_4NodeEE"
_PATH: Final = "_ZNSt10filesystem7__cxx114path"
_DELETE_LIST: Final = "_ZNKSt10filesystem7__cxx114path5_List13_Impl_deleterclEPNS2_5_ImplE"
_SERIALIZE: Final = (
    "_ZN2ov9serializeERKSt10shared_ptrIKNS_5ModelEERKNSt10filesystem7__cxx114pathESA_NS_4pass9Serialize7VersionE"
)
_LATEST_VERSION: Final = 0  # ov::pass::Serialize::Version::UNSPECIFIED


class _String(c.Structure):
    """std::string; `data` points into itself where it is short, so it is read where C++ has put it, never as a copy."""

    _fields_ = (("data", c.c_void_p), ("size", c.c_size_t), ("local", c.c_char * 16))

    @property
    def text(self) -> str:
        return c.string_at(self.data, self.size).decode(errors="replace")


STRING_BYTES: Final = c.sizeof(_String)
"""One element of a tensor of strings."""


class _Hashtable(c.Structure):
    """std::unordered_set or _map: a list of nodes, and an index into it that is not needed to walk it."""

    _fields_ = (
        ("buckets", c.c_void_p),
        ("bucket_count", c.c_size_t),
        ("first", c.c_void_p),
        ("size", c.c_size_t),
        ("rehash", c.c_char * 16),
        ("single_bucket", c.c_void_p),
    )

    def nodes(self) -> Iterator[int]:
        """The addresses of the nodes; each begins with that of the next one."""
        node = self.first
        while node:
            yield node
            node = c.c_void_p.from_address(node).value


class _NameNode(c.Structure):
    """Of a std::unordered_set<std::string>."""

    _fields_ = (("next", c.c_void_p), ("name", _String))


class _DimensionNode(c.Structure):
    """Of a std::unordered_map<std::int64_t, std::string>."""

    _fields_ = (("next", c.c_void_p), ("index", c.c_int64), ("letter", _String))


class _Layout(c.Structure):
    """ov::Layout (openvino/core/layout.hpp, 2026.4), 136 bytes there; `spare` takes what a later one may add."""

    _fields_ = (
        ("names", _Hashtable),
        ("letters", _Hashtable),
        ("scalar", c.c_bool),
        ("dynamic", c.c_bool),
        ("left", c.c_int64),
        ("right", c.c_int64),
        ("spare", c.c_char * 376),
    )

    def __str__(self) -> str:
        """As ov::Layout::to_string has it; right of the dots the dimensions have negative indices."""
        if self.scalar:
            return "**SCALAR**"
        nodes = (_DimensionNode.from_address(node) for node in self.letters.nodes())
        letters = {node.index: node.letter.text for node in nodes}
        words = [letters.get(index, "?") for index in range(self.left)]
        if self.dynamic:
            words += ["...", *(letters.get(index, "?") for index in range(-self.right, 0))]
        return f"[{','.join(words)}]"


class _Path(c.Structure):
    """std::filesystem::path; its parts are a pointer, or, with no more than one part, that part's kind."""

    _fields_ = (("text", _String), ("parts", c.c_void_p))


class _Vector(c.Structure):
    """std::vector, the addresses of its first element, behind its last, and behind its memory."""

    _fields_ = (("begin", c.c_void_p), ("end", c.c_void_p), ("room", c.c_void_p))


class Cxx:
    """The functions, found. One port or model is to be used by one thread at a time."""

    def __init__(self, library: c.CDLL) -> None:
        """Raises AttributeError for a function that the library, or the libstdc++ it loads, does not export."""
        self._names = _function(library, f"{_PORT}9get_namesB5cxx11Ev", c.POINTER(_Hashtable), c.c_void_p)
        self._node = _function(library, f"{_PORT}8get_nodeEv", c.c_void_p, c.c_void_p)
        self._friendly = _function(library, "_ZNK2ov4Node17get_friendly_nameB5cxx11Ev", c.POINTER(_String), c.c_void_p)
        self._input_count = _function(library, "_ZNK2ov4Node14get_input_sizeEv", c.c_size_t, c.c_void_p)
        self._source = _function(library, "_ZNK2ov4Node18get_input_node_ptrEm", c.c_void_p, c.c_void_p, c.c_size_t)
        self._layout = _function(library, "_ZN2ov6layout10get_layoutERKNS_6OutputIKNS_4NodeEEE", _Layout, c.c_void_p)
        self._serialize = _function(
            library, _SERIALIZE, None, c.c_void_p, c.POINTER(_Path), c.POINTER(_Path), c.c_uint8
        )
        self._states = _function(library, "_ZN2ov12InferRequest11query_stateEv", _Vector, c.c_void_p)
        self._no_parts = _function(library, f"{_PATH}5_ListC1Ev", None, c.c_void_p)
        self._split = _function(library, f"{_PATH}14_M_split_cmptsEv", None, c.POINTER(_Path))
        self._delete_parts = _function(library, _DELETE_LIST, None, c.c_void_p, c.c_void_p)

    @classmethod
    def load(cls) -> "Cxx | None":
        """None with a build of OpenVINO that lacks one of them: callers go without names of nodes and layouts."""
        try:
            return cls(shared_library("libopenvino.so*"))
        except (AttributeError, OpenVinoError):
            return None

    def names(self, port: c.c_void_p) -> tuple[str, ...]:
        """All names of an `ov_output_const_port_t`'s tensor, sorted: OpenVINO keeps them in no order."""
        found = self._names(_object(port)).contents
        return tuple(sorted(_NameNode.from_address(node).name.text for node in found.nodes()))

    def node_name(self, port: c.c_void_p) -> str:
        """The friendly name of the node that an input is; of an output, that of the node whose result it is."""
        node = self._node(_object(port))
        if self._input_count(node):
            node = self._source(node, 0)
        return str(self._friendly(node).contents.text)

    def layout(self, port: c.c_void_p) -> str:
        """As in `[N,C,H,W]`; `[...]` where none is set.

        The ov::Layout comes back as a copy that ctypes has made of it, which no C++ function may be given: its tables
        still point to where it was. So it is read here. Its destructor is inline, so what it holds on the heap, some
        hundred bytes where a layout is set, is never freed.
        """
        return str(self._layout(_object(port)))

    def has_state(self, request: int) -> bool:
        """Whether an ov::InferRequest, by its address, keeps something from one inference to the next. It must be idle.

        The list of it comes back as a copy that ctypes has made, so it is never freed, as a layout.
        """
        states = self._states(request)
        return bool(states.begin != states.end)

    def texts(self, strings: int, count: int) -> bytes:
        """So many std::string in a row, at an address: of each its length, 8 bytes little endian, and its bytes."""
        found = (_String * count).from_address(strings) if count else ()
        return b"".join(text.size.to_bytes(8, "little") + c.string_at(text.data, text.size) for text in found)

    def serialize(self, model: c.c_void_p, xml_file: Path) -> None:
        """Write an `ov_model_t` as the XML of an IR, without its weights; a runtime model too. Replaces `xml_file`.

        OpenVINO throws where it cannot open or write a file, as on a full disk, and where a name does not end in
        `.xml`. So it writes to memory, under a name that is fit, and what fails is our own copy of that. The weights,
        which may be many GB, go to the null device by a link, because OpenVINO removes both files when it fails.
        Raises OSError for `xml_file`, or where there is no folder for temporary files.
        """
        memory = os.memfd_create("graph.xml")
        with open(memory, "rb") as written, tempfile.TemporaryDirectory(prefix="ovbench-") as name:
            graph, weights = Path(name, "graph.xml"), Path(name, "graph.bin")
            graph.symlink_to(f"/proc/self/fd/{memory}")
            weights.symlink_to(os.devnull)
            self._write(model, graph, weights)
            with xml_file.open("wb") as copy:
                shutil.copyfileobj(written, copy)

    def _write(self, model: c.c_void_p, graph: Path, weights: Path) -> None:
        texts = [os.fsencode(graph), os.fsencode(weights)]
        paths = [_Path(_String(c.cast(c.c_char_p(text), c.c_void_p), len(text))) for text in texts]
        for path in paths:
            self._no_parts(_parts(path))
            self._split(c.byref(path))
        self._serialize(model, c.byref(paths[0]), c.byref(paths[1]), _LATEST_VERSION)
        for path in paths:
            self._delete_parts(None, path.parts)


def _function(library: c.CDLL, symbol: str, result: Any, *arguments: Any) -> Any:
    function = library[symbol]
    function.restype = result
    function.argtypes = arguments
    return function


def _object(handle: c.c_void_p) -> int:
    """The address of the C++ object that a handle of the C API holds."""
    assert handle.value is not None
    address = c.c_void_p.from_address(handle.value).value
    assert address is not None
    return address


def _parts(path: _Path) -> int:
    return c.addressof(path) + _Path.parts.offset
