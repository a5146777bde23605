"""The slices of a timeline: how long they are, and where they begin and end. Pure."""


def slice_length_ns(duration_ns: int, most: int, least_ns: int) -> int:
    """Length of a timeline's slices: `least_ns`, doubled until at most `most` of them cover `duration_ns`."""
    length = least_ns
    while length * most < duration_ns:
        length *= 2
    return length


def slice_edges_ns(start_ns: int, stop_ns: int, length_ns: int) -> list[int]:
    """Of slices of equal length, the last as long as what remains; a rest below half of it joins the one before."""
    edges = list(range(start_ns, stop_ns, length_ns))
    if len(edges) > 1 and stop_ns - edges[-1] < length_ns // 2:
        edges.pop()
    return [*edges, stop_ns]
