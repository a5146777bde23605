"""What the report says was requested: by the names and in the notation of the command line."""

from pathlib import Path

from ovbench.coordinator.request.request import ORDER
from tests.builders import request


def test_what_was_requested_is_reported_by_the_names_of_the_command_line() -> None:
    requested = request("-nstreams", "2", "-t", "3", "--agents", "4", "--backend", "null:1500").requested()
    assert requested["nstreams"] == 2
    assert requested["time_s"] == 3.0
    assert requested["agents"] == 4
    assert requested["backend"] == "null:1500"
    assert requested["nireq"] is None
    assert request().requested()["backend"] == "openvino"


def test_what_goes_into_the_model_is_reported_in_the_notation_of_the_command_line(tmp_path: Path) -> None:
    file = tmp_path / "a.npy"
    file.touch()
    requested = request(
        "-shape", "a[1,?],b[2..8]", "-data_shape", "a[1,2][1,3]", "-layout", "a[N,C]", "-b", "1..4", "-i", f"a:{file}",
        "--mean_values", "[1,2.5]", "--scale_values", "b[2]", "-iop", "a:u8,b:bool",
    ).requested()  # fmt: skip
    assert requested["shape"] == "a[1,?],b[2..8]"
    assert requested["data_shape"] == "a[1,2][1,3]"
    assert requested["layout"] == "a[NC]"
    assert requested["batch"] == "1..4"
    assert requested["paths_to_input"] == f"a:{file}"
    assert requested["mean_values"] == "[1,2.5]"
    assert requested["scale_values"] == "b[2]"
    assert requested["input_output_precision"] == "a:u8,b:boolean"


def test_every_key_that_is_reported_has_its_place_in_the_order() -> None:
    assert tuple(request().requested()) == ORDER
