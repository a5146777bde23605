"""Where the time goes: the layers that each request counted, merged into those of the run. Pure.

An agent's time for a layer is the mean over its requests, that of the run the mean over agents, so each agent weighs
the same however many requests it has. A request or agent without the layer spent no time on it: the compiled model may
differ with the number of streams. Thus the layers' times add up to the mean time of an inference.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ovbench.common.messages import Layer, Layers

from ..result.report import LayerPart, LayersPart, RequestLayer, RequestLayers

_US_PER_MS: Final = 1000.0
_RANK: Final = {"NOT_RUN": 0, "OPTIMIZED_OUT": 1, "EXECUTED": 2}

_Key = tuple[str, int]
"""A layer's name, and how many of that name come before it: names need not be unique."""


@dataclass(frozen=True)
class _Request:
    """What one request of an agent counted, in the model's order."""

    agent: int
    number: int
    layers: dict[_Key, Layer]

    @property
    def ran(self) -> bool:
        return any(layer.status == "EXECUTED" for layer in self.layers.values())


def merge_layers(delivered: Mapping[int, Sequence[Layers]], by_request: bool = False) -> LayersPart | None:
    """`delivered` is by agent; None where no layers came. `by_request`: with those of each request beside the means.

    Requests that never ran are left out, unless none did: there were more of them than inferences.
    """
    requests = [request for agent, messages in delivered.items() for request in _requests(agent, messages)]
    merged = [request for request in requests if request.ran] or requests
    if not merged:
        return None
    layers = tuple(_layers(merged))
    return LayersPart(
        layers=layers,
        total_real=sum(layer.real for layer in layers),
        total_cpu=sum(layer.cpu for layer in layers),
        by_request=tuple(_listed(request) for request in merged) if by_request else (),
    )


def _requests(agent: int, messages: Sequence[Layers]) -> Iterator[_Request]:
    """The layers of a request that did not fit one message go on in the next."""
    found: dict[int, dict[_Key, Layer]] = {}
    seen: Counter[tuple[int, str]] = Counter()
    for message in messages:
        layers = found.setdefault(message.request, {})
        for layer in message.layers:
            layers[layer.name, seen[message.request, layer.name]] = layer
            seen[message.request, layer.name] += 1
    for number, layers in sorted(found.items()):
        yield _Request(agent, number, layers)


def _layers(requests: Sequence[_Request]) -> Iterator[LayerPart]:
    agents = Counter(request.agent for request in requests)
    real: Counter[tuple[int, _Key]] = Counter()
    cpu: Counter[tuple[int, _Key]] = Counter()
    best: dict[_Key, Layer] = {}
    for request in requests:
        for key, layer in request.layers.items():
            real[request.agent, key] += layer.real_us
            cpu[request.agent, key] += layer.cpu_us
            if key not in best or _RANK[best[key].status] < _RANK[layer.status]:
                best[key] = layer
    for key in _in_order(request.layers for request in requests):
        layer = best[key]
        means = {agent: real[agent, key] / number / _US_PER_MS for agent, number in agents.items()}
        slowest = max(means, key=means.__getitem__)
        yield LayerPart(
            name=layer.name,
            type=layer.type,
            exec_type=layer.exec_type,
            status=layer.status,
            real=sum(means.values()) / len(means),
            cpu=sum(cpu[agent, key] / number for agent, number in agents.items()) / len(agents) / _US_PER_MS,
            slowest_real=means[slowest],
            slowest_agent=slowest,
        )


def _in_order(lists: Iterable[Iterable[_Key]]) -> Iterator[_Key]:
    """All layers once; one that the lists before lack comes after the one that it follows in its own list."""
    following: dict[_Key | None, _Key | None] = {None: None}
    for keys in lists:
        before: _Key | None = None
        for key in keys:
            if key not in following:
                following[key], following[before] = following[before], key
            before = key
    at = following[None]
    while at is not None:
        yield at
        at = following[at]


def _listed(request: _Request) -> RequestLayers:
    return RequestLayers(
        agent=request.agent,
        request=request.number,
        layers=tuple(
            RequestLayer(
                name=layer.name,
                type=layer.type,
                exec_type=layer.exec_type,
                status=layer.status,
                real=layer.real_us / _US_PER_MS,
                cpu=layer.cpu_us / _US_PER_MS,
            )
            for layer in request.layers.values()
        ),
    )
