"""What is done with each piece of a file, in whatever order it comes."""

import hashlib
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovbench.agent.modelcache.reception import Excess, Reception, Write
from ovbench.common.fileset import set_sha256
from ovbench.common.hostmessages import FileChunk, FileOffer, OfferFiles, TookChunk, WantFiles


def offer_of(**contents: bytes) -> OfferFiles:
    files = tuple(FileOffer(name, digest(content), len(content)) for name, content in contents.items())
    return OfferFiles(set_sha256=set_sha256(files), role="model", files=files)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def chunk(content: bytes, start: int, stop: int) -> FileChunk:
    return FileChunk(sha256=digest(content), offset=start, data=content[start:stop])


A, B = b"0123456789", b"abc"


@dataclass
class Disk:
    """What was written of each file."""

    reception: Reception = field(default_factory=Reception)
    written: dict[str, bytes] = field(default_factory=dict)

    def hear(self, piece: FileChunk) -> list[object]:
        found = self.reception.piece(piece)
        if not isinstance(found, Write):
            return [found]
        self.written[found.sha256] = self.written.get(found.sha256, b"") + found.data
        took = self.reception.wrote(found.sha256, len(found.data))
        return [took, *self.reception.whole(found.sha256)] if found.whole else [took]


def test_pieces_in_their_order_make_a_set() -> None:
    disk, offer = Disk(), offer_of(a=A, b=B)
    disk.reception.open(offer, {})
    assert disk.reception.want(offer.set_sha256).wanted == {digest(A): 0, digest(B): 0}
    assert disk.hear(chunk(A, 0, 6)) == [TookChunk(digest(A), 6)]
    assert disk.hear(chunk(A, 6, 10)) == [TookChunk(digest(A), 10)]
    assert disk.hear(chunk(B, 0, 3)) == [TookChunk(digest(B), 3), offer.set_sha256]


def test_a_piece_that_begins_before_what_is_there_is_taken_from_there_on() -> None:
    disk, offer = Disk(), offer_of(a=A)
    disk.reception.open(offer, {digest(A): 4})
    assert disk.reception.want(offer.set_sha256).wanted == {digest(A): 4}
    assert disk.hear(chunk(A, 0, 6)) == [TookChunk(digest(A), 6)]
    assert disk.written[digest(A)] == A[4:6]


def test_a_piece_that_is_there_gives_its_credit_back() -> None:
    disk, offer = Disk(), offer_of(a=A)
    disk.reception.open(offer, {digest(A): 4})
    assert disk.hear(chunk(A, 0, 3)) == [TookChunk(digest(A), 4)]


def test_a_gap_is_asked_for_once() -> None:
    disk, offer = Disk(), offer_of(a=A)
    disk.reception.open(offer, {})
    assert disk.hear(chunk(A, 2, 4)) == [WantFiles(offer.set_sha256, {digest(A): 0})]
    assert disk.hear(chunk(A, 4, 6)) == [None]


def test_what_nobody_waits_for_is_dropped_and_counted() -> None:
    disk, offer = Disk(), offer_of(a=A)
    disk.reception.open(offer, {digest(A): 10})
    assert disk.reception.complete(offer.set_sha256)
    assert disk.hear(chunk(A, 0, 3)) == [None]
    assert disk.hear(chunk(B, 0, 3)) == [None]
    assert disk.reception.dropped == 2


def test_more_than_was_offered_is_refused() -> None:
    reception = Reception()
    reception.open(offer_of(a=A), {})
    with pytest.raises(Excess, match="a"):
        reception.piece(FileChunk(digest(A), 8, b"xyz"))


def test_a_file_of_two_sets_comes_once() -> None:
    disk, one, two = Disk(), offer_of(a=A), offer_of(b=B, c=A)
    disk.reception.open(one, {})
    disk.reception.open(two, {})
    assert disk.reception.want(two.set_sha256).wanted == {digest(B): 0}
    assert disk.reception.missing_bytes == 10 + 3 + 10
    assert disk.reception.sharing(digest(A)) == (one.set_sha256, two.set_sha256)
    disk.hear(chunk(B, 0, 3))
    assert disk.hear(chunk(A, 0, 10))[1:] == [one.set_sha256, two.set_sha256]


def test_when_a_set_is_given_up_its_file_is_to_come_for_the_other() -> None:
    reception, one, two = Reception(), offer_of(a=A), offer_of(b=B, c=A)
    reception.open(one, {digest(A): 6})
    reception.open(two, {})
    reception.close(one.set_sha256)
    assert reception.want(two.set_sha256).wanted == {digest(A): 0, digest(B): 0}
    reception.close(two.set_sha256)
    assert reception.sets == ()
    assert reception.missing_bytes == 0


@given(st.data())
def test_pieces_lost_repeated_and_out_of_order_make_no_wrong_file(data: st.DataObject) -> None:
    """Whatever comes, what is written is the beginning of the file; asked again, it is had to its end."""
    content = data.draw(st.binary(min_size=1, max_size=40))
    disk, offer = Disk(), offer_of(a=content)
    disk.reception.open(offer, {})
    ends = st.integers(0, len(content))
    for start, stop in data.draw(st.lists(st.tuples(ends, ends), max_size=20)):
        disk.hear(chunk(content, min(start, stop), max(start, stop)))
        written = disk.written.get(digest(content), b"")
        assert content.startswith(written)
    if not disk.reception.complete(offer.set_sha256):
        (at,) = disk.reception.want(offer.set_sha256).wanted.values()
        assert disk.hear(chunk(content, at, len(content)))[-1] == offer.set_sha256
    assert disk.written[digest(content)] == content
