"""One running stack for all tests that only add to it."""

from collections.abc import Iterator

import pytest
from stack import Stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    running = Stack(tmp_path_factory.mktemp("stack") / "data")
    yield running
    running.stop()
