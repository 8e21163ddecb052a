"""Say how a gateway key is written, made and found; nothing here asks the database.

A key is ``tnk_<key id>_<secret>_<checksum>``: 8, 32 and 6 characters of [0-9A-Za-z], so a secret
scanner finds one with a regular expression and a typo is refused without asking the database.
"""

import hashlib
import re
import secrets
import string
import zlib
from typing import Final, Literal

# Where a key of the class may stand: in a header for credentials, in the path under /t/, or as
# the password of Proxy-Authorization. A key of one class is refused at the place of another.
KeyClass = Literal["header", "path", "proxy"]
KEY_CLASSES: Final[tuple[KeyClass, ...]] = ("header", "path", "proxy")

# What a secret scanner looks for; the checksum tells a key from a look-alike.
KEY_PATTERN: Final = r"tnk_[0-9A-Za-z]{8}_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}"

_ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_FORM: Final = re.compile(KEY_PATTERN)
_ID_SPAN: Final = slice(4, 12)
_ID_LENGTH: Final = 8
_SECRET_LENGTH: Final = 32
_CHECKSUM_LENGTH: Final = 6  # 62**6 > 2**32


def new_key() -> tuple[str, str]:
    """Return the id of a new key and the key; its secret has 190 random bits."""
    key_id = _random(_ID_LENGTH)
    return key_id, with_checksum(f"tnk_{key_id}_{_random(_SECRET_LENGTH)}")


def key_id_of(raw: str) -> str | None:
    """Return the id that a text of a key's form claims; None for any other text."""
    return raw[_ID_SPAN] if _FORM.fullmatch(raw) else None


def checksum_holds(key: str) -> bool:
    """Tell a key from a typo; proves nothing. The checksum is no secret, so ``==`` will do."""
    return with_checksum(key[: -_CHECKSUM_LENGTH - 1]) == key


def with_checksum(key_without_checksum: str) -> str:
    """Append the checksum: CRC-32 of the key so far, in six digits of base 62."""
    number = zlib.crc32(key_without_checksum.encode("ascii"))
    digits = []
    for _ in range(_CHECKSUM_LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return f"{key_without_checksum}_{''.join(reversed(digits))}"


def hash_key(key: str) -> bytes:
    """Return what is stored of a key: with 190 random bits no slow hash is needed."""
    return hashlib.sha256(key.encode("ascii")).digest()


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
