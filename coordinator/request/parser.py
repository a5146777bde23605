"""Tables of flags as argparse reads command lines by them; what is wrong is said with what was probably meant."""

import argparse
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from typing import Any, Final, NoReturn

from ovbench.common.errors import UsageError
from ovbench.common.spelling import DASHES, did_you_mean

from .defaults import DEFAULT_MODEL
from .flag import Flag
from .flags import FLAGS, flag_of, gnu
from .helptext import full_help, short_help
from .modelword import names_a_model
from .several import are_alternatives

_MEANT: Final = re.compile("; (did you mean|several values are|write the model) ")

_LIKE_A_NUMBER: Final = re.compile(r"-\d+|-\d*\.\d+")
"""argparse's."""


class Parser(argparse.ArgumentParser):
    """That of one verb. What is wrong is a UsageError; no flag may be shortened."""

    def __init__(self, verb: str, flags: Iterable[Flag] = (), **words: Any) -> None:
        super().__init__(prog=f"ovbench-coord {verb}".rstrip(), allow_abbrev=False, **words)
        self._whose = verb or "a run"
        self._flags = tuple(flags)
        for flag in self._flags:
            self.add_argument(*flag.spellings, **_words_of(flag))

    def error(self, message: str) -> NoReturn:
        text = message.removeprefix("argument ")
        raise UsageError(text if _MEANT.search(text) else f"{text} (see --help)")

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        raw, rest = self.parse_known_args(args, namespace)
        if rest:
            self.refuse(rest)
        return raw

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        try:
            return super().parse_known_args(args, namespace)
        except UsageError:
            self._refuse_misspelt(args)  # where that is why
            raise

    def refuse(self, rest: Sequence[str]) -> NoReturn:
        """For words that were not understood. Raises UsageError about the first of them."""
        word = next((word for word in rest if word.startswith("-")), rest[0])
        if word[:1] in DASHES and word:
            plain = "-" + word.lstrip(DASHES + "-")
            meant = plain if plain in self._spellings() else f"-{plain}"
            raise UsageError(f"'{word}' begins with a dash that is no hyphen; did you mean {meant}?")
        if word.startswith("-"):
            raise UsageError(f"{word}: {self._whose} has no such flag{self._near(word) or ' (see --help)'}")
        bare = {spelling.lstrip("-"): spelling for spelling in self._spellings()}
        near = f"; did you mean {bare[word]}?" if word in bare else " (see --help)"
        raise UsageError(f"'{word}' is neither a flag nor the value of one{near}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            raise argparse.ArgumentError(action, _none_of(str(value), list(map(str, action.choices))))

    def _refuse_misspelt(self, words: Sequence[str]) -> None:
        """argparse takes `-tiem` for `-t iem`: raises UsageError for the first word that is like another flag."""
        for word in words:
            name = gnu(word).partition("=")[0]
            known = name in self._spellings() or flag_of(name) is not None
            if not word.startswith("-") or known or _LIKE_A_NUMBER.fullmatch(word) or " " in word:
                continue
            near = self._near(word)
            if near and not near.endswith(f" {word[:2]}?"):
                raise UsageError(f"{word}: {self._whose} has no such flag{near}")

    def _near(self, word: str) -> str:
        return did_you_mean(word.partition("=")[0], self._spellings())

    def _spellings(self) -> list[str]:
        return [spelling for flag in self._flags for spelling in flag.spellings]


def typed(parse: Callable[[str], object], hint: Callable[[str], str] | None = None) -> Callable[[str], object]:
    """As argparse takes it, with its own words for what is wrong. `hint`: how the sentence about a text ends."""

    def convert(text: str) -> object:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{error}{hint(text) if hint else ''}") from None

    return convert


def _chosen(flag: Flag, text: str) -> object:
    value = flag.parse(text)
    if flag.choices and value not in flag.choices:
        raise ValueError(_none_of(text, flag.choices))
    return value


def _none_of(text: str, choices: Sequence[str]) -> str:
    return f"'{text}' is not one of {', '.join(choices)}{did_you_mean(text, choices)}"


def _hint(flag: Flag, text: str) -> str:
    """About the value of a run's flag that is none."""
    if flag.refused:
        return ""
    if flag.takes == "at most one" and names_a_model(text):
        return f"; write the model in front of {flag.name}, or -m {text}"
    if are_alternatives(flag, text):
        return f"; several values are for a study, as in ovbench-coord study {flag.name} {text}"
    return ""


def _words_of(flag: Flag) -> dict[str, Any]:
    """For add_argument."""
    words: dict[str, Any] = {"dest": flag.dest, "help": flag.help.replace("%", "%%")}
    if flag.dest == "help":
        return {**words, "action": _Help if flag in FLAGS else "help"}
    if flag.dest == "version":
        return {**words, "action": _Version}
    if flag.takes == "nothing":
        return {**words, "action": "store_true"}
    hint = partial(_hint, flag) if flag in FLAGS else None
    words |= {
        "type": typed(partial(_chosen, flag), hint),
        "metavar": flag.metavar or None,
        "choices": flag.choices or None,
    }
    if flag.takes == "at most one":
        words |= {"nargs": "?", "const": True}
    if flag.takes == "one or more":
        words |= {"nargs": "+"}
    return {**words, "action": "append", "default": []} if flag.repeatable else {**words, "default": flag.default}


class _Version(argparse.Action):
    """Which are read only where they are asked for."""

    def __init__(self, **words: Any) -> None:
        super().__init__(nargs=0, default=argparse.SUPPRESS, **words)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from .versions import versions

        print(versions())
        parser.exit()


class _Help(argparse.Action):
    """`-h` is the short one."""

    def __init__(self, **words: Any) -> None:
        super().__init__(nargs=0, default=argparse.SUPPRESS, **words)

    def __call__(
        self, parser: argparse.ArgumentParser, _: object, values: object, option_string: str | None = None
    ) -> NoReturn:
        print(short_help() if option_string == "-h" else full_help(help_width()), end="")
        parser.exit()


def help_width() -> int:
    return shutil.get_terminal_size().columns - 2


class _RunParser(Parser):
    def __init__(self) -> None:
        super().__init__("", FLAGS, add_help=False)


def parse_flags(argv: Sequence[str]) -> argparse.Namespace:
    """The values of a run's flags by `Flag.dest`; one word may be the model. Raises UsageError; `--help` and
    `--version` end the process."""
    words = [gnu(word) for word in argv]
    parser = _run_parser()
    raw, rest = parser.parse_known_args(words)
    if len(rest) == 1 and (names_a_model(rest[0]) or rest[0] == words[0]) and rest[0][:1] not in ("-", *DASHES):
        if raw.model != DEFAULT_MODEL:
            raise UsageError(f"{rest[0]} and -m {raw.model} are two models; a run has one")
        return argparse.Namespace(**vars(raw) | {"model": rest[0]})
    if rest:
        parser.refuse(rest)
    return argparse.Namespace(**vars(raw))


@cache
def _run_parser() -> _RunParser:
    """Which takes longer to make than to use; a study parses the flags of each of its settings."""
    return _RunParser()
