"""All kinds of studies, by name; each is loaded when it is first asked for."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Final, cast

from ...result.study import KindName, Study
from .cards import CARDS
from .kind import Kind


class _Kinds(Mapping[KindName, Kind]):
    def __getitem__(self, name: KindName) -> Kind:
        return _made(CARDS[name].made)

    def __contains__(self, name: object) -> bool:
        return name in CARDS

    def __iter__(self) -> Iterator[KindName]:
        return iter(CARDS)

    def __len__(self) -> int:
        return len(CARDS)


@cache
def _made(what: str) -> Kind:
    module, name = what.split(".")
    return cast("Kind", getattr(import_module(f".{module}", __package__), name)())


KINDS: Final[Mapping[KindName, Kind]] = _Kinds()


def kind_of(study: Study) -> Kind:
    return KINDS[study.kind]
