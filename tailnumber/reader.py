"""Open sealed texts as someone who holds this machine's keys; the warehouse has none of them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ingress.errors import ContentKeyMissing, IngressError
from ingress.sealing import ContentKeys, Opener
from tailnumber.control import control_state, tenant_of
from tailnumber.errors import CommandError
from tailnumber.stack.layout import Layout


class Reader:
    """The content keys of one data directory."""

    def __init__(self, opener: Opener) -> None:
        self._opener = opener

    def part(self, row: Mapping[str, Any]) -> str | None:
        """Return the masked text of a row of ``content.parts``; None if its key was erased.

        Raises:
            CommandError: the row lacks a column, or the text or the keys are damaged.
        """
        if row.get("text") is not None:
            return str(row["text"])
        if row.get("ciphertext") is None:
            return None
        return self.text(row["key_id"], row["ciphertext"], row["part_id"])

    def text(self, key_id: str, ciphertext: bytes, part_id: str) -> str | None:
        """Return the masked text, or None if its key was erased.

        Raises:
            CommandError: the text or the keys are damaged.
        """
        try:
            return self._opener.open(key_id, ciphertext, part_id.encode()).decode("utf-8")
        except ContentKeyMissing:
            return None
        except IngressError as error:
            raise CommandError(f"A recorded text cannot be opened: {error}.") from error


@contextmanager
def open_reader(layout: Layout) -> Iterator[Reader]:
    """Open the content keys of a data directory, or of the shared control database.

    Raises:
        CommandError: there is no control database, it cannot be used, or a secret is missing,
            damaged or open to others.
    """
    with control_state(layout) as engine:
        tenant = tenant_of(layout, engine)
        yield Reader(Opener(ContentKeys(engine, tenant.kek, tenant.subkey("content-key"))))
