import json
import time

import pytest

from ingress.policy.globs import PathGlobs
from ingress.protocol.anthropic import AnthropicMessages
from ingress.protocol.exclusion import take_out
from ingress.protocol.openai import OpenAiChat, OpenAiCompletions
from ingress.protocol.responses import OpenAiResponses

GLOBS = PathGlobs(["**/secrets/**", "*.pem"])
CONTENT = "TOP = 1"
PATH = "/home/ada/app/secrets/key.py"
MARKER = f"[{PATH}: this file is excluded by your organization's policy]"


def left(protocol, document):
    """Return what is left of a body, and the files that were taken out."""
    prompt = protocol.parse_prompt(document)
    taken = take_out(document, prompt.texts, prompt.file_paths, GLOBS.match)
    return json.dumps(document), taken


def attached(path, content=CONTENT):
    return f'<attachment filePath="{path}">\n```python\n{content}\n```\n</attachment>'


def chat(*messages):
    return {"model": "m", "messages": list(messages)}


@pytest.mark.parametrize(
    ("protocol", "body"),
    [
        (OpenAiChat(), lambda text: chat({"role": "user", "content": text})),
        (
            OpenAiChat(),
            lambda text: chat({"role": "user", "content": [{"type": "text", "text": text}]}),
        ),
        (
            AnthropicMessages(),
            lambda text: chat({"role": "user", "content": [{"type": "text", "text": text}]}),
        ),
        (
            OpenAiResponses(),
            lambda text: {
                "input": [{"role": "user", "content": [{"type": "input_text", "text": text}]}]
            },
        ),
    ],
    ids=["chat", "chat parts", "messages", "responses"],
)
def test_attached_file_leaves_and_what_stands_around_it_stays(protocol, body):
    text = f"<attachments>{attached(PATH)}{attached('a.py', 'B = 2')}</attachments>explain"

    said, taken = left(protocol, body(text))

    assert taken == (PATH,)
    assert CONTENT not in said
    assert MARKER in said
    assert "B = 2" in said
    assert said.count("</attachment>") == 2
    assert "explain" in said


@pytest.mark.parametrize(
    "content",
    [f"x = '</attachment>'\n{CONTENT}", f"{CONTENT} <userRequest", f"{CONTENT}\n\n```\n"],
    ids=["says the end", "says another tag", "fences"],
)
def test_excluded_file_cannot_end_its_own_attachment(content):
    said, _ = left(OpenAiChat(), chat({"role": "user", "content": attached(PATH, content)}))

    assert CONTENT not in said


def test_attachment_without_an_end_leaves_to_the_end_of_the_text():
    text = f'<attachment filePath="{PATH}">\n{CONTENT}'

    said, taken = left(OpenAiChat(), chat({"role": "user", "content": text}))

    assert (CONTENT in said, taken) == (False, (PATH,))


def test_inline_prompt_of_an_excluded_file_is_emptied():
    body = {"prompt": f"# Path: app/secrets/key.py\n{CONTENT}", "suffix": CONTENT}

    said, taken = left(OpenAiCompletions(), body)

    assert (CONTENT in said, taken) == (False, ("app/secrets/key.py",))


@pytest.mark.parametrize("mark", ["#", "//", "--"])
def test_snippet_of_an_excluded_neighbour_leaves(mark):
    lines = [
        f"{mark} Path: main.py",
        f"{mark} Compare this snippet from util.py:",
        f"{mark} KEEP",
        f"{mark} Compare this snippet from secrets/key.py:",
        f"{mark} {CONTENT}",
        f"{mark} ",
        f"{mark} {CONTENT}",
        f"{mark} Compare this snippet from other.py:",
        f"{mark} KEEP",
        "def here():",
    ]

    said, taken = left(OpenAiCompletions(), {"prompt": "\n".join(lines), "suffix": ""})

    assert taken == ("secrets/key.py",)
    assert CONTENT not in said
    assert said.count("KEEP") == 2
    assert "def here():" in said


def test_result_and_arguments_of_a_call_on_an_excluded_file_leave_a_chat():
    arguments = json.dumps({"filePath": PATH, "newString": CONTENT, "start": 3})
    function = {"name": "edit", "arguments": arguments}
    body = chat(
        {
            "role": "assistant",
            "tool_calls": [{"id": "c1", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": CONTENT},
        {"role": "tool", "tool_call_id": "c2", "content": "KEEP"},
    )

    said, taken = left(OpenAiChat(), body)

    assert taken == (PATH,)
    assert CONTENT not in said
    assert "KEEP" in said
    kept = json.loads(body["messages"][0]["tool_calls"][0]["function"]["arguments"])
    assert kept == {"filePath": PATH, "newString": MARKER, "start": 3}


def test_result_of_a_call_on_an_excluded_file_leaves_messages():
    image = {"type": "image", "source": {"type": "base64", "data": CONTENT}}
    body = chat(
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "t1", "name": "Read", "input": {"file_path": PATH}}
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "t1",
                    "content": [{"type": "text", "text": CONTENT}, image],
                },
                {"type": "text", "text": "KEEP"},
            ],
        },
    )

    said, taken = left(AnthropicMessages(), body)

    assert taken == (PATH,)
    assert CONTENT not in said
    assert "KEEP" in said
    assert body["messages"][0]["content"][0]["input"] == {"file_path": PATH}


@pytest.mark.parametrize("output", [CONTENT, [{"type": "input_text", "text": CONTENT}]])
def test_result_and_patch_of_an_excluded_file_leave_responses(output):
    patch = f"*** Begin Patch\n*** Update File: {PATH}\n+{CONTENT}\n*** End Patch"
    body = {
        "input": [
            {"type": "custom_tool_call", "call_id": "c1", "name": "apply_patch", "input": patch},
            {"type": "custom_tool_call_output", "call_id": "c1", "output": output},
            {"type": "function_call_output", "call_id": "c2", "output": "KEEP"},
        ]
    }

    said, taken = left(OpenAiResponses(), body)

    assert taken == (PATH,)
    assert CONTENT not in said
    assert "KEEP" in said


def test_prompt_without_excluded_files_stays_as_it_is():
    text = f"{attached('src/a.py')} explain"
    body = chat({"role": "user", "content": text})

    assert left(OpenAiChat(), body)[1] == ()
    assert body["messages"][0]["content"] == text


@pytest.mark.parametrize(
    "text", ["<attachment " * 20_000, ('<attachment filePath="x' + ' filePath="x' * 40) * 1000]
)
def test_opened_attachments_cost_no_more_than_their_length(text):
    began = time.perf_counter()

    left(OpenAiChat(), chat({"role": "user", "content": text}))

    assert time.perf_counter() - began < 2


def test_many_calls_cost_no_more_than_their_number():
    messages = []
    for number in range(3000):
        function = {"name": "read", "arguments": json.dumps({"path": PATH})}
        call = {"id": f"c{number}", "type": "function", "function": function}
        messages.append({"role": "assistant", "tool_calls": [call]})
        messages.append({"role": "tool", "tool_call_id": f"c{number}", "content": CONTENT})
    began = time.perf_counter()

    body, taken = left(OpenAiChat(), chat(*messages))

    # Measured: 0.05 s; each text against each call it was 4 s, and four times that for twice.
    assert time.perf_counter() - began < 2
    assert (taken, CONTENT in body) == ((PATH,), False)
