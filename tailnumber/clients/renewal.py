"""Write a renewed key into the files of the clients that hold one."""

from tailnumber.clients.catalogue import CLIENTS
from tailnumber.clients.ledger import Ledger, Outcome
from tailnumber.clients.places import Places
from tailnumber.clients.setup import noted_setup


def write_keys(gateway: str, key: str) -> list[Outcome]:
    """Configure those clients of a gateway again that keep its key in a file."""
    places = Places.here()
    ledger = Ledger(places.own)
    outcomes: list[Outcome] = []
    for name, entry in ledger.configured().items():
        client = CLIENTS.get(name)
        if client is None or not client.holds_key or entry["gateway"] != gateway:
            continue
        options = entry["options"]
        plan = client.plan(noted_setup(gateway, places, key, options))
        outcomes += ledger.write(name, gateway, plan, options)
    return outcomes
