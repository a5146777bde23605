"""ovbench as it is installed here, as a wheel for other hosts."""

import io
import zipfile

from ovbench.coordinator.launch.ownwheel import own_wheel
from tests.contract.modules import MODULES, ROOT


def test_it_has_every_module_and_the_data_beside_them() -> None:
    wheel = own_wheel()
    names = set(zipfile.ZipFile(io.BytesIO(wheel.data)).namelist())
    modules = {str(module.file.relative_to(ROOT)) for module in MODULES}
    installed = {f"ovbench/{name.removeprefix('python/')}" for name in modules}
    assert installed - names == set()
    assert {"ovbench/py.typed", "ovbench/__init__.pyi", "ovbench/coordinator/report/html/page.css"} <= names
    assert own_wheel().data == wheel.data
