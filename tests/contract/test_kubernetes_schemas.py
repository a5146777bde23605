"""The objects for Kubernetes, held to its published schemas of every version: the files that `test_manifest` has."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.clusters import GOLDEN

kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="scripts/test -m long installs it")
pytestmark = pytest.mark.long


def versions() -> list[str]:
    folder = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
    found = (one.name.removeprefix("v").removesuffix("-local-strict") for one in folder.glob("v*-local-strict"))
    return sorted(found, key=lambda version: tuple(map(int, version.split("."))))


@pytest.mark.parametrize("version", versions())
@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_every_object_is_what_kubernetes_publishes(file: Path, version: str) -> None:
    """Strictly: a key that the API does not know is an error."""
    documents = list(yaml.safe_load_all(file.read_text()))
    assert len(documents) == (5 if GOLDEN[file].inside else 2)
    for document in documents:
        kubernetes_validate.validate(document, version, strict=True)


def test_the_schemas_refuse_what_is_wrong() -> None:
    """Guards the guard."""
    documents: list[Any] = list(yaml.safe_load_all(next(iter(GOLDEN)).read_text()))
    job = documents[3]
    job["spec"]["completion"] = 3
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(job, versions()[-1], strict=True)
