import pytest

from tailnumber.login.facts import Registration
from tailnumber.login.wire import Wire


@pytest.fixture
def wire():
    with Wire(timeout_seconds=5) as wire:
        yield wire


@pytest.fixture
def registration(issuer):
    said = issuer.registration()
    return Registration(
        name=said["name"],
        issuer=said["issuer"],
        client_id=said["client_id"],
        scopes=tuple(said["scopes"]),
        flows=tuple(said["flows"]),
        audience=said["audience"],
    )
