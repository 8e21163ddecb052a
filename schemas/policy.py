"""Describe a change of the policy that a running writer decides by."""

from typing import Annotated, Literal

from schemas import fields as f
from schemas.base import public
from schemas.envelope import Envelope

RuleIds = tuple[str, ...]


class PolicyChanged(Envelope):
    """A running writer took a new policy file; durable before the first decision by it.

    The policy of a writer's start stands in its ``writer.opened``.
    """

    event_type: Annotated[Literal["policy.changed"], public("what happened")]
    event_version: Annotated[Literal[1], public("version of this record")]
    previous_policy_digest: Annotated[
        str,
        public("SHA-256 of the policy file that decided until now", pattern=f.HASH_PATTERN),
    ]
    policy_digest: Annotated[
        str, public("SHA-256 of the policy file that decides from now on", pattern=f.HASH_PATTERN)
    ]
    rules_added: Annotated[RuleIds, public("ids of rules that the previous policy did not have")]
    rules_removed: Annotated[RuleIds, public("ids of rules that are gone")]
    rules_changed: Annotated[RuleIds, public("ids of rules that say something else")]
    sections_changed: Annotated[
        tuple[
            Literal[
                "admins", "connections", "masking", "content", "models", "exclude", "rule_order"
            ],
            ...,
        ],
        public(
            "other sections that differ: admins, connections, masking, content, models, exclude, "
            "rule_order"
        ),
    ]
