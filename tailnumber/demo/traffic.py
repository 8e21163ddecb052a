"""Send the demo's story through the gateway as its clients would, and note how each step ended."""

import asyncio
import json
import secrets
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from tailnumber.demo.people import CLIENTS, SESSION_HEADERS, Person
from tailnumber.demo.story import MINUTES, Step, tool

# The hour is played in so many seconds.
PLAY_SECONDS: Final = 16.0
_REQUEST_SECONDS: Final = 30.0
_SYSTEM: Final = "You are a coding assistant. Follow the team's style. Answer in short."
_AGENT: Final = "You are an agent in a terminal. Use the tools; change files only by apply_patch."


@dataclass(frozen=True, slots=True)
class Sent:
    """One request that was answered. Times are of ``time.time``, seconds."""

    step: Step
    request_id: str
    status: int
    ended_at: float


@dataclass(slots=True)
class _Seat:
    """A person at work: their session, their credential and their conversation so far."""

    person: Person
    key: str
    session_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    machine_id: str = field(default_factory=lambda: secrets.token_hex(32))
    bearer: str = ""
    messages: list[dict[str, Any]] = field(default_factory=list)
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)


class Traffic:
    """Play steps against one gateway; ``sent`` grows as they are answered."""

    def __init__(self, gateway: str, keys: Mapping[str, str], steps: Sequence[Step]) -> None:
        """Prepare; ``keys`` maps each person's user name to their gateway key."""
        self.sent: list[Sent] = []
        self.steps = steps
        self._gateway = gateway
        self._seats = {
            step.person.user: _Seat(step.person, keys[step.person.user]) for step in steps
        }

    def session_of(self, person: Person) -> str:
        """Return the session that a person's client names."""
        return self._seats[person.user].session_id

    def play(self, seconds: float = PLAY_SECONDS) -> None:
        """Send every step at its minute, the hour pressed into so many seconds.

        Raises:
            httpx.HTTPError: the gateway was not reached.
        """
        asyncio.run(self._play(seconds))

    async def _play(self, seconds: float) -> None:
        began = time.monotonic()
        # trust_env off: a proxy of the environment has no business on loopback.
        async with (
            httpx.AsyncClient(
                base_url=self._gateway, timeout=_REQUEST_SECONDS, trust_env=False
            ) as client,
            asyncio.TaskGroup() as group,
        ):
            for step in self.steps:
                due = began + step.minute / MINUTES * seconds
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                group.create_task(self._take(client, step))

    async def _take(self, client: httpx.AsyncClient, step: Step) -> None:
        seat = self._seats[step.person.user]
        async with seat.busy:
            match step.kind:
                case "token":
                    await self._fetch_token(client, seat, step)
                case "inline":
                    await self._send(client, seat, step, *_inline(step))
                case "chat":
                    await self._chat(client, seat, step)
                case "agent":
                    await self._agent(client, seat, step)
                case "embeddings":
                    body = {"model": "text-embedding-3-small", "input": [step.text]}
                    await self._send(client, seat, step, "/embeddings", body)
                case "unknown_key":
                    await self._unknown(client, seat, step)

    async def _fetch_token(self, client: httpx.AsyncClient, seat: _Seat, step: Step) -> None:
        """Do as an editor does first: trade the key for the gateway's own short-lived token."""
        request_id = str(uuid.uuid4())
        headers = self._headers(seat, step, request_id)
        answer = await client.get("/copilot_internal/v2/token", headers=headers)
        self._note(step, request_id, answer.status_code)
        if answer.is_success:
            seat.bearer = answer.json()["token"]

    async def _chat(self, client: httpx.AsyncClient, seat: _Seat, step: Step) -> None:
        messages = seat.messages or [{"role": "system", "content": _SYSTEM}]
        messages = [*messages, {"role": "user", "content": _question(step)}]
        body = {"model": step.model, "messages": messages, "stream": True, "temperature": 0.1}
        path = "/v1/chat/completions" if seat.person.client == "openai" else "/chat/completions"
        answer = await self._send(client, seat, step, path, body)
        if answer is not None:
            seat.messages = [*messages, {"role": "assistant", "content": answer.text}]

    async def _agent(self, client: httpx.AsyncClient, seat: _Seat, step: Step) -> None:
        """Ask, get a tool call, run it, and send its result back with the whole history."""
        messages = seat.messages or [{"role": "system", "content": _AGENT}]
        messages = [*messages, {"role": "user", "content": step.text}]
        body = {
            "model": step.model,
            "messages": messages,
            "tools": [tool(name) for name in step.tools],
            "stream": True,
        }
        first = await self._send(client, seat, step, "/chat/completions", body)
        if first is None or not first.tool_calls:
            return
        results = [
            {"role": "tool", "tool_call_id": call["id"], "content": "Done. 1 file changed."}
            for call in first.tool_calls
        ]
        called = {"role": "assistant", "content": None, "tool_calls": first.tool_calls}
        messages = [*messages, called, *results]
        answer = await self._send(
            client, seat, step, "/chat/completions", {**body, "messages": messages}
        )
        if answer is not None:
            seat.messages = [*messages, {"role": "assistant", "content": answer.text}]

    async def _unknown(self, client: httpx.AsyncClient, seat: _Seat, step: Step) -> None:
        from ingress.identity.key_form import with_checksum

        request_id = str(uuid.uuid4())
        headers = self._headers(seat, step, request_id)
        key = with_checksum(f"tnk_{secrets.token_hex(4)}_{secrets.token_hex(16)}")
        headers["authorization"] = f"Bearer {key}"
        body = {"model": step.model, "messages": [{"role": "user", "content": step.text}]}
        answer = await client.post("/v1/chat/completions", headers=headers, json=body)
        self._note(step, request_id, answer.status_code)

    async def _send(
        self, client: httpx.AsyncClient, seat: _Seat, step: Step, path: str, body: dict[str, Any]
    ) -> "_Answer | None":
        """Post and read to the end; None if it was refused."""
        request_id = str(uuid.uuid4())
        headers = self._headers(seat, step, request_id)
        answer = _Answer()
        async with client.stream("POST", path, headers=headers, json=body) as response:
            async for line in response.aiter_lines():
                answer.take(line)
        self._note(step, request_id, response.status_code)
        return answer if response.is_success else None

    def _headers(self, seat: _Seat, step: Step, request_id: str) -> dict[str, str]:
        person = seat.person
        headers = {
            **CLIENTS[person.client],
            SESSION_HEADERS[person.client]: seat.session_id,
            "authorization": f"Bearer {seat.bearer or seat.key}",
            "x-request-id": request_id,
            "x-github-repository-nwo": step.repository or person.repository,
        }
        if person.client in {"vscode", "jetbrains"}:
            headers["vscode-machineid"] = seat.machine_id
            headers["openai-intent"] = (
                "copilot-ghost" if step.kind == "inline" else "conversation-panel"
            )
        return headers

    def _note(self, step: Step, request_id: str, status: int) -> None:
        self.sent.append(Sent(step, request_id, status, time.time()))


@dataclass(slots=True)
class _Answer:
    """What a stream said: its text and the tool calls in it, put back together."""

    text: str = ""
    tool_calls: list[dict[str, Any]] = field(default_factory=list)

    def take(self, line: str) -> None:
        """Take in one line of the stream."""
        if not line.startswith("data: {"):
            return
        for choice in json.loads(line[6:]).get("choices") or ():
            delta = choice.get("delta") or {}
            self.text += delta.get("content") or choice.get("text") or ""
            for piece in delta.get("tool_calls") or ():
                self._take_call(piece)

    def _take_call(self, piece: dict[str, Any]) -> None:
        function = piece.get("function") or {}
        if piece.get("id"):
            self.tool_calls.append(
                {
                    "id": piece["id"],
                    "type": "function",
                    "function": {"name": function.get("name", ""), "arguments": ""},
                }
            )
        if self.tool_calls:
            self.tool_calls[-1]["function"]["arguments"] += function.get("arguments") or ""


def _inline(step: Step) -> tuple[str, dict[str, Any]]:
    comment = "#" if step.language == "python" else "//"
    body = {
        "prompt": f"{comment} Path: {step.path}\n{step.text}",
        "suffix": step.suffix,
        "max_tokens": 500,
        "temperature": 0,
        "top_p": 1,
        "n": 1,
        "stream": True,
        "extra": {"language": step.language, "next_indent": 0, "trim_by_indentation": True},
    }
    return "/v1/engines/gpt-41-copilot/completions", body


def _question(step: Step) -> str:
    if not step.attachment:
        return step.text
    return (
        f'<attachments>\n<attachment filePath="{step.attachment}">\n```python\n'
        "REFUND_WINDOW = timedelta(days=30)\n\n\ndef is_refundable(order, now):\n"
        "    return order.paid and now - order.paid_at < REFUND_WINDOW\n```\n"
        f"</attachment>\n</attachments>\n{step.text}"
    )
