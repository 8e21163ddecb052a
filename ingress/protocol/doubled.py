"""Tell whether JSON says more than its parsed document: a member that is written twice. Pure.

Two readers may each take another of the two, so bytes of which one of them was looked at must not
go on as they came. Source: RFC 8259 section 4.
"""

import orjson


def says_more(data: bytes, document: object) -> bool:
    """Say that ``data`` may hold texts that the document read from it does not.

    Every member has two quotes, and one that was dropped is missed among them, unless an escaped
    quote makes up for it.

    Raises:
        ValueError: the document is nested too deeply to be written again.
    """
    try:
        encoded = orjson.dumps(document)
    except orjson.JSONEncodeError:
        raise ValueError("nested too deeply") from None
    return data.count(b'"') != encoded.count(b'"') or b"\\u0022" in data
