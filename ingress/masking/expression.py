"""Derive, from a rule's expression, the expression of its unfinished matches.

A stream may release a piece of text only when no match can still begin in it. For an expression
``A(S)B`` whose secret is ``S``, `unfinished` returns one that matches, anchored at the end of the
text, every *proper prefix* of a match in which ``S`` has begun; its groups tell where. RE2 runs it
backwards from the end, so it costs only as much as the candidate is long.

The parser knows RE2's syntax well enough to split an expression into atoms, groups, repeats and
alternatives; it does not judge validity (RE2 does that first). Used by `ingress.masking.rules`.

Source: https://github.com/google/re2/wiki/Syntax
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

_FLAGS = re.compile(r"\(\?([imsU]*)(?:-([imsU]+))?([:)])")
_NAME = re.compile(r"\(\?P?<\w+>")
_COUNT = re.compile(r"\{(\d+)(?:(,)(\d*))?\}")
_ASSERTION_ESCAPES = frozenset("bBAz")
_UNBOUNDED = -1
_OFTEN = 3
_MAX_STARTS = 64  # alternatives of a secret's beginning that are told apart
_SHORTEST_START = 4  # a shorter beginning stands in too much innocent text to wait for


class ExpressionError(ValueError):
    """An expression uses syntax that this parser does not know."""


@dataclass(slots=True)
class Node:
    """A part of an expression.

    Attributes:
        kind: "atom" (one character), "assert" (no character), "all", "any" (alternatives),
            "repeat" or "group".
        text: source of an atom or an assertion, with its flags.
        capture: number of a capturing group, else 0.
        holds: whether a secret's group lies inside.
    """

    kind: str
    text: str = ""
    children: list[Node] = field(default_factory=list)
    low: int = 1
    high: int = 1
    lazy: bool = False
    capture: int = 0
    holds: bool = False


class _Parser:
    """Recursive descent over one expression."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.groups = 0

    def parse(self) -> Node:
        node = self._alternatives("")
        if self.at != len(self.source):
            raise ExpressionError("unbalanced parenthesis")
        return node

    def _alternatives(self, flags: str) -> Node:
        branches: list[Node] = [Node("all")]
        while self.at < len(self.source) and self.source[self.at] != ")":
            if self.source[self.at] == "|":
                self.at += 1
                branches.append(Node("all"))
                continue
            found = _FLAGS.match(self.source, self.at)
            if found and found[3] == ")":  # applies to the rest of the enclosing group
                self.at = found.end()
                flags = _merge(flags, found[1], found[2])
                continue
            branches[-1].children.append(self._repeated(self._single(flags)))
        return branches[0] if len(branches) == 1 else Node("any", children=branches)

    def _single(self, flags: str) -> Node:
        char = self.source[self.at]
        if char == "(":
            return self._group(flags)
        if char == "[":
            return self._atom(self._class_end(), flags)
        if char == "\\":
            return self._escape(flags)
        node = self._atom(self.at + 1, flags)
        if char in "^$":
            node.kind = "assert"
        return node

    def _group(self, flags: str) -> Node:
        node = Node("group")
        if found := _FLAGS.match(self.source, self.at):
            flags = _merge(flags, found[1], found[2])
            self.at = found.end()
        else:
            self.groups += 1
            node.capture = self.groups
            named = _NAME.match(self.source, self.at)
            self.at = named.end() if named else self.at + 1
            if self.source.startswith("?", self.at) and not named:
                raise ExpressionError("unknown group")
        node.children = [self._alternatives(flags)]
        if self.at >= len(self.source):
            raise ExpressionError("unbalanced parenthesis")
        self.at += 1
        return node

    def _escape(self, flags: str) -> Node:
        char = self.source[self.at + 1 : self.at + 2]
        if char in "pPx" and self.source.startswith("{", self.at + 2):
            return self._atom(self.source.index("}", self.at) + 1, flags)
        if char == "x":
            return self._atom(self.at + 4, flags)
        if char == "Q":
            raise ExpressionError(r"\Q is not supported")
        node = self._atom(self.at + 2, flags)
        if char in _ASSERTION_ESCAPES:
            node.kind = "assert"
        return node

    def _atom(self, end: int, flags: str) -> Node:
        text = self.source[self.at : end]
        self.at = end
        return Node("atom", f"(?{flags}:{text})" if flags else text)

    def _class_end(self) -> int:
        at = self.at + 1
        at += self.source.startswith("^", at)
        at += self.source.startswith("]", at)  # a leading bracket is a member
        while at < len(self.source) and self.source[at] != "]":
            if self.source.startswith("[:", at):
                at = self.source.index(":]", at) + 2
            else:
                at += 2 if self.source[at] == "\\" else 1
        return at + 1

    def _repeated(self, node: Node) -> Node:
        while self.at < len(self.source):
            char = self.source[self.at]
            count = _COUNT.match(self.source, self.at) if char == "{" else None
            if count:
                low = int(count[1])
                high = (int(count[3]) if count[3] else _UNBOUNDED) if count[2] else low
                self.at = count.end()
            elif char in "*+?":
                low, high = {"*": (0, _UNBOUNDED), "+": (1, _UNBOUNDED), "?": (0, 1)}[char]
                self.at += 1
            else:
                break
            lazy = self.source.startswith("?", self.at)
            self.at += lazy
            node = Node("repeat", children=[node], low=low, high=high, lazy=lazy)
        return node


def _merge(flags: str, added: str, removed: str | None) -> str:
    return "".join(sorted((set(flags) | set(added)) - set(removed or "")))


def _join(nodes: list[Node], *, captures: bool = False) -> str:
    return "".join(_full(node, captures=captures) for node in nodes)


def _full(node: Node, *, captures: bool = False) -> str:
    """Render a node whole; with `captures`, groups that hold the secret capture again."""
    if node.kind in ("atom", "assert"):
        return node.text
    if node.kind == "all":
        return _join(node.children, captures=captures)
    if node.kind == "any":
        body = "|".join(_full(child, captures=captures) for child in node.children)
        return f"(?:{body})"
    body = _full(node.children[0], captures=captures)
    if node.kind == "group":
        marked = captures and node.capture and node.holds
        return f"({body})" if marked else f"(?:{body})"
    high = "" if node.high == _UNBOUNDED else str(node.high)
    return f"(?:{body}){{{node.low},{high}}}" + ("?" if node.lazy else "")


def _optional(*branches: str) -> str:
    kept = [branch for branch in branches if branch]
    return f"(?:{'|'.join(kept)})?" if kept else ""


def _prefix(node: Node) -> str:
    """Render the proper prefixes of a node, the empty one among them."""
    if node.kind in ("atom", "assert"):
        return ""
    if node.kind == "all":
        return _chain(node.children)
    if node.kind == "any":
        return _optional(*(_prefix(child) for child in node.children))
    inner, body = _prefix(node.children[0]), _full(node.children[0])
    if node.kind == "group" or node.high in (0, 1):
        return inner
    more = "*" if node.high == _UNBOUNDED else f"{{0,{node.high - 1}}}"
    return f"(?:{body}){more}{inner}"


def _chain(nodes: list[Node]) -> str:
    """Render the proper prefixes of a sequence."""
    rest = ""
    for index, node in enumerate(reversed(nodes)):
        ending = _prefix(node)
        rest = ending if index == 0 else _optional(ending, _full(node) + rest)
    return rest


def _started(node: Node) -> str | None:
    """Render the proper prefixes of a node but the empty one; None = there are no others."""
    if node.kind in ("atom", "assert"):
        return None
    if node.kind == "any":
        return _choice([_started(child) for child in node.children])
    if node.kind == "all":
        return _started_sequence(node.children)
    inner = _started(node.children[0])
    if node.kind == "group" or node.high in (0, 1):
        return inner
    body = _full(node.children[0])
    more = "+" if node.high == _UNBOUNDED else f"{{1,{node.high - 1}}}"
    return _choice([inner, f"(?:{body}){more}{_prefix(node.children[0])}"])


def _started_sequence(nodes: list[Node]) -> str | None:
    if not nodes:
        return None
    first, rest = nodes[0], nodes[1:]
    if first.kind != "assert" and not (first.kind == "repeat" and first.low == 0):
        return _choice([_started(first), _full(first) + _chain(rest) if rest else None])
    after = _started_sequence(rest)
    absent = None if after is None else _full(first) + after
    present = None
    if first.kind == "repeat" and rest:
        present = _full(replace(first, low=1)) + _chain(rest)
    return _choice([_started(first), absent, present])


def _choice(branches: list[str | None]) -> str | None:
    kept = [branch for branch in branches if branch is not None]
    return f"(?:{'|'.join(kept)})" if kept else None


def _mark(node: Node, wanted: int) -> bool:
    inside = [_mark(child, wanted) for child in node.children]
    node.holds = any(inside) or (node.capture > 0 and wanted in (0, node.capture))
    return node.holds


def _begun(node: Node) -> str:
    """Render the proper prefixes of a node in which the secret has begun, capturing it."""
    if not node.holds or (node.kind == "repeat" and node.high != 1):
        return f"({_started(node) or _prefix(node)})"
    if node.kind == "any":
        return f"(?:{'|'.join(_begun(child) for child in node.children)})"
    if node.kind == "all":
        first = next(i for i, child in enumerate(node.children) if child.holds)
        head, secret = node.children[:first], node.children[first]
        begun, rest = _begun(secret), node.children[first + 1 :]
        if rest:  # with nothing after it, a secret that is whole is no longer unfinished
            begun = f"(?:{begun}|{_full(secret, captures=True)}{_chain(rest)})"
        return f"{_join(_relaxed(head))}{begun}"
    if node.kind == "group" and node.capture:
        return f"({_started(node.children[0]) or _prefix(node.children[0])})"
    return _begun(node.children[0])


def _relaxed(nodes: list[Node]) -> list[Node]:
    """Return nodes that repeat without end where these repeat often.

    They match more, so a stream may hold a little more; a bounded repeat costs the automaton a
    state for each count.
    """
    found: list[Node] = []
    for node in nodes:
        often = node.kind == "repeat" and node.high > _OFTEN
        high = _UNBOUNDED if often else node.high
        found.append(replace(node, children=_relaxed(node.children), high=high))
    return found


def _drop_optional_lead(root: Node) -> None:
    """Drop what may be absent before the secret: it moves the match, never the secret."""
    sequence = root
    while sequence.kind == "group" and not sequence.capture:
        sequence = sequence.children[0]
    if sequence.kind != "all":
        return
    while sequence.children:
        lead = sequence.children[0]
        if lead.holds or lead.kind != "repeat" or lead.low:
            return
        del sequence.children[0]


def _literal(text: str) -> str:
    """Return the character that an atom stands for, lower case, or "" for a class."""
    bare = re.sub(r"^\(\?\w+:(.*)\)$", r"\1", text)
    if len(bare) == 1 and bare != ".":
        return bare.lower()
    return bare[1] if len(bare) == 2 and bare[0] == "\\" and not bare[1].isalnum() else ""


def _starts(node: Node) -> tuple[list[str], bool]:
    """Return the literals that a node may begin with, and whether they are all of it."""
    if node.kind == "assert":
        return [""], True
    if node.kind == "atom":
        char = _literal(node.text)
        return [char], bool(char)
    if node.kind == "any":
        found = [_starts(child) for child in node.children]
        return [text for texts, _ in found for text in texts], all(whole for _, whole in found)
    if node.kind == "repeat":
        texts, whole = _starts(node.children[0])
        return (texts, whole and node.high == 1) if node.low else ([""], False)
    starts = [""]
    for child in node.children:
        texts, whole = _starts(child)
        starts = [start + text for start in starts for text in texts]
        if not whole or len(starts) > _MAX_STARTS:
            return starts, False
    return starts, True


def _secret_nodes(node: Node) -> list[Node]:
    if not node.holds or (node.kind == "group" and node.capture):
        return [node]
    return [found for child in node.children if child.holds for found in _secret_nodes(child)]


def _head(node: Node) -> str:
    """Render what must precede the secret, lower case and without flags, to look for keywords."""
    if not node.holds or (node.kind == "group" and node.capture):
        return ""
    if node.kind != "all":
        return " ".join(_head(child) for child in node.children)
    first = next(i for i, child in enumerate(node.children) if child.holds)
    text = _join(node.children[:first]) + _head(node.children[first])
    return re.sub(r"\(\?\w*:(\\?.)\)", r"\1", text).replace("\\", "").lower()


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The expression of a rule's unfinished matches.

    Attributes:
        source: anchored at the end of the text; its groups start where the secret starts.
        tails: an unfinished text that ends with one of these may be a secret that begins.
        bounded: only at the start of a word.
        starts: beginnings of the secret that announce it as well as a keyword does.
        late: the secret may begin before its keyword, with any character.
    """

    source: str
    tails: frozenset[str]
    bounded: bool
    starts: tuple[str, ...]
    late: bool


def unfinished(source: str, secret_group: int, keywords: tuple[str, ...]) -> Unfinished:
    """Derive the expression of the unfinished matches of `source`.

    Args:
        source: an expression that RE2 accepts.
        secret_group: number of the group that is the secret; 0 = the first that matches, or all.
        keywords: the rule's keywords, lower case.

    Raises:
        ExpressionError: the syntax is not known here; the caller falls back to holding a token.
    """
    root = _Parser(source).parse()
    _mark(root, secret_group)
    if root.holds:
        _drop_optional_lead(root)
    anchored = f"{_begun(root)}\\z"
    bounded = _bounded(root)
    head = _head(root) if root.holds else ""
    if any(word in head for word in keywords):
        return Unfinished(anchored, frozenset(), bounded, (), late=False)
    starts = {text for node in _secret_nodes(root) for text in _starts(node)[0]}
    related = all(any(_announces(word, start) for start in starts) for word in keywords)
    alone = {
        start
        for start in starts
        if not (related and any(_announces(word, start) for word in keywords))
    }
    if any(len(start) < _SHORTEST_START for start in alone):
        return Unfinished(anchored, frozenset(), bounded, (), late=True)
    words = starts | set(keywords)
    tails = frozenset(word[:size] for word in words for size in range(1, len(word) + 1))
    return Unfinished(anchored, tails, bounded, tuple(sorted(alone)), late=False)


def _bounded(root: Node) -> bool:
    """Tell whether the secret is the start of the match and must begin a word."""
    first = root.children[:2] if root.kind == "all" else []
    return bool(first) and first[0].text == "\\b" and (not root.holds or first[-1].holds)


def _announces(word: str, start: str) -> bool:
    """Tell whether a keyword begins no later than this beginning of the secret ends."""
    return bool(start) and (word.startswith(start) or word in start)
