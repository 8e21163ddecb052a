"""Make operations to ask a policy about; every field has a value that a rule can miss."""

from typing import Any

from ingress.policy.rules import Operation


def operation(**facts: Any) -> Operation:
    defaults: dict[str, Any] = {
        "operation": "chat",
        "connection": "copilot",
        "principal_id": "p" * 26,
        "principal_issuer": "urn:tailnumber:local",
        "principal_subject": "ada",
        "principal_kind": "human",
        "principal_groups": ("engineering",),
        "model": "gpt-4o",
    }
    return Operation(**{**defaults, **facts})
