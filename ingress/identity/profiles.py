"""Know what the tokens of each product are: Okta, Entra ID, Google, Keycloak, GitHub Actions; pure.

Only facts stand here, each with its source; ``ingress.identity.oidc`` checks tokens by them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from ingress.identity.principal import PrincipalKind

ProfileName = Literal["generic", "okta", "entra", "google", "keycloak", "github-actions"]
Algorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519"
]

PROFILES: Final[tuple[ProfileName, ...]] = (
    "generic",
    "okta",
    "entra",
    "google",
    "keycloak",
    "github-actions",
)
# Asymmetric ones only: a gateway that could verify HMAC could also forge.
ALGORITHMS: Final[tuple[Algorithm, ...]] = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "Ed25519",
)
# RFC 9068 section 4: a token of this type is meant for a resource server, an ID token is not.
ACCESS_TOKEN_TYPE: Final = "at+jwt"  # noqa: S105 - a media type
# The type of an issuer that marks its access tokens by a claim instead; "" is no type at all.
PLAIN_TYPES: Final = frozenset({"", "jwt"})


@dataclass(frozen=True, slots=True)
class Profile:
    """What the tokens of one kind of issuer have in common.

    Args:
        token_types: accepted ``typ`` of the header, lower case.
        present: claims that must be there besides those of every profile.
        equal: claims that must have exactly this value.
        pins: at least one of these must be required by the file; empty: no pin is needed.
        subject_claims: together they name the caller, joined by a colon; for a program that has
            none of them ``sub`` does.
        subject_labels: each of them stands with its name before it, and one may be missing.
        groups_max: as many groups as this may have been cut.
        directory_url: where the directory of groups is; "" is the issuer's own origin, None: the
            profile has no directory that can be asked.
    """

    token_types: frozenset[str]
    algorithms: tuple[Algorithm, ...] = ("RS256",)
    kind: PrincipalKind = "human"
    present: tuple[str, ...] = ()
    equal: tuple[tuple[str, str], ...] = ()
    pins: tuple[str, ...] = ()
    subject_claims: tuple[str, ...] = ("sub",)
    subject_labels: bool = False
    groups_max: int = 200
    jwks_uri: str | None = None
    directory_url: str | None = None


PROFILE: Final[Mapping[ProfileName, Profile]] = MappingProxyType(
    {
        "generic": Profile(
            token_types=frozenset({ACCESS_TOKEN_TYPE}), algorithms=("RS256", "ES256")
        ),
        # Source: developer.okta.com, "Access token claims": cid and scp are in no ID token; and
        # Okta's groups claim silently stops at 100.
        "okta": Profile(
            token_types=PLAIN_TYPES | {ACCESS_TOKEN_TYPE},
            present=("cid", "scp"),
            # A person's sub is a login, which can change hands; uid is what an ID token calls sub.
            subject_claims=("uid",),
            groups_max=100,
            directory_url="",
        ),
        # Source: learn.microsoft.com, "Access token claims reference": typ is always JWT; oid is
        # the caller in tenant tid; over 200 groups a token names none.
        "entra": Profile(
            token_types=PLAIN_TYPES,
            present=("azp", "oid", "tid"),
            equal=(("ver", "2.0"),),
            subject_claims=("tid", "oid"),
            groups_max=201,
            directory_url="https://graph.microsoft.com",
        ),
        # Source: developers.google.com, "OpenID Connect": access tokens are opaque, so callers show
        # an ID token; every Google account and service account has one, for any audience.
        "google": Profile(
            token_types=PLAIN_TYPES,
            pins=("hd", "sub", "email"),
            jwks_uri="https://www.googleapis.com/oauth2/v3/certs",
            directory_url="https://admin.googleapis.com",
        ),
        # Source: www.keycloak.org, server administration guide: the claim typ tells token kinds.
        "keycloak": Profile(
            token_types=PLAIN_TYPES | {ACCESS_TOKEN_TYPE},
            equal=(("typ", "Bearer"),),
        ),
        # Source: docs.github.com, "OpenID Connect reference": any repository of anybody gets a
        # token for any audience; names can be taken over, ids cannot.
        "github-actions": Profile(
            token_types=PLAIN_TYPES,
            kind="service",
            present=("repository_id", "ref"),
            pins=("repository_id", "repository_owner_id", "enterprise_id"),
            # GitHub's sub is made of names, or of what the repository's owner configured.
            subject_claims=("repository_id", "ref", "environment"),
            subject_labels=True,
        ),
    }
)
