"""Name every way in which the ingress refuses or fails; nothing here carries content or a secret.

Each class has a stable ``code`` (documented, safe to match on, recorded in events) and the HTTP
``status`` that the edge answers with. The message of an exception is for operators.

IngressError
|- ProtocolError              400: bytes that are not what their protocol says
|  |- BadPrompt               400: the request body cannot be read
|  |- BodyTooLarge            413
|  `- FrameTooLarge           one event of a stream is too large (ingress.protocol.sse)
|- SpoolUnavailable           507: no room to keep a large body until it is decided on
|- UnknownPath                404: no route of this gateway; recorded and refused
|- UpgradeRefused             426: the client asks for WebSocket or another protocol
|- ProxyRefused               405: the client takes the gateway for an HTTP proxy
|- Unauthenticated            401: one text for the client, the true reason in ``code``
|  |- MissingCredential
|  |- DuplicateCredential
|  |- MalformedKey
|  |- UnknownKey
|  |- RevokedKey
|  |- ExpiredKey
|  |- WrongKeyClass            a key for another place: header, path or proxy
|  |- MisplacedKey             a key where others can read it
|  |  |- KeyInUrl
|  |  `- KeyInHeader
|  |- ForgedToken
|  |- ExpiredToken
|  |- AccessTokenRefused      an OIDC access token that is not accepted
|  |  |- MalformedAccessToken
|  |  |- UnknownIssuer
|  |  |- WrongTokenType
|  |  |- WrongTokenAlgorithm
|  |  |- UnknownTokenKey
|  |  |- BadSignature
|  |  |- WrongAudience
|  |  |- ExpiredAccessToken
|  |  |- AccessTokenNotYetValid
|  |  |- ClaimsRefused
|  |  |- GroupsMissing
|  |  `- GroupsTruncated
|  `- GroupsUnresolved        the issuer's directory does not know the caller
|- TokenExchangeError
|  |- BadTokenRequest         400: not the form of an exchange
|  |  `- UnsupportedGrant     400: another grant than the exchange
|  `- TooManyKeys             429: too many that work, or asked for too fast
|- KeyNotFound                404: no such key, or somebody else's
|- GatewayKeyNeeded           403: what was asked for exists for gateway keys alone
|- ControlDatabaseError       the control database on PostgreSQL cannot be used as it is
|- IdentityUnavailable        503: the key store cannot be read, or an issuer's keys are not there
|  `- GroupsUnavailable       503: the issuer's directory does not answer, or not usably
|- MaskingError               a text could not be checked, so it does not pass (ingress.masking)
|- PolicyError                the policy or issuers file is refused; every problem has its place
|- SettingsError              a setting is missing, unknown or malformed (ingress.settings)
|- SealingError
|  |- SealingUnavailable      503: no content key can be made or unwrapped
|  |- ContentKeyMissing       the key was erased or never existed
|  `- ContentUnreadable       ciphertext and key, or ciphertext and part, do not belong together
|- SecretsError               the tenant's secrets are missing, damaged or open to others
|- CredentialError
|  |- CredentialMissing       502: a connection's credential has not been set
|  |- CredentialUnreadable    502: it is damaged, sealed by another key, or not of the form needed
|  |- CredentialRefused       502: the upstream, or who trades the credential, does not take it
|  `- CredentialUnavailable   502: its store, or who trades it, does not answer
|- RecordingError             the audit trail cannot be written or sent now
|  |- AuditUnavailable        503: a record is not durable, so nothing may be released for it
|  |- PublishUnavailable      503: Pub/Sub did not take a batch; the publisher tries again, forever
|  `- PublishRejected         Pub/Sub will never take this batch as it is
|- UpstreamRefused            502: the upstream sends elsewhere, or refuses our credential
`- UpstreamError              the upstream did not answer as HTTP asks
   |- UpstreamUnreachable     502: name, route, refusal or TLS
   |  `- UpstreamAddressRefused  502: the name leads into a network that the policy does not name
   |- UpstreamTimeout         504: connection, first byte or next byte
   |- UpstreamReset           502: the connection ended before the answer did
   `- UpstreamProtocolError   502: the answer is not HTTP/1.1, or over a limit
"""

from typing import ClassVar, NamedTuple


class IngressError(Exception):
    """Root of everything that the ingress raises on purpose."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500


class ProtocolError(IngressError):
    """Bytes are not what their protocol says."""

    code = "protocol_error"
    status = 400


class BadPrompt(ProtocolError):
    """The request body cannot be read; the message says why, without any of it."""

    code = "bad_prompt"


class BodyTooLarge(ProtocolError):
    """The request body is over the limit of the settings."""

    code = "body_too_large"
    status = 413


class SpoolUnavailable(IngressError):
    """The disk does not take a body that must be kept until it is decided on."""

    code = "spool_unavailable"
    status = 507


class UnknownPath(IngressError):
    """No route of this gateway has the path and method."""

    code = "unknown_path"
    status = 404


class UpgradeRefused(IngressError):
    """The client asked to speak another protocol, such as WebSocket, on this connection."""

    code = "upgrade_refused"
    status = 426


class ProxyRefused(IngressError):
    """The client took the gateway for an HTTP proxy (CONNECT)."""

    code = "proxy_refused"
    status = 405


class Unauthenticated(IngressError):
    """The caller is not known.

    The client gets ``CLIENT_TEXT`` whatever the reason, so that an answer tells nothing about
    which keys exist; ``code`` is the true reason, for the ``access.denied`` event only.

    Args:
        unverified_key_id: the id that the refused credential claims, if it had the form.
        unverified_issuer: who the refused access token says it is from; anybody can write
            anything there, so that it is recorded bounded, escaped and masked, and nothing else.
    """

    code = "unauthenticated"
    status = 401
    CLIENT_TEXT: ClassVar[str] = "The gateway key is missing or not valid."

    def __init__(self, unverified_key_id: str | None = None) -> None:
        super().__init__(self.code)
        self.unverified_key_id = unverified_key_id
        self.unverified_issuer: str | None = None


class MissingCredential(Unauthenticated):
    """No header carried a credential."""

    code = "missing_key"


class DuplicateCredential(Unauthenticated):
    """Several credentials came, and picking one would be a guess."""

    code = "duplicate_credential"


class MalformedKey(Unauthenticated):
    """The credential has no known form, or its checksum is wrong (a typo, a cut paste)."""

    code = "malformed_key"


class UnknownKey(Unauthenticated):
    """Well formed, but no such key was issued here, or the secret is another."""

    code = "unknown_key"


class RevokedKey(Unauthenticated):
    """The key was taken back."""

    code = "revoked_key"


class ExpiredKey(Unauthenticated):
    """The key's time is over."""

    code = "expired_key"


class WrongKeyClass(Unauthenticated):
    """The key is for another place: the path, a proxy password or the headers for credentials."""

    code = "wrong_key_class"


class MisplacedKey(Unauthenticated):
    """A gateway key came where logs, caches or other sites see it; the request goes nowhere.

    The text is the same whether or not the key is a real one.
    """

    code = "misplaced_key"
    CLIENT_TEXT = (
        "A gateway key came in the URL, a cookie or another wrong place. Others may have read it: "
        "revoke it, get a new one, and send that as Authorization: Bearer."
    )


class KeyInUrl(MisplacedKey):
    """The key stood in the path or the query."""

    code = "key_in_url"


class KeyInHeader(MisplacedKey):
    """The key stood in a header that is not for credentials, such as Referer or Cookie."""

    code = "key_in_header"


class ForgedToken(Unauthenticated):
    """A Copilot token that this gateway did not mint, or that was changed."""

    code = "forged_token"


class ExpiredToken(Unauthenticated):
    """A Copilot token of this gateway whose time is over; the client fetches a new one."""

    code = "expired_token"


class AccessTokenRefused(Unauthenticated):
    """An OIDC access token is not accepted; the subclass says why."""

    code = "access_token_refused"


class MalformedAccessToken(AccessTokenRefused):
    """Too long, not three parts of base64url, or header or claims are no strict JSON object."""

    code = "malformed_access_token"


class UnknownIssuer(AccessTokenRefused):
    """No issuer of the issuers file says of itself what the token says."""

    code = "unknown_issuer"


class WrongTokenType(AccessTokenRefused):
    """The header's type, or a member of it, is none of an access token of this issuer."""

    code = "wrong_token_type"


class WrongTokenAlgorithm(AccessTokenRefused):
    """The token is not signed by an algorithm that the issuer may use, or its key may not."""

    code = "wrong_token_algorithm"


class UnknownTokenKey(AccessTokenRefused):
    """The issuer publishes no key of the id that the token names."""

    code = "unknown_token_key"


class BadSignature(AccessTokenRefused):
    """The issuer's key did not sign these bytes."""

    code = "bad_signature"


class WrongAudience(AccessTokenRefused):
    """The issuer made the token for somebody else."""

    code = "wrong_audience"


class ExpiredAccessToken(AccessTokenRefused):
    """The access token's time is over."""

    code = "expired_access_token"


class AccessTokenNotYetValid(AccessTokenRefused):
    """The access token comes from the future."""

    code = "access_token_not_yet_valid"


class ClaimsRefused(AccessTokenRefused):
    """A claim that the issuer's profile or the issuers file asks for is missing or another."""

    code = "claims_refused"


class GroupsMissing(AccessTokenRefused):
    """The token of a person names no groups, or not as a list: which rules apply is unknown."""

    code = "groups_missing"


class GroupsTruncated(AccessTokenRefused):
    """The issuer left groups out, or may have: a rule about one of them would be passed by."""

    code = "groups_truncated"


class GroupsUnresolved(Unauthenticated):
    """The issuer's directory does not know the caller, or of more groups than can be recorded."""

    code = "groups_unresolved"


class TokenExchangeError(IngressError):
    """A token was not traded for a key for another reason than the token."""

    code = "token_exchange_refused"
    status = 400


class BadTokenRequest(TokenExchangeError):
    """The request is not the form of an exchange; the message says what of it, without a value."""

    code = "bad_token_request"


class UnsupportedGrant(BadTokenRequest):
    """Another grant than the token exchange."""

    code = "unsupported_grant_type"


class TooManyKeys(TokenExchangeError):
    """The caller has too many keys that work, or asks for them too fast."""

    code = "too_many_keys"
    status = 429


class KeyNotFound(IngressError):
    """There is no such key, or the caller may not know of it."""

    code = "key_not_found"
    status = 404


class GatewayKeyNeeded(IngressError):
    """What was asked for is bound to a gateway key, and the caller showed something else."""

    code = "gateway_key_needed"
    status = 403


class ControlDatabaseError(IngressError):
    """The control database cannot be used as it is; the message says what to do."""

    code = "control_database_unusable"
    status = 503


class IdentityUnavailable(IngressError):
    """The key store cannot be read, or an issuer's keys are not there, so nobody can be let in."""

    code = "identity_unavailable"
    status = 503


class GroupsUnavailable(IdentityUnavailable):
    """The issuer's directory cannot be asked, and what is known of the caller is too old."""

    code = "groups_unavailable"


class PolicyProblem(NamedTuple):
    """One thing wrong in a policy file; line and column count from 1."""

    source: str
    line: int
    column: int
    text: str

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}: {self.text}"


class PolicyError(IngressError):
    """The policy file is refused as a whole; ``problems`` has every fault, in file order."""

    code = "policy_invalid"

    def __init__(self, problems: tuple[PolicyProblem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class SealingError(IngressError):
    """A text could not be sealed or opened."""

    code = "sealing_failed"


class SealingUnavailable(SealingError):
    """No content key can be made, stored or unwrapped; nothing may be recorded or forwarded."""

    code = "sealing_unavailable"
    status = 503


class ContentKeyMissing(SealingError):
    """The content key was erased or never existed; what it sealed is gone."""

    code = "content_key_missing"
    status = 410


class ContentUnreadable(SealingError):
    """The ciphertext was changed, or belongs to another part or key."""

    code = "content_unreadable"


class SecretsError(IngressError):
    """The tenant's secrets are damaged, or others on the machine can read them."""

    code = "secrets_unusable"


class CredentialError(IngressError):
    """A connection's upstream credential cannot be used; the message never holds any of it.

    The subclass's code is recorded; the client is told ``credential_unavailable`` and no more.
    """

    code = "credential_error"
    status = 502


class CredentialMissing(CredentialError):
    """The credential that the policy names has not been set."""

    code = "credential_missing"


class CredentialUnreadable(CredentialError):
    """The credential is damaged, open to others, sealed by another key, or not of its form."""

    code = "credential_unreadable"


class CredentialRefused(CredentialError):
    """The upstream does not take the credential, or nobody trades it for a token."""

    code = "credential_refused"


class CredentialUnavailable(CredentialError):
    """The store of the credential, or who trades it for a token, does not answer as it should."""

    code = "credential_unavailable"


class UpstreamRefused(IngressError):
    """The upstream answered, and in a way that must not reach the client; the message is for it."""

    code = "upstream_refused"
    status = 502


class UpstreamError(IngressError):
    """The upstream did not answer as HTTP asks; the text never repeats what it sent."""

    code = "upstream_error"
    status = 502


class UpstreamUnreachable(UpstreamError):
    """No connection: name, route, refusal or TLS."""

    code = "upstream_unreachable"
    status = 502


class UpstreamAddressRefused(UpstreamUnreachable):
    """The upstream's name resolves to addresses that its connection may not reach."""

    code = "upstream_address_refused"


class UpstreamTimeout(UpstreamError):
    """A connection, a first byte or the next byte did not come in time."""

    code = "upstream_timeout"
    status = 504


class UpstreamReset(UpstreamError):
    """The connection ended before the answer did; what came before stands."""

    code = "upstream_reset"
    status = 502


class UpstreamProtocolError(UpstreamError):
    """The answer is not HTTP/1.1, or is larger than its limit."""

    code = "upstream_protocol_error"
    status = 502


class RecordingError(IngressError):
    """The audit trail cannot be written or sent now."""

    code = "recording_failed"
    status = 503


class AuditUnavailable(RecordingError):
    """A record is not known to be durable, so nothing may be released on its account.

    It does not promise the opposite: a record that timed out on a slow disk may still appear.

    Args:
        reason: one of ``disk_full``, ``disk_low``, ``io_error``, ``journal_full``,
            ``queue_full``, ``deadline``, ``closed``, ``rejected``; fit for a metric label.
    """

    code = "audit_unavailable"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the audit record is not durable: {reason}")
        self.reason = reason


class PublishUnavailable(RecordingError):
    """Pub/Sub did not take a batch this time; ``reason`` is the gRPC status name, lowercase."""

    code = "publish_unavailable"

    def __init__(self, reason: str) -> None:
        super().__init__(f"Pub/Sub did not take the batch: {reason}")
        self.reason = reason


class PublishRejected(RecordingError):
    """Pub/Sub refused a batch for what it holds: sending the same bytes again cannot help."""

    code = "publish_rejected"
    status = 500
