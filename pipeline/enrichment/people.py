"""Turn what directories answer into rows of ``directory.csv``. Pure; ``pipeline.pull`` fetches.

Source: SCIM, RFC 7643 sections 4.1 and 4.3 (User, enterprise User); Microsoft Graph, "List users"
with ``$expand=manager``; Google, Admin SDK Directory API, ``users.list``.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pipeline.enrichment.directory import COLUMNS

Json = Mapping[str, Any]
Row = dict[str, str]

ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def from_scim(users: Iterable[Json]) -> list[Row]:
    """Return active users; a manager is told by id, so all users must be there at once."""
    listed = list(users)
    emails = {str(user.get("id")): _scim_email(user) for user in listed}
    rows = []
    for user in listed:
        if user.get("active") is False:
            continue
        extension = _object(user.get(ENTERPRISE))
        manager = str(_object(extension.get("manager")).get("value", ""))
        rows.append(
            _row(
                subject=user.get("externalId"),
                email=emails[str(user.get("id"))],
                department=extension.get("department"),
                cost_center=extension.get("costCenter"),
                employment_type=user.get("userType"),
                manager_email=emails.get(manager),
                country=_scim_country(user),
            )
        )
    return rows


def from_entra(users: Iterable[Json]) -> list[Row]:
    """Return users whose accounts are enabled."""
    rows = []
    for user in users:
        if user.get("accountEnabled") is False:
            continue
        manager = _object(user.get("manager"))
        rows.append(
            _row(
                email=user.get("mail") or user.get("userPrincipalName"),
                department=user.get("department"),
                cost_center=_object(user.get("employeeOrgData")).get("costCenter"),
                employment_type=user.get("employeeType"),
                manager_email=manager.get("mail") or manager.get("userPrincipalName"),
                country=user.get("usageLocation"),
            )
        )
    return rows


def from_google(users: Iterable[Json]) -> list[Row]:
    """Return users who are not suspended; the primary organization counts, else the first."""
    rows = []
    for user in users:
        if user.get("suspended") is True:
            continue
        organization = _primary(user.get("organizations"))
        relations = _objects(user.get("relations"))
        manager = next((r for r in relations if r.get("type") == "manager"), {})
        rows.append(
            _row(
                subject=user.get("id"),
                email=user.get("primaryEmail"),
                department=organization.get("department"),
                cost_center=organization.get("costCenter"),
                employment_type=organization.get("description"),
                manager_email=manager.get("value"),
                country=_primary(user.get("addresses")).get("countryCode"),
            )
        )
    return rows


def write_csv(rows: Iterable[Row]) -> bytes:
    """Return the rows as ``directory.csv``, in the order of their mail addresses."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted(rows, key=lambda row: (row["email"], row["subject"])))
    return text.getvalue().encode()


def _row(**values: Any) -> Row:
    row = {name: _text(values.get(name)) for name in COLUMNS}
    row["country"] = row["country"].upper() if len(row["country"]) == 2 else ""
    return row


def _text(value: Any) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""


def _object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[Json]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _primary(value: Any) -> Json:
    listed = _objects(value)
    return next((each for each in listed if each.get("primary") is True), (listed or [{}])[0])


def _scim_email(user: Json) -> str:
    found = _text(_primary(user.get("emails")).get("value"))
    name = _text(user.get("userName"))
    return found or (name if "@" in name else "")


def _scim_country(user: Json) -> str:
    return _text(_primary(user.get("addresses")).get("country"))
