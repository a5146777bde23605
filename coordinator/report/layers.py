"""Where the time goes, layer by layer: benchmark_app's -pc and -pcsort, over all inferences and agents."""

from collections.abc import Iterator, Sequence
from typing import Final

from ..request.request import PcSort
from ..result.report import LayerPart, LayersPart

Columns = tuple[str, str, str]

_NO_KERNEL: Final = ("undef", "unknown")
"""What OpenVINO calls the kernel of a layer that has none. Of one that has a kernel, but whose mean is below the
microsecond that it counts in, it says NOT_RUN all the same."""

EXPLANATION: Final = (
    "Mean of one inference, as OpenVINO counts it: over all inferences of a stream",
    "since the model was compiled, in whole microseconds; then over requests, then",
    "over agents. Counting slows inference down: by 2 % on squeezenet1.1, by 3 % on",
    "a model of 3 us.",
)

_LONGEST_NAME: Final = 19
"""What benchmark_app leaves of the names of layers and of their types."""

_SHORTEST: Final = 8
_GAPS: Final = 5
"""Between six columns."""

_NOT_EXECUTED: Final = {"NOT_RUN": "(not run)", "OPTIMIZED_OUT": "(optimized out)"}
_NOTABLY_SLOWER: Final = 1.1
_RESOLUTION_MS: Final = 0.001
_MOST_SLOWER: Final = 10


def ordered(layers: Sequence[LayerPart], sort: PcSort | None) -> list[LayerPart]:
    """As benchmark_app's -pcsort does it: slowest first unless `no_sort`; `simple_sort` leaves out what did not run."""
    if sort is None or sort == "no_sort":
        return list(layers)
    slowest_first = sorted(layers, key=lambda layer: layer.real, reverse=True)
    return [layer for layer in slowest_first if sort == "sort" or layer.status != "NOT_RUN"]


def share(layer: LayerPart, part: LayersPart) -> float:
    """Of the time of all layers, from 0 to 1, rounded to four digits as benchmark_app has it."""
    return round(layer.real / part.total_real, 4) if part.total_real > 0 else 0.0


def cut(text: str, longest: int = _LONGEST_NAME) -> str:
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def layer_lines(part: LayersPart, sort: PcSort | None, width: int | None) -> list[str]:
    """A header, a line per layer and the totals, in columns; within `width` characters where it is given.

    What executed a layer and whether it was executed are one column: kernels of layers that did not run say nothing,
    and together they leave room for the kernels' names in 80 columns.
    """
    layers = ordered(part.layers, sort)
    whole = "100.00%" if part.total_real > 0 else "N/A"
    words = [("layer", "type", "executed by"), *(_words(layer) for layer in layers), ("total", "", "")]
    numbers = [
        ("real ms", "CPU ms", "share"),
        *(_numbers(layer, part) for layer in layers),
        (f"{part.total_real:.3f}", f"{part.total_cpu:.3f}", whole),
    ]
    right = _widths(numbers)
    left = _widths(words, None if width is None else width - sum(right) - _GAPS)
    return [_line(*row, left, right) for row in zip(words, numbers, strict=True)]


def _words(layer: LayerPart) -> Columns:
    executed_by = _NOT_EXECUTED.get(layer.status, layer.exec_type)
    if layer.status == "NOT_RUN" and layer.exec_type and not layer.exec_type.startswith(_NO_KERNEL):
        executed_by = f"{layer.exec_type} (under 1 us)"
    return cut(layer.name), cut(layer.type), executed_by


def _numbers(layer: LayerPart, part: LayersPart) -> Columns:
    proportion = f"{100 * share(layer, part):.2f}%"
    return f"{layer.real:.3f}", f"{layer.cpu:.3f}", "N/A" if proportion == "0.00%" else proportion


def _widths(rows: Sequence[Columns], room: int | None = None) -> list[int]:
    """Of the columns; where they do not fit, the widest gives way first."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    while room is not None and sum(widths) > room and max(widths) > _SHORTEST:
        widths[widths.index(max(widths))] -= 1
    return widths


def _line(words: Columns, numbers: Columns, left: Sequence[int], right: Sequence[int]) -> str:
    names = (f"{cut(word, width):<{width}}" for word, width in zip(words, left, strict=True))
    return " ".join((*names, *(f"{number:>{width}}" for number, width in zip(numbers, right, strict=True))))


def slower_lines(part: LayersPart) -> Iterator[str]:
    """Layers at which one agent is more than a tenth slower than all on average, by the time that it costs.

    A difference within a microsecond is none: OpenVINO counts in whole ones.
    """
    slower = [
        layer
        for layer in part.layers
        if layer.slowest_real > _NOTABLY_SLOWER * layer.real
        and round(layer.slowest_real - layer.real, 6) > _RESOLUTION_MS
    ]
    slower.sort(key=lambda layer: layer.slowest_real - layer.real, reverse=True)
    for layer in slower[:_MOST_SLOWER]:
        more = f", {100 * (layer.slowest_real / layer.real - 1):.0f} % more" if layer.real > 0 else ""
        yield f"{cut(layer.name):<{_LONGEST_NAME}} agent {layer.slowest_agent}: {layer.slowest_real:.3f} ms{more}"
    if len(slower) > _MOST_SLOWER:
        yield f"and {len(slower) - _MOST_SLOWER} more"
