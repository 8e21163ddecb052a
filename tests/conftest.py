"""Fixtures for every test: servers that are started once, and the two control databases."""

from control_state import control_backend
from local_warehouse import warehouse
from postgres_server import close_server

__all__ = ["control_backend", "warehouse"]


def pytest_sessionfinish() -> None:
    """End what outlives its last test."""
    close_server()
