"""Open the sealed texts in the rows of a query, once it is recorded who reads them."""

from tailnumber.control import this_account
from tailnumber.errors import CommandError
from tailnumber.reader import open_reader
from tailnumber.stack.layout import Layout
from tailnumber.trail import Answer
from tailnumber.viewing import note_view

_NEEDED = ("part_id", "key_id", "ciphertext")
_REPLACED = frozenset({"ciphertext", "text"})


def reveal_answer(layout: Layout, answer: Answer, reason: str) -> Answer:
    """Return the answer with a column ``text`` for ``ciphertext``; None in it: it was erased.

    Raises:
        CommandError: columns are missing, the keys cannot be used, or the reading not recorded.
    """
    missing = [name for name in _NEEDED if name not in answer.columns]
    if missing:
        raise CommandError(
            "--reveal opens rows of content.parts; select part_id, key_id and ciphertext "
            f"(missing: {', '.join(missing)})."
        )
    with open_reader(layout) as reader:
        rows = [
            {
                **{name: value for name, value in row.items() if name not in _REPLACED},
                "text": reader.part(row),
            }
            for row in answer.rows
        ]
    note_view(layout, this_account(), "query", reason, rows)
    return Answer((*(name for name in answer.columns if name not in _REPLACED), "text"), rows)
