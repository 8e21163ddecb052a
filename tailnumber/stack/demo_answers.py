"""Write believable answers of a coding model from the words of a prompt; pure, deterministic.

The same prompt always gets the same answer, so a demo can be compared run by run. Nothing
here knows HTTP or a wire format: `demo_upstream` frames these texts.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from typing import Final

from tailnumber.stack.demo_texts import CHAT_ANSWERS, CHAT_DEFAULT, FUNCTION_BODIES, NEXT_LINES

_LANGUAGE_BY_SUFFIX: Final = {
    "py": "python", "ts": "typescript", "tsx": "typescript", "js": "typescript",
    "jsx": "typescript", "go": "go", "sql": "sql",
}  # fmt: skip
_LANGUAGE_BY_ID: Final = {
    "python": "python", "typescript": "typescript", "typescriptreact": "typescript",
    "javascript": "typescript", "javascriptreact": "typescript", "go": "go", "sql": "sql",
}  # fmt: skip
# Edit tools of editors and agents, in the order in which the demo prefers them.
EDIT_TOOLS: Final = (
    "replace_string_in_file",
    "insert_edit_into_file",
    "create_file",
    "apply_patch",
    "Write",
    "create",
)
_PATH_LINE: Final = re.compile(r"^\s*(?:#|//|--|/\*|<!--)\s*Path:\s*(\S+)", re.IGNORECASE)
_SIGNATURE: Final = re.compile(
    r"(?:def|function|func)\s+(?:\([^)]*\)\s*)?(?P<name>\w+)\s*\((?P<args>[^)]*)\)?[^\n]*$"
)


def language_of(prompt: str, language_id: str = "") -> str:
    """Name the language of an inline prompt: by the editor's id, its path line, its words."""
    if language_id in _LANGUAGE_BY_ID:
        return _LANGUAGE_BY_ID[language_id]
    suffix = path_of(prompt).rpartition(".")[2].lower()
    if suffix in _LANGUAGE_BY_SUFFIX:
        return _LANGUAGE_BY_SUFFIX[suffix]
    if re.search(r"\bSELECT\b|\bINSERT INTO\b", prompt):
        return "sql"
    if re.search(r"^package \w+|\bfunc \w+\(", prompt, re.MULTILINE):
        return "go"
    if re.search(r"\bconst \w+ =|\bfunction \w+\(|=> \{", prompt):
        return "typescript"
    return "python"


def path_of(prompt: str) -> str:
    """Return the path that an inline prompt's first line names, or ""."""
    found = _PATH_LINE.match(prompt)
    return found.group(1) if found else ""


def ghost_texts(prompt: str, language_id: str, count: int, stop: Sequence[str]) -> list[str]:
    """Continue the code before the cursor in `count` ways, each cut at the first stop word."""
    language = language_of(prompt, language_id)
    tail = prompt.rstrip(" \t\r\n").rpartition("\n")[2]
    signature = _SIGNATURE.search(tail)
    candidates = list(NEXT_LINES[language])
    if signature and language in FUNCTION_BODIES:
        candidates = _function_bodies(language, signature["name"], signature["args"])
    texts = [candidates[index % len(candidates)] for index in range(count)]
    return [_cut_at(text, stop) for text in texts]


def _function_bodies(language: str, name: str, arguments: str) -> list[str]:
    names = [re.split(r"[\s:=]", part.strip())[0] for part in arguments.split(",")]
    parameters = [part for part in names if part.isidentifier() and part != "self"]
    first = parameters[0] if parameters else "items"
    second = parameters[1] if len(parameters) > 1 else "1"
    bodies = FUNCTION_BODIES[language]
    words = next((key for key in bodies if any(w in name.lower() for w in key.split())), "")
    return [body.format(a=first, b=second) for body in bodies[words]]


def chat_text(message: str) -> str:
    """Answer a chat message by the first topic whose words it has."""
    words = set(re.findall(r"[a-z]+", message.lower()))
    for topics, text in CHAT_ANSWERS:
        if words.intersection(topics.split()):
            return text
    return CHAT_DEFAULT


def edit_arguments(tool: str, prompt: str) -> dict[str, object]:
    """Fill the arguments of an editor's edit tool for the file that the prompt is about."""
    path, line = _edited_line(prompt)
    changed = f"{line}  # reviewed: refunds over 30 days are refused"
    if tool in {"create_file", "insert_edit_into_file"}:
        key = "content" if tool == "create_file" else "code"
        return {"filePath": path, key: changed + "\n"}
    if tool in {"Write", "create"}:
        keys = ("file_path", "content") if tool == "Write" else ("path", "file_text")
        return {keys[0]: path, keys[1]: changed + "\n"}
    if tool == "apply_patch":
        head = f"*** Begin Patch\n*** Update File: {path}\n@@\n"
        return {"input": f"{head}-{line}\n+{changed}\n*** End Patch\n"}
    return {"filePath": path, "oldString": line, "newString": changed}


def _edited_line(prompt: str) -> tuple[str, str]:
    """Pick the file and a line to change: the attachment's, else the path that is named."""
    attached = re.search(r'filePath="([^"]+)">\s*(?:```\w*\n)?([^\n]*\S[^\n]*)', prompt)
    if attached:
        return attached.group(1), attached.group(2)
    named = re.search(r"[\w./-]+/[\w.-]+\.\w{1,4}|\b[\w-]+\.(?:py|ts|tsx|js|go|sql)\b", prompt)
    return (named.group(0) if named else "src/payments/refund.py"), "def refund(order):"


def pieces(text: str, words: int = 2) -> list[str]:
    """Cut a text into deltas of a few words; joined they are the text."""
    found = re.findall(r"\s*\S+\s*", text) or [text]
    return ["".join(found[start : start + words]) for start in range(0, len(found), words)]


def fabricated_aws_key() -> tuple[str, str]:
    """Return an AWS key id and secret that have the right form and were never issued.

    Computed, so that no scanner of this repository finds a key in it.
    """
    digest = hashlib.sha256(b"tailnumber demo upstream").digest()
    key_id = "AKIA" + base64.b32encode(digest[:10]).decode("ascii")
    return key_id, base64.b64encode(digest[:30]).decode("ascii")


def _cut_at(text: str, stop: Sequence[str]) -> str:
    ends = [at for word in stop if word and (at := text.find(word)) >= 0]
    return text[: min(ends)] if ends else text


def embedding(text: str, size: int = 256) -> list[float]:
    """Return a deterministic vector of unit length for a text."""
    raw = hashlib.shake_256(text.encode("utf-8", "surrogatepass")).digest(size)
    values = [byte - 127.5 for byte in raw]
    length = sum(value * value for value in values) ** 0.5
    return [value / length for value in values]
