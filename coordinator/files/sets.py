"""Which files the jobs of a run name, in sets that stay together on another host, and jobs that name them there."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath
from typing import Final

from msgspec import structs

from ovbench.common.digests import model_files, sha256, state_of, unchanged
from ovbench.common.errors import UsageError
from ovbench.common.fileset import fault_of_name, set_sha256
from ovbench.common.hostmessages import MOST_FILE_BYTES, MOST_FILES_OF_SET, FileOffer, HaveFiles, OfferFiles, SetRole
from ovbench.common.job import FileState, InputFiles, Job, Known
from ovbench.common.messages import MAX_MESSAGE_BYTES
from ovbench.common.printable import one_line

_FLAGS: Final[dict[SetRole, str]] = {
    "model": "-m",
    "extension": "-extensions",
    "property": "-load_config",
    "input": "-i",
}
_MOST_INPUT_NAME: Final = 40
_BYTES_OF_OFFER: Final = 120
"""Of a file in the message that offers it, beside its name."""


@dataclass(frozen=True)
class FileSet:
    """`paths` and `states`: of each file of the offer on this host; `names`: what a job calls them, and what they, or
    the folder that holds them, are called in the set."""

    offer: OfferFiles
    paths: tuple[str, ...]
    states: tuple[FileState, ...]
    names: Mapping[str, str]

    @property
    def flag(self) -> str:
        return _FLAGS[self.offer.role]

    @cached_property
    def here(self) -> dict[str, str]:
        """The paths by the names in the set."""
        by_file = {file.name: path for file, path in zip(self.offer.files, self.paths, strict=True)}
        return {name: path for path, name in self.names.items()} | by_file


class JobFiles:
    """`sets` in the order in which they are to be sent, none twice."""

    def __init__(self, jobs: Sequence[Job], allow_extensions: bool) -> None:
        """Reads every file once for its digest. Raises UsageError for one that cannot be read or must not be sent."""
        self._by_paths: dict[tuple[SetRole, tuple[str, ...]], FileSet] = {}
        self._of_job: dict[tuple[object, ...], tuple[tuple[SetRole, tuple[str, ...]], ...]] = {}
        self._there: dict[tuple[str, str], dict[str, str]] = {}
        for job in jobs:
            for role, paths in self._named(job):
                if role in ("extension", "property") and not allow_extensions:
                    raise UsageError(
                        f"{_FLAGS[role]} {paths[0]}: libraries and the files of properties go to other hosts only with "
                        "--allow-extensions, as they may run code there"
                    )
                if (role, paths) not in self._by_paths:
                    self._by_paths[role, paths] = _file_set(role, paths)
        self.sets = tuple({one.offer.set_sha256: one for one in self._by_paths.values()}.values())

    def there(self, job: Job, have: Mapping[str, HaveFiles]) -> Job:
        """The job with the paths that its files have on a host that has these sets, by digest, and what is known of
        them there. Raises KeyError for a set that it does not have."""
        names: dict[SetRole, dict[str, str]] = {}
        known: list[Known] = []
        for role, paths in self._named(job):
            found = self._by_paths[role, paths]
            there = have[found.offer.set_sha256]
            names[role] = self._names_there(found, there.folder)
            if role in ("model", "extension"):
                known += [Known(state, one.sha256) for state, one in zip(there.states, found.offer.files, strict=False)]
        if not names:
            return job
        model, properties, inputs = job.model, names.get("property", {}), names.get("input", {})
        return structs.replace(
            job,
            model=structs.replace(
                model,
                source=names.get("model", {}).get(model.source, model.source),
                extensions=tuple(names["extension"][path] for path in model.extensions),
            ),
            runtime=structs.replace(
                job.runtime,
                config={name: properties.get(value, value) for name, value in job.runtime.config.items()},
            ),
            data=structs.replace(
                job.data,
                files=tuple(
                    InputFiles(part.input, tuple(inputs[path] for path in part.paths)) for part in job.data.files
                ),
            ),
            known=tuple(known),
        )

    def here(self, text: str, have: Mapping[str, HaveFiles]) -> str:
        """What a host says of files that it has, with their names on this one."""
        for one in self.sets:
            there = have.get(one.offer.set_sha256)
            before, found, after = ("", "", "") if there is None else text.partition(f"{there.folder}/")
            if there is None or not found:
                continue
            if not before and after in one.here:
                return one.here[after]
            # The longest first, as a name may be the beginning of another.
            for name in sorted((name for name in one.here if f"{there.folder}/{name}" in text), key=len, reverse=True):
                text = text.replace(f"{there.folder}/{name}", one.here[name])
        return text

    def _named(self, job: Job) -> tuple[tuple[SetRole, tuple[str, ...]], ...]:
        """As `_named`, once for all agents that have the same."""
        config = tuple(job.runtime.config.items())
        key = (job.null is None, job.model.source, job.model.extensions, config, job.data.files)
        if key not in self._of_job:
            self._of_job[key] = tuple(_named(job))
        return self._of_job[key]

    def _names_there(self, one: FileSet, folder: str) -> dict[str, str]:
        key = (one.offer.set_sha256, folder)
        if key not in self._there:
            self._there[key] = {here: f"{folder}/{name}" for here, name in one.names.items()}
        return self._there[key]


def _named(job: Job) -> Iterator[tuple[SetRole, tuple[str, ...]]]:
    """What a job names that its host needs; the null device needs no files, a built-in model is there already."""
    if job.null is not None:
        return
    if job.model.builtin is None:
        yield "model", (job.model.source,)
    if job.model.extensions:
        yield "extension", job.model.extensions
    properties = tuple(sorted({value for value in job.runtime.config.values() if _is_file(value)}))
    if properties:
        yield "property", properties
    inputs = tuple(sorted({path for part in job.data.files for path in part.paths}))
    if inputs:
        yield "input", inputs


def _is_file(value: str) -> bool:
    return "/" in value and "\0" not in value and os.path.isfile(value)


def _file_set(role: SetRole, paths: tuple[str, ...]) -> FileSet:
    flag = _FLAGS[role]
    if role == "model":
        files, names = _of_model(paths[0])
    else:
        # Agents take inputs in the order of their names, so these are in the order of the paths.
        files = {path: f"{number:06d}-{_plain(path)}" for number, path in enumerate(paths)}
        names = files
    if len(files) > MOST_FILES_OF_SET or _message_bytes(files) > MAX_MESSAGE_BYTES:
        raise UsageError(f"{flag} {paths[0]}: {len(files)} files are too many to be sent to another host")
    states = [_state(flag, path) for path in files]
    offers = [_offer(flag, path, name, state) for (path, name), state in zip(files.items(), states, strict=True)]
    offer = OfferFiles(set_sha256=set_sha256(offers), role=role, files=tuple(offers))
    return FileSet(offer, tuple(files), tuple(states), names)


def _of_model(source: str) -> tuple[dict[str, str], dict[str, str]]:
    """Its files with their names in the set, where they lie to each other as they do here; and the name of the source.

    Raises UsageError where they have names that cannot be given on another host, and where a model names data outside
    of its folder (https://onnx.ai/onnx/repo-docs/ExternalData.html forbids that): it could be any file of this one.
    """
    paths = model_files(source)
    if not paths:
        raise UsageError(f"-m {source}: the folder is empty")
    plain = {path: os.path.normpath(path) for path in (source, *paths)}
    top = os.path.commonpath([os.path.dirname(path) for path in plain.values()])
    names = {path: os.path.relpath(name, top) for path, name in plain.items()}
    for path in paths:
        if not _lies_with(plain[path], plain[source]):
            raise UsageError(
                f"-m {one_line(source)}: some of its data is in {one_line(path)}, not in its folder; "
                "such a file is not sent to another host: move the data next to the model"
            )
        if (fault := fault_of_name(names[path])) is not None:
            raise UsageError(f"-m {one_line(path)}: a file of this name cannot be sent to another host: {fault}")
    return {path: names[path] for path in paths}, {source: names[source]}


def _lies_with(path: str, source: str) -> bool:
    """Both normal; a model's source may be its folder."""
    return path == source or path.startswith((f"{source}{os.sep}", os.path.join(os.path.dirname(source), "")))


def _plain(path: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", PurePath(path).name)[-_MOST_INPUT_NAME:]


def _message_bytes(files: Mapping[str, str]) -> int:
    return sum(len(name.encode()) + _BYTES_OF_OFFER for name in files.values()) + _BYTES_OF_OFFER


def _state(flag: str, path: str) -> FileState:
    try:
        return state_of(path)
    except OSError as error:
        raise UsageError(f"{flag} {path}: {error.strerror or error}") from None


def _offer(flag: str, path: str, name: str, state: FileState) -> FileOffer:
    if state.size > MOST_FILE_BYTES:
        raise UsageError(f"{flag} {path}: the file is too large to be sent to another host")
    digest = sha256(path, state)
    unchanged(flag, path, state)
    return FileOffer(name, digest, state.size)
