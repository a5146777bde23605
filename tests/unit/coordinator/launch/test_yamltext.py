from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from ovbench.coordinator.launch.yamltext import yaml_documents

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(["no", "1e3", "0x10", "~", "1:30", "- a"])
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda parts: st.lists(parts, max_size=4) | st.dictionaries(TEXTS, parts, max_size=4),
    max_leaves=20,
)


@given(st.lists(VALUES, min_size=1, max_size=3))
def test_whatever_is_written_is_read_back(documents: list[Any]) -> None:
    assert list(yaml.safe_load_all(yaml_documents(documents, "# head\n"))) == documents


LOOKS = """\
---
kind: Job
spec:
  args:
    - sh
    - "-c"
  env:
    - name: HOME
      value: "/tmp"
  of: {}
"""


def test_it_looks_as_people_write_it() -> None:
    spec: dict[str, Any] = {"args": ["sh", "-c"], "env": [{"name": "HOME", "value": "/tmp"}], "of": {}}
    assert yaml_documents([{"kind": "Job", "spec": spec}]) == LOOKS
