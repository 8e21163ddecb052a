"""Put the maskers to the texts of an exchange, in both directions, and place what they find.

The pure parts know texts (``masking``) and documents (``protocol``); this joins them.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote, unquote_to_bytes

import orjson

from ingress.errors import BadPrompt, ProtocolError
from ingress.exchange import Exchange, Located, Outcome
from ingress.findings import TO_CLIENT, TO_UPSTREAM, add_new, located, mask_names, masked_name
from ingress.headers import forwarded
from ingress.identity.placement import without_keys
from ingress.masked_stream import MaskedStream
from ingress.masking.mask import Masker
from ingress.protocol.doubled import says_more
from ingress.protocol.exclusion import take_out
from ingress.protocol.gate import gate_whole
from ingress.protocol.texts import Channel, Completion, Prompt, Text
from ingress.protocol.wire import LANGUAGE_MAX, NAME_MAX
from ingress.relay import HeaderList
from ingress.restoring import Restoring
from ingress.tool_calls import tool_call_policy

_ENGINE_PATH = "/v1/engines/"
# Short names and paths that were found clean: the same few come with every request.
_CLEAN_MAX, _CLEAN_CHARACTERS = 1024, 64
_COMMON_NAMES = ("system", "developer", "user", "assistant", "tool", "function", "text")
# Lists of a message whose members have ids and names, and under which keys.
_NAMED_PARTS = (("content", ("type",)), ("tool_calls", ("id", "type")))
_QUERY_SAFE = "=&+,;:@/?!$'()*-._~"


class PromptMasking:
    """Mask prompts and completions under one policy."""

    def __init__(self, masker: Masker, *, restore: bool = False) -> None:
        """Mask with ``masker``; with ``restore`` an answer gets the prompt's own values back."""
        self._masker = masker
        self._restore = restore
        self._clean = {*_COMMON_NAMES}

    def parse(self, exchange: Exchange) -> None:
        """Read the body into the exchange's prompt.

        Raises:
            BadPrompt: the body is not what its protocol says, or no text where one is needed.
        """
        protocol, body = exchange.route.protocol, exchange.body
        if protocol is not None:
            exchange.document = _parse_object(body)
            try:
                doubled = says_more(body, exchange.document)
            except ValueError:
                raise BadPrompt("The request body is nested too deeply.") from None
            if doubled:
                exchange.body = orjson.dumps(exchange.document)
            exchange.prompt = protocol.parse_prompt(exchange.document)
            if exchange.route.model:
                exchange.prompt.model = self.name(exchange.route.model)
        elif body:
            content, charset = _decode(body)
            exchange.document = {"body": content, "charset": charset}
            text = Text(
                "user", "other", "body", exchange.document["body"], exchange.document, "body"
            )
            exchange.prompt = Prompt(texts=[text])
        exchange.outgoing_headers = forwarded(exchange.headers)
        if exchange.query:
            told = {"query": unquote_to_bytes(exchange.query).decode("utf-8", "replace")}
            text = Text("user", "other", "query", told["query"], told, "query")
            exchange.prompt.texts.append(text)

    def mask(self, exchange: Exchange) -> None:
        """Mask every text of the prompt in place, and what was learned from the texts.

        Raises:
            MaskingError: a text could not be checked; nothing of it may go on.
        """
        changed = False
        vault = exchange.vault if self._restore else None
        paths = exchange.prompt.file_paths
        # An inline prompt is one file; the texts of a chat come from many places.
        path = paths[0] if paths and exchange.path.startswith(_ENGINE_PATH) else None
        for text in exchange.prompt.texts:
            masked, findings = self._masker.mask(text.value, path=path, vault=vault)
            if findings:
                exchange.findings += located(findings, TO_UPSTREAM, text.location)
            if masked is not text.value:
                text.replace(masked)
                if text.location == "query":
                    exchange.query = quote(masked, safe=_QUERY_SAFE).encode()
                else:
                    changed = True
        self._mask_headers(exchange.outgoing_headers, exchange.findings, TO_UPSTREAM)
        self._mask_path(exchange)
        changed = self._mask_message_names(exchange) or changed
        if changed and exchange.document is not None:
            self._mask_learned(exchange.prompt)
            exchange.body = (
                orjson.dumps(exchange.document)
                if exchange.route.protocol is not None
                else exchange.document["body"].encode(exchange.document["charset"])
            )

    def mask_again(self, exchange: Exchange) -> None:
        """Mask what is masked already by a stricter rule; what both found counts once.

        Raises:
            MaskingError: a text could not be checked; nothing of it may go on.
        """
        before, exchange.findings = exchange.findings, []
        self.mask(exchange)
        known = {(found.fingerprint, found.location): found for found in before}
        for found in exchange.findings:
            earlier = known.get((found.fingerprint, found.location))
            if earlier is None:
                before.append(found)
            elif found.action == "masked":
                earlier.action = found.action
        exchange.findings = before

    def exclude(self, exchange: Exchange, excluded: Callable[[str], bool]) -> None:
        """Take the files that policy excludes out of the prompt."""
        if exchange.document is None or exchange.route.protocol is None:
            return
        prompt = exchange.prompt
        taken = take_out(exchange.document, prompt.texts, prompt.file_paths, excluded)
        if taken:
            exchange.body = orjson.dumps(exchange.document)
            exchange.excluded_paths = tuple(self.name(path) for path in taken)

    def search(self, text: str, location: str) -> list[Located]:
        """Return what is in a text that cannot be masked and may have to stay back.

        Raises:
            MaskingError: it could not be checked.
        """
        found = located(self._masker.mask(text)[1], TO_UPSTREAM, location)
        return [replace(each, action="recorded") for each in found]

    def name(self, text: str) -> str:
        """Return a path, a header or a name as a record may hold it; the same object if clean.

        Never raises: what cannot be checked is not named, and the request fails where its texts
        are masked.
        """
        if text in self._clean:
            return text
        # Our own keys are never named, whatever the rules know.
        masked = masked_name(self._masker, without_keys(text))
        if masked is text and len(text) <= _CLEAN_CHARACTERS and len(self._clean) < _CLEAN_MAX:
            self._clean.add(text)
        return masked

    def _mask_message_names(self, exchange: Exchange) -> bool:
        """Mask the ids and names in the history: they are no texts, and may be secrets still."""
        places = [
            (holder, key, value)
            for holder, key in _named_members(exchange.document)
            if isinstance(value := holder.get(key), str) and value not in self._clean
        ]
        if not places:
            return False
        together = "\n\0\n".join([value for _, _, value in places])
        if self._masker.mask(together)[0] is together:
            return False
        changed = False
        for holder, key, value in places:
            masked, findings = self._masker.mask(value)
            if masked is not value:
                exchange.findings += located(findings, TO_UPSTREAM, f"messages.{key}")
                holder[key] = masked
                changed = True
        return changed

    def _mask_path(self, exchange: Exchange) -> None:
        """Mask the path that goes on; the fixed paths of the protocols hold nothing."""
        route = exchange.route
        path = unquote(route.upstream_path, "latin-1")
        if self.name(path) is path:
            return
        masked, findings = self._masker.mask(path)
        if masked is not path:
            exchange.findings += located(findings, TO_UPSTREAM, "path")
            exchange.route = replace(route, upstream_path=quote(masked, _QUERY_SAFE, "latin-1"))

    def _mask_headers(self, headers: HeaderList, findings: list[Located], direction: str) -> None:
        """Mask headers that go on: all at once, and one by one if there is anything."""
        together = b"\n".join([value for _, value in headers]).decode("latin-1")
        if self._masker.mask(together)[0] is together:
            return
        for place, (name, value) in enumerate(headers):
            text = value.decode("latin-1")
            masked, found = self._masker.mask(text)
            location = f"header {name.decode('latin-1')}"[:NAME_MAX]
            findings += located(found, direction, location)
            if masked is not text:
                headers[place] = (name, masked.encode("latin-1", "replace"))

    def _mask_learned(self, prompt: Prompt) -> None:
        """Mask what the events name: it was read from the texts as they came."""
        if prompt.model:
            prompt.model = self._masker.mask(prompt.model)[0][:NAME_MAX]
        if prompt.language:
            prompt.language = self._masker.mask(prompt.language)[0][:LANGUAGE_MAX]
        if prompt.tool_name:
            prompt.tool_name = self._masker.mask(prompt.tool_name)[0][:NAME_MAX]
        prompt.file_paths = tuple(self._masker.mask(path)[0] for path in prompt.file_paths)

    def stream(self, exchange: Exchange) -> MaskedStream:
        """Return the masker of a streamed answer.

        Raises:
            ProtocolError: no protocol says where its texts stand.
        """
        return MaskedStream(exchange, self._masker)

    def returned(self, exchange: Exchange, headers: HeaderList) -> HeaderList:
        """Return the upstream's headers, masked.

        Raises:
            MaskingError: they could not be checked; the answer must not go on.
        """
        masked = [*headers]
        self._mask_headers(masked, exchange.outcome.findings, TO_CLIENT)
        return masked

    def completion(self, exchange: Exchange, body: bytes) -> bytes:
        """Return a whole answer's body, masked; the same bytes if nothing was found.

        Raises:
            ProtocolError: an answer that should be text is not.
            MaskingError: a text could not be checked; nothing of it may go on.
        """
        outcome, protocol = exchange.outcome, exchange.route.protocol
        is_error = (outcome.upstream_status or 200) >= 400
        if protocol is not None and not is_error:
            try:
                document = _parse_object(body)
                changed = says_more(body, document)
            except (BadPrompt, ValueError):
                raise ProtocolError("the upstream's answer is no JSON object") from None
            for channel, text in protocol.parse_completion(document, outcome.completion):
                masked, findings = self._masker.mask(text.value)
                outcome.findings += located(findings, TO_CLIENT, channel.location)
                outcome.completion.add(channel, masked)
                if masked is not text.value:
                    text.replace(masked)
                    changed = True
            mask_names(outcome.completion, self._masker)
            calls, deciding = (
                protocol.calls(),
                tool_call_policy(exchange, self.name, _found(outcome)),
            )
            if calls is not None and deciding is not None:
                refused = gate_whole(calls, document, outcome.completion, deciding.decide)
                changed = changed or refused
            body = orjson.dumps(document) if changed else body
        # What stands elsewhere in the answer (annotations, an error's message) as one text.
        return self._mask_bytes(exchange, body)

    def restored(self, exchange: Exchange, body: bytes) -> bytes:
        """Return a masked answer with the values that this request's own body introduced.

        For the client alone: what is recorded is the masked one.
        """
        protocol = exchange.route.protocol
        is_error = (exchange.outcome.upstream_status or 200) >= 400
        if not exchange.vault or protocol is None or is_error:
            return body
        restoring = Restoring(exchange.vault)
        document, completion = _parse_object(body), Completion()
        changed = False
        for channel, text in protocol.parse_completion(document, completion):
            restored = restoring.whole(channel, completion, text.value)
            if restored is not text.value:
                text.replace(restored)
                changed = True
        return orjson.dumps(document) if changed else body

    def _mask_bytes(self, exchange: Exchange, body: bytes) -> bytes:
        text, charset = _decode(body)
        if charset != "utf-8" and exchange.route.protocol is not None:
            raise ProtocolError("the upstream's answer is not UTF-8")
        masked, findings = self._masker.mask(text)
        add_new(exchange.outcome, findings, "body")
        return body if masked is text else masked.encode(charset)


def _named_members(document: dict[str, Any] | None) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield where a message, a part of it or a tool call has an id or a name."""
    for message in _objects((document or {}).get("messages")):
        for key in ("role", "name", "tool_call_id"):
            yield message, key
        for key, names in _NAMED_PARTS:
            for part in _objects(message.get(key)):
                for name in names:
                    yield part, name
                function = part.get("function")
                if isinstance(function, dict):
                    yield function, "name"


def _objects(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _found(outcome: Outcome) -> Callable[[Channel], Iterator[str]]:
    """Return what tells the rules that found something in a channel of a whole answer."""

    def found(channel: Channel) -> Iterator[str]:
        place = channel.location
        return (each.rule_id for each in outcome.findings if each.location == place)

    return found


def _parse_object(body: bytes) -> dict[str, object]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadPrompt(f"The request body is not JSON (byte {error.pos}).") from None
    if not isinstance(document, dict):
        raise BadPrompt("The request body is no JSON object.")
    return document


def _decode(body: bytes) -> tuple[str, str]:
    """Return a body that no protocol reads as text, and the charset that makes it bytes again.

    A picture or an archive is no text: as Latin-1 each byte is a character, so what is ASCII in
    it is searched, and bytes in which nothing is found go on as they were.
    """
    try:
        return body.decode(), "utf-8"
    except UnicodeDecodeError:
        return body.decode("latin-1"), "latin-1"
