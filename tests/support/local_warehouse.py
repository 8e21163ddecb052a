"""The one-machine warehouse as a process of its own, one for the whole test session."""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from google.cloud import bigquery

from pipeline.tables import open_client

READY_SECONDS = 30


@dataclass
class Warehouse:
    process: subprocess.Popen[bytes]
    data_dir: Path
    bigquery: str
    storage: str
    clients: list[bigquery.Client] = field(default_factory=list)

    def client(self, project: str | None = None) -> bigquery.Client:
        """A client of a project that nobody else uses."""
        client = open_client(project or f"test-{uuid.uuid4().hex[:12]}", self.bigquery)
        self.clients.append(client)
        return client

    def stop(self, number: int = signal.SIGTERM) -> int:
        for client in self.clients:
            client.close()
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


def start_warehouse(data_dir: Path) -> Warehouse:
    process = subprocess.Popen(
        [sys.executable, "-m", "tailnumber.stack.warehouse", "--data-dir", str(data_dir)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        deadline = time.monotonic() + READY_SECONDS
        line = process.stdout.readline() if selector.select(deadline - time.monotonic()) else b""
    if not line:
        process.kill()
        raise AssertionError(f"the warehouse was not ready: exit {process.wait()}")
    ready = json.loads(line)
    assert ready["ready"] is True
    return Warehouse(process, data_dir, ready["bigquery"], ready["storage"])


@contextmanager
def running_warehouse(data_dir: Path) -> Iterator[Warehouse]:
    warehouse = start_warehouse(data_dir)
    try:
        yield warehouse
    finally:
        warehouse.stop()


def ask(client: bigquery.Client, sql: str) -> list[dict[str, Any]]:
    rows = client.query(sql, timeout=10, job_retry=None).result(timeout=10, job_retry=None)
    return [dict(row) for row in rows]


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    with running_warehouse(tmp_path_factory.mktemp("warehouse")) as running:
        yield running
