"""Name what runs in one gateway process, for the control plane to look at."""

from dataclasses import dataclass

from ingress.control_events import ControlEvents
from ingress.gateway import Gateway
from ingress.identity.device_relay import DeviceRelay
from ingress.identity.keys import KeyStore
from ingress.identity.token_exchange import TokenExchange
from ingress.recording.journal import Journal
from ingress.reloading import IssuersReloader, PolicyReloader
from ingress.telemetry import Metrics


@dataclass(slots=True)
class Parts:
    """The running parts of one process."""

    gateway: Gateway
    journal: Journal
    metrics: Metrics
    policy_reloader: PolicyReloader
    issuers_reloader: IssuersReloader | None
    keys: KeyStore
    exchange: TokenExchange
    device_relay: DeviceRelay
    control_events: ControlEvents
