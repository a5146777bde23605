"""Command lines of runs, by flag: what they have in common, and what each has of its own."""

from collections.abc import Iterable, Mapping, Sequence

from .flags import flag_of


def by_flag(argv: Sequence[str]) -> dict[str, str]:
    """What follows each flag of a run, as one text. Of any version: nothing is refused."""
    found: dict[str, list[str]] = {}
    flag = ""
    for word in argv:
        name, equals, value = word.partition("=")
        known = flag_of(name)
        flag = flag if known is None else known.name
        found.setdefault(flag, []).extend([word] if known is None else [value] if equals else [])
    return {flag: " ".join(words) for flag, words in found.items()}


def in_common(argvs: Iterable[Sequence[str]]) -> dict[str, str]:
    """The flags that all of some runs have with the same value, by `by_flag`."""
    first, *rest = [by_flag(argv) for argv in argvs] or [{}]
    return {flag: value for flag, value in first.items() if all(other.get(flag) == value for other in rest)}


def own_flags(argv: Sequence[str], common: Mapping[str, str]) -> str:
    """What a run has beyond the flags in common, as on the command line."""
    return " ".join(f"{flag} {text}".strip() for flag, text in by_flag(argv).items() if common.get(flag) != text)
