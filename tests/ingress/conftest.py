"""One upstream and one gateway for all tests that only add to them."""

from collections.abc import Iterator

import pytest
from fake_upstream import FakeUpstream
from running_gateway import RunningGateway

from ingress.upstream.client import UpstreamLimits


@pytest.fixture(scope="session")
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as server:
        yield server


@pytest.fixture(scope="session")
def gateway(
    upstream: FakeUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningGateway]:
    limits = UpstreamLimits(first_byte_seconds=0.6, idle_seconds=0.6, connect_seconds=1.0)
    root = tmp_path_factory.mktemp("gateway")
    with RunningGateway(
        root,
        upstream.port,
        limits=limits,
        prompt_bytes_max=2 * 1024 * 1024,
        completion_bytes_max=256 * 1024,
    ) as running:
        yield running
