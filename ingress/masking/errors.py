"""Say how masking fails: closed, and without a word of the text."""

from typing import ClassVar


class MaskingError(Exception):
    """A text could not be checked, so it must neither pass nor be recorded."""

    code: ClassVar[str] = "masking_failed"
    status: ClassVar[int] = 500
