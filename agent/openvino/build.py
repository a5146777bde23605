"""What a build of OpenVINO has of what ovbench uses: found out once, reported, and refused by name where it is lacking.

Releases differ in functions alone. Where another one does the same it is used; the rest is a capability.
"""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from ovbench.common.effective import Build, Lack
from ovbench.common.errors import UsageError
from ovbench.common.job import Job

from ..host.process import run_module
from .capi import NEWEST, OLDEST, Library, release_of
from .numbering import known_element_types
from .objects import Core
from .package import OpenVinoError

_PROOF: Final = "ovbench.agent.openvino.proof"

_PRECISION: Final = "INFERENCE_PRECISION_HINT"
_UNDECIDED: Final = ("", "undefined", "dynamic")
"""Precisions that leave the choice to OpenVINO."""

_INSTEAD: Final = {
    "ov_core_compile_model_props": "ov_core_compile_model",
    "ov_core_compile_model_from_file_props": "ov_core_compile_model_from_file",
    "ov_core_set_properties": "ov_core_set_property",
    "ov_tensor_create_from_string_array": "std::string::assign",
}
"""Functions that not every release has, and those that are used in their place."""


@dataclass(frozen=True)
class _Capability:
    """`needs`: a function; `has`: whether a build has it; `asked`: the flag by which a job asks for it, if it does."""

    name: str
    needs: str
    has: Callable[[Library], bool]
    effect: str
    asked: Callable[[Job], str | None] = lambda job: None
    remedy: str = "leave it out"


_CAPABILITIES: Final = (
    _Capability(
        "extensions",
        "ov_core_add_extension",
        lambda library: library.has("ov_core_add_extension"),
        "-extensions is refused.",
        lambda job: "-extensions" if job.model.extensions else None,
    ),
    _Capability(
        "asynchronous load",
        "ov::InferRequest::set_callback",
        lambda library: library.cxx.has_callback,
        "-api async is refused; -api sync works.",
        lambda job: "-api async" if job.load.api == "async" and not job.load.compile_only else None,
        "give -api sync",
    ),
    _Capability(
        "graphs as files",
        "ov::serialize",
        lambda library: library.cxx.has_graphs,
        "-exec_graph_path is refused; integers that are made up for a model that is no IR are 0 and 1.",
        lambda job: "-exec_graph_path" if job.wants_graph else None,
    ),
    _Capability(
        "names of nodes",
        "ov::Node::get_friendly_name",
        lambda library: library.cxx.has_names,
        "Inputs and outputs go by one name each.",
    ),
    _Capability(
        "layouts",
        "ov::layout::get_layout",
        lambda library: library.cxx.has_layouts,
        "Layouts in the model are not seen; name them by -layout.",
    ),
    _Capability(
        "states",
        "ov::InferRequest::query_state",
        lambda library: library.cxx.has_states,
        "Whether a model keeps state is not known.",
    ),
    _Capability(
        "tensors of strings",
        "ov_tensor_create_from_string_array",
        lambda library: library.has("ov_tensor_create_from_string_array") or library.cxx.sets_texts,
        "Models with inputs of strings are refused.",
    ),
    _Capability(
        "outputs of strings",
        "std::string as it is known",
        lambda library: library.cxx.has_strings,
        "Outputs of strings are not compared.",
    ),
)


def probe(library: Library) -> Library:
    """Find out what the library is, `library.build`, and its `types` before it reads any model.

    With an untested one another process sees what it lays out as those that are known do, because to read objects
    otherwise may end the process. The library goes without what is not proven.
    """
    library.types = known_element_types(library)
    version = library.version()
    tested = is_tested(version)
    if not tested:
        for claim in set(library.cxx.claims) - _proven(library.cxx.claims):
            library.cxx.distrust(claim)
    library.build = Build(
        version=version,
        tested=tested,
        lacks=tuple(Lack(one.name, one.needs, one.effect) for one in _CAPABILITIES if not one.has(library)),
        instead={
            name: other for name, other in _INSTEAD.items() if not library.has(name) and _is_there(library, other)
        },
    )
    return library


def _proven(claims: tuple[str, ...]) -> set[str]:
    """Those of `cxx.CLAIMS` that hold. Where one ends the process that tries it, the next process goes on behind it."""
    proven: set[str] = set()
    left = claims
    while left:
        _, said = run_module(_PROOF, str(os.getpid()), *left)
        tried = dict(re.findall(r"^(\w+) (holds|fails)$", said, re.MULTILINE))
        proven |= {claim for claim in left if tried.get(claim) == "holds"}
        left = tuple(claim for claim in left if claim not in tried)[1:]
    return proven


def _is_there(library: Library, name: str) -> bool:
    return library.has(name) or (name == "std::string::assign" and library.cxx.sets_texts)


def is_tested(version: str) -> bool:
    release = _release(version)
    return release is not None and _numbers(OLDEST) <= release <= _numbers(NEWEST)


def refuse(library: Library, job: Job) -> None:
    """Raises UsageError where the job asks for what the build lacks, or does not refuse itself."""
    lacking = {lack.capability for lack in library.build.lacks}
    for one in _CAPABILITIES:
        flag = one.asked(job) if one.name in lacking else None
        if flag is not None:
            raise UsageError(f"{flag}: {library.lacking(one.needs)}; {one.remedy} or use another release")
    _refuse_precision(library, job)


def _refuse_precision(library: Library, job: Job) -> None:
    """Raises UsageError for one that does not exist: releases like 2024.6 take any word, and ignore it."""
    device, asked = job.runtime.device, job.runtime.precision
    if asked is None or asked in _UNDECIDED or asked in library.types.numbers:
        return
    core = Core(library)
    try:
        core.set_properties(device, {_PRECISION: asked})
        taken = core.get(device, _PRECISION)
    except OpenVinoError:
        return  # which compiling the model fails with, too
    if taken in _UNDECIDED:
        raise UsageError(
            f"-infer_precision: OpenVINO does not take {_PRECISION}={asked}: there is no such element type"
        )


def notes(build: Build) -> Iterator[str]:
    """On an untested build, a sentence."""
    if build.tested:
        return
    release = _release(build.version)
    older = release is not None and release < _numbers(OLDEST)
    how = f"{'older' if older else 'newer'} than those" if release is not None else "none of those"
    missing = ", ".join(f"{lack.capability} ({lack.needs})" for lack in build.lacks)
    yield (
        f"OpenVINO {release_of(build.version)} is {how} that ovbench is tested with ({OLDEST} to {NEWEST}); "
        + (f"it lacks {missing}." if missing else "all that ovbench uses is there.")
    )


def _release(version: str) -> tuple[int, int] | None:
    found = re.match(r"(\d+)\.(\d+)\b", version)
    return (int(found[1]), int(found[2])) if found else None


def _numbers(release: str) -> tuple[int, int]:
    year, number = release.split(".")
    return int(year), int(number)
