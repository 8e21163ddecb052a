"""Give a developer back the values that the request itself introduced, where that is safe.

An answer that repeats a placeholder would otherwise leave the developer with a broken file. A
value goes into text for the person and into the tools that write files on the person's machine;
never into a tool that may send it somewhere. Nothing restored is ever recorded. Pure.
"""

from collections.abc import Mapping
from typing import Final

import orjson

from ingress.masking.restore import Restorer
from ingress.protocol.stream import ChannelMasker, CompletionStream
from ingress.protocol.texts import ARGUMENT_KINDS, Channel, Completion
from ingress.protocol.wire import WireProtocol

# Tools of the known clients that change files in the workspace and do nothing else. A shell is
# none of them: a command may send what it holds.
EDIT_TOOLS: Final = frozenset(
    {
        "Edit",
        "MultiEdit",
        "NotebookEdit",
        "Write",
        "apply_patch",
        "create",
        "create_file",
        "edit",
        "edit_notebook_file",
        "insert_edit_into_file",
        "multi_replace_string_in_file",
        "replace_string_in_file",
        "str_replace_editor",
    }
)


class _Passing:
    """Leave a channel as it is."""

    def feed(self, delta: str) -> str:
        return delta

    def finish(self) -> str:
        return ""


class Restoring:
    """The values of one request, ready for text and for JSON arguments."""

    def __init__(self, vault: Mapping[str, str]) -> None:
        self._text = Restorer(vault)
        # Arguments are JSON, and the placeholder stands inside one of its strings.
        self._json = Restorer(
            {name: orjson.dumps(value).decode()[1:-1] for name, value in vault.items()}
        )

    def whole(self, channel: Channel, completion: Completion, text: str) -> str:
        """Return a whole text with its values, or the same object."""
        restorer = self._restorer(channel, completion)
        return text if restorer is None else restorer.restore(text)

    def channel(self, channel: Channel, completion: Completion) -> ChannelMasker:
        """Return what restores one channel of a stream."""
        restorer = self._restorer(channel, completion)
        return _Passing() if restorer is None else restorer.stream()

    def _restorer(self, channel: Channel, completion: Completion) -> Restorer | None:
        if channel.kind not in ARGUMENT_KINDS:
            return self._text
        tool = completion.tools.get(channel)
        if tool is None or tool.name not in EDIT_TOOLS:
            return None
        return self._json if channel.kind == "tool_arguments" else self._text


def restoring_stream(protocol: WireProtocol, vault: Mapping[str, str]) -> CompletionStream:
    """Return a stream that takes masked frames and gives them with the request's own values."""
    restoring = Restoring(vault)
    stream: CompletionStream

    def channel_of(channel: Channel) -> ChannelMasker:
        return restoring.channel(channel, stream.completion)

    stream = CompletionStream(protocol, channel_of, lambda text, _: text)
    return stream
