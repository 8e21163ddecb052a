"""What terraform tells the gateways must be what the gateways know."""

import re
from dataclasses import fields
from pathlib import Path

from ingress.settings import PREFIX, Settings

MODULE = Path(__file__).resolve().parents[2] / "terraform" / "modules" / "ingress"
KNOWN = {PREFIX + field.name.upper() for field in fields(Settings)}


def named(path: Path) -> set[str]:
    return set(re.findall(r"\bTAILNUMBER_[A-Z_]+\b", path.read_text()))


def test_every_setting_that_terraform_names_exists():
    files = [path for path in MODULE.rglob("*") if path.suffix in {".tf", ".tftpl", ".hcl"}]

    unknown = {name: path.name for path in files for name in named(path) - KNOWN}

    assert files
    assert not unknown, "a gateway does not start with a setting that it does not know"


def test_every_setting_of_a_gateway_on_google_cloud_is_given():
    # Limits and switches keep their defaults; these say where things are.
    wanted = {
        "CONTROL_DATABASE",
        "CONTROL_PASSWORD_FILE",
        "CREDENTIAL_STORE",
        "DATA_DIR",
        "DURABLE",
        "ISSUERS_FILE",
        "KEY_URI",
        "POLICY_FILE",
        "PROJECT",
        "PUBLIC_URL",
        "TENANT_ID",
        "TOPIC",
        "TRUSTED_PROXIES",
        "WORKERS",
    }

    assert {PREFIX + name for name in wanted} <= named(MODULE / "settings.tf")
