"""What of C++ objects is read right: of models that are known, and of texts.

Agents run it as a process of its own on a build that ovbench is not tested with, because reading what is laid out
otherwise may end it. It writes to stderr which claims (see `cxx.CLAIMS`) hold, each as soon as it has been tried.

    python -m ovbench.agent.openvino.proof PARENT_PID CLAIM ...
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from ..host.process import end_with
from .capi import Library
from .objects import Core, ModelHandle, TensorHandle
from .package import OpenVinoError

_LONGEST_S: Final = 60

_NODE: Final = "a node whose name is long"
_NAMES: Final = ("another name that is long", "short")
_LAYOUT: Final = "[N,C]"
_TEXTS: Final = ("short", "a text that is too long for a string to hold itself", "", "größe")
_ALONE: Final = {"NUM_STREAMS": "1", "INFERENCE_NUM_THREADS": "1"}

_DIMS: Final = "<dim>2</dim><dim>3</dim>"
_VARIABLE: Final = '<data variable_id="kept" variable_type="f32" variable_shape="2,3"/>'
_MODEL: Final = f"""<net name="proof" version="11"><layers>
<layer id="0" name="{_NODE}" type="Parameter" version="opset1"><data shape="2,3" element_type="f32"/>
<output><port id="0" precision="FP32" names="{",".join(_NAMES)}">{_DIMS}
<rt_info><attribute name="layout" version="0" layout="{_LAYOUT}"/></rt_info></port></output></layer>
<layer id="1" name="taken" type="Result" version="opset1">
<input><port id="0" precision="FP32">{_DIMS}</port></input></layer></layers>
<edges><edge from-layer="0" from-port="0" to-layer="1" to-port="0"/></edges></net>"""
_STATEFUL: Final = f"""<net name="stateful" version="11"><layers>
<layer id="0" name="data" type="Parameter" version="opset1"><data shape="2,3" element_type="f32"/>
<output><port id="0" precision="FP32">{_DIMS}</port></output></layer>
<layer id="1" name="before" type="ReadValue" version="opset6">{_VARIABLE}
<input><port id="0" precision="FP32">{_DIMS}</port></input>
<output><port id="1" precision="FP32">{_DIMS}</port></output></layer>
<layer id="2" name="sum" type="Add" version="opset1"><data auto_broadcast="numpy"/>
<input><port id="0" precision="FP32">{_DIMS}</port><port id="1" precision="FP32">{_DIMS}</port></input>
<output><port id="2" precision="FP32">{_DIMS}</port></output></layer>
<layer id="3" name="after" type="Assign" version="opset6">{_VARIABLE}
<input><port id="0" precision="FP32">{_DIMS}</port></input>
<output><port id="1" precision="FP32">{_DIMS}</port></output></layer>
<layer id="4" name="taken" type="Result" version="opset1">
<input><port id="0" precision="FP32">{_DIMS}</port></input></layer></layers>
<edges><edge from-layer="0" from-port="0" to-layer="1" to-port="0"/>
<edge from-layer="1" from-port="1" to-layer="2" to-port="0"/>
<edge from-layer="0" from-port="0" to-layer="2" to-port="1"/>
<edge from-layer="2" from-port="2" to-layer="3" to-port="0"/>
<edge from-layer="2" from-port="2" to-layer="4" to-port="0"/>
</edges></net>"""


def holds(library: Library, claim: str, folder: Path) -> bool:
    """The library goes without all other claims from then on, so that none ends the process in this one's stead.

    `folder`: for files.
    """
    for other in set(library.cxx.claims) - {claim}:
        library.cxx.distrust(other)
    try:
        return _PROOFS[claim](library, folder)
    except (OpenVinoError, OSError):
        return False


def _names(library: Library, folder: Path) -> bool:
    (port,) = _read(library, _MODEL, folder).inputs
    return (port.node, port.names) == (_NODE, _NAMES)


def _layouts(library: Library, folder: Path) -> bool:
    (port,) = _read(library, _MODEL, folder).inputs
    return port.layout == _LAYOUT


def _states(library: Library, folder: Path) -> bool:
    return [_keeps_state(library, text, folder) for text in (_MODEL, _STATEFUL)] == [False, True]


def _keeps_state(library: Library, text: str, folder: Path) -> bool:
    compiled = Core(library).compile_model(_read(library, text, folder), "CPU", _ALONE)
    return library.cxx.has_state(compiled.request().object_address)


def _graphs(library: Library, folder: Path) -> bool:
    written = folder / "written.xml"
    library.cxx.serialize(_read(library, _MODEL, folder).handle, written)
    return _NODE in written.read_text()


def _strings(library: Library, folder: Path) -> bool:
    texts = TensorHandle.of_strings(library, _TEXTS, (2, 2)).bytes
    said = b"".join(len(text).to_bytes(8, "little") + text for text in map(str.encode, _TEXTS))
    return library.cxx.texts(texts.ctypes.data, texts.size) == said


_PROOFS: Final[Mapping[str, Callable[[Library, Path], bool]]] = {
    "names": _names,
    "layouts": _layouts,
    "states": _states,
    "graphs": _graphs,
    "strings": _strings,
}


def _read(library: Library, text: str, folder: Path) -> ModelHandle:
    file = folder / "proof.xml"
    file.write_text(text)
    return Core(library).read_model(str(file))


if __name__ == "__main__":
    end_with(int(sys.argv[1]), _LONGEST_S)
    with TemporaryDirectory(prefix="ovbench-proof-") as folder:
        for claim in sys.argv[2:]:
            print(claim, "holds" if holds(Library(), claim, Path(folder)) else "fails", file=sys.stderr, flush=True)
