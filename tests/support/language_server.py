"""Drive GitHub's Copilot language server as an editor does: LSP over its standard streams."""

import itertools
import json
import os
import queue
import subprocess
import threading
from pathlib import Path
from typing import Any, Self


class Editor:
    """An editor with one workspace folder and one language server; a context manager.

    Args:
        server: the language server's executable.
        gateway: URL that stands for https://api.github.com, the only thing that is redirected.
        key: what the editor holds as its GitHub token: a gateway key.
        home: empty folder for the server's own files and the workspace.
    """

    def __init__(self, server: Path, gateway: str, key: str, home: Path) -> None:
        self.workspace = home / "project"
        self.workspace.mkdir()
        self._ids = itertools.count(1)
        self._waiting: dict[int, queue.Queue[dict[str, Any]]] = {}
        self._sending = threading.Lock()
        self.progress: list[dict[str, Any]] = []
        self.progress_ended = threading.Event()
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "GH_COPILOT_TOKEN": key,
            "GH_COPILOT_API_URL": gateway,
            "GH_COPILOT_SERVER_URL": gateway,
            "LANG": "C.UTF-8",
        }
        self._process = subprocess.Popen(
            [server, "--stdio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd=self.workspace,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        self.request(
            "initialize",
            {
                "processId": os.getpid(),
                "workspaceFolders": [{"uri": self.workspace.as_uri(), "name": "project"}],
                "capabilities": {"workspace": {"workspaceFolders": True, "configuration": True}},
                "initializationOptions": {
                    "editorInfo": {"name": "test-editor", "version": "2.0"},
                    "editorPluginInfo": {"name": "test-plugin", "version": "1.0"},
                },
            },
        )
        self.notify("initialized", {})
        self.notify(
            "workspace/didChangeConfiguration",
            {"settings": {"telemetry": {"telemetryLevel": "off"}}},
        )
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.request("shutdown", None, seconds=5)
            self.notify("exit", None)
            self._process.wait(5)
        except (queue.Empty, subprocess.TimeoutExpired, BrokenPipeError):
            self._process.kill()
            self._process.wait(5)
        for stream in (self._process.stdin, self._process.stdout):
            stream.close()
        self._reader.join(5)

    def open(self, name: str, language: str, text: str) -> str:
        """Write and open a file; return its URI."""
        path = self.workspace / name
        path.write_text(text)
        document = {"uri": path.as_uri(), "languageId": language, "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})
        self.notify("textDocument/didFocus", {"textDocument": {"uri": path.as_uri()}})
        return path.as_uri()

    def ghost_text(self, uri: str, line: int, character: int) -> list[str]:
        """Return the inline completions at a place."""
        result = self.request(
            "textDocument/inlineCompletion",
            {
                "textDocument": {"uri": uri, "version": 1},
                "position": {"line": line, "character": character},
                "context": {"triggerKind": 2},
                "formattingOptions": {"tabSize": 4, "insertSpaces": True},
            },
        )
        return [item["insertText"] for item in result["items"]]

    def ask(
        self, question: str, uri: str, model: str, *, mode: str = "Ask", seconds: float = 30
    ) -> str:
        """Ask in the chat panel about a file; return the answer's text."""
        self.progress_ended.clear()
        self.request(
            "conversation/create",
            {
                "workDoneToken": "chat",
                "turns": [{"request": question}],
                "capabilities": {"skills": [], "allSkills": False},
                "source": "panel",
                "model": model,
                "modelInfo": {"id": model},
                "chatMode": mode,
                "needToolCallConfirmation": False,
                "workspaceFolder": self.workspace.as_uri(),
                "doc": {"uri": uri},
                "textDocument": {"uri": uri, "version": 1},
            },
        )
        if not self.progress_ended.wait(seconds):
            raise TimeoutError("the chat did not end")
        rounds = [each for step in self.progress for each in step.get("editAgentRounds") or ()]
        return "".join(each.get("reply") or "" for each in rounds)

    def offer_tool(self, name: str, members: list[str]) -> None:
        """Register a tool of the editor's own, for the agent mode."""
        schema = {
            "type": "object",
            "properties": {member: {"type": "string", "description": member} for member in members},
            "required": members,
        }
        tool = {"name": name, "description": "Create a file.", "inputSchema": schema}
        self.request("conversation/registerTools", {"tools": [tool]})

    def request(self, method: str, params: Any, seconds: float = 30) -> Any:
        """Send a request and return its result."""
        number = next(self._ids)
        answers = self._waiting[number] = queue.Queue()
        self._send({"id": number, "method": method, "params": params})
        answer = answers.get(timeout=seconds)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error'].get('message')}")
        return answer.get("result")

    def notify(self, method: str, params: Any) -> None:
        """Send a notification."""
        self._send({"method": method, "params": params})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        with self._sending:
            self._process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
            self._process.stdin.flush()

    def _read(self) -> None:
        stdout = self._process.stdout
        while True:
            length = 0
            while line := stdout.readline().strip():
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            if not length:
                return
            self._take(json.loads(stdout.read(length)))

    def _take(self, message: dict[str, Any]) -> None:
        if "method" not in message:
            self._waiting[message["id"]].put(message)
        elif "id" in message:
            items = (message.get("params") or {}).get("items", [])
            configured = message["method"] == "workspace/configuration"
            result = [None for _ in items] if configured else None
            self._send({"id": message["id"], "result": result})
        elif message["method"] == "$/progress":
            step = message["params"]["value"]
            self.progress.append(step)
            if step.get("kind") == "end":
                self.progress_ended.set()
