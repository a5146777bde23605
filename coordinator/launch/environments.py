"""Environments with a release of OpenVINO, in the user's cache: made by pip when one is first wanted, and kept.

Only OpenVINO is installed in it, without what it needs; all else is found where this process has it. So agents run the
same ovbench on every release, and an environment is one download.
"""

import contextlib
import fcntl
import importlib.util
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Final

from ovbench.common.cache import private_folder, users_folder
from ovbench.common.errors import UsageError

from ..request.release import FLAG, environment_python, is_series, is_supported, key_of
from .interpreter import examine

Say = Callable[[str], None]
Stopped = Callable[[], bool]

_COMPLETE: Final = "ovbench-complete"
"""A file in an environment that is whole; when it was last wanted is its time."""

_KEPT_S: Final = 90 * 24 * 3600.0
"""An environment that nobody has wanted for so long is removed, when another one is made."""

_TICK_S: Final = 0.1
_QUIET: Final = ("--no-input", "--disable-pip-version-check")
_FROM: Final = re.compile(r"\(from versions: (.*)\)")
_LISTED: Final = re.compile(r"^Available versions: (.*)$", re.MULTILINE)
_FINAL: Final = re.compile(r"[0-9]+(\.[0-9]+)*")
_MOST_LINES: Final = 40


def is_made(release: str) -> bool:
    python = Path(environment_python(release))
    return (python.parents[1] / _COMPLETE).exists() and python.exists()


def make(releases: Sequence[str], say: Say, stopped: Stopped = lambda: False) -> None:
    """Those that are not there yet, one after another. `say`: what is done, in a few words. Raises UsageError, one
    sentence, where there is no such release or it cannot be installed, and KeyboardInterrupt where it was `stopped`."""
    missing = [release for release in dict.fromkeys(releases) if not is_made(release)]
    for number, release in enumerate(missing, start=1):
        count = f"{number} of {len(missing)}: " if len(missing) > 1 else ""
        _make(release, lambda text, count=count: say(f"{count}{text}"), stopped)  # type: ignore[misc]
    for release in releases:
        with contextlib.suppress(OSError):
            (Path(environment_python(release)).parents[1] / _COMPLETE).touch()


def published(stopped: Stopped = lambda: False) -> tuple[str, ...]:
    """All releases of OpenVINO that pip finds for this Python, oldest first. Raises UsageError where it finds none."""
    code, lines = _run([*_pip(), "index", "versions", "openvino", *_QUIET], lambda line: None, stopped)
    found = _LISTED.search("\n".join(lines))
    if code != 0 or found is None:
        raise UsageError(f"{FLAG}: pip cannot list the releases of OpenVINO: {_reason(lines, code)}")
    return tuple(sorted(filter(_FINAL.fullmatch, found[1].replace(",", " ").split()), key=key_of))


def _make(release: str, say: Say, stopped: Stopped) -> None:
    python = Path(environment_python(release))
    folder = python.parents[1]
    try:
        private_folder(private_folder(users_folder()) / folder.parent.name)
        with _only_one(folder.with_name(f"{folder.name}.lock"), say, stopped):
            if is_made(release):
                return
            _remove_old(folder, say)
            shutil.rmtree(folder, ignore_errors=True)
            say(f"installing OpenVINO {release} in {folder}")
            _fill(folder, python, release, say, stopped)
            (folder / _COMPLETE).touch()
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise UsageError(f"{FLAG} {release}: it cannot be installed: {where}{error.strerror or error}") from None


def _fill(folder: Path, python: Path, release: str, say: Say, stopped: Stopped) -> None:
    """Raises UsageError."""
    import venv

    venv.EnvBuilder(symlinks=True, with_pip=False).create(folder)
    asked = f"openvino=={release}.*" if is_series(release) else f"openvino=={release}"
    options = ("--no-deps", "--no-compile", "--only-binary", ":all:", "--progress-bar", "off")

    def heard(line: str) -> None:
        if line.startswith("Downloading "):
            say(f"downloading {line.removeprefix('Downloading ').rpartition('/')[2]}")

    code, lines = _run([*_pip(), "--python", str(python), "install", *_QUIET, *options, asked], heard, stopped)
    if code != 0:
        shutil.rmtree(folder, ignore_errors=True)
        raise UsageError(f"{FLAG} {release}: {_refusal(lines, code)}")
    # Not before: pip would see the OpenVINO that is there, too.
    (packages,) = (folder / "lib").glob("python*/site-packages")
    (packages / "ovbench.pth").write_text("".join(f"import site; site.addsitedir({one!r})\n" for one in _shared()))
    examine(str(python))


def _shared() -> Iterator[str]:
    """Folders with packages that this process imports from, in their order."""
    for entry in dict.fromkeys(sys.path):
        if os.path.isdir(entry) and Path(entry).name in ("site-packages", "dist-packages"):
            yield os.path.abspath(entry)


def _pip() -> list[str]:
    """Raises UsageError where there is none."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-I", "-m", "pip"]
    found = shutil.which("pip3") or shutil.which("pip")
    if found is None:
        raise UsageError(
            f"{FLAG}: pip is needed to install a release, and {sys.executable} has none; run python -m ensurepip, or "
            "give --agent-python a Python that has the release"
        )
    return [found]


def _refusal(lines: Sequence[str], code: int) -> str:
    """Why pip did not install it."""
    found = _FROM.search("\n".join(lines))
    known = sorted(filter(_FINAL.fullmatch, found[1].split(", ")), key=key_of) if found is not None else []
    if known:
        series = dict.fromkeys(".".join(one.split(".")[:2]) for one in known if is_supported(one))
        python = ".".join(map(str, sys.version_info[:2]))
        return f"there is no such release for Python {python}; there are {', '.join(series)}"
    return f"pip could not install it: {_reason(lines, code)}"


def _reason(lines: Sequence[str], code: int) -> str:
    errors = [line.partition(": ")[2] for line in lines if line.startswith("ERROR: ")]
    unreached = [line for line in lines if "NewConnectionError" in line or "NameResolutionError" in line]
    if unreached:
        return "the package index cannot be reached"
    return errors[0] if errors else next((line for line in reversed(lines) if line), f"exit code {code}")


def _run(command: Sequence[str], heard: Say, stopped: Stopped) -> tuple[int, list[str]]:
    """To its end: exit code and the last lines. Raises KeyboardInterrupt where it was stopped; it is ended then."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment,
        start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        try:
            lines: list[str] = []
            for line in _lines(process.stdout, stopped):
                lines = [*lines[1 - _MOST_LINES :], line]
                heard(line)
            return process.wait(), lines
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise


def _lines(stream: IO[bytes], stopped: Stopped) -> Iterator[str]:
    pending = b""
    while True:
        if stopped():
            raise KeyboardInterrupt
        if not select.select([stream], [], [], _TICK_S)[0]:
            continue
        data = os.read(stream.fileno(), 65536)
        *lines, pending = (pending + data).split(b"\n")
        yield from (line.decode(errors="replace").strip() for line in (lines if data else [*lines, pending]))
        if not data:
            return


@contextlib.contextmanager
def _only_one(lock: Path, say: Say, stopped: Stopped) -> Iterator[None]:
    """Raises KeyboardInterrupt where it was stopped while another process had it."""
    with open(os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600), "rb") as stream:
        waiting = False
        while True:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            if not waiting:
                say("waiting for another process that installs the same")
            waiting = True
            if stopped():
                raise KeyboardInterrupt
            time.sleep(_TICK_S)
        yield


def _remove_old(current: Path, say: Say) -> None:
    for complete in current.parent.glob("*/" + _COMPLETE):
        if complete.parent != current and time.time() - complete.stat().st_mtime > _KEPT_S:
            say(f"removing {complete.parent}, which nobody has wanted for {_KEPT_S / 86400:.0f} days")
            shutil.rmtree(complete.parent, ignore_errors=True)
