"""Every guard: importing a file of guards/ registers those in it."""

from guarding import GUARDS, Guard
from guards import access, keys, network, stream, warehouse, watch

__all__ = ["GUARDS", "Guard", "access", "keys", "network", "stream", "warehouse", "watch"]
