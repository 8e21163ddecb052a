"""Watch rows become visible in the warehouse, to measure how long that takes."""

import time
from datetime import datetime
from typing import Final

from tailnumber.demo.traffic import Sent
from tailnumber.trail import Trail

# Pause between two looks; it bounds how late an arrival is noticed.
LOOK_SECONDS: Final = 0.1
# How long after the last answer every row must be there.
PATIENCE_SECONDS: Final = 60.0

_ENDED: Final = """\
SELECT request_id
FROM audit.interactions
WHERE requested_at >= @since AND status != 'requested'
"""
_DENIED: Final = """\
SELECT COUNT(*) AS denial_count
FROM audit.access_denials
WHERE occurred_at >= @since
"""


class Arrivals:
    """Ask again and again which interactions the view shows as ended, and note when each came."""

    def __init__(self, trail: Trail, since: datetime) -> None:
        self._trail = trail
        self._since = since
        self._seen: dict[str, float] = {}

    def look(self) -> None:
        """Ask once.

        Raises:
            CommandError: the warehouse did not answer.
        """
        rows = self._trail.ask(_ENDED, since=self._since).rows
        now = time.time()
        for row in rows:
            if row["request_id"]:
                self._seen.setdefault(row["request_id"], now)

    def missing(self, sent: list[Sent]) -> int:
        """Return how many answered requests no row tells of yet."""
        recorded = [each for each in sent if each.status != 401]
        denied = len(sent) - len(recorded)
        absent = sum(each.request_id not in self._seen for each in recorded)
        if denied and not absent:
            count = self._trail.ask(_DENIED, since=self._since).rows[0]["denial_count"]
            absent += max(0, denied - count)
        return absent

    def delays(self, sent: list[Sent]) -> list[float]:
        """Return the seconds from each answer's end to its row's arrival, sorted."""
        return sorted(
            max(0.0, self._seen[each.request_id] - each.ended_at)
            for each in sent
            if each.request_id in self._seen
        )


def percentile(values: list[float], share: float) -> float:
    """Return the value below which a share of the sorted values lies, by the nearest rank."""
    if not values:
        return 0.0
    return values[min(len(values) - 1, round(share * (len(values) - 1)))]
