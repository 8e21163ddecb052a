"""Describe what every event carries: who, with what, in which chain and under which policy."""

from typing import Annotated

from schemas import fields as f
from schemas.base import Record, public


class Principal(Record):
    """Verified caller."""

    principal_id: f.PrincipalId
    kind: f.PrincipalKind
    issuer: f.Issuer
    subject: f.Subject
    email: f.Email | None = None
    groups: f.Groups = ()
    key_id: f.GatewayKeyId | None = None


class Client(Record):
    """Program that sent the request, as it described itself, and where it sat."""

    name: f.ClientName
    version: f.ClientVersion | None = None
    editor: f.Editor | None = None
    machine_id: f.MachineId | None = None
    address: f.ClientAddress | None = None
    user_agent: f.UserAgent | None = None


class Envelope(Record):
    """Common part of every event; its exact bytes are hashed and linked.

    The record hash stands beside the record in the message (``schemas.message``): a record
    cannot hold its own hash.
    """

    event_id: f.EventId
    event_type: Annotated[str, public("what happened, past tense", max_length=64)]
    event_version: f.EventVersion
    occurred_at: f.OccurredAt
    tenant_id: f.TenantId
    writer_id: f.WriterId
    sequence: f.Sequence
    previous_hash: f.PreviousHash
    assurance: f.Assurance
    policy_digest: f.PolicyDigest | None = None
    trace_id: f.TraceId | None = None
    session_id: f.SessionId | None = None
    interaction_id: f.InteractionId | None = None
    principal: Annotated[Principal | None, public("verified caller, if there is one")] = None
    client: Annotated[Client | None, public("program that sent the request")] = None
