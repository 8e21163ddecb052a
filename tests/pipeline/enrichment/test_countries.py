"""Countries of addresses, from a database that the user brings."""

import sys

import pytest
from mmdb import mmdb

from pipeline.enrichment.countries import read_countries
from pipeline.errors import SourceError

DATABASE = mmdb(
    {
        "81.2.69.0/24": {"country": {"iso_code": "GB"}},
        "10.0.0.0/8": {"country_code": "DE"},
        "11.0.0.0/8": {"country": "FR"},
        "12.0.0.0/8": {"country": {"iso_code": "nowhere"}},
    }
)


@pytest.mark.parametrize(
    ("address", "country"),
    [
        ("81.2.69.142", "GB"),
        ("10.1.2.3", "DE"),
        ("11.1.2.3", "FR"),
        ("12.1.2.3", None),
        ("127.0.0.1", None),
        ("2001:db8::1", None),
        ("not an address", None),
    ],
)
def test_address_has_a_country_or_none(address: str, country: str | None) -> None:
    assert read_countries(DATABASE, "c.mmdb").find(address) == country


@pytest.mark.parametrize("data", [b"", b"subject,email\n", DATABASE[:-20]])
def test_other_file_is_refused(data: bytes) -> None:
    with pytest.raises(SourceError, match=r"c\.mmdb: not a database in MaxMind's format"):
        read_countries(data, "c.mmdb")


def test_missing_reader_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "maxminddb", None)

    with pytest.raises(SourceError, match=r"pip install 'tailnumber\[country\]'"):
        read_countries(DATABASE, "c.mmdb")
