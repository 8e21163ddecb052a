"""Read the plain part of a condition: comparisons of a variable with constants; pure.

Most of what a policy says is plain: ``'staff' in principal.groups && model == 'o1'``. Such tests
need no evaluator, and their answers can be shared by all rules. What is not plain to this reader,
it leaves to CEL untouched, so it must never read a condition otherwise than CEL does: whatever
looks unusual is not plain.

Source: https://github.com/google/cel-spec, "Language Definition".
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

_TOKEN: Final = re.compile(
    r"""(?P<space>\s+|//[^\n]*)
    |(?P<string>[rR]'[^'\n]*'|[rR]"[^"\n]*"|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*")
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<number>[0-9]{1,18}(?![0-9A-Za-z_.]))
    |(?P<sign>&&|\|\||[=!<>]=|.)""",
    re.VERBOSE | re.DOTALL,
)
_OPENING: Final = frozenset("([{")
_CLOSING: Final = frozenset(")]}")
# The escapes that mean the same to everyone; a string with another one is not plain.
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED: Final = frozenset("\\'\"")
_STRING_TESTS: Final = frozenset({"startsWith", "endsWith", "contains", "matches"})
_ORDER: Final = frozenset({"<", "<=", ">", ">="})
_MIRRORED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_LIST: Final = "list<string>"


class Predicate(NamedTuple):
    """One test of a variable; of a list variable: whether an element passes it.

    ``test`` is ``in`` (the operand holds each accepted value), ``startsWith``, ``endsWith``,
    ``contains``, ``matches``, ``<``, ``<=``, ``>``, ``>=`` or ``true`` (of a truth value).
    """

    variable: str
    test: str
    operand: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """Holds if one of the parts does."""

    parts: "tuple[Term, ...]"


@dataclass(frozen=True, slots=True)
class Every:
    """Holds if all parts do."""

    parts: "tuple[Term, ...]"


@dataclass(frozen=True, slots=True)
class Negated:
    """Holds if the part does not."""

    part: "Term"


Term = Predicate | Either | Every | Negated


class Split(NamedTuple):
    """A condition in two: it holds if every plain term does and ``rest``, in CEL, does too."""

    terms: tuple[Term, ...]
    rest: str | None


def predicates_of(terms: Iterable[Term]) -> Iterator[Predicate]:
    """Yield every test within the terms."""
    for term in terms:
        if isinstance(term, Predicate):
            yield term
        else:
            yield from predicates_of((term.part,) if isinstance(term, Negated) else term.parts)


class _NotPlainError(Exception):
    """The reader does not understand this part; CEL does."""


class _Token(NamedTuple):
    kind: str
    text: str
    begin: int
    end: int


def split(condition: str, types: Mapping[str, str]) -> Split:
    """Return the plain part of a condition that compiles, and what is left of it.

    Plain terms have a value for every operation. In CEL ``&&`` is false where one side is, even
    if the other has no value, so trying the plain part first changes no answer.

    Args:
        condition: a CEL condition.
        types: name of each variable -> its type in CEL's words.
    """
    tokens = [
        _Token(str(found.lastgroup), found.group(), found.start(), found.end())
        for found in _TOKEN.finditer(condition)
        if found.lastgroup != "space"
    ]
    if _is_unusual(condition, tokens):
        return Split((), condition)
    terms: list[Term] = []
    rest: list[str] = []
    for part in _conjuncts(tokens):
        try:
            read = _Reader(part, types).whole()
        except _NotPlainError:
            rest.append(condition[part[0].begin : part[-1].end])
        else:
            terms += read.parts if isinstance(read, Every) else (read,)
    # The line break ends a comment that a part may hold.
    return Split(tuple(terms), " && ".join(f"({text}\n)" for text in rest) or None)


def _is_unusual(condition: str, tokens: list[_Token]) -> bool:
    """Tell whether a string may be written in a way that the tokens do not show."""
    prefixed = any(
        before.kind == "name" and token.kind == "string" and before.end == token.begin
        for before, token in pairwise(tokens)
    )
    return prefixed or "'''" in condition or '"""' in condition


def _conjuncts(tokens: list[_Token]) -> list[list[_Token]]:
    """Return the sides of the outermost ``&&``; the whole where something weaker binds."""
    parts: list[list[_Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token.text in _OPENING) - (token.text in _CLOSING)
        if depth == 0 and token.text in {"||", "?"}:
            return [tokens]
        if depth == 0 and token.text == "&&":
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


class _Reader:
    """Read tokens by descent; any surprise is ``_NotPlainError``."""

    def __init__(
        self, tokens: list[_Token], types: Mapping[str, str], element: tuple[str, str] | None = None
    ) -> None:
        self._tokens = tokens
        self._types = types
        self._at = 0
        # Within a macro: the name of the element and the list that it is of.
        self._element = element

    def whole(self) -> Term:
        term = self._either()
        if self._at != len(self._tokens):
            raise _NotPlainError
        return term

    def _either(self) -> Term:
        parts = [self._every()]
        while self._took("||"):
            parts.append(self._every())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _every(self) -> Term:
        parts = [self._negatable()]
        while self._took("&&"):
            parts.append(self._negatable())
        if len(parts) > 1 and self._element is not None:
            # Not every element that passes one test passes the other.
            raise _NotPlainError
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def _negatable(self) -> Term:
        if self._took("!"):
            if self._element is not None:
                raise _NotPlainError
            return Negated(self._negatable())
        if self._took("("):
            term = self._either()
            self._take(")")
            return term
        return self._comparison()

    def _comparison(self) -> Term:
        if self._peek().kind in {"string", "number"}:
            return self._from_constant()
        variable, kind = self._variable()
        if self._at == len(self._tokens) or self._peek().text in {"&&", "||", ")"}:
            if kind != "bool":
                raise _NotPlainError
            return Predicate(variable, "true", ())
        sign = self._next().text
        if sign == "." and self._peek().text in _STRING_TESTS and kind == "string":
            test = self._next().text
            self._take("(")
            operand = self._string()
            self._take(")")
            return Predicate(variable, test, (operand,))
        if sign == "." and self._peek().text == "exists" and kind == _LIST:
            return self._exists(variable)
        if sign == "in" and kind == "string":
            return Predicate(variable, "in", tuple(self._strings()))
        return self._compared(variable, kind, sign, self._constant())

    def _from_constant(self) -> Term:
        constant = self._constant()
        sign = self._next().text
        variable, kind = self._variable()
        if sign == "in" and kind == _LIST and isinstance(constant, str):
            return Predicate(variable, "in", (constant,))
        return self._compared(variable, kind, _MIRRORED.get(sign, sign), constant)

    def _compared(self, variable: str, kind: str, sign: str, constant: str | int) -> Term:
        if kind != ("int" if isinstance(constant, int) else "string"):
            raise _NotPlainError
        equal = Predicate(variable, "in", (constant,))
        if sign == "==":
            return equal
        if sign == "!=" and self._element is None:
            return Negated(equal)
        if sign in _ORDER and kind == "int":
            return Predicate(variable, sign, (constant,))
        raise _NotPlainError

    def _exists(self, variable: str) -> Term:
        self._next()
        self._take("(")
        name = self._next()
        self._take(",")
        begin, depth = self._at, 1
        while depth:
            text = self._next().text
            depth += (text in _OPENING) - (text in _CLOSING)
        if name.kind != "name" or self._element is not None:
            raise _NotPlainError
        body = self._tokens[begin : self._at - 1]
        return _Reader(body, self._types, (name.text, variable)).whole()

    def _variable(self) -> tuple[str, str]:
        """Take a variable: its name, of one word or two, and its type."""
        first = self._next()
        if first.kind != "name":
            raise _NotPlainError
        if self._element is not None:
            if first.text != self._element[0]:
                raise _NotPlainError
            return self._element[1], "string"
        if first.text in self._types:
            return first.text, self._types[first.text]
        self._take(".")
        name = f"{first.text}.{self._next().text}"
        if name not in self._types:
            raise _NotPlainError
        return name, self._types[name]

    def _strings(self) -> Iterator[str]:
        self._take("[")
        yield self._string()
        while self._took(","):
            yield self._string()
        self._take("]")

    def _string(self) -> str:
        constant = self._constant()
        if not isinstance(constant, str):
            raise _NotPlainError
        return constant

    def _constant(self) -> str | int:
        token = self._next()
        if token.kind == "number":
            return int(token.text)
        if token.kind != "string":
            raise _NotPlainError
        if token.text[0] in "rR":
            return token.text[2:-1]
        text = token.text[1:-1]
        if not _ESCAPED.issuperset(_ESCAPE.findall(text)):
            raise _NotPlainError
        return _ESCAPE.sub(r"\1", text)

    def _peek(self) -> _Token:
        if self._at >= len(self._tokens):
            raise _NotPlainError
        return self._tokens[self._at]

    def _next(self) -> _Token:
        token = self._peek()
        self._at += 1
        return token

    def _took(self, text: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at].text == text:
            self._at += 1
            return True
        return False

    def _take(self, text: str) -> None:
        if not self._took(text):
            raise _NotPlainError
