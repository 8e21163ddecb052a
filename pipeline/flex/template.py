"""Render the metadata of the Flex Template, and the container spec that a launch reads.

The parameters are those of ``pipeline.options``: their names and their help; what is here alone
is which of them a launch must say and how each may look.
Source: Dataflow REST reference v1b3, TemplateMetadata, ParameterMetadata and ContainerSpec.
"""

import argparse
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from pipeline.options import AuditOptions
from pipeline.refresh import SOURCE_HELP

# Addresses of servers that are not Google's: a launch on Dataflow never says them.
NOT_OFFERED: Final = frozenset({"storage", "pubsub"})

_PROJECT: Final = "[a-z][-a-z0-9:.]{4,61}[a-z0-9]"
_RESOURCE: Final = "[A-Za-z][-A-Za-z0-9._~+%]{2,254}"
_FILE: Final = "gs://[a-z0-9][-_.a-z0-9]{1,220}[a-z0-9]/.+"

# Kind of each parameter, and how its value looks from beginning to end.
_KINDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "subscription": (
            "PUBSUB_SUBSCRIPTION",
            f"^(projects/{_PROJECT}/subscriptions/)?{_RESOURCE}$",
        ),
        "dead_letter_topic": ("PUBSUB_TOPIC", f"^(projects/{_PROJECT}/topics/)?{_RESOURCE}$"),
        **dict.fromkeys(SOURCE_HELP, ("GCS_READ_FILE", f"^{_FILE}$")),
    }
)


def metadata() -> dict[str, Any]:
    """Return the template's metadata, as ``pipeline/flex/metadata.json`` holds it."""
    return {
        "name": "Tailnumber pipeline",
        "description": "Verifies the events of AI coding agents and loads them into BigQuery.",
        "streaming": True,
        # A message that comes twice is shown once by the views; see docs/event.md.
        "supportsAtLeastOnce": True,
        "supportsExactlyOnce": True,
        "parameters": [_parameter(name, words) for name, words in _offered().items()],
    }


def container_spec(image: str) -> dict[str, Any]:
    """Return what ``gcloud dataflow flex-template build`` writes to a bucket for an image."""
    return {
        "image": image,
        "sdkInfo": {"language": "PYTHON"},
        "metadata": metadata(),
        # Workers run in the launcher's image: the same packages, and no PyPI in reach of them.
        "defaultEnvironment": {"sdkContainerImage": image},
    }


def _offered() -> dict[str, str]:
    parser = argparse.ArgumentParser(add_help=False)
    AuditOptions._add_argparse_args(parser)  # noqa: SLF001  (how Beam itself asks for them)
    actions = {action.dest: str(action.help) for action in parser._actions}  # noqa: SLF001  (no public list)
    return {name: words for name, words in actions.items() if name not in NOT_OFFERED}


def _parameter(name: str, words: str) -> dict[str, Any]:
    kind, pattern = _KINDS[name]
    return {
        "name": name,
        "label": name.replace("_", " ").capitalize(),
        "helpText": words,
        # Enrichment is optional; without the rest there is nothing to do.
        "isOptional": name in SOURCE_HELP,
        "paramType": kind,
        "regexes": [pattern],
    }
