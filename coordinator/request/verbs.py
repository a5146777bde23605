"""The verbs of ovbench-coord in the order of the help: what follows each, and what it is for. A table."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class VerbRow:
    """`arguments`: what stands after the word, flags apart. `about`: what one gets by it."""

    word: str
    arguments: str
    about: str

    @property
    def usage(self) -> str:
        return f"{self.word} {self.arguments}".rstrip()


VERBS: Final = (
    VerbRow("run", "[MODEL] [options]", "one run, as without a command"),
    VerbRow("study", "[KIND] [MODEL]", "many settings, several times each: which is best"),
    VerbRow("show", "RESULT", "a saved run or study, as when it ended"),
    VerbRow("compare", "A B [C ...]", "results side by side; --fail-if 'p99 > +5%'"),
    VerbRow("export", "RESULT", "as CSV, HDR histogram log, or Perfetto trace"),
    VerbRow("topology", "", "this machine, or one recorded elsewhere"),
    VerbRow("calibrate", "", "which differences cannot be seen on this machine"),
    VerbRow("export-model", "MODEL FILE", "a built-in model as a file"),
    VerbRow("manifest", "kubernetes FOLDER", "what Kubernetes takes to start the hosts of a run"),
    VerbRow("help", "[TOPIC]", "a part of the help, or all of it as a man page"),
    VerbRow("completion", "SHELL", "completion of words with Tab, for bash or zsh"),
)
"""`entry` knows what carries each out. A command line without a verb runs a benchmark."""
