"""Where a host keeps the files that it was sent, and how much of them."""

import pytest

from ovbench.common.cacheplace import DEFAULT_LIMIT_BYTES, CachePlace, parse_cache_place
from ovbench.common.errors import UsageError


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("/var/models", CachePlace("/var/models", DEFAULT_LIMIT_BYTES)),
        ("/var/models:20G", CachePlace("/var/models", 20 * 10**9)),
        (":500MB", CachePlace(None, 500 * 10**6)),
        ("~/m:1.5TiB", CachePlace("~/m", 3 * 2**39)),
        ("a:b/c", CachePlace("a:b/c", DEFAULT_LIMIT_BYTES)),
        ("a:b:2gib", CachePlace("a:b", 2 * 2**30)),
    ],
)
def test_a_folder_a_size_or_both(text: str, place: CachePlace) -> None:
    assert parse_cache_place(text) == place


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "give DIR"),
        ("a\0b", "give DIR"),
        ("/m:", "'' is not a size"),
        ("/m:20", "'20' is not a size"),
        ("/m:20X", "'20X' is not a size"),
        ("/m:0G", "from 1 MB"),
        ("/m:999999999999T", "from 1 MB"),
    ],
)
def test_what_is_neither_is_refused_with_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=rf"^--model-cache .*{sentence}"):
        parse_cache_place(text)
