"""Read the settings of one gateway process from its environment, once."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final, Literal, get_args

from ingress.errors import IngressError

PREFIX: Final = "TAILNUMBER_"

# Variables of the command line and of the tests, which a gateway started by them inherits.
_OTHERS = frozenset(
    {
        "TAILNUMBER_BIGQUERY_PROJECT",
        "TAILNUMBER_CACHE_DIR",
        "TAILNUMBER_CLAUDE_CODE",
        "TAILNUMBER_CODEX",
        "TAILNUMBER_COPILOT_CLI",
        "TAILNUMBER_DEMO_CREDENTIAL",
        "TAILNUMBER_GOOGLE_PUBSUB_EMULATOR",
        "TAILNUMBER_LANGUAGE_SERVER",
        "TAILNUMBER_LISTENER",
        "TAILNUMBER_OIDC_PROVIDER",
        "TAILNUMBER_TEST_POSTGRES",
    }
)


class SettingsError(IngressError):
    """A setting is missing, unknown or not of its type; the message says what to set."""

    code = "settings_invalid"


def _setting(description: str, default: Any = MISSING) -> Any:
    return field(default=default, metadata={"description": description})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings of one gateway process; each is the variable ``TAILNUMBER_<NAME>``."""

    data_dir: Path = _setting(  # noqa: RUF009  (makes a dataclass field)
        "folder of the journal, the control database and the secrets"
    )
    policy_file: Path = _setting("policy, a YAML file")  # noqa: RUF009
    issuers_file: str = _setting("OIDC issuers, a YAML file; empty: gateway keys alone", "")
    project: str = _setting("Google Cloud project of the topic", "tailnumber-local")
    topic: str = _setting("Pub/Sub topic that events go to", "audit-events")
    pubsub_address: str = _setting("host:port of a Pub/Sub emulator; empty: Google's Pub/Sub", "")
    tenant_id: str = _setting("tenant named in every event", "local")
    host: str = _setting("address to listen on", "127.0.0.1")
    port: int = _setting("port to listen on; 0: any that is free", 8080)
    workers: int = _setting("processes that serve, each with a journal of its own", 1)
    public_url: str = _setting("URL that clients reach the gateway by; empty: the Host header", "")
    trusted_proxies: str = _setting(
        "addresses and networks, separated by commas, whose X-Forwarded-For names the client: your "
        "load balancer; empty: the connection's own address counts",
        "",
    )
    prompt_bytes_max: int = _setting("largest request body, bytes; above: 413", 16 * 1024 * 1024)
    push_bytes_max: int = _setting(
        "largest git push, bytes; above: 413; kept on disk until it is decided on",
        1024 * 1024 * 1024,
    )
    completion_bytes_max: int = _setting(
        "largest answer that is no stream, bytes; above: 502", 64 * 1024 * 1024
    )
    durable: Literal["disk", "pubsub"] = _setting(
        "what makes a record durable: disk (in the data directory), or pubsub (Pub/Sub took it), "
        "for machines whose disk does not outlive them",
        "disk",
    )
    audit_wait_seconds: float = _setting("longest wait for a record to be durable; then 503", 2.0)
    journal_free_bytes_min: int = _setting(
        "free disk space below which requests are refused, bytes", 1024 * 1024 * 1024
    )
    journal_bytes_max: int = _setting(
        "journal size above which requests are refused, bytes", 4 * 1024 * 1024 * 1024
    )
    upstream_ca_file: str = _setting("file of further certificate authorities for upstreams", "")
    path_keys: Literal["off", "on"] = _setting(
        "on: keys of class path are taken at /t/KEY/…, for clients that can set no header", "off"
    )
    proxy_keys: Literal["off", "on"] = _setting(
        "on: keys of class proxy are taken as password of Proxy-Authorization: Basic", "off"
    )
    credential_store: str = _setting(
        "where credentials are: file (encrypted, in the data directory), or projects/P (Google "
        "Secret Manager)",
        "file",
    )
    control_database: str = _setting(
        "control database shared by gateways of several machines, "
        "postgresql://USER@HOST:5432/DATABASE?sslrootcert=FILE (control.md); empty: control.db, "
        "SQLite, in the data directory",
        "",
    )
    control_password_file: str = _setting(
        "file with the password of that database's role alone; empty: PGPASSFILE", ""
    )
    key_uri: str = _setting(
        "key that wraps content keys and credentials, gcp-kms://projects/P/locations/L/keyRings/R/"
        "cryptoKeys/K; empty: kek.json in the data directory",
        "",
    )
    core_dumps: Literal["never", "allow"] = _setting(
        "never, or allow: core dumps and debuggers, which see credentials", "never"
    )
    masking_engine: Literal["auto", "vectorscan", "portable"] = _setting(
        "auto, vectorscan or portable", "auto"
    )

    def __post_init__(self) -> None:
        """Refuse proxies that are no addresses: each would silently be trusted by nobody."""
        try:
            for text in filter(None, self.trusted_proxies.split(",")):
                ip_network(text.strip())
        except ValueError:
            raise SettingsError(
                f"{PREFIX}TRUSTED_PROXIES is not a list of addresses and networks, such as "
                "10.64.1.0/24,10.64.0.7"
            ) from None

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the settings.

        Raises:
            SettingsError: a variable with the prefix is unknown, missing or malformed.
        """
        known = {PREFIX + item.name.upper(): item for item in fields(cls)}
        unknown = {name for name in environ if name.startswith(PREFIX)} - known.keys() - _OTHERS
        if unknown:
            raise SettingsError(f"unknown setting {min(unknown)}; see docs/settings.md")
        values: dict[str, Any] = {}
        for name, item in known.items():
            if name in environ:
                values[item.name] = _convert(name, item.type, environ[name])
            elif item.default is MISSING:
                raise SettingsError(f"{name} is not set: {item.metadata['description']}")
        return cls(**values)


def _convert(name: str, kind: Any, text: str) -> Any:
    choices = get_args(kind)
    if choices:
        if text not in choices:
            raise SettingsError(f"{name} is not one of {', '.join(choices)}")
        return text
    try:
        return kind(text)
    except ValueError:
        raise SettingsError(f"{name} is not of type {kind.__name__}") from None


def settings_table() -> str:
    """Return docs/settings.md's table, one row per setting."""
    rows = ["| variable | meaning | default |", "|---|---|---|"]
    for item in fields(Settings):
        default = "required" if item.default is MISSING else f"`{item.default}`"
        if default == "``":
            default = "empty"
        rows.append(
            f"| `{PREFIX}{item.name.upper()}` | {item.metadata['description']} | {default} |"
        )
    return "\n".join(rows) + "\n"
