"""How a load is shared out: pure arithmetic on counts and instants."""


def share(total: int, parts: int, index: int) -> int:
    """Part `index` of `total` split over `parts` as evenly as whole numbers allow; earlier parts take the remainder.

    The shares add up to `total` and differ by at most one. Raises ValueError where `index` is not one of the parts.
    """
    if not 0 <= index < parts:
        raise ValueError(f"part {index} of {parts}")
    return total // parts + (1 if index < total % parts else 0)


def round_up(count: int, multiple: int) -> int:
    """The smallest multiple of `multiple` that is not below `count`."""
    return -(-count // multiple) * multiple


def slice_length_ns(duration_ns: int, most: int) -> int:
    """Length of the timeline's slices: one second, doubled until at most `most` of them cover `duration_ns`."""
    length = 1_000_000_000
    while length * most < duration_ns:
        length *= 2
    return length


def slice_edges_ns(start_ns: int, stop_ns: int, length_ns: int) -> list[int]:
    """Of slices of equal length, the last as long as what remains; a rest below half of it joins the one before."""
    edges = list(range(start_ns, stop_ns, length_ns))
    if len(edges) > 1 and stop_ns - edges[-1] < length_ns // 2:
        edges.pop()
    return [*edges, stop_ns]
