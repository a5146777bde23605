"""OpenVINO's operations, from where the build that runs the tests has them."""

try:
    from openvino import opset13, opset15
except ImportError:  # before 2025.0
    from openvino.runtime import opset13, opset15

__all__ = ["opset13", "opset15"]
