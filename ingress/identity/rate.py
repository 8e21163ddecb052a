"""Bound how often one caller may ask for something costly; pure."""

from typing import Final

# Far above the callers of one process; past it the count starts over rather than grow.
_CALLERS_MAX: Final = 10_000


class RateLimit:
    """A bucket of tokens for each caller: ``burst`` at once, then ``per_second``."""

    def __init__(self, per_second: float, burst: int) -> None:
        self._per_second = per_second
        self._burst = float(burst)
        self._left: dict[str, tuple[float, float]] = {}

    def allows(self, caller: str, now: float) -> bool:
        """Count one more; say whether it is still within the bounds. ``now`` is Unix seconds."""
        left, at = self._left.get(caller, (self._burst, now))
        left = min(self._burst, left + max(0.0, now - at) * self._per_second)
        if len(self._left) >= _CALLERS_MAX:
            self._left.clear()
        allowed = left >= 1.0
        self._left[caller] = (left - 1.0 if allowed else left, now)
        return allowed
