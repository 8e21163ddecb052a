"""An embedded Pub/Sub server: google.pubsub.v1 over gRPC on loopback, durable in SQLite.

A publish that returned survives `kill -9`; delivery is at least once. What a reader meets:

    server.py        gRPC methods: bytes in, bytes out, errors to status codes
    stream.py        one streaming pull
    broker.py        topics and subscriptions, publish, administration
    subscription.py  one subscription at run time: pull, acknowledge, expire, dead-letter
    backlog.py       the leases of one subscription; pure, the clock comes in
    store.py         the SQLite file: one writer thread, many requests per commit
    validation.py    what a name, a message and a subscription may hold
    wire.py          the raw protobuf classes

Not here: push, BigQuery and Cloud Storage subscriptions, filters, schemas, snapshots,
exactly-once delivery and retry policies. They are refused, never accepted and ignored.
"""
