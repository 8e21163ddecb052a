"""Rows are kept as long as law asks and no longer than a person may expect."""

from datetime import UTC, datetime, timedelta

import pytest

from schemas.retention import RETENTION, RetentionError, expired_before, retention_of
from schemas.tables import TABLES

NOW = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize("each", RETENTION.values(), ids=lambda each: each.name)
def test_class_keeps_its_own_days_and_refuses_others(each):
    each.check(each.days)
    each.check(each.floor_days)
    for days in (each.floor_days - 1, each.ceiling_days + 1):
        with pytest.raises(RetentionError, match=each.name):
            each.check(days)


def test_every_table_has_a_class():
    assert {table.retention.name for table in TABLES.values()} <= set(RETENTION)
    with pytest.raises(RetentionError, match="classes: content 190"):
        retention_of(17)


def test_day_expires_when_its_start_is_older_than_the_days():
    edge = expired_before(NOW, 190, "DAY")

    assert edge == datetime(2026, 5, 15, tzinfo=UTC)
    # The day before the edge is the last one whose start lies 190 days back.
    assert (edge - timedelta(days=1)) + timedelta(days=190) <= NOW < edge + timedelta(days=190)


@pytest.mark.parametrize("day", range(1, 32))
def test_month_expires_whole(day):
    now = datetime(2026, 12, day, 12, tzinfo=UTC)

    edge = expired_before(now, 3653, "MONTH")

    last_expired = (edge - timedelta(days=1)).replace(day=1)
    assert edge.day == 1
    assert last_expired + timedelta(days=3653) <= now < edge + timedelta(days=3653)
