"""Agents send the whole history with every turn; what stands recorded is what was new."""

import json

import pytest
from fake_upstream import chat_answer, whole

TURNS = 40
# About what the real agents send before any word of a person: instructions and tools.
INSTRUCTIONS = "You are an agent. " + "Follow each rule of this text to the letter. " * 600
TOOLS = [
    {"type": "function", "name": f"tool_{n}", "description": "reads files, writes files. " * 40}
    for n in range(25)
]


def new_texts(turn):
    """Return what a turn adds: the model's words, its call of a tool, the tool's result."""
    arguments = json.dumps({"path": f"src/module_{turn}.py", "view": [turn, turn + 80]})
    result = f"{turn}: " + "".join(f"line {n} of module {turn}\n" for n in range(60))
    return f"I read module {turn} next.", arguments, result


def chat_history(turns):
    messages = [
        {"role": "system", "content": INSTRUCTIONS},
        {"role": "user", "content": "Find the rounding error in the invoices."},
    ]
    for turn in range(turns):
        words, arguments, result = new_texts(turn)
        function = {"name": "tool_1", "arguments": arguments}
        call = {"id": f"call_{turn}", "type": "function", "function": function}
        messages.append({"role": "assistant", "content": words, "tool_calls": [call]})
        messages.append({"role": "tool", "tool_call_id": f"call_{turn}", "content": result})
    return {"model": "gpt-x", "messages": messages, "tools": TOOLS}


def chat_reply(turn):
    words, arguments, _ = new_texts(turn)
    function = {"name": "tool_1", "arguments": arguments}
    return chat_answer(
        words, tool_calls=[{"id": f"call_{turn}", "type": "function", "function": function}]
    )


def responses_history(turns):
    items = [{"role": "user", "content": [{"type": "input_text", "text": "Find the error."}]}]
    for turn in range(turns):
        words, arguments, result = new_texts(turn)
        said = {"type": "output_text", "text": words}
        items.append({"type": "message", "role": "assistant", "content": [said]})
        call = {"type": "function_call", "call_id": f"call_{turn}", "name": "tool_1"}
        items.append({**call, "arguments": arguments})
        output = {"type": "function_call_output", "call_id": f"call_{turn}", "output": result}
        items.append(output)
    return {"model": "gpt-x", "instructions": INSTRUCTIONS, "input": items, "tools": TOOLS}


def responses_reply(turn):
    words, arguments, _ = new_texts(turn)
    said = {"type": "output_text", "text": words, "annotations": []}
    message = {"type": "message", "role": "assistant", "content": [said]}
    call = {"type": "function_call", "call_id": f"call_{turn}", "name": "tool_1"}
    output = [message, {**call, "arguments": arguments}]
    return json.dumps({"id": "r", "model": "gpt-x", "output": output}).encode()


def messages_history(turns):
    messages = [{"role": "user", "content": [{"type": "text", "text": "Find the error."}]}]
    for turn in range(turns):
        words, arguments, result = new_texts(turn)
        use = {"type": "tool_use", "id": f"t{turn}", "name": "tool_1"}
        blocks = [{"type": "text", "text": words}, {**use, "input": json.loads(arguments)}]
        messages.append({"role": "assistant", "content": blocks})
        block = {"type": "tool_result", "tool_use_id": f"t{turn}", "content": result}
        messages.append({"role": "user", "content": [block]})
    # The mark for the provider's cache moves to the last block with every turn.
    messages[-1]["content"][-1]["cache_control"] = {"type": "ephemeral"}
    return {"model": "c", "system": INSTRUCTIONS, "messages": messages, "tools": TOOLS}


def messages_reply(turn):
    words, arguments, _ = new_texts(turn)
    use = {"type": "tool_use", "id": f"t{turn}", "name": "tool_1", "input": json.loads(arguments)}
    content = [{"type": "text", "text": words}, use]
    return json.dumps({"type": "message", "role": "assistant", "content": content}).encode()


AGENTS = {
    "/chat/completions": (chat_history, chat_reply),
    "/responses": (responses_history, responses_reply),
    "/c/copilot/v1/messages": (messages_history, messages_reply),
}


@pytest.mark.parametrize("path", AGENTS)
def test_a_session_of_forty_turns_stores_little_more_than_what_was_new(gateway, upstream, path):
    history, reply = AGENTS[path]
    session = f"agent-{path.rpartition('/')[2]}"
    sent_bytes = 0
    for turn in range(TURNS):
        upstream.scenarios[session] = whole(reply(turn))
        body = json.dumps(history(turn)).encode()
        sent_bytes += len(body)
        assert gateway.ask(body, path, session=session).status == 200

    fresh = [INSTRUCTIONS, json.dumps(TOOLS), *(t for n in range(TURNS) for t in new_texts(n))]
    new_bytes = sum(len(text.encode()) for text in fresh)
    events = gateway.events(session)
    while len(events) < 2 * TURNS:
        events = gateway.events(session)
    parts = [part for event in events for part in event.parts]
    stored_bytes = sum(part.size_bytes for part in parts)
    assert len({part.part_id for part in parts}) == len(parts)
    assert stored_bytes <= 1.3 * new_bytes
    assert sent_bytes > 10 * new_bytes
