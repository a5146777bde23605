"""What `--version` says: of ovbench, and of what a figure depends on most."""

import platform


def versions() -> str:
    """Without loading OpenVINO, which takes longer than all the rest of a command."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        openvino = f"OpenVINO {version('openvino')}"
    except PackageNotFoundError:
        openvino = "no OpenVINO"
    return f"ovbench {version('ovbench')}, {openvino}, Python {platform.python_version()}"
