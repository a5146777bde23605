"""`completion`: what bash or zsh read to complete the words of a command line with Tab. Nothing is measured."""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from ovbench.common import builtin
from ovbench.common.errors import ExitCode, UsageError

from ..request.flag import Flag
from ..request.flags import FLAGS
from ..request.helptext import TOPICS
from ..request.parser import Parser
from ..request.verbs import VERBS
from ..store.names import RESULTS_FOLDER
from ..study.kinds.cards import READY_MADE
from ..study.planflags import FLAGS as OF_STUDIES
from .reference import FLAGS_OF
from .verb import Call

Shell = Literal["bash", "zsh"]
SHELLS: Final[tuple[Shell, ...]] = get_args(Shell)

_EPILOG: Final = (
    "bash, from the next shell on: ovbench-coord completion bash > "
    "~/.local/share/bash-completion/completions/ovbench-coord; zsh: ovbench-coord completion zsh > _ovbench-coord in a "
    "folder of $fpath, before compinit"
)

_RESULT: Final = {"bash": "_ovbench_results", "zsh": "_ovbench_results"}
_MODEL: Final = {"bash": "_ovbench_models", "zsh": "_ovbench_models"}

_PREAMBLE: Final = {
    "bash": f"""\
_ovbench_results() {{
  local results
  results=$(command ls -t {RESULTS_FOLDER} 2>/dev/null | head -n 50 | sed 's,^,{RESULTS_FOLDER}/,')
  compgen -W "last last~1 $results" -- "$1"
  compgen -d -- "$1"
}}
_ovbench_models() {{
  compgen -W "{" ".join(builtin.PREFIX + name for name in builtin.NAMES)}" -- "$1"
  compgen -f -- "$1"
}}
""",
    "zsh": f"""\
_ovbench_results() {{
  compadd -V results -- last last~1 {RESULTS_FOLDER}/*(N/om[1,50])
  _files
}}
_ovbench_models() {{
  compadd -- {" ".join(builtin.PREFIX + name for name in builtin.NAMES)}
  _files
}}
""",
}

_WRITTEN: Final = "complete -o bashdefault -F _shtab_ovbench_coord ovbench-coord"

_WHOLE_WORDS: Final = r"""# bash takes `builtin:mlp` for three words, as a colon separates words by default: they are
# put together before, and what bash has already is taken off the answers. Folders can be gone on with.
_ovbench_whole_words() {
  local rest=$COMP_LINE word next before="" current=0 n
  local -a whole=()
  for ((n = 0; n < ${#COMP_WORDS[@]}; n++)); do
    word=${COMP_WORDS[n]}
    next=${rest#"${rest%%[![:space:]]*}"}
    if ((n > 0)) && [[ $next == "$rest" && ($word == :* || $before == *:) ]]; then
      whole[${#whole[@]}-1]+=$word
    else
      whole+=("$word")
    fi
    rest=${next#"$word"} before=$word
    ((n > COMP_CWORD)) || current=$((${#whole[@]} - 1))
  done
  local -a COMP_WORDS=("${whole[@]}")
  local COMP_CWORD=$current
  word=${whole[current]}
  _shtab_ovbench_coord
  [[ $(compopt 2>/dev/null) == *"-o filenames"* ]] && return
  if [[ ${#COMPREPLY[@]} == 1 && -d ${COMPREPLY[0]/#\~/$HOME} ]]; then
    COMPREPLY[0]=${COMPREPLY[0]%/}/
    compopt -o nospace 2>/dev/null
  fi
  if [[ $word == *:* && $COMP_WORDBREAKS == *:* ]]; then
    COMPREPLY=("${COMPREPLY[@]#"${word%"${word##*:}"}"}")
  fi
}

complete -o bashdefault -o default -F _ovbench_whole_words ovbench-coord"""
"""A first word may be a model, and where nothing else fits, a file is as good a guess as with any command."""


@dataclass(frozen=True)
class WriteCompletion:
    shell: Shell


def parse_completion(argv: Sequence[str]) -> WriteCompletion:
    parser = Parser(
        "completion",
        description="Prints the completion of commands, flags, values, files and saved results, for the shell to read.",
        epilog=_EPILOG,
    )
    parser.add_argument("shell", choices=SHELLS, help="which")
    return WriteCompletion(parser.parse_args(list(argv)).shell)


def completion(request: WriteCompletion, _: Call) -> ExitCode:
    """Raises UsageError where the package that writes it is not installed."""
    print(script(request.shell), end="")
    return ExitCode.VALID


def script(shell: Shell) -> str:
    try:
        import shtab
    except ImportError:
        raise UsageError(
            "completion: shtab writes it, which is not installed; pip install 'ovbench[completion]'"
        ) from None
    text = shtab.complete(whole_parser(), shell=shell, root_prefix="ovbench_coord", preamble=_PREAMBLE[shell])
    return str(text).rstrip("\n").replace(_WRITTEN, _WHOLE_WORDS) + "\n"


def whole_parser() -> argparse.ArgumentParser:
    """Of all commands at once, as shtab wants it; nothing is parsed by it."""
    parser = argparse.ArgumentParser(prog="ovbench-coord", add_help=False)
    _add(parser, FLAGS)
    commands = parser.add_subparsers()
    for row in VERBS:
        command = commands.add_parser(row.word, help=row.about, add_help=False)
        _add(command, _flags_of(row.word))
        for word in row.arguments.split():
            _positional(command, row.word, word)
    return parser


def _flags_of(verb: str) -> Iterable[Flag]:
    if verb != "study":
        return (flag for group in FLAGS_OF[verb] for flag in group.flags)
    own = {spelling for flag in OF_STUDIES for spelling in flag.spellings}
    return (*OF_STUDIES, *(flag for flag in FLAGS if not flag.refused and own.isdisjoint(flag.spellings)))


def _add(parser: argparse.ArgumentParser, flags: Iterable[Flag]) -> None:
    for flag in flags:
        words: dict[str, Any] = {"dest": flag.dest, "help": flag.help.split(";")[0].replace("%", "%%")}
        if flag.takes == "nothing":
            parser.add_argument(*flag.spellings, action="store_true", **words)
            continue
        nargs = {"one": None, "at most one": "?", "one or more": "+"}[flag.takes]
        action = parser.add_argument(
            *flag.spellings, nargs=nargs, choices=flag.choices or None, metavar=flag.metavar or None, **words
        )
        _completed(action, _what(flag))


def _what(flag: Flag) -> Any:
    import shtab

    if flag.dest == "model":
        return _MODEL
    if flag.dest == "resume":
        return _RESULT
    return {"file": shtab.FILE, "folder": shtab.DIRECTORY, "": None}[flag.path]


def _positional(parser: argparse.ArgumentParser, verb: str, word: str) -> None:
    """A word of `VerbRow.arguments`."""
    choices: dict[str, Sequence[str]] = {
        "[KIND]": [kind.name for kind in READY_MADE],
        "[TOPIC]": ["all", *TOPICS, *(row.word for row in VERBS)],
        "SHELL": SHELLS,
        "kubernetes": ["kubernetes"],
    }
    completes = {"RESULT": _RESULT, "A": _RESULT, "B": _RESULT, "[MODEL]": _MODEL, "MODEL": _MODEL}
    if word in choices:
        parser.add_argument(word.strip("[]").lower(), nargs="?", choices=choices[word])
    elif word in completes:
        _completed(parser.add_argument(word.strip("[]").lower(), nargs="?"), completes[word])


def _completed(action: argparse.Action, what: Any) -> None:
    if what is not None:
        vars(action)["complete"] = what
