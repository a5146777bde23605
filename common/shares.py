"""How counts are shared out and rounded up. Pure."""


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
