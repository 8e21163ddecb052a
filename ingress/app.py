"""Put the parts of one gateway process together: the only place where they meet.

FastAPI carries the control plane (health and metrics now, reviews and console later); every other
path is the data path and goes to the gateway without passing a framework.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError

from ingress.cloud_kms import CloudKmsWrapper
from ingress.control.content_keys import tell_untold
from ingress.control.store import open_control
from ingress.control.tenant import tenant_secrets
from ingress.control_events import ControlEvents
from ingress.errors import ControlDatabaseError, IngressError, PolicyError, PolicyProblem
from ingress.forgetting import forget_retired_keys
from ingress.forwarding import Forwarder
from ingress.gateway import Gateway, Rules
from ingress.git.path import GitPath
from ingress.github import GitHubWrites
from ingress.identity.authenticate import build_identity
from ingress.identity.device_relay import DeviceRelay
from ingress.identity.issuers import read_issuers
from ingress.identity.key_form import KeyClass
from ingress.identity.keys import KeyStore
from ingress.identity.token_exchange import TokenExchange
from ingress.ids import new_id, utc_now
from ingress.local import LocalAnswers
from ingress.masking.detect import Detector
from ingress.masking.mask import Masker
from ingress.masking.pii import PiiKind
from ingress.masking.rules import RuleError, RuleSet, builtin_rules, load_rules, merge
from ingress.parts import Parts
from ingress.policy.decide import Policy
from ingress.policy.load import load_policy
from ingress.policy.rules import TIER2_MODES, Tier2
from ingress.prompt_masking import PromptMasking
from ingress.recording.journal import Journal, JournalLimits
from ingress.recording.publisher import Publisher, PublisherLimits
from ingress.recording.pubsub import PubSubTransport
from ingress.recording.recorder import Recorder
from ingress.recording.recovery import adopt
from ingress.recording.succession import succeed
from ingress.reloading import IssuersReloader, PolicyReloader
from ingress.routes.console import console_router
from ingress.routes.door import answer_errors
from ingress.routes.github_login import DEVICE_PATH, TOKEN_PATH, github_login_router
from ingress.routes.health import health_router
from ingress.routes.keys import keys_router
from ingress.routes.token import token_router
from ingress.routing import Router
from ingress.sealing import ContentKeys, Opener, Sealer
from ingress.settings import Settings, SettingsError
from ingress.tasks import spawn
from ingress.telemetry import Metrics, log_figures
from ingress.upstream.client import UpstreamClient
from ingress.upstream.custody import Custody
from ingress.upstream.secret_reading import SecretReader
from ingress.upstream.stores import open_store
from ingress.upstream.tokens import TokenTrade
from ingress.usage import Usage, UsageStore

# Paths of the control plane; everything else is data path.
CONTROL_PATHS = frozenset(
    {"/healthz", "/readyz", "/metrics", "/console", "/oauth/token", DEVICE_PATH, TOKEN_PATH}
)
CONTROL_PREFIX = "/api/v1/"

# Longest wait at the stop for Pub/Sub to take what is left; the rest waits on disk.
_DRAIN_SECONDS = 3.0
# A request waits for each publication: no gathering, and no long pause after an outage.
_AWAITED = PublisherLimits(linger_seconds=0.002, last_backoff_seconds=1.0)


class Ingress(FastAPI):
    """The gateway process's application."""

    parts: Parts | None = None
    start_error: IngressError | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Send the data path straight to the gateway."""
        if scope["type"] == "lifespan":

            async def tell(message: Any) -> None:
                # The server would log the traceback; the one sentence is ``start_error``.
                known = self.start_error is not None
                await send({"type": message["type"]} if known else message)

            await super().__call__(scope, receive, tell)
        elif _is_control(scope.get("path", "")) or not self.parts:
            await super().__call__(scope, receive, send)
        else:
            await self.parts.gateway(scope, receive, send)


def create_app(settings: Settings) -> Ingress:
    """Return the application; its parts start and stop with the server."""

    @asynccontextmanager
    async def lifespan(app: Ingress) -> AsyncIterator[None]:
        try:
            async with running_parts(settings) as parts:
                app.parts = parts
                yield
                app.parts = None
        except IngressError as error:
            app.start_error = error
            raise
        except SQLAlchemyError as error:
            app.start_error = ControlDatabaseError(
                f"The control database cannot be used: {type(error).__name__}"
            )
            raise

    app = Ingress(
        title="Tailnumber",
        version=version("tailnumber"),
        lifespan=lifespan,
        openapi_url=f"{CONTROL_PREFIX}openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    answer_errors(app, lambda: app.parts)
    app.include_router(health_router(lambda: app.parts))
    app.include_router(console_router())
    app.include_router(token_router(lambda: app.parts))
    app.include_router(keys_router(lambda: app.parts))
    app.include_router(github_login_router(lambda: app.parts))
    return app


def _is_control(path: str) -> bool:
    return path in CONTROL_PATHS or path.startswith(CONTROL_PREFIX)


@asynccontextmanager
async def running_parts(settings: Settings) -> AsyncIterator[Parts]:
    """Start every part, take over dead writers, and stop all of it in the opposite order.

    Raises:
        IngressError: a part cannot start; the message says what to do.
    """
    read = partial(read_policy, durable=settings.durable)
    policy = read(settings.policy_file)
    issuers_file = _optional_path(settings.issuers_file)
    issuers = read_issuers(issuers_file) if issuers_file else ()
    kek = CloudKmsWrapper(settings.key_uri) if settings.key_uri else None
    engine = open_control(settings)
    async with AsyncExitStack() as stack:
        stack.callback(engine.dispose)
        tenant = tenant_secrets(settings.data_dir / "secrets", engine, kek)
        keys = ContentKeys(engine, tenant.kek, tenant.subkey("content-key"))
        tell_untold(engine, settings.key_uri or None, utc_now())
        metrics = Metrics()
        journal, publisher = _start_recording(settings)
        sealer = Sealer(keys)
        stack.push_async_callback(_stop, spawn(forget_retired_keys(sealer), "forget erased keys"))
        recorder = Recorder(journal, sealer, tenant.subkey("part"), settings.tenant_id)
        await _open_writer(settings, recorder, journal, publisher, Opener(keys), policy)
        stack.push_async_callback(_stop_recording, recorder, journal, publisher)
        client = UpstreamClient(ca_file=_optional_path(settings.upstream_ca_file))
        stack.push_async_callback(client.close)
        credentials = open_store(
            settings.credential_store,
            settings.data_dir / "secrets" / "credentials.json",
            tenant.kek,
        )
        identity = build_identity(
            engine,
            tenant,
            issuers,
            _optional_path(settings.upstream_ca_file),
            lambda reference: credentials.get(reference).value,
            _key_places(settings),
        )
        stack.push_async_callback(identity.close)
        identity.access_tokens.warm()
        custody = Custody(
            SecretReader(credentials),
            TokenTrade(client, _optional_path(settings.upstream_ca_file)),
        )
        stack.callback(custody.close)
        build = partial(
            build_rules, settings=settings, fingerprint_key=tenant.subkey("fingerprint")
        )
        usage = Usage(UsageStore(engine))
        stack.push_async_callback(usage.sync)
        forwarder = Forwarder(client, custody, recorder, metrics, settings.completion_bytes_max)
        gateway = Gateway(
            authenticator=identity,
            rules=build(policy),
            recorder=recorder,
            forwarder=forwarder,
            git=GitPath(
                forwarder,
                recorder,
                metrics,
                folder=settings.data_dir / "spool",
                fetch_bytes_max=settings.prompt_bytes_max,
                push_bytes_max=settings.push_bytes_max,
            ),
            github=GitHubWrites(forwarder.send),
            local=LocalAnswers(identity.copilot_tokens, recorder, metrics, settings.public_url),
            metrics=metrics,
            usage=usage,
            prompt_bytes_max=settings.prompt_bytes_max,
        )
        sharing = usage.keep(lambda: gateway.rules.policy.counts)
        stack.push_async_callback(_stop, spawn(sharing, "share usage"))
        telling = log_figures(metrics, journal.stats)
        stack.push_async_callback(_stop, spawn(telling, "log figures"))
        policy_reloader = PolicyReloader(
            settings.policy_file,
            read,
            build,
            gateway,
            recorder,
            lambda problems: metrics.policy_problems.set(len(problems)),
        )
        stack.push_async_callback(_stop, spawn(policy_reloader.watch(), "watch policy"))
        issuers_reloader = None
        if issuers_file is not None:
            issuers_reloader = IssuersReloader(
                issuers_file,
                identity.access_tokens,
                recorder,
                lambda problems: metrics.issuers_problems.set(len(problems)),
            )
            stack.push_async_callback(_stop, spawn(issuers_reloader.watch(), "watch issuers"))
        store = KeyStore(engine)
        control_events = ControlEvents(engine, recorder, tenant.subkey("principal"))
        stack.push_async_callback(_stop, spawn(control_events.watch(), "watch control events"))
        exchange = TokenExchange(identity.access_tokens, store)
        device_relay = DeviceRelay(
            lambda: identity.access_tokens.issuers, _optional_path(settings.upstream_ca_file)
        )
        stack.push_async_callback(device_relay.close)
        yield Parts(
            gateway=gateway,
            journal=journal,
            metrics=metrics,
            policy_reloader=policy_reloader,
            issuers_reloader=issuers_reloader,
            keys=store,
            exchange=exchange,
            device_relay=device_relay,
            control_events=control_events,
        )


def _key_places(settings: Settings) -> tuple[KeyClass, ...]:
    asked: dict[KeyClass, str] = {"path": settings.path_keys, "proxy": settings.proxy_keys}
    return tuple(place for place, switch in asked.items() if switch == "on")


def read_policy(path: Path, durable: str = "disk") -> Policy:
    """Read the policy file.

    Raises:
        PolicyError: it cannot be read, is refused with every problem's place, or asks for more
            than this machine's records can keep (``TAILNUMBER_DURABLE``).
    """
    try:
        text = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        problem = PolicyProblem(str(path), 1, 1, f"cannot be read: {type(error).__name__}")
        raise PolicyError((problem,)) from None
    policy = load_policy(text, str(path))
    if durable == "pubsub":
        _refuse_strict(policy, str(path))
    return policy


def _refuse_strict(policy: Policy, source: str) -> None:
    """Refuse rules whose promise needs a disk that outlives the machine.

    Raises:
        PolicyError: naming each.
    """
    problems = tuple(
        PolicyProblem(
            source,
            1,
            1,
            f"rule {rule.id}: assurance strict keeps each piece of an answer on disk, which "
            "TAILNUMBER_DURABLE=pubsub does without; write assurance: bracket",
        )
        for rule in policy.document.rules
        if rule.assurance == "strict" and rule.effect in {"allow", "mask"}
    )
    if problems:
        raise PolicyError(problems)


def build_rules(policy: Policy, settings: Settings, fingerprint_key: bytes) -> Rules:
    """Return what a policy gives the data path."""
    masking = policy.document.masking
    detector = Detector(
        _rule_set(masking.rules, settings),
        engine=settings.masking_engine,
        cache_dir=settings.data_dir / "cache",
    )

    def masking_with(tier2: Tier2, pii: frozenset[PiiKind]) -> PromptMasking:
        masker = Masker(
            detector,
            fingerprint_key,
            tier2=tier2,
            pii=tuple(pii),
            allow=masking.allow,
            today=lambda: utc_now().date(),
        )
        return PromptMasking(masker, restore=masking.restore)

    return Rules(
        policy,
        Router(policy.document.connections),
        masking_with(masking.tier2, frozenset(masking.pii)),
        {
            more: masking_with(
                max(masking.tier2, more.tier2, key=TIER2_MODES.index),
                frozenset(masking.pii) | frozenset(more.pii),
            )
            for more in {rule.masking for rule in policy.document.rules if rule.masking}
        },
    )


def _rule_set(names: tuple[str, ...], settings: Settings) -> RuleSet:
    base = settings.policy_file.parent
    try:
        sets = [
            builtin_rules() if name == "builtin" else load_rules((base / name).read_text(), name)
            for name in names
        ]
        return merge(*sets)
    except RuleError as error:
        raise SettingsError(f"masking rules: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        listed = ", ".join(names)
        raise SettingsError(f"masking rules cannot be read ({listed}): {error}") from error


def _start_recording(settings: Settings) -> tuple[Journal, Publisher]:
    root = settings.data_dir / "journal"
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    limits = JournalLimits(
        max_bytes=settings.journal_bytes_max,
        min_free_bytes=settings.journal_free_bytes_min,
        deadline_seconds=settings.audit_wait_seconds,
    )
    by_broker = settings.durable == "pubsub"
    journal = Journal(root, new_id(), limits=limits, until_published=by_broker)
    topic = f"projects/{settings.project}/topics/{settings.topic}"
    transport = PubSubTransport(topic, emulator=settings.pubsub_address or None)
    publisher = Publisher(transport, root, [journal], limits=_AWAITED if by_broker else None)
    journal.on_durable(publisher.wake)
    publisher.start()
    return journal, publisher


async def _open_writer(  # noqa: PLR0913, PLR0917  (the parts that meet here)
    settings: Settings,
    recorder: Recorder,
    journal: Journal,
    publisher: Publisher,
    opener: Opener,
    policy: Policy,
) -> None:
    await recorder.writer_opened(
        host=socket.gethostname(),
        process_id=os.getpid(),
        software_version=version("tailnumber"),
        policy_digest=policy.digest,
    )
    orphans = await asyncio.to_thread(adopt, settings.data_dir / "journal", journal.writer_id)
    for orphan in orphans:
        publisher.add(orphan)
        await succeed(orphan, recorder, opener)


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _stop_recording(recorder: Recorder, journal: Journal, publisher: Publisher) -> None:
    await recorder.writer_closed()
    await asyncio.to_thread(publisher.close, _DRAIN_SECONDS)
    await journal.close()


def _optional_path(text: str) -> Path | None:
    return Path(text) if text else None
