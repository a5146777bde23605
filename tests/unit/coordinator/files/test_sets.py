"""Which files go together to another host, and what a job calls them there."""

from pathlib import Path

import pytest
from msgspec import structs

from ovbench.common.errors import UsageError
from ovbench.common.fileset import check_set, set_sha256
from ovbench.common.hostmessages import HaveFiles
from ovbench.common.job import InputFiles, Job, NullService
from ovbench.coordinator.files.sets import FileSet, JobFiles
from tests.filelinks import job_of, model_in


def names(one: FileSet) -> list[str]:
    return [file.name for file in one.offer.files]


def there(files: JobFiles, job: Job) -> Job:
    folders = {one.offer.set_sha256: f"/cache/{one.offer.role}" for one in files.sets}
    return files.there(job, {digest: HaveFiles(digest, folder, ()) for digest, folder in folders.items()})


def made(folder: Path, *paths: str) -> list[Path]:
    files = [folder / path for path in paths]
    for number, file in enumerate(files):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes([number]) * (number + 1))
    return files


def test_weights_stay_beside_their_model(tmp_path: Path) -> None:
    job = job_of(str(model_in(tmp_path, 10)))
    files = JobFiles([job, job], allow_extensions=False)
    (one,) = files.sets
    assert names(one) == ["m.xml", "m.bin"]
    assert one.offer.set_sha256 == set_sha256(one.offer.files)
    assert there(files, job).model.source == "/cache/model/m.xml"


def test_a_folder_goes_as_it_is(tmp_path: Path) -> None:
    made(tmp_path / "saved", "saved_model.pb", "variables/variables.index")
    job = job_of(str(tmp_path / "saved"))
    files = JobFiles([job], allow_extensions=False)
    assert names(files.sets[0]) == ["saved/saved_model.pb", "saved/variables/variables.index"]
    assert there(files, job).model.source == "/cache/model/saved"


def _onnx_model(folder: Path, location: str) -> Job:
    (folder / "models").mkdir()
    (folder / "models" / "m.onnx").write_bytes(b"\n\x08location\x12" + bytes([len(location)]) + location.encode())
    made(folder / "models", location)
    return job_of(str(folder / "models" / "m.onnx"))


def test_external_data_keep_their_place(tmp_path: Path) -> None:
    job = _onnx_model(tmp_path, "w/weights.data")
    files = JobFiles([job], allow_extensions=False)
    assert names(files.sets[0]) == ["m.onnx", "w/weights.data"]
    assert there(files, job).model.source == "/cache/model/m.onnx"


@pytest.mark.parametrize("location", ["../other/weights.data", "w/../../secret", "../models-too/weights.data"])
def test_data_that_a_model_names_outside_of_its_folder_are_not_sent(tmp_path: Path, location: str) -> None:
    job = _onnx_model(tmp_path, location)
    with pytest.raises(UsageError, match="not in its folder"):
        JobFiles([job], allow_extensions=False)


def test_inputs_of_the_same_name_are_told_apart_and_keep_their_order(tmp_path: Path) -> None:
    """Agents sort an input's files by their paths."""
    inputs = made(tmp_path, "b/cat.jpg", "a/cat.jpg", "a/ü \n.npy", "c" * 100 + ".bin")
    job = job_of("builtin:tiny", inputs)
    files = JobFiles([job], allow_extensions=False)
    check_set(files.sets[0].offer)
    paths = there(files, job).data.files[0].paths
    assert [Path(path).suffix for path in paths] == [".jpg", ".jpg", ".npy", ".bin"]
    by_name = dict(zip(paths, inputs, strict=True))
    assert [by_name[path] for path in sorted(paths)] == sorted(inputs)


def test_several_inputs_share_a_set_and_a_file_given_twice_goes_once(tmp_path: Path) -> None:
    one, two = map(str, made(tmp_path, "one.npy", "two.npy"))
    job = job_of("builtin:tiny")
    job = structs.replace(
        job, data=structs.replace(job.data, files=(InputFiles("a", (one, two)), InputFiles("b", (one,))))
    )
    files = JobFiles([job], allow_extensions=False)
    assert len(files.sets[0].offer.files) == 2
    a, b = there(files, job).data.files
    assert a.paths[0] == b.paths[0]
    assert (a.input, b.input) == ("a", "b")


def test_a_built_in_model_and_the_null_device_need_no_files(tmp_path: Path) -> None:
    builtin = job_of("builtin:tiny")
    null = structs.replace(job_of(str(tmp_path / "gone.xml"), [tmp_path / "gone.npy"]), null=NullService(service_ns=1))
    files = JobFiles([builtin, null], allow_extensions=False)
    assert files.sets == ()
    assert files.there(builtin, {}) == builtin
    assert files.there(null, {}) == null


def test_libraries_go_only_where_that_is_allowed(tmp_path: Path) -> None:
    job = job_of("builtin:tiny", extensions=made(tmp_path, "a/lib.so", "b/lib.so"))
    with pytest.raises(UsageError, match=r"-extensions .*lib\.so: libraries .* only with --allow-extensions"):
        JobFiles([job], allow_extensions=False)
    files = JobFiles([job], allow_extensions=True)
    assert there(files, job).model.extensions == ("/cache/extension/000000-lib.so", "/cache/extension/000001-lib.so")


def test_files_that_properties_name_go_only_where_that_is_allowed(tmp_path: Path) -> None:
    (file,) = map(str, made(tmp_path, "weights.txt"))
    job = job_of("builtin:tiny")
    config = {"SOME_PATH": file, "CACHE_DIR": str(tmp_path), "NUM_STREAMS": "2", "OTHER": "a/b"}
    job = structs.replace(job, runtime=structs.replace(job.runtime, config=config))
    with pytest.raises(UsageError, match=r"-load_config .*weights\.txt: .* only with --allow-extensions"):
        JobFiles([job], allow_extensions=False)
    files = JobFiles([job], allow_extensions=True)
    assert there(files, job).runtime.config == {**config, "SOME_PATH": "/cache/property/000000-weights.txt"}


@pytest.mark.parametrize(("name", "sentence"), [("a\nb.xml", "control characters"), ("\udcff.xml", "it is not UTF-8")])
def test_a_model_of_a_name_that_cannot_be_given_is_refused(tmp_path: Path, name: str, sentence: str) -> None:
    (tmp_path / name).write_bytes(b"<net/>")
    with pytest.raises(UsageError, match=f"^-m .*{sentence}"):
        JobFiles([job_of(str(tmp_path / name))], allow_extensions=False)


def test_a_file_that_is_not_there_is_named_with_its_flag(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^-i .*gone\.npy: No such file"):
        JobFiles([job_of("builtin:tiny", [tmp_path / "gone.npy"])], allow_extensions=False)


def test_what_a_host_says_of_its_files_is_told_with_the_users_names(tmp_path: Path) -> None:
    inputs = made(tmp_path, "x/a.npy", "y/a.npy")
    job = job_of(str(model_in(tmp_path, 10)), inputs)
    files = JobFiles([job], allow_extensions=False)
    have = {one.offer.set_sha256: HaveFiles(one.offer.set_sha256, f"/cache/{one.offer.role}") for one in files.sets}
    moved = files.there(job, have)
    text = f"-m {moved.model.source}: bad; -i {moved.data.files[0].paths[1]} and /cache/model/other"
    assert files.here(text, have) == f"-m {tmp_path}/m.xml: bad; -i {inputs[1]} and /cache/model/other"
