"""The order of the tests among several workers."""

from dataclasses import dataclass
from itertools import pairwise

from tests.order import WAITING, spread


@dataclass(frozen=True)
class Named:
    nodeid: str


def listed() -> list[Named]:
    """As pytest finds them: a tenth of them waits."""
    sizes = {f"{WAITING[file % 3]}test_{file:02}.py": 10 for file in range(10)}
    sizes |= {f"tests/unit/test_{file:02}.py": 20 for file in range(45)}
    return [Named(f"{file}::test_{number}") for file, size in sorted(sizes.items()) for number in range(size)]


def waiting(tests: list[Named]) -> int:
    return sum(test.nodeid.startswith(WAITING) for test in tests)


def test_each_part_of_the_list_has_its_share_of_the_tests_that_wait() -> None:
    tests = spread(listed())
    assert waiting(listed()[:250]) == 100
    assert all(20 <= waiting(tests[part : part + 250]) <= 30 for part in range(0, 1000, 250))


def test_each_test_is_there_once_and_those_of_a_file_follow_each_other_as_they_stand_in_it() -> None:
    tests = spread(listed())
    assert sorted(test.nodeid for test in tests) == sorted(test.nodeid for test in listed())
    files = [test.nodeid.partition("::")[0] for test in tests]
    assert sum(one != other for one, other in pairwise(files)) == len(set(files)) - 1
    for file in set(files):
        assert [t for t in tests if t.nodeid.startswith(file)] == [t for t in listed() if t.nodeid.startswith(file)]


def test_tests_of_one_kind_stay_as_they_are() -> None:
    unit = [test for test in listed() if not waiting([test])]
    assert spread(unit) == unit
    assert spread([]) == []
