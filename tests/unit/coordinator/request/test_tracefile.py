"""Recorded arrivals, as files have them."""

import hashlib
import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as some

from ovbench.common.arrivals import Trace
from ovbench.common.errors import UsageError
from ovbench.coordinator.request import tracefile
from ovbench.coordinator.request.arrivalnotation import TraceFile


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(content: bytes | str, scale: float = 1.0) -> Trace:
    Path("due").write_bytes(content.encode() if isinstance(content, str) else content)
    return tracefile.read_trace(TraceFile("due", scale))


def due_ns(trace: Trace) -> list[int]:
    return [int(at) for at in np.frombuffer(trace.due_ns, np.int64)]


def npy(values: npt.ArrayLike) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.asarray(values))
    return stream.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        "0.5\n0.75\n0.75\n2\n",
        "0.5\r\n0.75\r\n0.75\r\n2",
        "\ufeff0.5\n0.75\n0.75\n2\n",
        "# of a day\n\n 0.5 \n0.75 # again\n\n7.5e-1\n2\n",
        "due\n0.5\n0.75\n0.75\n2\n",
        "due,end\n0.5,9\n0.75,1\n0.75,0\n2,2\n",
        "user,Timestamp\na,0.5\nb,0.75\nc,0.75\nd,2\n",
        '"time","due"\n7,0.5\n3,"0.75"\n5,0.75\n0,2\n',
        "0.5,3\n0.75,1\n0.75,nan\n2,text\n",
        npy([0.5, 0.75, 0.75, 2.0]),
        npy(np.array([0.5, 0.75, 0.75, 2.0], ">f4")),
    ],
    ids=str,
)
def test_instants_are_a_line_each_or_a_column_or_an_array(content: bytes | str) -> None:
    assert due_ns(read(content)) == [0, 250_000_000, 250_000_000, 1_500_000_000]


def test_an_array_may_be_of_whole_seconds() -> None:
    assert due_ns(read(npy(np.array([3, 4, 6], np.uint32)))) == [0, 1_000_000_000, 3_000_000_000]


def test_the_first_arrival_of_an_epoch_is_taken_as_0() -> None:
    assert due_ns(read("1700000000\n1700000000.5\n")) == [0, 500_000_000]


def test_a_scale_of_2_takes_twice_as_long() -> None:
    trace = read("1\n2\n4\n", scale=2.0)
    assert due_ns(trace) == [0, 2_000_000_000, 6_000_000_000]
    assert trace.scale == 2.0


def test_a_trace_has_the_name_and_the_digest_of_its_file() -> None:
    trace = read("1\n2\n")
    assert (trace.name, trace.sha256) == (str(Path.cwd() / "due"), hashlib.sha256(b"1\n2\n").hexdigest())


def test_the_home_folder_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(Path.cwd()))
    Path("due").write_text("1\n")
    assert tracefile.read_trace(TraceFile("~/due")).name == str(Path.cwd() / "due")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "there are no instants in it; give seconds"),
        ("# nothing\n\n", "there are no instants"),
        ("due\n", "there are no instants"),
        ("1\n2\n\n1.5\n", "line 4 goes back in time, from 2 to 1.5; sort the file"),
        ("1\nnan\n", "line 2 is nan, which is no instant"),
        ("1\ninf\n", "line 2 is inf, which is no instant"),
        ("nan\n", "line 1 is nan"),
        ("-1\n2\n", "line 1 is negative, -1; instants are seconds"),
        ("1\nnow\n", "line 2 has 'now', which is not a number of seconds"),
        ("due\nnow\n", "line 2 has 'now'"),
        ("time\n1\n\n2, \n,3\n", "line 5 has '', which is not a number"),
        ("1\n" + "x" * 99 + "\n", "line 2 has '" + "x" * 40 + "...', which"),
        ("user,time\na,1\nb\n", "line 3 has 1 columns, and the instants are in column 2"),
        ("0\n1700000000000\n", "line 2 is 1.7e+12 seconds after the first, more than 1e+07; if it is not in seconds"),
        (b"\x89PNG\r\n\x1a\n\x00\xff", "which is not a number of seconds"),
        (npy([]), "there are no instants"),
        (npy([1.0, np.nan]), "index 1 is nan"),
        (npy([1.0, -np.inf]), "index 1 is -inf"),
        (npy([-1, 0]), "index 0 is negative"),
        (npy([1, 3, 2]), "index 2 goes back in time, from 3 to 2"),
        (npy([[1.0], [2.0]]), "an array of shape [2, 1] and type float64; give one dimension of numbers"),
        (npy(3.0), "an array of shape []"),
        (npy(["a"]), "give one dimension of numbers"),
        (npy([1.0, 2.0])[:-1], "the .npy file is cut off or damaged; save the array again"),
        (npy([1.0, 2.0])[:20], "the .npy file is cut off or damaged"),
        ("id,name\n1,2\n", "which of its columns has the instants is not known, 'id, name'; call it due, or time"),
    ],
    ids=str,
)
def test_what_is_no_trace_is_refused(content: bytes | str, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        read(content)
    assert str(refused.value).startswith("--arrivals trace:due: ")
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("path", "says"), [("nowhere", "No such file"), (".", "Is a directory"), ("x" * 5000, "too long"), ("a\0b", "null")]
)
def test_a_file_that_cannot_be_read_is_refused(path: str, says: str) -> None:
    with pytest.raises(UsageError, match=f"the file cannot be read: .*{says}"):
        tracefile.read_trace(TraceFile(path))


def test_a_file_without_end_is_refused() -> None:
    with pytest.raises(UsageError, match="more than 128 MB; give a part of it"):
        tracefile.read_trace(TraceFile("/dev/zero"))


@given(some.binary(max_size=200) | some.binary(max_size=200).map(lambda tail: npy([1.0, 2.0])[:60] + tail))
def test_whatever_is_in_a_file_it_is_read_or_refused_in_a_sentence(content: bytes) -> None:
    try:
        due = due_ns(read(content))
    except UsageError:
        return
    assert due[0] == 0
    assert due == sorted(due)
