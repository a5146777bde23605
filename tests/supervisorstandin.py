"""Stands for the supervisor of a host: reads its join, has a child in place of agents, and ends when its input ends.

usage: supervisorstandin.py FOLDER [arguments, which it ignores]. `FOLDER/join-PID` has the join, and what it saw.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from ovbench.agent.host.process import die_with_parent


def main() -> None:
    folder = Path(sys.argv[1])
    if (folder / "words").exists():
        print((folder / "words").read_text(), file=sys.stderr)
        sys.exit(2)
    join = sys.stdin.buffer.readline()
    own = os.getpid()
    child = subprocess.Popen(
        ["sleep", "600"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        preexec_fn=lambda: die_with_parent(own),
    )  # fmt: skip
    seen = {"join": join.decode(), "argv": sys.argv[2:], "environ": dict(os.environ), "child": child.pid}
    (folder / f".join-{own}").write_text(json.dumps(seen))
    (folder / f".join-{own}").rename(folder / f"join-{own}")
    sys.stdin.buffer.read()
    child.kill()
    child.wait()


if __name__ == "__main__":
    main()
