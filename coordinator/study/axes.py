"""The axes of a study: run flags with one value or several, from the command line or a TOML file.

Several values are given with commas (`-nstreams 1,2,4`), as a range (`1..8`, `1..9+2` in steps, `1..64*2` in powers),
or by giving a flag more than once, the way for those whose value may have commas itself (`--cpus 0-3 --cpus 4-7`).
A flag that a run takes more than once (`-i`) has all its values in every trial.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ovbench.common.errors import UsageError
from ovbench.common.spelling import did_you_mean

from ..request.flag import Flag
from ..request.flags import BY_SPELLING, flag_of
from ..request.modelword import names_a_model
from ..request.several import MOST_VALUES, spread_out


@dataclass(frozen=True)
class Axes:
    """`values`: the alternatives of each flag, by its name; those with one are the same in every trial."""

    values: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)

    @property
    def varied(self) -> dict[str, tuple[str, ...]]:
        """Those with several, each alternative as one text."""
        return {flag: tuple(map(" ".join, several)) for flag, several in self.values.items() if len(several) > 1}

    def given(self, flag: str) -> tuple[str, ...]:
        """The alternatives of a flag, each as one text; none where it is left out."""
        return tuple(map(" ".join, self.values.get(flag, ())))

    def without(self, *flags: str) -> "Axes":
        return Axes({flag: several for flag, several in self.values.items() if flag not in flags})

    def with_value(self, flag: str, value: str) -> "Axes":
        """The same value in every trial."""
        return Axes({**self.values, flag: ((value,),)})

    def over(self, others: "Axes") -> "Axes":
        """Where both have a flag, with the alternatives of this one."""
        return Axes({**others.values, **self.values})

    def points(self) -> Iterator[dict[str, str]]:
        """All combinations of what varies."""
        yield from _product(self.varied)

    def argv(self, point: Mapping[str, str]) -> tuple[str, ...]:
        """The flags of a run: those that do not vary, and those of a point, which may name more."""
        words: list[str] = []
        for flag, several in self.values.items():
            if flag not in point:
                words += [flag, *several[0]]
        for flag, text in point.items():
            known = {" ".join(one): one for one in self.values.get(flag, ())}
            words += [flag, *known.get(text, (text,))]
        return tuple(words)


def _product(axes: Mapping[str, Sequence[str]]) -> Iterator[dict[str, str]]:
    if not axes:
        yield {}
        return
    (flag, values), *rest = axes.items()
    for value in values:
        for others in _product(dict(rest)):
            yield {flag: value, **others}


def parse_axes(words: Sequence[str]) -> Axes:
    """From a command line without the study's own flags. Raises UsageError, one sentence."""
    given: dict[str, list[tuple[str, ...]]] = {}
    at = 0
    while at < len(words):
        flag, values, at = _one(words, at)
        given.setdefault(flag.name, []).extend(_alternatives(flag, values))
    return _axes(given)


def read_axes(table: Mapping[str, Any]) -> Axes:
    """From a TOML table by flags without their dashes; an array has alternatives. Raises UsageError, one sentence."""
    given: dict[str, list[tuple[str, ...]]] = {}
    for key, value in table.items():
        flag = _known(key)
        given.setdefault(flag.name, []).extend(_of_toml(key, flag, value))
    return _axes(given)


def _axes(given: Mapping[str, Sequence[tuple[str, ...]]]) -> Axes:
    for flag, values in given.items():
        if len(values) > MOST_VALUES:
            raise UsageError(f"{flag}: {len(values)} values are more than the {MOST_VALUES} that one setting may have")
    return Axes({flag: _once(flag, values) for flag, values in given.items() if values})


def _once(flag: str, values: Sequence[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    """Its alternatives; of a flag that a run takes more than once they are one, as it is written after the flag."""
    if not BY_SPELLING[flag].repeatable:
        return tuple(dict.fromkeys(values))
    first, *rest = values
    return ((*first, *(word for words in rest for word in (flag, *words))),)


def _one(words: Sequence[str], at: int) -> tuple[Flag, list[str], int]:
    """A flag, its values, and where the next one is."""
    word, equals, attached = words[at].partition("=")
    flag = flag_of(word)
    if flag is None and names_a_model(words[at]):
        return BY_SPELLING["-m"], [words[at]], at + 1
    if flag is None:
        if not word.startswith("-"):
            raise UsageError(f"'{word}' is not a flag, and no flag before it takes it (see ovbench-coord study --help)")
        raise UsageError(f"{word}: no run has this flag{did_you_mean(word, BY_SPELLING)} (see ovbench-coord --help)")
    _check_allowed(word, flag)
    if equals:
        return flag, [attached], at + 1
    if flag.takes == "nothing":
        return flag, [], at + 1
    end = at + 1
    most = len(words) if flag.takes == "one or more" else at + 2
    while end < min(most, len(words)) and flag_of(words[end].partition("=")[0]) is None:
        end += 1
    values = list(words[at + 1 : end])
    if not values and flag.takes != "at most one":
        raise UsageError(f"{word}: a value is missing after it")
    return flag, values, end


def _alternatives(flag: Flag, values: Sequence[str]) -> list[tuple[str, ...]]:
    """What one mention of a flag stands for."""
    if len(values) != 1:
        return [tuple(values)]
    return [(text,) for text in spread_out(flag, values[0])]


def _of_toml(key: str, flag: Flag, value: Any) -> list[tuple[str, ...]]:
    if isinstance(value, list):
        if not value:
            raise UsageError(f"settings.{key}: the array is empty; give at least one value")
        if flag.takes == "nothing":
            raise UsageError(f"settings.{key}: this is a switch and cannot vary; give true or false")
        return [one for item in value for one in _of_toml(key, flag, item)]
    if isinstance(value, bool):
        if flag.takes == "nothing":
            return [()] if value else []
        return [("yes" if value else "no",)]
    if isinstance(value, int | float | str) and flag.takes != "nothing":
        text = f"{value}" if not isinstance(value, float) else f"{value:.15g}"
        return [(one,) for one in spread_out(flag, text)]
    raise UsageError(f"settings.{key}: {value!r} is not a value for it; give a number, a text or an array of them")


def _known(key: str) -> Flag:
    """A key of a file, as `nstreams`, `number-streams` or `number_streams`."""
    for word in (f"-{key}", f"--{key}"):
        flag = flag_of(word)
        if flag is not None:
            _check_allowed(key, flag)
            return flag
    names = [spelling.lstrip("-") for spelling in BY_SPELLING]
    raise UsageError(f"settings.{key}: no run has this setting{did_you_mean(key, names)}")


def _check_allowed(word: str, flag: Flag) -> None:
    if flag.refused:
        raise UsageError(f"{word} is not for the runs of a study: {flag.refused}")
