"""Tell which writes of GitHub's API reach a branch or tag: those are pushes to policy. Pure.

REST by method and path, GraphQL by the mutations of the document. What is not said in a request
(the base of a pull request, what an id stands for) is named, so that a caller can look it up.

Source: GitHub's REST API reference (repository contents, git refs, branches, merges, pulls,
releases) and its GraphQL reference (mutations).
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

import orjson

from ingress.errors import BadPrompt
from ingress.protocol.edits import normal_path

Document = Mapping[str, Any]

# Mutations of one document, aliases counted each; more than a few is no client's work.
MUTATIONS_MAX: Final = 50
_TOKENS_MAX: Final = 20_000
# What stands behind the repository may hold a line break, as a file's name may.
_REPOSITORY: Final = re.compile(
    r"/(?:repos/[^/]+/[^/]+|repositories/\d+)(?:/(.+))?\Z", re.IGNORECASE | re.DOTALL
)
# More digits than any pull request's number has, zeros before it included.
_DIGITS_MAX: Final = 30
# What reads a repository's content by REST; every other GET is operation ``other``.
_READS: Final = re.compile(
    r"(?:contents|git|readme|tarball|zipball|commits|compare|archive)(?:/|\Z)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Write:
    """One ref that a request would change; what None says is not known yet.

    ``pull`` is the number of the pull request, ``node`` the GraphQL id of the ref, repository or
    pull request, that tells the rest; ``side`` is the branch of the pull request that is meant.
    """

    repository: str | None = None
    ref: str | None = None
    change: str = "updated"
    paths: frozenset[str] | None = None
    pull: int | None = None
    node: str | None = None
    side: str = "base"
    default_branch: bool = False


def operation_of(method: str, path: str) -> str:
    """Return the operation of a REST request that changes no ref: ``fetch`` or ``other``."""
    match = _REPOSITORY.match(plain_path(path))
    reads = method in {"GET", "HEAD"} and match is not None and _READS.match(match[1] or "")
    return "fetch" if reads else "other"


def plain_path(path: str) -> str:
    """Return a path as a server may come to read it: unescaped, with single slashes."""
    return re.sub("/{2,}", "/", unquote(path)).rstrip("/")


def repository_of(path: str) -> str | None:
    """Return ``owner/name`` in lower case, None if the path names none."""
    match = re.match(r"/repos/([^/]+)/([^/]+)", plain_path(path), re.IGNORECASE)
    return f"{match[1]}/{match[2]}".lower().removesuffix(".git") if match else None


def repository_path(path: str) -> str | None:
    """Return the beginning of a path that names its repository, by name or by number."""
    match = re.match(r"/repos/[^/]+/[^/]+|/repositories/\d+", plain_path(path), re.IGNORECASE)
    return match[0] if match else None


def pull_writes(write: Write, pull: Any, paths: frozenset[str] | None) -> list[Write]:
    """Return what a write to a pull request's branch does, from what GitHub tells of the request.

    Args:
        write: as the request says it.
        pull: GitHub's answer; anything else tells nothing.
        paths: files that the pull request changes, None if they are not known.
    """
    side = pull.get(write.side) if isinstance(pull, dict) else None
    if not isinstance(side, dict):
        return [write]
    repository = side.get("repo")
    name = repository.get("full_name") if isinstance(repository, dict) else None
    return [
        replace(
            write,
            ref=_branch(_text(side, "ref")),
            repository=name.lower() if isinstance(name, str) else None,
            paths=paths,
        )
    ]


def rest_writes(method: str, path: str, query: bytes, body: bytes) -> list[Write]:
    """Return the refs that a REST request would change.

    Raises:
        BadPrompt: it would change one, and its body cannot be read.
    """
    match = _REPOSITORY.match(plain_path(path))
    if match is None or method in {"GET", "HEAD"}:
        return []
    for methods, pattern, read in _REST:
        below = pattern.fullmatch(match[1] or "")
        if method in methods and below:
            writes = read(below, _parameters(query, body), method)
            return [replace(write, repository=repository_of(path)) for write in writes]
    return []


def _parameters(query: bytes, body: bytes) -> Document:
    """Return what a request says, in its body or its query; never two things of one name."""
    document: dict[str, Any] = {}
    if b";" in query:
        # To some servers it parts two parameters.
        raise BadPrompt("The query of a write may not hold a semicolon; write it as %3B.")
    if body:
        try:
            read = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise BadPrompt("The request body is not JSON.") from None
        if not isinstance(read, dict):
            raise BadPrompt("The request body is no JSON object.")
        document = read
    for name, value in parse_qsl(query.decode("utf-8", "replace"), keep_blank_values=True):
        if str(document.get(name, value)) != value:
            raise BadPrompt("The query and the body of the request say different things.")
        document = {**document, name: value}
    return document


def _text(document: Document, name: str) -> str | None:
    value = document.get(name)
    return value if isinstance(value, str) and value else None


def _branch(name: str | None) -> str | None:
    return None if name is None else f"refs/heads/{name.removeprefix('refs/heads/')}"


def _contents(match: re.Match[str], said: Document, _: str) -> list[Write]:
    branch = _text(said, "branch")
    paths = frozenset({match[1]})
    return [Write(ref=_branch(branch), paths=paths, default_branch=branch is None)]


def _create_ref(_: re.Match[str], said: Document, __: str) -> list[Write]:
    return [Write(ref=_text(said, "ref"), change="created")]


def _change_ref(match: re.Match[str], said: Document, method: str) -> list[Write]:
    ref = f"refs/{match[1]}"
    if method == "DELETE":
        return [Write(ref=ref, change="deleted", paths=frozenset())]
    return [Write(ref=ref, change="forced" if said.get("force") else "updated")]


def _merge(_: re.Match[str], said: Document, __: str) -> list[Write]:
    return [Write(ref=_branch(_text(said, "base")))]


def _pull(side: str) -> Callable[[re.Match[str], Document, str], list[Write]]:
    def read(match: re.Match[str], _: Document, __: str) -> list[Write]:
        number = match[1]
        if not (number.isascii() and number.isdigit()) or len(number) > _DIGITS_MAX:
            return [Write(side=side)]
        return [Write(pull=int(number), side=side)]

    return read


def _merge_upstream(_: re.Match[str], said: Document, __: str) -> list[Write]:
    return [Write(ref=_branch(_text(said, "branch")))]


def _rename(match: re.Match[str], said: Document, _: str) -> list[Write]:
    return [
        Write(ref=_branch(match[1]), change="deleted", paths=frozenset()),
        Write(ref=_branch(_text(said, "new_name")), change="created"),
    ]


def _release(_: re.Match[str], said: Document, __: str) -> list[Write]:
    tag = _text(said, "tag_name")
    return [Write(ref=tag and f"refs/tags/{tag}", change="created")]


def _edit_release(match: re.Match[str], said: Document, method: str) -> list[Write]:
    # Its tag is made when a draft is published; a change of the notes alone touches no ref.
    if said.keys().isdisjoint({"tag_name", "target_commitish", "draft"}):
        return []
    return _release(match, said, method)


def _autofix(_: re.Match[str], said: Document, __: str) -> list[Write]:
    return [Write(ref=_text(said, "target_ref"))]


def _delete_repository(_: re.Match[str], __: Document, ___: str) -> list[Write]:
    # Every ref of it, and nobody knows which those are.
    return [Write(change="deleted")]


def _rest(
    methods: str, pattern: str, read: Callable[[re.Match[str], Document, str], list[Write]]
) -> tuple[frozenset[str], re.Pattern[str], Callable[..., list[Write]]]:
    return frozenset(methods.split()), re.compile(pattern, re.IGNORECASE | re.DOTALL), read


_REST: Final = (
    _rest("PUT DELETE", r"contents/(.+)", _contents),
    _rest("POST", r"git/refs", _create_ref),
    _rest("POST PATCH DELETE", r"git/refs/(.+)", _change_ref),
    _rest("POST", r"merges", _merge),
    _rest("PUT", r"pulls/([^/]+)/merge", _pull("base")),
    _rest("PUT", r"pulls/([^/]+)/update-branch", _pull("head")),
    _rest("POST", r"merge-upstream", _merge_upstream),
    _rest("POST", r"branches/(.+)/rename", _rename),
    _rest("POST", r"releases", _release),
    _rest("PATCH", r"releases/[^/]+", _edit_release),
    _rest("POST", r"code-scanning/alerts/[^/]+/autofix/commits", _autofix),
    _rest("DELETE", r"", _delete_repository),
)


def graphql_writes(query: bytes, body: bytes) -> list[Write]:
    """Return the refs that the mutations of a GraphQL request would change.

    Every operation of the document counts, whichever one is asked for by name.

    Args:
        query: of the URL, as it came: a document may stand there too.
        body: as it came.

    Raises:
        BadPrompt: the request cannot be read.
    """
    # Late: the library is large, and only who uses GraphQL needs it.
    from graphql import GraphQLError, parse

    said = _parameters(query, body)
    source, variables = said.get("query"), said.get("variables") or {}
    if not isinstance(source, str) or not isinstance(variables, dict):
        raise BadPrompt("The GraphQL request has no query, or variables that are no object.")
    try:
        document = parse(source, no_location=True, max_tokens=_TOKENS_MAX)
        return list(_mutations(document, variables))
    except (GraphQLError, RecursionError):
        raise BadPrompt("The GraphQL query cannot be read.") from None


def _mutations(document: Any, variables: Document) -> Iterator[Write]:
    from graphql import (
        FragmentDefinitionNode,
        OperationDefinitionNode,
        OperationType,
        value_from_ast_untyped,
    )

    fragments = {
        each.name.value: each
        for each in document.definitions
        if isinstance(each, FragmentDefinitionNode)
    }
    count = 0
    for each in document.definitions:
        if not isinstance(each, OperationDefinitionNode):
            continue
        if each.operation is not OperationType.MUTATION:
            continue
        # A variable that is not given has the default of its definition.
        given = {
            one.variable.name.value: value_from_ast_untyped(one.default_value)
            for one in each.variable_definitions
            if one.default_value is not None
        } | dict(variables)
        for field in _fields(each.selection_set, fragments, set()):
            count += 1
            if count > MUTATIONS_MAX:
                raise BadPrompt(f"A GraphQL request may have {MUTATIONS_MAX} mutations at most.")
            read = _GRAPHQL.get(field.name.value)
            if read is not None:
                yield from read(_input(field, given))


def _fields(selections: Any, fragments: Mapping[str, Any], seen: set[str]) -> Iterator[Any]:
    """Yield an operation's fields; each fragment counts once, as GraphQL itself has it."""
    from graphql import FieldNode, FragmentSpreadNode

    for each in selections.selections:
        if isinstance(each, FieldNode):
            yield each
        elif isinstance(each, FragmentSpreadNode):
            name = each.name.value
            if name in fragments and name not in seen:
                seen.add(name)
                yield from _fields(fragments[name].selection_set, fragments, seen)
        else:
            yield from _fields(each.selection_set, fragments, seen)


def _input(field: Any, variables: Document) -> Document:
    from graphql import value_from_ast_untyped

    for argument in field.arguments:
        if argument.name.value == "input":
            value = value_from_ast_untyped(argument.value, dict(variables))
            return value if isinstance(value, dict) else {}
    return {}


def _objects(value: object) -> Sequence[Document]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _create_commit(said: Document) -> list[Write]:
    branch, files = said.get("branch"), said.get("fileChanges") or {}
    if not isinstance(branch, dict) or not isinstance(files, dict):
        return [Write()]
    changed = [*_objects(files.get("additions")), *_objects(files.get("deletions"))]
    repository = _text(branch, "repositoryNameWithOwner")
    return [
        Write(
            repository=repository and repository.lower(),
            ref=_branch(_text(branch, "branchName")),
            # Other spellings of a path name the same file.
            paths=frozenset(
                normal_path(path).lstrip("/") for each in changed if (path := _text(each, "path"))
            ),
            node=_text(branch, "id"),
        )
    ]


def _update_refs(said: Document) -> list[Write]:
    return [
        Write(
            ref=_text(update, "name"),
            change=_change(update),
            node=_text(said, "repositoryId"),
        )
        for update in _objects(said.get("refUpdates"))
    ] or [Write()]


def _change(update: Document) -> str:
    after, before = _text(update, "afterOid") or "", _text(update, "beforeOid")
    if after and not after.strip("0"):
        return "deleted"
    if before is not None and not before.strip("0"):
        return "created"
    return "forced" if update.get("force") else "updated"


def _of(
    node: str, change: str = "updated", *, ref: str = "", branch: str = "", side: str = "base"
) -> Callable[[Document], list[Write]]:
    """Return a reader of inputs that name by ``node`` an id, and by ``ref`` or ``branch`` a ref."""

    def read(said: Document) -> list[Write]:
        named = _text(said, ref) if ref else _branch(_text(said, branch)) if branch else None
        forced = change == "updated" and bool(said.get("force"))
        return [
            Write(
                ref=named,
                change="forced" if forced else change,
                paths=frozenset() if change == "deleted" else None,
                node=_text(said, node),
                side=side,
            )
        ]

    return read


_GRAPHQL: Final[Mapping[str, Callable[[Document], list[Write]]]] = {
    "createCommitOnBranch": _create_commit,
    "createRef": _of("repositoryId", "created", ref="name"),
    "updateRef": _of("refId"),
    "updateRefs": _update_refs,
    "deleteRef": _of("refId", "deleted"),
    "mergeBranch": _of("repositoryId", branch="base"),
    "mergePullRequest": _of("pullRequestId"),
    "enablePullRequestAutoMerge": _of("pullRequestId"),
    "enqueuePullRequest": _of("pullRequestId"),
    "updatePullRequestBranch": _of("pullRequestId", side="head"),
    "revertPullRequest": _of("pullRequestId", "created", side="none"),
    "createLinkedBranch": _of("repositoryId", "created", branch="name"),
}
