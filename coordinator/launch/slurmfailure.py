"""Why there is no allocation, or no supervisor on a node of it, in words for the user, from what Slurm said last. Pure.

The texts are those of Slurm 22.05 and 26.11 (salloc.c, allocate.c, step_launch.c, slurmstepd's mgr.c).
"""

import re
from collections.abc import Sequence
from typing import Final

from .couriers import Ended
from .supervisorfailure import cut, how_there

NO_SLURM: Final = (
    "there is no {} here: run this where Slurm's commands are, such as a login node (Debian: apt-get install "
    "slurm-client)"
)
_ADVICE: Final = "or put it in a folder that all nodes see"

_ENGINE: Final = re.compile(r"(?:srun|salloc|scancel|slurmstepd(?:-\S+)?): ")
_NO_ANSWER: Final = "Slurm's controller does not answer ({}); try: scontrol ping"
_CONTROLLER: Final = r"(Unable to contact slurm controller.*|Unable to establish controller machine|Socket timed out.*)"

_REFUSED: Final[Sequence[tuple[str, str]]] = (
    (r"unrecognized option '([^'\n]*)'|invalid option -- '([^'\n]*)'", "salloc knows no option {}; see: man salloc"),
    (r"Requested nodes are busy", "the nodes are busy; leave out --immediate to wait for them, or see: sinfo"),
    (r"Job has been cancelled", "the request was cancelled by somebody (scancel)"),
    (_CONTROLLER, _NO_ANSWER),
    (r"cannot stat file (.*?): ", "Slurm is not set up here, as there is no {}; run this where srun works"),
    (r"allocate failed: (.*)|Unable to allocate resources: (.*)", "Slurm refused the allocation: {}; see: sinfo"),
)

_ENDS: Final[Sequence[tuple[str, str]]] = (
    (r"DUE TO TIME LIMIT", "its Slurm job has reached its time limit; ask for more with --time"),
    (r"DUE TO NODE FAILURE|Node failure on", "Slurm says that it is down; see: scontrol show node {node}"),
    (r"DUE TO PREEMPTION", "its Slurm job was preempted by another; use a partition or QOS where that cannot be"),
    (r"oom.kill|Out Of Memory", "it was ended for lack of memory; ask for more with --mem, or start fewer agents"),
    (r"CANCELLED AT|revoked|STEP.*KILLED AT", "its Slurm job, or the step in it, was cancelled (scancel)"),
    (r"Invalid job id|Expired or invalid job|already completing", "the Slurm job is over; begin in a new one"),
    (_CONTROLLER, _NO_ANSWER),
    (
        r"[Uu]nable to create step for job \d+: (.*)",
        "Slurm does not start anything on it: {}; see: scontrol show node {node}",
    ),
    (
        r"[Tt]ask launch for .* failed on node \S+: (.*)",
        "Slurm could not start anything on it: {}; see: scontrol show node {node}",
    ),
)


def how_refused(ended: Ended) -> str:
    """Why salloc has ended without an allocation: one sentence."""
    if ended.killed_by:
        return f"salloc was killed by {ended.killed_by}"
    return _known(_REFUSED, "\n".join(ended.lines), "") or f"salloc gave no allocation: {_reason(ended.lines)}"


def how_ended(ended: Ended, node: str, python: str | None) -> str:
    """Why srun has: one sentence that does not name the node. `python`: --remote-python."""
    if ended.killed_by:
        return f"its srun was killed by {ended.killed_by}"
    engine = [line for line in ended.lines if _ENGINE.match(line)]
    if known := _known(_ENDS, "\n".join(engine), node):
        return known
    said = tuple(line for line in ended.lines if not _ENGINE.match(line))
    if not ended.reached and not said:
        return f"srun could not start anything on it: {_reason(engine)}"
    if killed := re.search(r"task 0: (?!Exited)(.*)", "\n".join(engine)):
        return f"its supervisor was ended there by a signal ({cut(killed[1])})"
    return how_there(Ended(ended.status, ended.reached, said), python, _ADVICE)


def _known(table: Sequence[tuple[str, str]], said: str, node: str) -> str:
    for pattern, words in table:
        if found := re.search(pattern, said):
            what = next((group for group in found.groups() if group), "")
            return words.format(cut(what), node=node)
    return ""


def _reason(lines: Sequence[str]) -> str:
    """The last line that is an error, without the name of who says it; else the last one."""
    errors = [line for line in lines if "error: " in line]
    last = (errors or list(lines) or ["it gave no reason"])[-1]
    return cut(_ENGINE.sub("", last, count=1).removeprefix("error: "))
