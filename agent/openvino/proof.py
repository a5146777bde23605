"""Whether names and layouts of a model that is known are read as they are, and its graph can be written.

Agents run it as a process of its own on a build that ovbench is not tested with, because reading what is laid out
otherwise may end it.

    python -m ovbench.agent.openvino.proof
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from .capi import Library
from .objects import Core

_NODE: Final = "a node whose name is long"
_NAMES: Final = ("another name that is long", "short")
_LAYOUT: Final = "[N,C]"
_MODEL: Final = f"""<net name="proof" version="11"><layers>
<layer id="0" name="{_NODE}" type="Parameter" version="opset1"><data shape="2,3" element_type="f32"/>
<output><port id="0" precision="FP32" names="{",".join(_NAMES)}"><dim>2</dim><dim>3</dim>
<rt_info><attribute name="layout" version="0" layout="{_LAYOUT}"/></rt_info></port></output></layer>
<layer id="1" name="taken" type="Result" version="opset1">
<input><port id="0" precision="FP32"><dim>2</dim><dim>3</dim></port></input></layer></layers>
<edges><edge from-layer="0" from-port="0" to-layer="1" to-port="0"/></edges></net>"""


def reads_right(library: Library, folder: Path) -> bool:
    """`folder`: for files."""
    file, written = folder / "proof.xml", folder / "written.xml"
    file.write_text(_MODEL)
    model = Core(library).read_model(str(file))
    (port,) = model.inputs
    if (port.node, port.names, port.layout) != (_NODE, _NAMES, _LAYOUT):
        return False
    library.cxx.serialize(model.handle, written)
    return _NODE in written.read_text()


if __name__ == "__main__":
    with TemporaryDirectory(prefix="ovbench-proof-") as folder:
        sys.exit(not reads_right(Library(), Path(folder)))
