"""The few lines that one needs to begin a study."""

import textwrap
from typing import Final

from .kinds.cards import DEFAULT, READY_MADE

_SHORT: Final = """\
usage: ovbench-coord study [KIND] [MODEL] [options] [flags of a run]

Runs many settings, several times each in a random order, and says which is
best. A flag of a run may have several values: 1,2,4 or 1..8 or 1..64*2.

  ovbench-coord study model.xml -nstreams 1,2,4 -nireq 1..8
  ovbench-coord study scaling model.xml --p99-limit-ms 20
  ovbench-coord study ab model.xml --a "-api sync" --b "-api async"
  ovbench-coord study model.xml -nireq 1..8 --dry-run      what that would take
  ovbench-coord study --resume last                        does what is missing

kinds:
{kinds}
more:
  ovbench-coord study --help     all options, and plans as files
  ovbench-coord help             the topics of the flags of a run
"""


def short_help() -> str:
    rows = (("(none)", DEFAULT.about), *((kind.name, kind.about) for kind in READY_MADE))
    return _SHORT.format(kinds="".join(_row(name, about) for name, about in rows))


def _row(name: str, about: str) -> str:
    return textwrap.fill(about, 79, initial_indent=f"  {name:<12} ", subsequent_indent=" " * 15) + "\n"
