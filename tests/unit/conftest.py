"""What unit tests share."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.trees import Tree


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Tree], Path]:
    """A tree on disk, to be read only: large machines are a thousand files, which are written once."""
    roots: dict[int, tuple[Tree, Path]] = {}  # by identity; the tree is kept, so that its identity is

    def root(tree: Tree) -> Path:
        if id(tree) not in roots:
            roots[id(tree)] = (tree, tree.write(tmp_path_factory.mktemp("machine")))
        return roots[id(tree)][1]

    return root
