"""Results on disk: written under a temporary name and renamed, so a file that is there is whole."""

import contextlib
import os
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np

from .recording import Recorded, Window, inside, outside

REPORT_FILE = "report.json"
SAMPLES_FILE = "samples.npz"


class Unwritable(Exception):
    """A result cannot be kept where it was to be; the text is one sentence."""


@dataclass(frozen=True)
class Folder:
    """A folder for a run's files; `made` are those that did not exist before, innermost first."""

    path: Path
    made: tuple[Path, ...]

    def take_back(self) -> None:
        """Leave no trace of a run that came to nothing: remove what was made, as far as it is empty."""
        with contextlib.suppress(OSError):
            for folder in self.made:
                folder.rmdir()


def make_folder(wanted: Path | None, started_at: str, model: str) -> Folder:
    """The folder that was asked for, or a new one in ovbench-results. Raises Unwritable."""
    if wanted is not None:
        return _make(wanted, fresh=False)
    name = Path(model).stem if "/" in model else model.rpartition(":")[2]
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", name)
    stamp = re.sub(r"[-:]", "", started_at)[:15] + "Z"
    base = Path("ovbench-results")
    for number in range(1, 1000):
        try:
            return _make(base / (f"{stamp}-{stem}" + (f"-{number}" if number > 1 else "")), fresh=True)
        except FileExistsError:
            continue
    raise Unwritable(f"{base} holds too many results of this second")


def _make(folder: Path, fresh: bool) -> Folder:
    """Raises Unwritable, and FileExistsError where a `fresh` one was asked for."""
    # Unlike Path.exists, False for a name too long or in a folder that is closed to us: making it tells what is wrong.
    made = tuple(path for path in (folder, *folder.parents) if not os.path.exists(path))
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(exist_ok=not fresh)
        with tempfile.TemporaryFile(dir=folder):
            return Folder(folder, made)
    except FileExistsError:
        if fresh and folder.is_dir():
            raise
        raise Unwritable(f"the report folder {folder} cannot be made: a file of that name is in the way") from None
    except OSError as error:
        raise Unwritable(f"the report folder {folder} cannot be made or written: {error.strerror or error}") from None


def write_file(file: Path, write: Callable[[IO[bytes]], object]) -> None:
    """A link, a device or a pipe, as in `/dev/null`, is written to: it is not ours to replace. Raises Unwritable."""
    try:
        if file.is_symlink() or (file.exists() and not file.is_file()):
            with file.open("wb") as stream:
                write(stream)
            return
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}-", delete=False) as temporary:
            try:
                write(temporary)
                temporary.flush()
                os.fsync(temporary.fileno())
                os.chmod(temporary.name, 0o644)
                os.replace(temporary.name, file)
            except BaseException:
                os.unlink(temporary.name)
                raise
    except OSError as error:
        raise Unwritable(f"{file} cannot be written: {error.strerror or error}") from None


def write_files(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Contents by file name, each whole or not there. Raises Unwritable at the first that cannot be written."""
    for name, content in contents.items():
        write_file(folder / name, partial(_write, content))


def _write(content: bytes, stream: IO[bytes]) -> None:
    stream.write(content)


def write_samples(file: Path, agents: Sequence[Recorded], window: Window) -> bool:
    """All that the figures are made of, int64: `window_ns`, its two edges; `agent_<id>_start_ns` and `..._end_ns` of
    the inferences that are counted; `agent_<id>_outside_start_ns` and `..._end_ns` of all others that were recorded,
    among them those under way at an edge; where inferences differ in their frames, these as `agent_<id>_frames` and
    `agent_<id>_outside_frames`.

    False, and no file, where some are known only as a histogram.
    """
    if any(agent.folded for agent in agents):
        return False
    arrays = {"window_ns": np.asarray([window.start_ns, window.stop_ns], np.int64)}
    for agent in agents:
        counted = list(inside(agent.pieces, window.start_ns, window.stop_ns))
        others = list(outside(agent.pieces, window.start_ns, window.stop_ns))
        for name, pieces in ((f"agent_{agent.agent}", counted), (f"agent_{agent.agent}_outside", others)):
            pairs = np.concatenate([np.empty((0, 2), np.int64), *(piece.samples for piece in pieces)])
            arrays[f"{name}_start_ns"], arrays[f"{name}_end_ns"] = pairs[:, 0], pairs[:, 1]
            if len(set(agent.batches)) > 1:
                each = [piece.frames(agent.batches) for piece in pieces]
                arrays[f"{name}_frames"] = np.concatenate([np.empty(0, np.int64), *each])
    write_file(file, lambda stream: np.savez(stream, allow_pickle=False, **arrays))
    return True
