"""One warehouse project and one control database for all tests of the folder."""

import pytest
from control_state import BACKENDS, control_place, using
from recorded_people import recorded

from schemas.tables import TABLES
from tailnumber.lifecycle import retaining


@pytest.fixture(scope="session", params=BACKENDS)
def recordings(request, warehouse, tmp_path_factory):
    root = tmp_path_factory.mktemp("lifecycle")
    with using(request.param), recorded(warehouse.client(), root) as made:
        yield made


@pytest.fixture(autouse=True)
def shared_database(request, monkeypatch):
    """Tell commands where the control database is, as an operator does."""
    if "recordings" in request.fixturenames:
        place = control_place(request.getfixturevalue("recordings").root)
        monkeypatch.setenv("TAILNUMBER_CONTROL_DATABASE", place.control_database)
        monkeypatch.setenv("TAILNUMBER_CONTROL_PASSWORD_FILE", place.control_password_file)


@pytest.fixture(autouse=True)
def few_tables(request, monkeypatch):
    """Work on two tables, as each takes a second of statements; ``every_table`` has them all."""
    if "every_table" not in request.fixturenames:
        names = ("audit.interactions_v1", "content.parts_v1")
        monkeypatch.setattr(retaining, "TABLES", {name: TABLES[name] for name in names})


@pytest.fixture
def every_table():
    """Ask for all tables."""
