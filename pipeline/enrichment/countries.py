"""Know the country of an address from a database in MaxMind's format. Pure.

The database is the user's own: GeoLite2 Country, DB-IP, IPinfo and others come in this form. The
reader is the optional dependency ``maxminddb`` (extra ``country``), loaded where one is named.
"""

import re
from functools import lru_cache
from io import BytesIO
from typing import Any, Final

from pipeline.errors import SourceError
from schemas.fields import COUNTRY_PATTERN

_REMEMBERED_MAX: Final = 20_000


class Countries:
    """Find an address's country; made by ``read_countries``."""

    def __init__(self, reader: Any) -> None:
        @lru_cache(maxsize=_REMEMBERED_MAX)
        def find(address: str) -> str | None:
            try:
                record = reader.get(address)
            except (ValueError, RuntimeError):
                # No address, IPv6 in a database of IPv4, or a page of the file is damaged.
                return None
            return _country(record)

        self._find = find

    def find(self, address: str) -> str | None:
        """Return the ISO 3166-1 alpha-2 code, or ``None`` if the database has none."""
        return self._find(address)


def read_countries(data: bytes, file: str) -> Countries:
    """Return the database in a file's bytes.

    Raises:
        SourceError: it is no such database, or the reader is not installed.
    """
    try:
        import maxminddb
    except ImportError:
        raise SourceError(
            f"{file}: the reader is not installed; run: pip install 'tailnumber[country]'"
        ) from None
    try:
        reader = maxminddb.open_database(BytesIO(data), maxminddb.MODE_FD)
    except (maxminddb.InvalidDatabaseError, ValueError, KeyError):
        raise SourceError(f"{file}: not a database in MaxMind's format (.mmdb)") from None
    return Countries(reader)


def _country(record: Any) -> str | None:
    """Return the code from MaxMind's own layout, or from the flat one of others."""
    if not isinstance(record, dict):
        return None
    country = record.get("country") or record.get("registered_country")
    code = country.get("iso_code") if isinstance(country, dict) else record.get("country_code")
    if code is None and isinstance(country, str):
        code = country
    return code if isinstance(code, str) and re.fullmatch(COUNTRY_PATTERN, code) else None
