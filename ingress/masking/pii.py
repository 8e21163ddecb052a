"""Find personal data by its form and its check digits; off unless policy names a kind.

Each kind is a rule of the common engine, so texts and streams, placeholders, restoring and
allowances work as for secrets. What carries a check is checked: the payment card's Luhn digit, the
IBAN's remainder, the ranges that are never issued as social security numbers, the checksums of
Bitcoin addresses. Names, postal addresses and phone numbers are not looked for: they have no form
that clean code does not have too. Pure. Used by `ingress.masking.mask`.

Source: ISO/IEC 7812-1 (cards), ISO 13616 (IBAN), SSA's "Social Security Number Randomization",
RFC 5321 and RFC 5322 (addresses), BIP 173 and BIP 350 (bech32).
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Literal, get_args

from ingress.masking.rules import RuleSet, load_rules

PiiKind = Literal["email", "card", "iban", "ssn", "ip", "crypto"]
PII_KINDS: tuple[PiiKind, ...] = get_args(PiiKind)

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_CONSTANTS = (1, 0x2BC830A3)  # BIP 173, BIP 350
_BECH32_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_ADDRESS_BYTES = 25  # version, 20 bytes of hash, 4 of checksum
_UATP_DIGITS = 15  # a shorter or longer number that begins with 1 is a time or an id
_NOT_DIGIT = re.compile(rb"\D")
_IBAN_LENGTHS = {
    **dict.fromkeys(("NO",), 15), **dict.fromkeys(("BE",), 16),
    **dict.fromkeys(("DK", "FI", "FK", "FO", "GL", "NL", "SD"), 18),
    **dict.fromkeys(("MK", "SI"), 19),
    **dict.fromkeys(("AT", "BA", "EE", "KZ", "LT", "LU", "XK", "MN"), 20),
    **dict.fromkeys(("CH", "HR", "LI", "LV"), 21),
    **dict.fromkeys(("BG", "BH", "CR", "DE", "GB", "GE", "IE", "ME", "RS", "VA"), 22),
    **dict.fromkeys(("AE", "GI", "IL", "IQ", "TL", "OM", "SO"), 23),
    **dict.fromkeys(("AD", "CZ", "ES", "MD", "PK", "RO", "SA", "SE", "SK", "TN", "VG"), 24),
    **dict.fromkeys(("LY", "PT", "ST"), 25), **dict.fromkeys(("IS", "TR"), 26),
    **dict.fromkeys(("BI", "DJ", "FR", "GR", "IT", "MC", "MR", "SM"), 27),
    **dict.fromkeys(("AL", "AZ", "BY", "CY", "DO", "GT", "HU", "LB", "NI", "PL", "SV"), 28),
    **dict.fromkeys(("BR", "EG", "PS", "QA", "UA"), 29),
    **dict.fromkeys(("JO", "KW", "MU", "YE"), 30),
    **dict.fromkeys(("MT", "SC"), 31), **dict.fromkeys(("LC",), 32), **dict.fromkeys(("RU",), 33),
}  # fmt: skip


def is_card(value: bytes) -> bool:
    """Tell whether digits are a payment card's number: a known beginning and Luhn's digit."""
    digits = _NOT_DIGIT.sub(b"", value)
    known = digits[:1] in b"23456" or (digits[:1] == b"1" and len(digits) == _UATP_DIGITS)
    if not known or len(set(digits)) == 1:
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = digit - 48
        if place % 2:
            number = number * 2 - 9 * (number > 4)
        total += number
    return total % 10 == 0


def is_iban(value: bytes) -> bool:
    """Tell whether a value has its country's length and the remainder 1."""
    text = value.replace(b" ", b"").replace(b"-", b"").decode("ascii").upper()
    if _IBAN_LENGTHS.get(text[:2]) != len(text):
        return False
    return int("".join(str(int(char, 36)) for char in text[4:] + text[:4])) % 97 == 1


def is_ssn(value: bytes) -> bool:
    """Tell whether a number is in the ranges that are issued as a US social security number."""
    area, group, serial = re.split(rb"[- .]", value)
    if area in (b"000", b"666") or area >= b"900" or group == b"00" or serial == b"0000":
        return False
    return value not in (b"078-05-1120", b"219-09-9999", b"123-45-6789")  # printed as samples


def is_address(value: bytes) -> bool:
    """Tell whether a value is an address of a host: not loopback, not unspecified, no netmask."""
    text = value.decode("ascii")
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified or text.startswith("255."))


def is_bitcoin(value: bytes) -> bool:
    """Tell whether a value is a Bitcoin address whose checksum holds."""
    text = value.decode("ascii")
    if text.lower().startswith(("bc1", "tb1")):
        return _bech32(text)
    number = 0
    for char in text:
        number = number * 58 + _BASE58.index(char)
    try:
        raw = number.to_bytes(_ADDRESS_BYTES, "big")
    except OverflowError:
        return False
    return hashlib.sha256(hashlib.sha256(raw[:-4]).digest()).digest()[:4] == raw[-4:]


def _bech32(text: str) -> bool:
    if text not in (text.lower(), text.upper()):
        return False
    prefix, _, body = text.lower().rpartition("1")
    values = [ord(char) >> 5 for char in prefix] + [0] + [ord(char) & 31 for char in prefix]
    if not all(char in _BECH32 for char in body):
        return False
    check = 1
    for value in (*values, *(_BECH32.index(char) for char in body)):
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_BECH32_GENERATOR):
            check ^= generator if top >> bit & 1 else 0
    return check in _BECH32_CONSTANTS


def is_email(value: bytes) -> bool:
    """Tell whether the local part and the domain have an allowed form."""
    local, _, domain = value.rpartition(b"@")
    labels = domain.split(b".")
    if local[:1] == b"." or local[-1:] == b"." or b".." in local:
        return False
    return all(label and label[:1] != b"-" and label[-1:] != b"-" for label in labels)


_KINDS: dict[PiiKind, tuple[str, str, Callable[[bytes], bool]]] = {
    "email": (
        "E-mail address",
        r"(?:^|[^\w.%+-])([\w.%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24})\b",
        is_email,
    ),
    "card": (
        "Payment card number",
        (
            r"(?:^|[^\w.-])([1-6]\d{3}(?:[ -]?\d{4}){2}[ -]?\d{1,4}"
            r"|[1-6]\d{3}[ -]?\d{6}[ -]?\d{4,5}|[1-6]\d{11,18})\b"
        ),
        is_card,
    ),
    "iban": (
        "International bank account number",
        r"(?:^|[^\w.-])([A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?)\b",
        is_iban,
    ),
    "ssn": ("US social security number", r"(?:^|[^\w.-])(\d{3}[- .]\d{2}[- .]\d{4})\b", is_ssn),
    "ip": (
        "IP address",
        (
            r"(?:^|[^\w.:-])((?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f:]{0,34}:[0-9A-Fa-f:]{1,39}"
            r"(?:(?:\.\d{1,3}){3})?)"
            r"(?:[^\w.:-]|[.:](?:\s|$)|$)"
        ),
        is_address,
    ),
    "crypto": (
        "Bitcoin address",
        r"\b([13][1-9A-HJ-NP-Za-km-z]{25,34}|(?i:(?:bc|tb)1[02-9ac-hj-np-z]{11,71}))\b",
        is_bitcoin,
    ),
}


@cache
def pii_rules(kinds: tuple[PiiKind, ...]) -> RuleSet:
    """Return the rules for some kinds of personal data.

    Raises:
        ValueError: a kind is not known.
    """
    unknown = sorted(set(kinds) - set(PII_KINDS))
    if unknown:
        raise ValueError(f"not a kind of personal data: {', '.join(unknown)}")
    toml = "".join(
        f"[[rules]]\nid = \"pii-{kind}\"\ndescription = '{_KINDS[kind][0]}'\n"
        f"regex = '''{_KINDS[kind][1]}'''\n"
        for kind in kinds
    )
    read = load_rules(toml, "pii")
    rules = (
        replace(rule, check=_KINDS[kind][2]) for rule, kind in zip(read.rules, kinds, strict=True)
    )
    return replace(read, rules=tuple(rules))
