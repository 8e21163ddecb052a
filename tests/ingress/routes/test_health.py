"""Health, readiness and metrics, before, while and after the parts run."""

import asyncio

import httpx
from fastapi import FastAPI

from ingress.routes.health import health_router


def test_a_starting_process_lives_but_is_not_ready():
    app = FastAPI()
    app.include_router(health_router(lambda: None))

    async def ask(path):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.get(path)

    assert asyncio.run(ask("/healthz")).json() == {"status": "ok"}
    assert asyncio.run(ask("/readyz")).status_code == 503
    assert asyncio.run(ask("/metrics")).content == b""


def test_a_running_gateway_says_ready_with_its_policy_and_writer(gateway):
    answer = gateway.ask(None, "/readyz", method="GET", key="")

    assert answer.status == 200
    assert answer.json["ready"] is True
    assert answer.json["writer_id"] == gateway.parts.journal.writer_id


def test_metrics_count_requests_refusals_and_the_journal(gateway):
    gateway.chat("hi", key="nonsense")

    text = gateway.ask(None, "/metrics", method="GET", key="").body.decode()

    assert 'ingress_access_denial_count_total{code="malformed_key"}' in text
    assert "ingress_journal_healthy 1.0" in text
