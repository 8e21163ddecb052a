"""Fixtures for every test: servers that are started once for the whole session."""

from local_warehouse import warehouse

__all__ = ["warehouse"]
