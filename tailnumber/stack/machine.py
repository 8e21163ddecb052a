"""Say which parts one machine runs, and prepare what they need: the policy, keys and credentials.

The only place that knows the command line of each part. ``tailnumber.stack.supervisor`` runs them.
"""

import os
import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ingress.control.store import open_sqlite
from ingress.errors import CredentialMissing, IngressError
from ingress.identity.issuers import GroupsFrom, read_issuers
from ingress.identity.keys import KeyStore
from ingress.policy.load import load_policy
from ingress.policy.rules import PolicyDocument
from ingress.secrets import TenantSecrets
from ingress.upstream.credentials import CredentialStore
from pipeline.refresh import NO_SOURCES, Sources
from tailnumber.errors import CommandError
from tailnumber.stack import policies
from tailnumber.stack.enrichment import checked_sources
from tailnumber.stack.layout import (
    DEAD_LETTER_TOPIC,
    HOST,
    PROJECT,
    SUBSCRIPTION,
    TOPIC,
    Endpoints,
    Layout,
    free_ports,
    port_is_free,
    write_private,
)
from tailnumber.stack.local_key import local_key
from tailnumber.stack.part import PartSpec

# Gateway first, so that nothing new comes in; then the loader, which still takes what was sent.
STOP_ORDER: Final = ("ingress", "pipeline")
DEMO_CREDENTIAL: Final = "demo-copilot"

# Settings of the gateway that `tailnumber up` hands on as its own environment has them.
PASSED_ON: Final = (
    "TAILNUMBER_CORE_DUMPS",
    "TAILNUMBER_MASKING_ENGINE",
    "TAILNUMBER_PATH_KEYS",
    "TAILNUMBER_PROXY_KEYS",
    "TAILNUMBER_PUBLIC_URL",
    "TAILNUMBER_TENANT_ID",
    "TAILNUMBER_UPSTREAM_CA_FILE",
)


@dataclass(frozen=True, slots=True)
class Machine:
    """One stack, prepared and not yet started."""

    layout: Layout
    policy_file: Path
    issuers_file: Path | None
    sources: Sources
    gateway_port: int
    gateway_key: str
    pubsub: str
    starts_pubsub: bool
    rest_port: int
    storage_port: int
    demo_port: int | None
    demo_credential: str
    missing_credentials: tuple[str, ...]

    @property
    def gateway(self) -> str:
        """Return the URL of the gateway."""
        return f"http://{HOST}:{self.gateway_port}"

    @property
    def bigquery(self) -> str:
        """Return the URL of the warehouse."""
        return f"http://{HOST}:{self.rest_port}"

    def endpoints(self, pids: dict[str, int]) -> Endpoints:
        """Return what ``endpoints.json`` says."""
        return Endpoints(
            gateway=self.gateway,
            console=f"{self.gateway}/console",
            gateway_key=self.gateway_key,
            project=PROJECT,
            bigquery=self.bigquery,
            pubsub=self.pubsub,
            upstream_demo=f"http://{HOST}:{self.demo_port}" if self.demo_port else None,
            pids=pids,
        )

    def parts(self, provision: Callable[[str], None]) -> list[PartSpec]:
        """Return how each part is run; ``provision`` makes the topics once Pub/Sub serves."""
        parts = [self._warehouse()]
        if self.starts_pubsub:
            parts.append(self._pubsub(lambda: provision(self.pubsub)))
        if self.demo_port:
            parts.append(self._demo_upstream(self.demo_port))
        return [*parts, self._ingress(), self._pipeline()]

    def _pubsub(self, prepare: Callable[[], None]) -> PartSpec:
        _, _, port = self.pubsub.rpartition(":")
        data_file = str(self.layout.root / "pubsub.db")
        return PartSpec(
            "pubsub",
            "Pub/Sub server",
            _python("tailnumber.stack.pubsub", "--data-file", data_file, "--port", port),
            prepare=prepare,
        )

    def _warehouse(self) -> PartSpec:
        folder = self.layout.root / "warehouse"
        folder.mkdir(mode=0o700, exist_ok=True)
        ports = ("--port", str(self.rest_port), "--grpc-port", str(self.storage_port))
        return PartSpec(
            "warehouse",
            "warehouse",
            _python("tailnumber.stack.warehouse", "--data-dir", str(folder), *ports),
        )

    def _demo_upstream(self, port: int) -> PartSpec:
        return PartSpec(
            "upstream_demo",
            "demo upstream",
            _python("tailnumber.stack.demo_upstream", "--port", str(port)),
            # Not an argument: those can be read by every account of the machine.
            environ={"TAILNUMBER_DEMO_CREDENTIAL": self.demo_credential},
        )

    def _ingress(self) -> PartSpec:
        return PartSpec(
            "ingress",
            "gateway",
            _python("ingress"),
            environ={
                **{name: os.environ[name] for name in PASSED_ON if name in os.environ},
                "TAILNUMBER_DATA_DIR": str(self.layout.root),
                "TAILNUMBER_POLICY_FILE": str(self.policy_file),
                "TAILNUMBER_ISSUERS_FILE": str(self.issuers_file or ""),
                "TAILNUMBER_PUBSUB_ADDRESS": self.pubsub,
                "TAILNUMBER_PROJECT": PROJECT,
                "TAILNUMBER_TOPIC": TOPIC,
                "TAILNUMBER_HOST": HOST,
                "TAILNUMBER_PORT": str(self.gateway_port),
            },
            after=("pubsub",) if self.starts_pubsub else (),
            # It lets streams under way end for 5 s and drains the journal for 3.
            stop_seconds=8.5,
            linger_seconds=0.7,
        )

    def _pipeline(self) -> PartSpec:
        options = {
            "--pubsub": self.pubsub,
            "--project": PROJECT,
            "--subscription": SUBSCRIPTION,
            "--dead-letter-topic": DEAD_LETTER_TOPIC,
            "--bigquery": self.bigquery,
            "--storage": f"{HOST}:{self.storage_port}",
        }
        options |= {f"--{name}": place for name, place in self.sources.named().items()}
        arguments = [word for option in options.items() for word in option]
        return PartSpec(
            "pipeline",
            "pipeline",
            _python("pipeline", "run", *arguments),
            # Not after the warehouse: Beam loads while that starts, and the first call waits.
            after=("pubsub",) if self.starts_pubsub else (),
            start_attempts=4,
        )


def prepare(  # noqa: PLR0913  (what a person can say of a stack)
    layout: Layout,
    *,
    port: int,
    demo: bool,
    policy: Path | None,
    issuers: Path | None = None,
    sources: Sources = NO_SOURCES,
) -> Machine:
    """Make folders, secrets, policy and key for a stack, and choose its ports.

    Raises:
        CommandError: a port is taken, policy, issuers or a source of enrichment are refused, or a
            secret is damaged.
    """
    layout.create()
    if port and not port_is_free(port):
        raise CommandError(
            f"Port {port} is in use; stop what listens there or choose another with --port."
        )
    given = os.environ.get("PUBSUB_EMULATOR_HOST", "")
    gateway_port, pubsub_port, rest_port, storage_port, demo_port = free_ports(5)
    policy_file = policy or _own_policy(layout, demo_port, demo=demo)
    document = read_policy(policy_file)
    issuers_file = issuers or (layout.issuers_file if layout.issuers_file.exists() else None)
    sources = checked_sources(layout, sources)
    try:
        tenant = TenantSecrets.load_or_create(layout.secrets)
        store = CredentialStore(layout.credentials_file, tenant.kek)
        engine = open_sqlite(layout.control_db)
        try:
            key = local_key(layout, KeyStore(engine))
        finally:
            engine.dispose()
        credential = _demo_credential(store, document) if demo else ""
        names = set(store.names())
    except IngressError as error:
        raise CommandError(f"{error}.") from error
    needed = [connection.credential for connection in document.connections.values()]
    needed += [source.credential for source in _directories(issuers_file)]
    return Machine(
        layout=layout,
        policy_file=policy_file,
        issuers_file=issuers_file,
        sources=sources,
        gateway_port=port or gateway_port,
        gateway_key=key,
        pubsub=given or f"{HOST}:{pubsub_port}",
        starts_pubsub=not given,
        rest_port=rest_port,
        storage_port=storage_port,
        demo_port=_demo_port(document, demo_port) if demo else None,
        demo_credential=credential,
        missing_credentials=tuple(
            reference.removeprefix("secret/")
            for reference in dict.fromkeys(needed)
            if reference and reference.removeprefix("secret/") not in names
        ),
    )


def read_policy(path: Path) -> PolicyDocument:
    """Return a policy file, checked.

    Raises:
        CommandError: it cannot be read, or with every problem in it.
    """
    try:
        return load_policy(path.read_bytes().decode(), str(path)).document
    except OSError as error:
        raise CommandError(f"The policy {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"The policy {path} is not UTF-8 text.") from error
    except IngressError as error:
        raise CommandError(f"The policy is refused:\n{error}") from error


def _directories(issuers_file: Path | None) -> list[GroupsFrom]:
    """Return whom the issuers' groups are asked of, which takes a credential each."""
    try:
        issuers = read_issuers(issuers_file) if issuers_file else ()
    except IngressError as error:
        raise CommandError(f"The issuers file is refused:\n{error}") from error
    return [issuer.groups_from for issuer in issuers if issuer.groups_from]


def _own_policy(layout: Layout, demo_port: int, *, demo: bool) -> Path:
    path = layout.policy_file(demo=demo)
    if not path.exists():
        text = policies.PLAIN
        if demo:
            text = policies.DEMO.replace("@UPSTREAM@", f"http://{HOST}:{demo_port}")
            text = text.replace("@CREDENTIAL@", DEMO_CREDENTIAL)
        write_private(path, text)
    return path


def _demo_port(document: PolicyDocument, free_port: int) -> int:
    """Return the port at which the policy expects an upstream on this machine."""
    for connection in document.connections.values():
        url = urlsplit(connection.upstream)
        if url.scheme == "http" and url.port:
            if port_is_free(url.port):
                return url.port
            raise CommandError(
                f"Port {url.port}, where the policy {document.source} expects the demo upstream, "
                "is in use; stop what listens there or change the port in that file."
            )
    return free_port


def _demo_credential(store: CredentialStore, document: PolicyDocument) -> str:
    """Return the credential of the demo upstream; made and stored at its first start."""
    references = [
        connection.credential
        for connection in document.connections.values()
        if connection.credential and urlsplit(connection.upstream).scheme == "http"
    ]
    name = references[0] if references else DEMO_CREDENTIAL
    try:
        return store.get(name).value
    except CredentialMissing:
        value = f"demo-{secrets.token_urlsafe(24)}"
        store.put(name, value)
        return value


def _python(module: str, *arguments: str) -> tuple[str, ...]:
    # -P: a file in the current folder must not stand in for a module of ours.
    return (sys.executable, "-P", "-m", module, *arguments)
