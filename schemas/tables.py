"""Describe the warehouse: one row record per table, its partition, clustering and retention.

Tables are insert-only and carry a version in their name; the views without it
(``schemas.views``) show each row once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Final, Literal

from schemas import fields as f
from schemas.base import Record, content, key, network, public, secret_evidence
from schemas.hold import (
    HeldFrom,
    HeldPrincipals,
    HeldRepositories,
    HeldSessions,
    HeldTo,
    HoldId,
    HoldName,
    PlacedAt,
    Reason,
)
from schemas.interaction import Ref
from schemas.retention import RETENTION, Retention, retention_of

# Keeps rows under a legal hold beyond their time; its tables do not expire.
HOLD_DATASET: Final = "hold"
# Datasets whose rows no hold copies: a key is kept by refusing to erase it.
_NEVER_HELD: Final = frozenset({"keys"})


@dataclass(frozen=True, slots=True)
class Table:
    """One BigQuery table.

    ``partition_field`` is a TIMESTAMP column; ``identity`` names the columns that make a row one,
    however often it was delivered (the partition field belongs to them, so that a filter on it
    reaches through the view).
    """

    dataset: str
    name: str
    version: int
    description: str
    row: type[Record]
    partition_field: str
    partition_type: Literal["DAY", "MONTH"]
    cluster_fields: tuple[str, ...]
    retention_days: int
    identity: tuple[str, ...]
    latest_first: str

    @property
    def id(self) -> str:
        """Return ``dataset.table_vN``, the table's name in SQL."""
        return f"{self.dataset}.{self.name}_v{self.version}"

    @property
    def retention(self) -> Retention:
        """Return the class of data that says how long rows are kept.

        Raises:
            RetentionError: no class keeps rows for ``retention_days``.
        """
        return retention_of(self.retention_days)

    @property
    def held_id(self) -> str | None:
        """Return the table that keeps rows under a legal hold; None: no hold copies its rows."""
        if self.dataset in _NEVER_HELD:
            return None
        return f"{HOLD_DATASET}.{self.dataset}_{self.name}_v{self.version}"

    @property
    def view_id(self) -> str:
        """Return the name of the view that shows each row once."""
        return f"{self.dataset}.{self.name}"


class _Caller(Record):
    """Columns that tell who did it, flat for SQL."""

    principal_id: f.PrincipalId | None = None
    principal_kind: f.PrincipalKind | None = None
    principal_issuer: f.Issuer | None = None
    principal_subject: f.Subject | None = None
    principal_email: f.Email | None = None
    principal_groups: f.Groups = ()
    gateway_key_id: f.GatewayKeyId | None = None


class _Program(Record):
    """Columns that tell the program that sent the request, as it describes itself."""

    client_name: f.ClientName | None = None
    client_version: f.ClientVersion | None = None
    client_editor: f.Editor | None = None
    client_machine_id: f.MachineId | None = None
    client_address: f.ClientAddress | None = None
    client_user_agent: f.UserAgent | None = None


class _Origin(Record):
    """Columns that lead from any row back to its event and its proof."""

    event_id: f.EventId
    occurred_at: f.OccurredAt
    tenant_id: f.TenantId
    writer_id: f.WriterId
    sequence: f.Sequence


class EventRow(_Origin):
    """One row per event: the exact record that was hashed, and the columns to find it by."""

    event_type: Annotated[str, public("what happened, past tense", max_length=64)]
    event_version: f.EventVersion
    previous_hash: f.PreviousHash
    record_hash: f.RecordHash
    assurance: f.Assurance
    policy_digest: f.PolicyDigest | None = None
    trace_id: f.TraceId | None = None
    session_id: f.SessionId | None = None
    interaction_id: f.InteractionId | None = None
    principal_id: f.PrincipalId | None = None
    # The record holds identities, addresses and fingerprints: it takes the narrowest class of them.
    record: Annotated[str, secret_evidence("the exact JSON that record_hash covers; no text in it")]
    published_at: f.PublishedAt | None = None
    loaded_at: f.LoadedAt


class CalledTool(Record):
    """A tool that the model asked the client to run; ``audit.tool_calls`` tells what was decided.

    It stays as it is: a table that is there takes new columns, and no new members of a column.
    """

    call_id: f.ToolCallId | None = None
    name: f.ToolName
    arguments_part_id: f.PartId | None = None
    file_paths: f.FilePaths = ()


class InteractionRow(_Program, _Caller, _Origin):
    """One row per event of an interaction; the view shows the last stage of each."""

    status: Annotated[
        Literal["requested", "completed", "failed", "blocked"], public("stage that this row tells")
    ]
    status_rank: Annotated[
        int, public("0 requested, 1 failed, 2 completed or blocked", ge=0, le=f.INT64_MAX)
    ]
    requested_at: Annotated[f.OccurredAt, public("when the request was read, UTC")]
    interaction_id: f.InteractionId
    session_id: f.SessionId
    trace_id: f.TraceId | None = None
    assurance: f.Assurance
    policy_digest: f.PolicyDigest
    connection: f.Connection
    protocol: f.Protocol
    operation: f.Operation
    method: f.Method
    path: f.Path
    provider: f.Provider | None = None
    model: f.Model | None = None
    model_used: f.ModelUsed | None = None
    streamed: f.Streamed
    request_id: f.RequestId | None = None
    turn_id: f.TurnId | None = None
    upstream_request_id: f.UpstreamRequestId | None = None
    repository: f.Repository | None = None
    file_paths: f.FilePaths = ()
    language: f.Language | None = None
    effect: f.Effect
    rule_id: f.RuleId
    reason_code: f.ReasonCode | None = None
    http_status: f.HttpStatus | None = None
    upstream_status: f.UpstreamStatus | None = None
    finish_reasons: f.FinishReasons = ()
    input_tokens: f.InputTokens | None = None
    output_tokens: f.OutputTokens | None = None
    cached_tokens: f.CachedTokens | None = None
    prompt_bytes: f.PromptBytes
    completion_bytes: f.CompletionBytes
    prompt_part_ids: f.PromptPartIds = ()
    completion_part_ids: f.CompletionPartIds = ()
    prompt_finding_count: f.FindingCount
    completion_finding_count: f.FindingCount
    tool_calls: Annotated[tuple[CalledTool, ...], public("tools that the model called")] = ()
    duration_seconds: f.DurationSeconds | None = None
    first_chunk_seconds: f.FirstChunkSeconds | None = None
    chunk_count: f.ChunkCount
    client_left: f.ClientLeft
    loaded_at: f.LoadedAt
    tool_name: f.CalledToolName | None = None
    excluded_paths: f.ExcludedPaths = ()
    refs: Annotated[tuple[Ref, ...], public("git refs that are pushed, or objects fetched")] = ()
    file_path_count: f.FilePathCount | None = None
    denied_tool_call_count: f.DeniedToolCallCount | None = None
    code_block_count: f.CodeBlockCount | None = None
    code_languages: f.CodeLanguages = ()
    department: f.Department | None = None
    cost_center: f.CostCenter | None = None
    employment_type: f.EmploymentType | None = None
    manager_email: f.ManagerEmail | None = None
    principal_country: f.PrincipalCountry | None = None
    client_country: f.ClientCountry | None = None
    repository_owner: f.RepositoryOwner | None = None
    repository_criticality: f.RepositoryCriticality | None = None
    file_languages: f.FileLanguages = ()
    change_kinds: f.ChangeKinds = ()
    cost_amount: f.CostAmount | None = None
    cost_currency: f.CostCurrency | None = None
    content_mode: f.ContentMode | None = None


class ToolCallRow(_Origin):
    """One row per tool that a model asked a client to run, and what the policy said of it."""

    call_index: f.ToolCallIndex
    interaction_id: f.InteractionId
    session_id: f.SessionId
    principal_id: f.PrincipalId
    principal_email: f.Email | None = None
    connection: f.Connection
    operation: f.Operation
    model: f.Model | None = None
    repository: f.Repository | None = None
    name: f.ToolName
    call_id: f.ToolCallId | None = None
    file_paths: f.FilePaths = ()
    effect: f.Effect | None = None
    rule_id: f.RuleId | None = None
    reason_code: f.ReasonCode | None = None
    policy_digest: f.PolicyDigest
    arguments_part_id: f.PartId | None = None
    loaded_at: f.LoadedAt
    department: f.Department | None = None
    repository_owner: f.RepositoryOwner | None = None
    repository_criticality: f.RepositoryCriticality | None = None
    risk_tier: f.RiskTier | None = None
    change_kinds: f.ChangeKinds = ()


class FindingRow(_Origin):
    """One row per secret that was found; it never contains it."""

    finding_index: Annotated[
        int, public("place among the event's findings, from 0", ge=0, le=f.INT64_MAX)
    ]
    interaction_id: f.InteractionId
    session_id: f.SessionId
    principal_id: f.PrincipalId
    principal_email: f.Email | None = None
    connection: f.Connection
    operation: f.Operation
    rule_id: f.FindingRuleId
    tier: f.FindingTier
    direction: f.FindingDirection
    action: f.FindingAction
    location: f.FindingLocation
    part_id: f.PartId | None = None
    start_offset: f.FindingStart
    end_offset: f.FindingEnd
    fingerprint: f.Fingerprint
    loaded_at: f.LoadedAt
    repository: f.Repository | None = None
    department: f.Department | None = None
    repository_owner: f.RepositoryOwner | None = None
    repository_criticality: f.RepositoryCriticality | None = None


class AccessDenialRow(_Program, _Origin):
    """One row per caller that was not let in."""

    reason_code: f.ReasonCode
    method: f.Method
    path: f.Path
    http_status: f.HttpStatus
    unverified_key_id: Annotated[
        str | None, public("id that the refused key claimed, if it had the form", max_length=64)
    ] = None
    loaded_at: f.LoadedAt
    unverified_issuer: f.UnverifiedIssuer | None = None
    client_country: f.ClientCountry | None = None


class RecordViewRow(_Caller, _Origin):
    """One row per time that somebody opened recorded texts: who, which and why."""

    command: f.ViewCommand
    reason: f.ViewReason
    viewed_session_ids: f.ViewedSessions = ()
    viewed_interaction_ids: f.ViewedInteractions = ()
    viewed_part_ids: f.ViewedParts = ()
    viewed_principal_ids: f.ViewedPrincipals = ()
    loaded_at: f.LoadedAt


_Names = tuple[str, ...]


class AdminChangeRow(_Caller, _Origin):
    """One row per change of what the gateway goes by, its policy and its keys, and who made it.

    A change of the policy file names nobody: the file's own history does.
    """

    event_type: Annotated[str, public("what happened, past tense", max_length=64)]
    object_type: Annotated[
        Literal["policy", "gateway_key", "legal_hold", "content"], public("what was changed")
    ]
    object_id: Annotated[
        str,
        public(
            "digest of the policy from then on, or id of the key, hold or erasure",
            max_length=f.SHORT,
        ),
    ]
    previous_policy_digest: Annotated[
        f.PolicyDigest | None, public("SHA-256 of the policy file before, lower-case hex")
    ] = None
    rules_added: Annotated[_Names, public("ids of rules that the policy before did not have")] = ()
    rules_removed: Annotated[_Names, public("ids of rules that are gone")] = ()
    rules_changed: Annotated[_Names, public("ids of rules that say something else")] = ()
    sections_changed: Annotated[_Names, public("other sections of the policy that differ")] = ()
    key_class: Annotated[str | None, public("header, path or proxy", max_length=16)] = None
    device_name: Annotated[
        str | None, public("where the key lives, as its holder says", max_length=f.SHORT)
    ] = None
    expires_at: Annotated[f.Time | None, public("when the key ends by itself, UTC")] = None
    holder_principal_id: f.PrincipalId | None = None
    holder_kind: f.PrincipalKind | None = None
    holder_issuer: f.Issuer | None = None
    holder_subject: f.Subject | None = None
    holder_email: f.Email | None = None
    loaded_at: f.LoadedAt
    reason: Reason | None = None
    requested_at: Annotated[
        f.Time | None, public("when an erasure was asked for, UTC; carried out when occurred_at")
    ] = None
    refusal_code: Annotated[
        str | None, public("refused_hold: a legal hold stood against an erasure", max_length=64)
    ] = None
    content_key_ids: Annotated[_Names, public("ids of content keys that were destroyed")] = ()
    hold_ids: Annotated[_Names, public("legal holds that stood against an erasure")] = ()


class LegalHoldRow(_Caller, _Origin):
    """One row per placing and release of a legal hold; the view shows each hold's last state."""

    status: Annotated[Literal["placed", "released"], public("what this row tells of the hold")]
    hold_id: HoldId
    hold_name: HoldName
    reason: Reason
    placed_at: PlacedAt
    held_principal_ids: HeldPrincipals = ()
    held_session_ids: HeldSessions = ()
    held_repositories: HeldRepositories = ()
    held_from: HeldFrom = None
    held_to: HeldTo = None
    loaded_at: f.LoadedAt


class WriterRow(_Origin):
    """One row per opening and closing of a writer; what was never closed may still run.

    ``writer_id`` and ``sequence`` name the record that tells it. A writer that crashed is closed
    in the chain of its successor; one that stopped by itself, in its own.
    """

    life_writer_id: Annotated[
        str, public("writer whose life this row tells", pattern=f.UUID_PATTERN)
    ]
    status: Annotated[
        Literal["opened", "stopped", "interrupted"],
        public("opened, stopped by itself, or interrupted: closed by its successor"),
    ]
    host: Annotated[str | None, network("host it runs on", max_length=f.SHORT)] = None
    process_id: Annotated[int | None, public("process id on that host", ge=0, le=f.INT64_MAX)] = (
        None
    )
    software_version: Annotated[str | None, public("version of Tailnumber", max_length=64)] = None
    policy_digest: f.PolicyDigest | None = None
    last_sequence: Annotated[
        int | None,
        public("last sequence of a closed writer; null: no record of it", ge=0, le=f.INT64_MAX),
    ] = None
    last_record_hash: Annotated[
        str | None, public("hash of that record", pattern=f.HASH_PATTERN)
    ] = None
    loaded_at: f.LoadedAt


class PartRow(Record):
    """One row per text, sealed or (``content: tagged``) masked in clear; once per session."""

    part_id: f.PartId
    event_id: f.EventId
    occurred_at: f.OccurredAt
    tenant_id: f.TenantId
    session_id: f.SessionId
    interaction_id: f.InteractionId
    principal_id: f.PrincipalId
    key_id: f.ContentKeyId | None = None
    role: f.PartRole | None = None
    kind: f.PartKind | None = None
    size_bytes: f.PartBytes | None = None
    ciphertext_hash: f.CiphertextHash | None = None
    ciphertext: Annotated[
        bytes | None,
        content("Tink AEAD ciphertext of the masked text, associated data = part_id"),
    ] = None
    loaded_at: f.LoadedAt
    text: Annotated[
        str | None, content("masked text in clear, where the policy says content: tagged")
    ] = None
    salt: Annotated[bytes | None, content("salt of the commitment; erased with the text")] = None
    commitment: f.Commitment | None = None


class SubjectKeyRow(Record):
    """One row per content key, wrapped: what opens one principal's texts of one quarter."""

    key_id: f.ContentKeyId
    principal_id: f.PrincipalId
    quarter: f.Quarter
    tenant_id: f.TenantId
    event_id: f.EventId
    occurred_at: Annotated[f.OccurredAt, public("when the key was made, UTC")]
    kms_resource: f.KmsResource | None = None
    wrapped_keyset: Annotated[
        bytes,
        key(
            "Tink keyset (AES-256-GCM, prefix TINK), serialized and encrypted by kms_resource with "
            "no associated data: the first_level_keyset of KEYS.KEYSET_CHAIN"
        ),
    ]
    wrapped_keyset_hash: f.KeysetHash
    loaded_at: f.LoadedAt


class DeadLetterRow(Record):
    """One row per message or row that a step refused; content never, only where it lies."""

    dead_letter_id: Annotated[
        str,
        public(
            "SHA-256 of message id, stage and reason: one row however often refused",
            pattern=f.HASH_PATTERN,
        ),
    ]
    published_at: Annotated[
        f.PublishedAt, public("when Pub/Sub took the message, UTC; the same at each delivery")
    ]
    refused_at: Annotated[f.OccurredAt, public("when the pipeline refused it, UTC")]
    stage: Annotated[str, public("step that refused: decode, verify, route or load", max_length=32)]
    reason_code: f.ReasonCode
    reason: Annotated[str, public("what was wrong, without any value", max_length=1024)]
    message_id: Annotated[str, public("Pub/Sub message id", max_length=f.SHORT)]
    message_bytes: Annotated[int, public("size of the message, bytes", ge=0, le=f.INT64_MAX)]
    message_hash: Annotated[str, public("SHA-256 of the message", pattern=f.HASH_PATTERN)]
    event_id: f.EventId | None = None
    event_type: Annotated[str | None, public("event type, if it could be read", max_length=64)] = (
        None
    )
    writer_id: f.WriterId | None = None
    sequence: f.Sequence | None = None
    kept_in: Annotated[str, public("where the message lies for redrive", max_length=f.SHORT)]


def _table(row: type[Record], **parts: object) -> Table:
    defaults: dict[str, object] = {
        "version": 1,
        "description": (row.__doc__ or "").strip().splitlines()[0],
        "partition_field": "occurred_at",
        "partition_type": "DAY",
        "latest_first": "loaded_at",
    }
    return Table(row=row, **{**defaults, **parts})  # type: ignore[arg-type]


# Keys stay as long as proofs: a legal hold may keep a text for years, and a key without texts
# opens nothing. An erasure removes the row itself.
# Retention by class of data, days.
_CONTENT_DAYS, _DETAIL_DAYS, _EVENT_DAYS, _PROOF_DAYS = (
    RETENTION[name].days for name in ("content", "detail", "event", "proof")
)

TABLES: Final[Mapping[str, Table]] = MappingProxyType(
    {
        table.id: table
        for table in (
            _table(
                EventRow,
                dataset="audit",
                name="events",
                cluster_fields=("tenant_id", "event_type", "principal_id", "session_id"),
                retention_days=_EVENT_DAYS,
                identity=("event_id", "occurred_at"),
            ),
            _table(
                InteractionRow,
                dataset="audit",
                name="interactions",
                partition_field="requested_at",
                cluster_fields=("tenant_id", "principal_id", "operation", "session_id"),
                retention_days=_DETAIL_DAYS,
                identity=("interaction_id", "requested_at"),
                latest_first="status_rank",
            ),
            _table(
                FindingRow,
                dataset="audit",
                name="findings",
                cluster_fields=("tenant_id", "rule_id", "principal_id", "session_id"),
                retention_days=_DETAIL_DAYS,
                identity=("event_id", "finding_index", "occurred_at"),
            ),
            _table(
                ToolCallRow,
                dataset="audit",
                name="tool_calls",
                cluster_fields=("tenant_id", "name", "principal_id", "session_id"),
                retention_days=_DETAIL_DAYS,
                identity=("event_id", "call_index", "occurred_at"),
            ),
            _table(
                AccessDenialRow,
                dataset="audit",
                name="access_denials",
                cluster_fields=("tenant_id", "reason_code"),
                retention_days=_DETAIL_DAYS,
                identity=("event_id", "occurred_at"),
            ),
            _table(
                AdminChangeRow,
                dataset="audit",
                name="admin_changes",
                partition_type="MONTH",
                cluster_fields=("tenant_id", "object_type", "object_id"),
                retention_days=_PROOF_DAYS,
                identity=("event_id", "occurred_at"),
            ),
            _table(
                LegalHoldRow,
                dataset="audit",
                name="legal_holds",
                partition_field="placed_at",
                partition_type="MONTH",
                cluster_fields=("tenant_id", "hold_name"),
                retention_days=_PROOF_DAYS,
                identity=("hold_id", "placed_at"),
                latest_first="occurred_at",
            ),
            _table(
                RecordViewRow,
                dataset="audit",
                name="record_views",
                cluster_fields=("tenant_id", "principal_id", "command"),
                retention_days=_EVENT_DAYS,
                identity=("event_id", "occurred_at"),
            ),
            _table(
                DeadLetterRow,
                dataset="audit",
                name="dead_letters",
                partition_field="published_at",
                cluster_fields=("stage", "reason_code"),
                retention_days=_EVENT_DAYS,
                identity=("dead_letter_id", "published_at"),
                latest_first="refused_at",
            ),
            _table(
                WriterRow,
                dataset="integrity",
                name="writers",
                partition_type="MONTH",
                cluster_fields=("tenant_id", "life_writer_id"),
                retention_days=_PROOF_DAYS,
                identity=("event_id", "occurred_at"),
            ),
            _table(
                PartRow,
                dataset="content",
                name="parts",
                cluster_fields=("tenant_id", "session_id", "part_id"),
                retention_days=_CONTENT_DAYS,
                identity=("part_id", "session_id", "occurred_at"),
            ),
            _table(
                SubjectKeyRow,
                dataset="keys",
                name="subject_keys",
                partition_type="MONTH",
                cluster_fields=("tenant_id", "principal_id", "key_id"),
                retention_days=_PROOF_DAYS,
                identity=("key_id", "occurred_at"),
            ),
        )
    }
)
