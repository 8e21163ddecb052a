"""The console answers without data and forbids everything that a page does not need."""

import asyncio

import httpx
from fastapi import FastAPI

from ingress.routes.console import console_router


async def fetch():
    app = FastAPI()
    app.include_router(console_router())
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        return await client.get("/console")


def test_page_asks_readyz_and_may_load_nothing_from_elsewhere():
    answer = asyncio.run(fetch())

    assert answer.status_code == 200
    assert "/readyz" in answer.text
    assert "https://" not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_page_has_a_place_for_each_fact_that_it_shows():
    page = asyncio.run(fetch()).text

    for fact in (
        "reason",
        "unacknowledged_count",
        "writer_id",
        "policy_digest",
        "policy_error",
        "issuers_error",
    ):
        assert f'<td id="{fact}">' in page
        assert page.count(f'"{fact}"') == 2
