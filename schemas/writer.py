"""Describe the life of a writer: the first and the last record of each chain."""

from typing import Annotated, Literal

from schemas import fields as f
from schemas.base import network, public
from schemas.envelope import Envelope


class WriterOpened(Envelope):
    """An ingress process began its chain; always sequence 0."""

    event_type: Annotated[Literal["writer.opened"], public("what happened")]
    event_version: Annotated[Literal[1], public("version of this record")]
    host: Annotated[str, network("host that the process runs on", max_length=f.SHORT)]
    process_id: Annotated[int, public("process id on that host", ge=0, le=f.INT64_MAX)]
    software_version: Annotated[str, public("version of Tailnumber", max_length=64)]
    policy_digest: f.PolicyDigest


class WriterClosed(Envelope):
    """A chain ended: in its own chain when it stopped, in its successor's when it crashed."""

    event_type: Annotated[Literal["writer.closed"], public("what happened")]
    event_version: Annotated[Literal[1], public("version of this record")]
    closed_writer_id: Annotated[str, public("writer whose chain ends here", pattern=f.UUID_PATTERN)]
    reason: Annotated[
        Literal["stopped", "interrupted"], public("stopped by itself, or closed by its successor")
    ]
    last_sequence: Annotated[
        int | None,
        public("last sequence of an interrupted writer; null: no record", ge=0, le=f.INT64_MAX),
    ] = None
    last_record_hash: Annotated[
        str | None, public("hash of that record", pattern=f.HASH_PATTERN)
    ] = None
