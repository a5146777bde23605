"""A machine as files: those that show its topology, recorded under the paths that they have in `/`, and read back."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ovbench.common.cgroup import limit_files
from ovbench.common.corekind import HYBRID_FILES
from ovbench.common.errors import NO_ROOM, Unwritable, UsageError
from ovbench.common.topology import MODEL_KEYS, Topology, read_topology

CPU_FOLDER: Final = "sys/devices/system/cpu"
_NODE: Final = "sys/devices/system/node"
_FILES: Final = (
    *(f"sys/devices/{name}" for name in HYBRID_FILES),
    *(f"{CPU_FOLDER}/{name}" for name in ("online", "offline", "present", "possible")),
    f"{CPU_FOLDER}/cpu[0-9]*/topology/physical_package_id",
    f"{CPU_FOLDER}/cpu[0-9]*/topology/thread_siblings_list",
    f"{CPU_FOLDER}/cpu[0-9]*/topology/core_cpus_list",
    f"{CPU_FOLDER}/cpu[0-9]*/cache/index[0-9]*/level",
    f"{CPU_FOLDER}/cpu[0-9]*/cache/index[0-9]*/shared_cpu_list",
    f"{CPU_FOLDER}/cpu[0-9]*/cpu_capacity",
    f"{CPU_FOLDER}/cpu[0-9]*/cpufreq/cpuinfo_max_freq",
    *(f"{_NODE}/{name}" for name in ("online", "possible")),
    f"{_NODE}/node[0-9]*/cpulist",
    f"{_NODE}/node[0-9]*/distance",
    "proc/self/cgroup",
)
# Of these only some lines: the rest is long, of the moment, or nobody's business (serial numbers).
_LINES: Final = {
    f"{_NODE}/node[0-9]*/meminfo": ("MemTotal",),
    "proc/self/status": ("Cpus_allowed_list", "Mems_allowed_list"),
    "proc/cpuinfo": ("processor", "vendor_id", "CPU implementer", "CPU part", *MODEL_KEYS),
}


def record_tree(target: Path, root: Path = Path("/")) -> int:
    """Write what `read_topology` needs into `target`, all of it or nothing. Returns the number of files.

    Raises UsageError, and Unwritable where there is no room.
    """
    files = dict(_content(root))
    made: list[Path] = []
    try:
        if target.is_dir() and any(target.iterdir()):
            raise UsageError(f"--record {target}: the folder is not empty; give one that is, or that does not exist")
        for name, text in files.items():
            _make((target / name).parent, made)
            made.append(target / name)
            # Anew: what somebody has put there meanwhile is not written over.
            with (target / name).open("x") as stream:
                stream.write(text)
    except BaseException as error:
        _take_back(made)
        if not isinstance(error, OSError):
            raise
        text = f"--record {target}: it cannot be written ({error.strerror}); give another folder"
        raise (Unwritable(text, no_room=True) if error.errno in NO_ROOM else UsageError(text)) from None
    return len(files)


def _make(folder: Path, made: list[Path]) -> None:
    """With the folders above it, and note which were new. Raises OSError."""
    for path in reversed([path for path in (folder, *folder.parents) if not os.path.exists(path)]):
        path.mkdir()
        made.append(path)


def _take_back(made: list[Path]) -> None:
    """Half a machine would be taken for a whole one."""
    for path in reversed(made):
        with contextlib.suppress(OSError):
            path.rmdir() if path.is_dir() else path.unlink()


def _content(root: Path) -> Iterator[tuple[Path, str]]:
    """Each file's path below `root` and its text. One that is there but cannot be read is as good as missing."""
    for pattern in _FILES:
        for file in root.glob(pattern):
            yield from _text(root, file)
    for file in limit_files(root):
        yield from _text(root, file)
    for pattern, keys in _LINES.items():
        for file in root.glob(pattern):
            for path, text in _text(root, file):
                yield path, "".join(line for line in text.splitlines(keepends=True) if _key(line) in keys)


def _text(root: Path, file: Path) -> Iterator[tuple[Path, str]]:
    try:
        yield file.relative_to(root), file.read_text(errors="replace")
    except OSError:
        return


def _key(line: str) -> str:
    """Before the colon; `Node 0` stands before that in a node's file."""
    name = line.partition(":")[0].strip()
    return name.split()[-1] if name.startswith("Node ") else name


def read_machine(tree: Path | None) -> Topology:
    """This machine, or a recorded one. Raises UsageError where none of its CPUs may be used, as on no real machine."""
    topology = read_topology() if tree is None else read_topology(tree)
    if not topology.allowed:
        raise UsageError(
            f"--sysfs {tree}: no CPU that is online may be used; compare cpu/online, Cpus_allowed_list in "
            "proc/self/status and the cpuset in sys/fs/cgroup"
        )
    return topology
