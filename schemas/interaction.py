"""Describe one prompt and its completion: requested, then completed, failed or blocked.

A terminal event repeats the request's metadata (never its texts), so that each row of
``audit.interactions`` stands alone and the loader needs to read nothing back.
"""

from typing import Annotated, Literal

from schemas import fields as f
from schemas.base import Record, public
from schemas.envelope import Client, Envelope, Principal


class Part(Record):
    """One text of the prompt or completion that this event carries beside its record.

    A sealed text has ``ciphertext_hash`` and ``key_id``, one in clear (``content: tagged``) a
    ``commitment``.
    """

    part_id: f.PartId
    role: f.PartRole
    kind: f.PartKind
    size_bytes: f.PartBytes
    ciphertext_hash: f.CiphertextHash | None = None
    key_id: f.ContentKeyId | None = None
    commitment: f.Commitment | None = None


class Finding(Record):
    """A detected secret; it never contains it."""

    rule_id: f.FindingRuleId
    tier: f.FindingTier
    direction: f.FindingDirection
    action: f.FindingAction
    location: f.FindingLocation
    part_id: f.PartId | None = None
    start_offset: f.FindingStart
    end_offset: f.FindingEnd
    fingerprint: f.Fingerprint


class ToolCall(Record):
    """A tool that the model asked the client to run.

    Without an effect the policy does not watch tool calls; with ``deny`` the client never got it.
    """

    call_id: f.ToolCallId | None = None
    name: f.ToolName
    arguments_part_id: f.PartId | None = None
    file_paths: f.FilePaths = ()
    effect: f.Effect | None = None
    rule_id: f.RuleId | None = None
    reason_code: f.ReasonCode | None = None


class Ref(Record):
    """A git ref that a push changes, or what a fetch wants."""

    ref: f.RefName | None = None
    change: f.RefChange
    old_id: f.RefId | None = None
    new_id: f.RefId | None = None
    result: f.RefResult | None = None


class InteractionEvent(Envelope):
    """What every event of an interaction says about its request and the decision."""

    session_id: f.SessionId
    interaction_id: f.InteractionId
    principal: Annotated[Principal, public("verified caller")]
    client: Annotated[Client, public("program that sent the request")]
    policy_digest: f.PolicyDigest
    requested_at: Annotated[f.OccurredAt, public("when the request was read, UTC")]
    connection: f.Connection
    protocol: f.Protocol
    operation: f.Operation
    method: f.Method
    path: f.Path
    provider: f.Provider | None = None
    model: f.Model | None = None
    streamed: f.Streamed = False
    request_id: f.RequestId | None = None
    turn_id: f.TurnId | None = None
    repository: f.Repository | None = None
    file_paths: f.FilePaths = ()
    language: f.Language | None = None
    prompt_bytes: f.PromptBytes = 0
    prompt_part_ids: f.PromptPartIds = ()
    effect: f.Effect
    rule_id: f.RuleId
    prompt_finding_count: f.FindingCount = 0
    excluded_paths: f.ExcludedPaths = ()
    parts: Annotated[tuple[Part, ...], public("texts that this event carries for the first time")]
    findings: Annotated[tuple[Finding, ...], public("secrets found in this event's texts")] = ()
    tool_name: f.CalledToolName | None = None
    refs: Annotated[tuple[Ref, ...], public("git refs that are pushed, or objects fetched")] = ()
    file_path_count: f.FilePathCount | None = None
    content_mode: f.ContentMode = "sealed"


class InteractionRequested(InteractionEvent):
    """A prompt was allowed and is about to go upstream; durable before it does."""

    event_type: Annotated[Literal["interaction.requested"], public("what happened")]
    event_version: Annotated[Literal[1], public("version of this record")]


class InteractionBlocked(InteractionEvent):
    """Policy, or a mask that failed, kept the prompt from going upstream."""

    event_type: Annotated[Literal["interaction.blocked"], public("what happened")]
    event_version: Annotated[Literal[1], public("version of this record")]
    reason_code: f.ReasonCode
    http_status: f.HttpStatus


class Outcome(InteractionEvent):
    """What came back, complete or not."""

    http_status: f.HttpStatus
    upstream_status: f.UpstreamStatus | None = None
    upstream_request_id: f.UpstreamRequestId | None = None
    model_used: f.ModelUsed | None = None
    finish_reasons: f.FinishReasons = ()
    input_tokens: f.InputTokens | None = None
    output_tokens: f.OutputTokens | None = None
    cached_tokens: f.CachedTokens | None = None
    completion_bytes: f.CompletionBytes = 0
    completion_part_ids: f.CompletionPartIds = ()
    completion_finding_count: f.FindingCount = 0
    tool_calls: Annotated[tuple[ToolCall, ...], public("tools that the model called")] = ()
    duration_seconds: f.DurationSeconds | None = None
    first_chunk_seconds: f.FirstChunkSeconds | None = None
    chunk_count: f.ChunkCount = 0
    client_left: f.ClientLeft = False
    denied_tool_call_count: f.DeniedToolCallCount = 0
    code_block_count: f.CodeBlockCount = 0
    code_languages: f.CodeLanguages = ()


class InteractionCompleted(Outcome):
    """The upstream's answer ended as its protocol says."""

    event_type: Annotated[Literal["interaction.completed"], public("what happened")]
    event_version: Annotated[Literal[1], public("version of this record")]


class InteractionFailed(Outcome):
    """The exchange broke; what had been delivered is recorded."""

    event_type: Annotated[Literal["interaction.failed"], public("what happened")]
    event_version: Annotated[Literal[1], public("version of this record")]
    reason_code: f.ReasonCode
