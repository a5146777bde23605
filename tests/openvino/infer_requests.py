"""A load's requests as it drives them, by their addresses: to see what was put into them and what came out."""

import ctypes as c

from ovbench.agent.backend import Backend
from ovbench.agent.openvino.capi import Library
from ovbench.agent.openvino.objects import InferRequest


def requests_of(backend: Backend) -> list[InferRequest]:
    library = Library()
    return [InferRequest(library, c.c_void_p(address)) for address in backend.handles()]
