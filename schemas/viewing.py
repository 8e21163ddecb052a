"""Describe that somebody opened recorded texts: the trail is audited as well."""

from typing import Annotated, Literal

from schemas import fields as f
from schemas.base import public
from schemas.envelope import Envelope, Principal

# Ids that one event names; a reading of more is several events.
VIEWED_MAX = 1000


class RecordViewed(Envelope):
    """Texts were opened for a reader; durable in the control state before the first one was shown.

    The envelope's principal is the reader.
    """

    event_type: Annotated[Literal["record.viewed"], public("what happened")]
    event_version: Annotated[Literal[1], public("version of this record")]
    principal: Annotated[Principal, public("who read")]
    command: f.ViewCommand
    reason: f.ViewReason
    viewed_session_ids: f.ViewedSessions = ()
    viewed_interaction_ids: f.ViewedInteractions = ()
    viewed_part_ids: f.ViewedParts = ()
    viewed_principal_ids: f.ViewedPrincipals = ()
