"""A recorder over a real journal in a directory of one test, and an exchange to record."""

from datetime import UTC, datetime
from pathlib import Path

from control_state import PRINCIPAL_KEY
from running_gateway import Reading

from ingress.context import read_context
from ingress.exchange import Exchange
from ingress.identity.principal import make_principal
from ingress.ids import new_id
from ingress.policy.rules import PolicyDecision
from ingress.protocol.openai import OpenAiChat
from ingress.protocol.texts import Prompt, Text
from ingress.recording.files import FileOps
from ingress.recording.journal import Journal, JournalLimits, Position
from ingress.recording.recorder import Recorder
from ingress.recording.segment import CHUNK, Frame, walk
from ingress.routing import Route
from ingress.sealing import ContentKeys, Sealer
from schemas.message import parse_message


def exchange(*texts: str, session: str = "s", subject: str = "ada") -> Exchange:
    holder: dict[str, str] = {}
    return Exchange(
        interaction_id=new_id(),
        requested_at=datetime.now(UTC),
        began_at=0.0,
        method="POST",
        path="/chat/completions",
        query=b"",
        headers=[],
        address="127.0.0.1",
        context=read_context([(b"user-agent", b"test/1.0")], str),
        route=Route("chat", OpenAiChat()),
        principal=make_principal(PRINCIPAL_KEY, issuer="i", subject=subject, key_id="abcdefgh"),
        session_id=session,
        prompt=Prompt(
            texts=[
                Text("user", "text", f"messages[{number}].content", text, holder, "content")
                for number, text in enumerate(texts)
            ]
        ),
        decision=PolicyDecision("allow", "r", ("r",), "", "strict"),
        policy_digest="0" * 64,
    )


class Recording:
    """A recorder, its journal, and the messages that a publisher would send."""

    def __init__(self, root: Path, files: FileOps | None = None) -> None:
        self.journal = Journal(
            root / "journal",
            new_id(),
            limits=JournalLimits(min_free_bytes=0, deadline_seconds=0.3),
            files=files,
        )
        self.reading = Reading(root)
        tenant = self.reading.tenant
        keys = ContentKeys(self.reading.engine, tenant.kek, tenant.subkey("content-key"))
        self.recorder = Recorder(self.journal, Sealer(keys), tenant.subkey("part"), "local")

    def messages(self):
        found, position = [], Position(0, 0)
        while extent := self.journal.next_extent(position):
            data = extent.path.read_bytes()[: extent.end]
            found += [
                data[frame.message_start : frame.end]
                for frame in walk(data, extent.start)
                if isinstance(frame, Frame) and frame.kind != CHUNK
            ]
            position = Position(extent.segment, extent.end)
        return found

    def events(self):
        return [parse_message(data).event for data in self.messages() if b'{"record":' in data[:10]]
