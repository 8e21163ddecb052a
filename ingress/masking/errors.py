"""Say how masking fails: closed, and without a word of the text."""

from ingress.errors import IngressError


class MaskingError(IngressError):
    """A text could not be checked, so it must neither pass nor be recorded."""

    code = "masking_failed"
    status = 500
