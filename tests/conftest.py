"""Fixtures for every test: servers that are started once, and the two control databases."""

from control_state import control_backend
from local_warehouse import warehouse

__all__ = ["control_backend", "warehouse"]
