"""A key that the command line makes and takes back beside a running stack, in the warehouse."""

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.end_to_end, pytest.mark.xdist_group("stack")]


def test_life_of_a_key_is_told_by_the_warehouse(stack):
    made = stack.run("keys", "create", "--user", "hedy", "--device", "laptop")
    stack.run("keys", "revoke", made["id"])

    rows = stack.query_until(
        "SELECT event_type, principal_issuer, holder_subject, device_name "
        "FROM audit.admin_changes "
        "WHERE occurred_at > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR) "
        f"AND object_id = '{made['id']}' ORDER BY occurred_at",
        2,
    )

    assert [row["event_type"] for row in rows] == ["key.issued", "key.revoked"]
    assert {row["holder_subject"] for row in rows} == {"hedy"}
    assert {row["principal_issuer"] for row in rows} == {"urn:tailnumber:local"}
    assert rows[0]["device_name"] == "laptop"
