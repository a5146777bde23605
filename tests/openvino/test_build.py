"""What a build lacks, by libraries that pretend to lack it: what is used instead, what is refused, what is said."""

import ctypes as c
import os
from pathlib import Path

import numpy as np
import openvino as ov
import pytest

from ovbench.agent.host.process import run_module
from ovbench.agent.openvino import build as builds
from ovbench.agent.openvino.backend import OpenVinoBackend
from ovbench.agent.openvino.build import is_tested, notes, probe, refuse
from ovbench.agent.openvino.capi import NEWEST, OLDEST, Library
from ovbench.agent.openvino.cxx import CLAIMS, Cxx
from ovbench.agent.openvino.elementtypes import NAMES
from ovbench.agent.openvino.model import StepTimes, load
from ovbench.agent.openvino.objects import CompiledModel, Core, TensorHandle
from ovbench.agent.openvino.package import OpenVinoError
from ovbench.agent.openvino.proof import holds
from ovbench.common.errors import UsageError
from ovbench.common.job import Load, Model
from tests.openvino import opset_models
from tests.openvino.jobs import once

NEW_FUNCTIONS = ("ov_core_compile_model_props", "ov_core_compile_model_from_file_props", "ov_core_set_properties")
PROOF = "ovbench.agent.openvino.proof"
EXTENSIONS = "ov_core_add_extension"
PROPERTIES = {"NUM_STREAMS": "1", "INFERENCE_NUM_THREADS": "1", "INFERENCE_PRECISION_HINT": "f32"}


class Without(Library):
    """A library that does not have some of its functions."""

    def __init__(self, *hidden: str) -> None:
        self.hidden: tuple[str, ...] = ()
        super().__init__()
        self.hidden = hidden

    def has(self, name: str) -> bool:
        return name not in self.hidden and super().has(name)


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> str:
    return str(opset_models.save(opset_models.several(), tmp_path))


def outputs(compiled: CompiledModel) -> list[bytes]:
    request = compiled.request()
    for index, port in enumerate(compiled.inputs):
        random = np.random.default_rng(index)
        data = request.input_bytes(index)
        data[:] = random.random(data.size // 4, np.float32).view(np.uint8) if port.type == "f32" else 1
        data[:] = 0 if port.type == "i64" else data
    request.infer()
    return [request.output_bytes(index).tobytes() for index in range(len(compiled.outputs))]


def test_a_model_is_compiled_with_the_same_properties_by_the_functions_of_any_release(file: str) -> None:
    """Of before 2026.4, and of those that came with it where the build that runs has them."""
    made = []
    for library in (Library(), Without(*NEW_FUNCTIONS)):
        core = Core(library)
        made += [
            core.compile_model(core.read_model(file), "CPU", PROPERTIES),
            core.compile_file(file, "CPU", PROPERTIES),
        ]
    for compiled in made:
        assert {key: compiled.get(key) for key in PROPERTIES} == PROPERTIES
    first, *others = map(outputs, made)
    assert others == [first] * 3


def test_properties_of_the_device_are_set_by_the_functions_of_any_release() -> None:
    for library in (Library(), Without(*NEW_FUNCTIONS)):
        core = Core(library)
        core.set_properties("CPU", {"NUM_STREAMS": "1", "INFERENCE_NUM_THREADS": "1"})
        assert (core.get("CPU", "NUM_STREAMS"), core.get("CPU", "INFERENCE_NUM_THREADS")) == ("1", "1")
        core.set_properties("CPU", {})
        with pytest.raises(OpenVinoError):
            core.set_properties("CPU", {"NUM_STREAMZ": "1"})


@pytest.mark.parametrize("kind", ["boolean", "f16", "f32", "f64", "i8", "i32", "i64", "u8", "u16", "u64"])
def test_a_tensor_of_a_type_has_the_size_of_that_type_and_its_number(kind: str) -> None:
    library = Library()
    tensor = TensorHandle.create(library, kind, (3, 5))
    number = c.c_int()
    library.call("ov_tensor_get_element_type", c.c_void_p(tensor.address), c.byref(number))
    assert library.types.name(number.value) == kind
    assert tensor.bytes.size == 15 * getattr(ov.Type, kind).size
    tensor.free()


def test_every_type_has_a_number_of_its_own() -> None:
    numbers = Library().types.numbers
    assert set(numbers) == set(NAMES)
    assert len(set(numbers.values())) == len(NAMES)


def test_the_tensors_of_strings_hold_the_texts() -> None:
    library = Library()
    texts = ("short", "a text that is too long for a string to hold itself", "", "größe")
    tensor = TensorHandle.of_strings(library, texts, (2, 2))
    encoded = [text.encode() for text in texts]
    expected = b"".join(len(text).to_bytes(8, "little") + text for text in encoded)
    assert library.cxx.texts(tensor.bytes.ctypes.data, tensor.bytes.size) == expected


def test_a_function_that_the_build_does_not_have_is_named_with_the_releases_that_are_tested() -> None:
    with pytest.raises(OpenVinoError) as caught:
        Library().call("ov_core_that_never_was")
    release = ov.get_version().split("-")[0]
    said = f"OpenVINO {release} has no ov_core_that_never_was; ovbench is tested with OpenVINO {OLDEST} to {NEWEST}"
    assert str(caught.value) == said


def test_what_is_asked_for_and_lacking_is_refused_by_the_flag() -> None:
    library = probe(Without(EXTENSIONS))
    assert [lack.capability for lack in library.build.lacks] == ["extensions"]
    refuse(library, once("model.xml"))
    with pytest.raises(UsageError, match=r"^-extensions: OpenVINO .* has no ov_core_add_extension; .*; leave it out"):
        refuse(library, once("model.xml", model=Model(source="model.xml", extensions=("libmine.so",))))


def test_without_the_callback_an_asynchronous_load_is_refused_and_a_synchronous_one_runs() -> None:
    library = Library()
    library.cxx.has_callback = False
    asynchronous = Load(api="async", duration_s=1.0, iterations=None, warmup_s=0.0)
    refuse(probe(library), once("model.xml"))
    with pytest.raises(UsageError, match=r"^-api async: .*set_callback.*; give -api sync or use another release$"):
        refuse(library, once("model.xml", load=asynchronous))


def test_without_the_function_that_writes_graphs_the_executed_graph_is_refused() -> None:
    library = Library()
    library.cxx.has_graphs = False
    with pytest.raises(UsageError, match=r"^-exec_graph_path: .*ov::serialize"):
        refuse(probe(library), once("model.xml", wants_graph=True))


def test_the_report_has_what_is_used_instead(file: str) -> None:
    library = probe(Without(*NEW_FUNCTIONS))
    assert {name: library.build.instead[name] for name in NEW_FUNCTIONS} == {
        "ov_core_compile_model_props": "ov_core_compile_model",
        "ov_core_compile_model_from_file_props": "ov_core_compile_model_from_file",
        "ov_core_set_properties": "ov_core_set_property",
    }
    asked = once(file)
    build = OpenVinoBackend(asked, load(asked, StepTimes())).effective.build
    assert build is not None
    assert build.version == ov.get_version()
    assert build.tested


@pytest.mark.parametrize(
    ("version", "tested"),
    [("2024.5.0-1", False), ("2024.6.0-1", True), ("2025.4.1", True), ("2026.4.9-1-releases/2026/4", True),
     ("2026.5.0-1", False), ("2027.0.0-1", False), ("custom_main_abc", False)],
)  # fmt: skip
def test_releases_between_the_oldest_and_the_newest_are_tested(version: str, tested: bool) -> None:
    assert is_tested(version) is tested


class Newer(Library):
    def version(self) -> str:
        return "2027.1.0-30000-abc-releases/2027/1"


def test_on_a_newer_build_that_has_all_there_is_one_sentence() -> None:
    library = probe(Newer())
    lacks = [f"{lack.capability} ({lack.needs})" for lack in library.build.lacks]  # those of the build that runs
    (note,) = notes(library.build)
    begin = f"OpenVINO 2027.1.0 is newer than those that ovbench is tested with ({OLDEST} to {NEWEST}); "
    assert note == begin + (f"it lacks {', '.join(lacks)}." if lacks else "all that ovbench uses is there.")
    assert library.cxx.has_names


def test_a_newer_build_that_lays_objects_out_otherwise_goes_without_them(
    monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    """Whatever becomes of the processes that try it, as an end by a signal."""
    monkeypatch.setattr(builds, "run_module", lambda name, *arguments: (-11, ""))
    library = probe(Newer())
    (note,) = notes(library.build)
    assert "names of nodes (ov::Node::get_friendly_name), layouts (ov::layout::get_layout)" in note
    ports = Core(library).read_model(file).inputs
    assert [(port.name, port.names, port.node, port.layout) for port in ports] == [
        (name, (), "", "[...]") for name in ("image", "ids", "mask", "scale")
    ]


def test_a_newer_build_goes_without_what_is_not_proven_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first process ends where it tries layouts, so another goes on behind them."""
    tried: list[tuple[str, ...]] = []

    def run(name: str, parent: str, *claims: str) -> tuple[int, str]:
        assert parent == str(os.getpid())
        tried.append(claims)
        if "layouts" in claims:
            return -11, "a word of OpenVINO's\nnames holds\n"
        return 0, "states fails\ngraphs holds\nstrings holds\n"

    monkeypatch.setattr(builds, "run_module", run)
    library = probe(Newer())
    assert tried == [CLAIMS, CLAIMS[2:]]
    assert library.cxx.claims == ("names", "graphs", "strings")
    assert {lack.capability for lack in library.build.lacks} >= {"layouts", "states"}


def test_what_a_build_does_not_have_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    library = Newer()
    for claim in CLAIMS:
        library.cxx.distrust(claim)
    monkeypatch.setattr(builds, "run_module", lambda *arguments: pytest.fail("nothing is to be tried"))
    assert not probe(library).cxx.claims


@pytest.mark.parametrize("claim", CLAIMS)
def test_the_build_that_runs_reads_right(claim: str, tmp_path: Path) -> None:
    library = Library()
    assert claim in library.cxx.claims
    assert holds(library, claim, tmp_path)
    assert library.cxx.claims == (claim,)


@pytest.mark.parametrize(
    ("claim", "method", "wrong"),
    [
        ("names", "names", ()),
        ("names", "node_name", "another"),
        ("layouts", "layout", "[C,N]"),
        ("states", "has_state", True),
        ("states", "has_state", False),
        ("strings", "texts", b""),
    ],
)
def test_what_is_read_wrong_is_no_proof(
    claim: str, method: str, wrong: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = Library()
    monkeypatch.setattr(library.cxx, method, lambda *arguments: wrong)
    assert not holds(library, claim, tmp_path)


def test_the_process_that_tries_what_a_build_has_says_what_holds() -> None:
    assert run_module(PROOF, str(os.getpid()), *CLAIMS) == (0, "".join(f"{claim} holds\n" for claim in CLAIMS))


@pytest.mark.parametrize("module", [PROOF, "ovbench.agent.openvino.zoo"])
def test_a_process_for_an_agent_that_is_gone_does_nothing(module: str) -> None:
    assert run_module(module, str(os.getppid()), *CLAIMS[:2]) == (1, "")


def test_a_build_whose_strings_are_not_known_reads_and_sets_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where neither of the functions is there whose names tell."""
    has = Cxx._has
    hidden = ("get_friendly_name", "get_names")
    monkeypatch.setattr(Cxx, "_has", lambda cxx, symbol: not any(map(symbol.count, hidden)) and has(cxx, symbol))
    library = Without("ov_tensor_create_from_string_array")
    assert (library.cxx.strings, library.cxx.sets_texts) == (None, False)
    assert library.cxx.claims == ("states",)
    lacks = {lack.capability for lack in probe(library).build.lacks}
    assert lacks >= {"names of nodes", "layouts", "graphs as files", "tensors of strings", "outputs of strings"}
    assert "ov_tensor_create_from_string_array" not in library.build.instead


@pytest.mark.parametrize("hidden", ["get_friendly_name", "get_names"])
def test_either_name_tells_which_strings_they_are(hidden: str, monkeypatch: pytest.MonkeyPatch) -> None:
    has, whole = Cxx._has, Cxx.load().strings
    assert whole is not None
    monkeypatch.setattr(Cxx, "_has", lambda cxx, symbol: hidden not in symbol and has(cxx, symbol))
    assert Cxx.load().strings is whole
