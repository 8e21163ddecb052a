"""One warehouse project and one control database for all tests of the folder."""

import pytest
from recorded_people import recorded

from schemas.tables import TABLES
from tailnumber.lifecycle import retaining


@pytest.fixture(scope="session")
def recordings(warehouse, tmp_path_factory):
    with recorded(warehouse.client(), tmp_path_factory.mktemp("lifecycle")) as made:
        yield made


@pytest.fixture(autouse=True)
def few_tables(request, monkeypatch):
    """Work on two tables, as each takes a second of statements; ``every_table`` has them all."""
    if "every_table" not in request.fixturenames:
        names = ("audit.interactions_v1", "content.parts_v1")
        monkeypatch.setattr(retaining, "TABLES", {name: TABLES[name] for name in names})


@pytest.fixture
def every_table():
    """Ask for all tables."""
