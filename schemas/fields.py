"""Define once what several records and tables share, so that a word means one thing everywhere."""

import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from schemas.base import identity, network, public, secret_evidence

HASH_PATTERN = "^[0-9a-f]{64}$"
UUID_PATTERN = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
PART_ID_PATTERN = "^[a-z2-7]{26}$"

COUNTRY_PATTERN = "^[A-Z]{2}$"

# Longest text fields; anything longer is cut at the ingress and never refused in the pipeline.
SHORT = 256
LONG = 4096

# Largest number of a column. Source: BigQuery, "Data types", INT64.
INT64_MAX = 2**63 - 1

# Above every number of a column with nine decimals. Source: BigQuery, "Data types", NUMERIC.
NUMERIC_BOUND: Final = Decimal(10) ** 29

# RFC 3339 in UTC with at most microseconds: BigQuery's TIMESTAMP holds no more, and a reader must
# not have to guess a zone.
TIME_PATTERN: Final = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|\+00:00)$"


def _utc(value: object) -> datetime:
    """Take a time in UTC, as text or object; pydantic alone takes any zone and none."""
    try:
        if isinstance(value, str) and re.fullmatch(TIME_PATTERN, value, re.ASCII):
            return datetime.fromisoformat(value)
    except ValueError:
        pass  # refused below, without the value that Python's message repeats
    if isinstance(value, datetime) and value.utcoffset() == timedelta(0):
        return value
    raise PydanticCustomError("time_not_utc", "not a time in UTC with at most microseconds")


Time = Annotated[
    datetime,
    BeforeValidator(_utc),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": TIME_PATTERN}),
]

EventId = Annotated[
    str, public("UUIDv7, given once before the first durable write", pattern=UUID_PATTERN)
]
EventVersion = Annotated[int, public("version of the event type's record", ge=1, le=INT64_MAX)]
OccurredAt = Annotated[Time, public("when it happened at the ingress, UTC, microseconds")]
TenantId = Annotated[str, public("tenant that the gateway serves", min_length=1, max_length=SHORT)]
WriterId = Annotated[
    str, public("one ingress process life; each has its own chain", pattern=UUID_PATTERN)
]
Sequence = Annotated[
    int, public("place in the writer's chain, from 0 without a gap", ge=0, le=INT64_MAX)
]
PreviousHash = Annotated[
    str, public("record hash of the writer's previous record, 64 zeros first", pattern=HASH_PATTERN)
]
RecordHash = Annotated[
    str, public("SHA-256 of the record's exact bytes, lower-case hex", pattern=HASH_PATTERN)
]
Assurance = Annotated[
    Literal["strict", "bracket", "async"],
    public("what was durable before a byte left: strict, bracket or async"),
]
PolicyDigest = Annotated[
    str, public("SHA-256 of the policy file that decided, lower-case hex", pattern=HASH_PATTERN)
]
TraceId = Annotated[
    str, public("W3C trace id that the client sent or the ingress began", pattern="^[0-9a-f]{32}$")
]
SessionId = Annotated[
    str, public("one working run of a principal with a client", min_length=1, max_length=SHORT)
]
InteractionId = Annotated[
    str, public("one prompt and its completion; UUIDv7", pattern=UUID_PATTERN)
]

PrincipalId = Annotated[
    str,
    public(
        "pseudonym of the principal: HMAC of issuer and subject under the tenant's key",
        pattern=PART_ID_PATTERN,
    ),
]
PrincipalKind = Annotated[Literal["human", "service"], public("a person or a service account")]
Issuer = Annotated[str, identity("issuer that vouched for the principal", max_length=SHORT)]
UnverifiedIssuer = Annotated[
    str,
    identity(
        "issuer that the refused access token claimed, masked; anybody can write anything there",
        max_length=SHORT,
    ),
]
Subject = Annotated[str, identity("the principal's subject at the issuer", max_length=SHORT)]
Email = Annotated[str, identity("the principal's mail address, if the issuer told", max_length=320)]
Groups = Annotated[tuple[str, ...], identity("groups of the principal when the policy decided")]
GatewayKeyId = Annotated[
    str, public("id of the gateway key that was used, never the key", max_length=64)
]

ClientName = Annotated[str, public("editor, command line or agent program", max_length=SHORT)]
ClientVersion = Annotated[str, public("its version, as it says", max_length=SHORT)]
Editor = Annotated[str, public("editor around the client and its version", max_length=SHORT)]
MachineId = Annotated[str, network("machine id that the client sent", max_length=SHORT)]
ClientAddress = Annotated[str, network("address that the connection came from", max_length=64)]
UserAgent = Annotated[str, network("User-Agent header", max_length=SHORT)]

Connection = Annotated[
    str, public("connection of the policy that the path led to", max_length=SHORT)
]
Protocol = Annotated[
    str, public("wire protocol of the exchange, such as openai.chat", max_length=64)
]
Operation = Annotated[
    str,
    public(
        "chat, inline, panel, embeddings, models, token, user, settings, tool_call, push, fetch or "
        "other",
        max_length=64,
    ),
]
Method = Annotated[str, public("HTTP method", max_length=32)]
Path = Annotated[str, public("path of the request without its query", max_length=LONG)]
Model = Annotated[str, public("model that was asked for", max_length=SHORT)]
Provider = Annotated[
    str, public("who serves the model, an OpenTelemetry GenAI provider name", max_length=64)
]
Streamed = Annotated[bool, public("the completion was asked for as a stream")]
RequestId = Annotated[str, public("request id that the client sent", max_length=SHORT)]
TurnId = Annotated[str, public("turn that the client counts", max_length=SHORT)]
Repository = Annotated[
    str, public("repository as owner/name, if the client told", max_length=SHORT)
]
FilePaths = Annotated[tuple[str, ...], public("files named in the context or edited, as sent")]
ExcludedPaths = Annotated[
    tuple[str, ...], public("files that policy took out of the prompt, as the client named them")
]
FilePathCount = Annotated[
    int,
    public(
        "files that a push changes, also those beyond the first 1,000 in file_paths; absent if not "
        "all of them are known",
        ge=0,
        le=INT64_MAX,
    ),
]
RefName = Annotated[str, public("full name of a git ref, such as refs/heads/main", max_length=1024)]
RefChange = Annotated[
    Literal["created", "updated", "forced", "deleted", "wanted"],
    public(
        "what a push does to the ref (forced: commits are lost by it, or the gateway could not "
        "rule that out), or wanted by a fetch"
    ),
]
RefId = Annotated[
    str, public("git object id, lower-case hex", pattern="^([0-9a-f]{40}|[0-9a-f]{64})$")
]
RefResult = Annotated[
    Literal["ok", "refused"],
    public("what became of it: refused by policy or by the git server; absent if nobody told"),
]
Language = Annotated[str, public("programming language, as the client says", max_length=64)]
PromptBytes = Annotated[int, public("size of the request body, bytes", ge=0, le=INT64_MAX)]
PromptPartIds = Annotated[
    tuple[str, ...], public("the prompt's parts in order; texts are in content.parts")
]
Effect = Annotated[Literal["allow", "mask", "review", "deny"], public("what the policy decided")]
RuleId = Annotated[
    str, public("policy rule that decided; `default` if none matched", max_length=128)
]
ReasonCode = Annotated[str, public("stable code of the reason", max_length=128)]
HttpStatus = Annotated[int, public("HTTP status that the client got", ge=100, le=599)]
UpstreamStatus = Annotated[int, public("HTTP status of the upstream", ge=100, le=599)]
UpstreamRequestId = Annotated[
    str, public("x-github-request-id or x-request-id of the upstream", max_length=SHORT)
]
ModelUsed = Annotated[str, public("model that answered", max_length=SHORT)]
FinishReasons = Annotated[tuple[str, ...], public("why each choice ended, in the provider's words")]
InputTokens = Annotated[
    int, public("tokens of the prompt, as the upstream counted", ge=0, le=INT64_MAX)
]
OutputTokens = Annotated[
    int, public("tokens of the completion, as the upstream counted", ge=0, le=INT64_MAX)
]
CachedTokens = Annotated[
    int, public("prompt tokens that the provider had cached", ge=0, le=INT64_MAX)
]
CompletionBytes = Annotated[
    int, public("bytes of the answer's body that reached the client", ge=0, le=INT64_MAX)
]
CompletionPartIds = Annotated[
    tuple[str, ...], public("the completion's parts in order; texts are in content.parts")
]
DurationSeconds = Annotated[float, public("request read to answer ended, seconds", ge=0)]
FirstChunkSeconds = Annotated[float, public("request read to first chunk released, seconds", ge=0)]
ChunkCount = Annotated[int, public("chunks released to the client", ge=0, le=INT64_MAX)]
ClientLeft = Annotated[bool, public("the client closed the connection before the end")]
FindingCount = Annotated[int, public("secrets found and handled", ge=0, le=INT64_MAX)]

PartId = Annotated[
    str,
    public(
        "HMAC of principal, session and text; equal texts of a session are one part",
        pattern=PART_ID_PATTERN,
    ),
]
PartRole = Annotated[
    Literal["system", "developer", "user", "assistant", "tool"], public("who speaks")
]
PartKind = Annotated[
    Literal["text", "prefix", "suffix", "tool_arguments", "tool_result", "reasoning", "other"],
    public("what the text is: message text, code before or after the cursor, a tool's input…"),
]
PartBytes = Annotated[int, public("size of the masked text, UTF-8 bytes", ge=0, le=INT64_MAX)]
CiphertextHash = Annotated[
    str, public("SHA-256 of the sealed text, lower-case hex", pattern=HASH_PATTERN)
]
ContentKeyId = Annotated[
    str, public("content key that sealed it: one per principal and quarter", max_length=64)
]
Quarter = Annotated[
    str, public("UTC quarter of the texts that the key seals", pattern="^[0-9]{4}Q[1-4]$")
]
KmsResource = Annotated[
    str,
    public(
        "Cloud KMS key that wraps the keyset, as gcp-kms://projects/…; absent: a key of one "
        "machine's",
        max_length=LONG,
    ),
]
KeysetHash = Annotated[
    str, public("SHA-256 of the wrapped keyset, lower-case hex", pattern=HASH_PATTERN)
]
Commitment = Annotated[
    str,
    public(
        "HMAC-SHA256 of a text kept in clear under its salt, lower-case hex: proves the text "
        "while both are there, and tells nothing of it once they are gone",
        pattern=HASH_PATTERN,
    ),
]
ContentMode = Annotated[
    Literal["sealed", "tagged", "none"],
    public(
        "how the texts are kept: sealed, tagged (masked, in clear, in a column of class content) "
        "or none"
    ),
]
ViewCommand = Annotated[
    str, public("how the texts were opened: query, search, replay or console", max_length=32)
]
ViewReason = Annotated[
    str,
    identity("why, in the reader's own words, masked", min_length=1, max_length=1024),
]
ViewedSessions = Annotated[
    tuple[SessionId, ...], public("sessions whose texts were opened, at most 1,000")
]
ViewedInteractions = Annotated[
    tuple[InteractionId, ...], public("interactions whose texts were opened, at most 1,000")
]
ViewedParts = Annotated[tuple[PartId, ...], public("texts that were opened, at most 1,000")]
ViewedPrincipals = Annotated[
    tuple[PrincipalId, ...], public("principals whose texts were opened, at most 1,000")
]

FindingRuleId = Annotated[str, public("masking rule that found it", max_length=128)]
FindingTier = Annotated[int, public("1 = provider format, 2 = generic", ge=1, le=2)]
FindingDirection = Annotated[
    Literal["to_upstream", "to_client"], public("which way the text was going")
]
FindingAction = Annotated[
    Literal["masked", "recorded"], public("replaced in place, or recorded only")
]
FindingLocation = Annotated[
    str, public("where in the body or stream, such as messages[2].content", max_length=SHORT)
]
FindingStart = Annotated[
    int, public("first code point of the secret in the text", ge=0, le=INT64_MAX)
]
FindingEnd = Annotated[int, public("code point after the secret's last", ge=0, le=INT64_MAX)]
Fingerprint = Annotated[
    str,
    secret_evidence(
        "HMAC of the secret under the tenant's key: equal secrets, equal fingerprints",
        max_length=64,
    ),
]

ToolCallId = Annotated[str, public("the provider's id of the call", max_length=SHORT)]
ToolName = Annotated[str, public("tool that the model called", max_length=SHORT)]
CalledToolName = Annotated[
    str, public("tool that the client itself called by this request (MCP)", max_length=SHORT)
]
ToolCallIndex = Annotated[
    int, public("place among the answer's tool calls, from 0", ge=0, le=INT64_MAX)
]
DeniedToolCallCount = Annotated[
    int, public("tool calls that were kept from the client", ge=0, le=INT64_MAX)
]
CodeBlockCount = Annotated[
    int, public("fenced blocks of code in the completion's text", ge=0, le=INT64_MAX)
]
CodeLanguages = Annotated[
    tuple[str, ...], public("languages that the completion's blocks of code name, each once")
]

Department = Annotated[
    str, public("department of the principal, from the directory", max_length=SHORT)
]
CostCenter = Annotated[
    str, public("cost centre of the principal, from the directory", max_length=SHORT)
]
EmploymentType = Annotated[
    str,
    identity("employee, contractor…: the directory's word for the principal", max_length=SHORT),
]
ManagerEmail = Annotated[
    str, identity("mail address of the principal's manager, from the directory", max_length=320)
]
PrincipalCountry = Annotated[
    str,
    identity(
        "country that the principal works in, from the directory, ISO 3166-1 alpha-2",
        pattern=COUNTRY_PATTERN,
    ),
]
ClientCountry = Annotated[
    str,
    network(
        "country of client_address by the configured database, ISO 3166-1 alpha-2",
        pattern=COUNTRY_PATTERN,
    ),
]
RepositoryOwner = Annotated[
    str, public("team that answers for it, from the repositories file", max_length=SHORT)
]
RepositoryCriticality = Annotated[
    Literal["low", "medium", "high", "critical"],
    public("how much hangs on the repository, from the same file"),
]
FileLanguages = Annotated[
    tuple[str, ...],
    public("languages of the files that are named or changed, told from their names, each once"),
]
ChangeKinds = Annotated[
    tuple[str, ...],
    public(
        "what the changed files are, told from their names, each once: code, test, documentation, "
        "configuration, dependencies, infrastructure, pipeline, database or other"
    ),
]
RiskTier = Annotated[
    Literal["read", "write", "execute", "network", "destructive"],
    public("most that the tool can do by its name; absent if the name tells nothing"),
]
CostAmount = Annotated[
    Decimal,
    public(
        "tokens times the price list's prices, in cost_currency, rounded to nine decimals; absent "
        "without token counts or without a price",
        ge=0,
        lt=NUMERIC_BOUND,
        decimal_places=9,
    ),
]
CostCurrency = Annotated[str, public("ISO 4217 code of cost_amount", pattern="^[A-Z]{3}$")]

LoadedAt = Annotated[Time, public("when the pipeline wrote the row, UTC")]
PublishedAt = Annotated[Time, public("when Pub/Sub took the message, UTC")]
