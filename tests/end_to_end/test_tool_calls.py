"""The providers' own clients take a refused tool call for an ordinary answer, in all protocols."""

import json

import pytest
from anthropic import Anthropic
from called_tools import CHAT, EDIT, MESSAGES, OTHER, RESPONSES
from fake_upstream import FakeUpstream, stream, whole
from openai import OpenAI
from running_gateway import POLICY, RunningGateway

pytestmark = pytest.mark.end_to_end

RULE = (
    "  - {id: auth, on: tool_call, when: \"paths.exists(p, p.contains('/auth/'))\", "
    "effect: deny, message: Auth code needs a look.}\n"
)
TOLD = f"The tool call `{EDIT.name}` was refused: Auth code needs a look."
ITEMS = ["I change it.", EDIT, OTHER]
ASKED = [{"role": "user", "content": "change it"}]


@pytest.fixture(scope="module")
def upstream():
    with FakeUpstream() as server:
        yield server


@pytest.fixture(scope="module")
def gateway(upstream, tmp_path_factory):
    root = tmp_path_factory.mktemp("clients")
    running = RunningGateway(root, upstream.port)
    text = POLICY.format(port=upstream.port).replace("rules:\n  -", f"rules:\n{RULE}  -")
    (root / "policy.yaml").write_text(text)
    with running:
        yield running


def openai_client(gateway, scenario):
    return OpenAI(
        base_url=f"http://127.0.0.1:{gateway.port}/c/copilot",
        api_key=gateway.key,
        max_retries=0,
        default_headers={"x-scenario": scenario, "x-session-id": scenario},
    )


def anthropic_client(gateway, scenario):
    return Anthropic(
        base_url=f"http://127.0.0.1:{gateway.port}",
        api_key=gateway.key,
        max_retries=0,
        default_headers={"x-scenario": scenario, "x-session-id": scenario},
    )


def play(upstream, scenario, wire, items):
    upstream.scenarios[f"{scenario}-stream"] = stream(wire.stream(items))
    upstream.scenarios[f"{scenario}-whole"] = whole(json.dumps(wire.whole(items)).encode())


@pytest.mark.parametrize("items", [ITEMS, [EDIT], [OTHER, EDIT]], ids=["one-of-two", "one", "last"])
def test_openai_chat_completions(gateway, upstream, items):
    name = f"chat-{items.index(EDIT)}-{len(items)}"
    play(upstream, name, CHAT, items)
    left = [item.arguments for item in items if item == OTHER]

    with (
        openai_client(gateway, f"{name}-stream") as client,
        client.chat.completions.stream(model="m", messages=ASKED) as events,
    ):
        streamed = events.get_final_completion().choices[0]
    with openai_client(gateway, f"{name}-whole") as client:
        answered = client.chat.completions.create(model="m", messages=ASKED).choices[0]

    for choice in (streamed, answered):
        assert choice.message.content.endswith(TOLD)
        assert [c.function.arguments for c in choice.message.tool_calls or ()] == left
        assert choice.finish_reason == ("tool_calls" if left else "stop")


@pytest.mark.parametrize("items", [ITEMS, [EDIT], [OTHER, EDIT]], ids=["one-of-two", "one", "last"])
def test_openai_responses(gateway, upstream, items):
    name = f"responses-{items.index(EDIT)}-{len(items)}"
    play(upstream, name, RESPONSES, items)
    left = [item.arguments for item in items if item == OTHER]

    with (
        openai_client(gateway, f"{name}-stream") as client,
        client.responses.stream(model="m", input="change it") as events,
    ):
        streamed = events.get_final_response()
    with openai_client(gateway, f"{name}-whole") as client:
        answered = client.responses.create(model="m", input="change it")

    for response in (streamed, answered):
        assert response.output_text.endswith(TOLD)
        calls = [item for item in response.output if item.type == "function_call"]
        assert [call.arguments for call in calls] == left
        assert response.status == "completed"


@pytest.mark.parametrize("items", [ITEMS, [EDIT], [OTHER, EDIT]], ids=["one-of-two", "one", "last"])
def test_anthropic_messages(gateway, upstream, items):
    name = f"messages-{items.index(EDIT)}-{len(items)}"
    play(upstream, name, MESSAGES, items)
    left = [json.loads(item.arguments) for item in items if item == OTHER]

    with (
        anthropic_client(gateway, f"{name}-stream") as client,
        client.messages.stream(model="m", messages=ASKED, max_tokens=9) as events,
    ):
        streamed = events.get_final_message()
    with anthropic_client(gateway, f"{name}-whole") as client:
        answered = client.messages.create(model="m", messages=ASKED, max_tokens=9)

    for message in (streamed, answered):
        texts = [block.text for block in message.content if block.type == "text"]
        assert texts[-1].endswith(TOLD)
        assert [block.input for block in message.content if block.type == "tool_use"] == left
        assert message.stop_reason == ("tool_use" if left else "end_turn")
