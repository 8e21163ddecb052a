from schemas.scanned import row_bytes


def test_row_takes_the_bytes_of_the_columns_that_are_read():
    # Source: BigQuery, data size calculation: TIMESTAMP 8, INT64 8, STRING 2 and its bytes.
    assert row_bytes("audit.findings", ("occurred_at", "finding_index")) == 16
    assert row_bytes("audit.findings", ("event_id",)) == 2 + 36
