"""Load a policy file: strict, complete about what is wrong, and all or nothing; pure."""

import hashlib
import re
from datetime import date
from types import MappingProxyType
from typing import Final

import yaml

from ingress.masking.allow import Allow
from ingress.masking.pii import PII_KINDS
from ingress.policy.connections import read_connections
from ingress.policy.decide import Policy
from ingress.policy.document import Reader
from ingress.policy.read_rules import read_models, read_rules
from ingress.policy.rules import (
    CONTENT_MODES,
    TIER2_MODES,
    Masking,
    PolicyDocument,
)

VERSION: Final = "1"
_MASKING_RULES: Final = re.compile(r"builtin|[^\s]+\.toml")
_MASKING_RULES_FORM: Final = "'builtin' or the path of a gitleaks file (*.toml)"
_TOP_KEYS: Final = (
    "version",
    "admins",
    "connections",
    "masking",
    "content",
    "models",
    "exclude",
    "rules",
)
_MASKING_KEYS: Final = ("rules", "tier2", "pii", "restore", "allow")
_ALLOW_KEYS: Final = ("fingerprint", "rule", "path", "reason", "expires")
_GLOB: Final = re.compile(r"\S(?:[^\n]{0,254}\S)?")
_GLOB_FORM: Final = "a pattern of paths such as **/secrets/** or *.pem"


def load_policy(text: str, source: str) -> Policy:
    """Check a policy file and make it ready to decide.

    Args:
        text: the file's bytes decoded as UTF-8, line ends untouched: they are hashed.
        source: name of the file, for messages.

    Raises:
        PolicyError: with every problem found, each with its line and column.
    """
    reader = Reader(source, text)
    document = _document(reader, reader.root(), text, source)
    reader.finish()
    return Policy(document)


def _document(reader: Reader, root: yaml.Node, text: str, source: str) -> PolicyDocument:
    top = reader.mapping(root, _TOP_KEYS, required=("version", "rules"))
    if "version" in top:
        reader.choice(top["version"], (VERSION,))
    content = reader.choice(top["content"], CONTENT_MODES) if "content" in top else "sealed"
    masking = _masking(reader, top["masking"]) if "masking" in top else Masking()
    if content == "tagged" and masking.tier2 != "mask":
        reader.warn(
            top["content"],
            "texts are kept in clear, with what generic rules find in them: set masking.tier2 to "
            "mask as well",
        )
    return PolicyDocument(
        source=source,
        digest=hashlib.sha256(text.encode()).hexdigest(),
        connections=MappingProxyType(
            read_connections(reader, top["connections"]) if "connections" in top else {}
        ),
        masking=masking,
        content=content or "sealed",
        rules=read_rules(reader, top["rules"]) if "rules" in top else (),
        models=read_models(reader, top["models"]) if "models" in top else (),
        exclude=_exclude(reader, top["exclude"]) if "exclude" in top else (),
        admins=_groups(reader, top["admins"]) if "admins" in top else frozenset(),
        warnings=reader.warnings,
    )


def _masking(reader: Reader, node: yaml.Node) -> Masking:
    keys = reader.mapping(node, _MASKING_KEYS)
    default = Masking()
    rules = default.rules
    if "rules" in keys:
        read = [
            reader.matching(item, _MASKING_RULES, _MASKING_RULES_FORM)
            for item in reader.sequence(keys["rules"])
        ]
        rules = tuple(rule for rule in read if rule is not None)
    tier2 = reader.choice(keys["tier2"], TIER2_MODES) if "tier2" in keys else default.tier2
    restore = reader.boolean(keys["restore"]) if "restore" in keys else default.restore
    return Masking(
        rules=rules,
        tier2=tier2 or default.tier2,
        pii=reader.choices(keys["pii"], PII_KINDS) if "pii" in keys else default.pii,
        restore=default.restore if restore is None else restore,
        allow=_allowances(reader, keys["allow"]) if "allow" in keys else (),
    )


def _allowances(reader: Reader, node: yaml.Node) -> tuple[Allow, ...]:
    allowances: list[Allow] = []
    for item in reader.sequence(node):
        keys = reader.mapping(item, _ALLOW_KEYS, required=("reason", "expires"))
        texts = {name: reader.text(value) or "" for name, value in keys.items()}
        try:
            expires = date.fromisoformat(texts.pop("expires", ""))
            allowances.append(Allow(expires=expires, **{"reason": "", **texts}))
        except ValueError as error:
            told = str(error) if "allowance" in str(error) or "fingerprint" in str(error) else ""
            reader.note(item, told or "expires must be a date such as 2026-12-31")
    return tuple(allowances)


def _exclude(reader: Reader, node: yaml.Node) -> tuple[str, ...]:
    globs = [reader.matching(item, _GLOB, _GLOB_FORM) for item in reader.sequence(node)]
    return tuple(glob for glob in globs if glob is not None)


def _groups(reader: Reader, node: yaml.Node) -> frozenset[str]:
    read = (reader.text(item) for item in reader.sequence(node))
    return frozenset(name for name in read if name)
