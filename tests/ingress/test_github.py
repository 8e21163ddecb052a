"""Writes through GitHub's API: each way to a branch is a push to policy, refused as GitHub refuses."""

import itertools
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from running_gateway import CREDENTIAL, RunningGateway

POLICY = """\
version: 1
connections:
  hub: {{kind: github, upstream: "http://127.0.0.1:{port}/api/v3", credential: secret/copilot}}
masking: {{rules: [tiny.toml]}}
rules:
  - {{id: main-is-protected, on: push, when: "repository == 'acme/web' && ref == 'refs/heads/main'", effect: deny, message: "main takes pull requests."}}
  - {{id: workflows, on: push, when: "repository == 'acme/watched' && paths.exists(p, p.startsWith('.github/'))", effect: deny}}
  - {{id: closed, on: fetch, when: "repository == 'acme/closed'", effect: deny}}
  - {{id: strict, on: push, when: "ref == 'refs/heads/strict'", effect: mask, masking: {{pii: [email]}}}}
  - {{id: engineers, when: "'engineering' in principal.groups", effect: allow}}
"""
NODES = {
    "REF_main": {
        "__typename": "Ref",
        "name": "main",
        "prefix": "refs/heads/",
        "repository": {"nameWithOwner": "Acme/Web"},
    },
    "REF_topic": {
        "__typename": "Ref",
        "name": "topic",
        "prefix": "refs/heads/",
        "repository": {"nameWithOwner": "Acme/Web"},
    },
    "R_web": {"__typename": "Repository", "nameWithOwner": "Acme/Web"},
    "PR_7": {
        "__typename": "PullRequest",
        "number": 7,
        "baseRepository": {"nameWithOwner": "Acme/Web"},
    },
}
WEB = {"full_name": "Acme/Web", "default_branch": "main"}
PULLS = {
    "7": {
        "base": {"ref": "main", "repo": WEB},
        "head": {"ref": "topic", "repo": WEB},
        "changed_files": 2,
    },
    "8": {
        "base": {"ref": "other", "repo": WEB},
        "head": {"ref": "main", "repo": WEB},
        "changed_files": 1,
    },
}
_numbers = itertools.count()


class FakeGitHub(BaseHTTPRequestHandler):
    """The few answers that are looked up; every write is only noted."""

    protocol_version = "HTTP/1.1"
    writes = []

    def log_message(self, *_):
        pass

    def do_GET(self):
        path = self.path.partition("?")[0].removeprefix("/api/v3").lower()
        parts = path.strip("/").split("/")
        if path == "/repositories/42" or path == "/repos/acme/web":
            self.answer(200, WEB)
        elif path.startswith("/repos/acme/web/pulls/") and parts[-1] == "files":
            self.answer(
                200, [{"filename": "a.py"}, {"filename": "new", "previous_filename": "old"}]
            )
        elif path.startswith("/repos/acme/web/pulls/") and parts[-1] in PULLS:
            self.answer(200, PULLS[parts[-1]])
        else:
            self.answer(404, {"message": "Not Found"})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        document = json.loads(body or b"{}")
        node = (document.get("variables") or {}).get("id")
        assert self.headers["authorization"] == f"Bearer {CREDENTIAL}"
        if self.path == "/api/graphql" and "node(id" in document.get("query", ""):
            self.answer(200, {"data": {"node": NODES.get(node)}})
            return
        FakeGitHub.writes.append((self.command, self.path, body))
        self.answer(200, {"ok": True})

    do_PUT = do_PATCH = do_DELETE = do_POST  # noqa: N815 - named by http.server

    def answer(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    server = ThreadingHTTPServer(("127.0.0.1", 0), FakeGitHub)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    with RunningGateway(
        tmp_path_factory.mktemp("github"), server.server_address[1], policy=POLICY
    ) as running:
        yield running
    server.shutdown()
    thread.join(5)
    server.server_close()


@pytest.fixture
def ask(gateway):
    """Ask in a session of its own; return the answer, its one end, and what went upstream."""

    def ask(method, path, document=None, body=None):
        session = f"hub-{next(_numbers)}"
        FakeGitHub.writes.clear()
        answer = gateway.ask(
            document if body is None else body, path, method=method, session=session
        )
        return answer, gateway.only_end(session), list(FakeGitHub.writes)

    return ask


REST = [
    ("PUT", "/repos/acme/web/contents/src/a.py", {"branch": "main", "content": "eA=="}),
    ("PUT", "/repos/Acme/WEB/contents/a.py", {"content": "eA=="}),
    ("DELETE", "/repos/acme/web/contents/a.py?branch=main&sha=1", None),
    ("PUT", "/repos//acme/web/contents//a.py", {"branch": "refs/heads/main"}),
    ("PUT", "/repositories/42/contents/a.py", {"branch": "main"}),
    ("POST", "/repos/acme/web/git/refs", {"ref": "refs/heads/main", "sha": "1"}),
    ("PATCH", "/repos/acme/web/git/refs/heads/main", {"sha": "1", "force": True}),
    ("PATCH", "/repos/acme/web/git/refs/heads%2Fmain", {"sha": "1"}),
    ("DELETE", "/repos/acme/web/git/refs/heads/main", None),
    ("POST", "/repos/acme/web/merges", {"base": "main", "head": "topic"}),
    ("PUT", "/repos/acme/web/pulls/7/merge", {}),
    ("PUT", "/repos/acme/web/pulls/8/update-branch", {}),
    ("POST", "/repos/acme/web/merge-upstream", {"branch": "main"}),
    ("POST", "/repos/acme/web/branches/main/rename", {"new_name": "x"}),
    ("POST", "/repos/acme/web/branches/topic/rename", {"new_name": "main"}),
    ("PUT", "/repos/acme/web/contents/a%0Ab", {"branch": "main"}),
    ("PUT", "/repos/acme/web.git/contents/a", {"branch": "main"}),
    ("PUT", "/repos/acme/web/pulls/00000000007/merge", {}),
    (
        "POST",
        "/repos/acme/web/code-scanning/alerts/1/autofix/commits",
        {"target_ref": "refs/heads/main"},
    ),
]


@pytest.mark.parametrize("prefix", ["/c/hub", "/c/hub/api/v3", "/api/v3"])
@pytest.mark.parametrize(("method", "path", "document"), REST)
def test_every_rest_write_to_a_protected_branch_is_refused(ask, prefix, method, path, document):
    answer, end, writes = ask(method, prefix + path, document)

    assert answer.status == 403
    assert answer.json["message"] == "main takes pull requests."
    assert writes == []
    assert (end.event_type, end.operation, end.rule_id) == (
        "interaction.blocked",
        "push",
        "main-is-protected",
    )
    assert "refs/heads/main" in {ref.ref for ref in end.refs}
    assert end.repository == "acme/web"


MUTATIONS = [
    (
        "createCommitOnBranch",
        'input: {branch: {repositoryNameWithOwner: "Acme/web", branchName: "main"}, fileChanges: {additions: [{path: "a", contents: "eA=="}]}}',
    ),
    ("createCommitOnBranch", 'input: {branch: {id: "REF_main"}, fileChanges: {}}'),
    ("createRef", 'input: {repositoryId: "R_web", name: "refs/heads/main", oid: "1"}'),
    ("updateRef", 'input: {refId: "REF_main", oid: "1", force: true}'),
    ("deleteRef", 'input: {refId: "REF_main"}'),
    (
        "updateRefs",
        'input: {repositoryId: "R_web", refUpdates: [{name: "refs/heads/x", afterOid: "1"}, {name: "refs/heads/main", afterOid: "1"}]}',
    ),
    ("mergeBranch", 'input: {repositoryId: "R_web", base: "main", head: "topic"}'),
    ("mergePullRequest", 'input: {pullRequestId: "PR_7"}'),
    ("enablePullRequestAutoMerge", 'input: {pullRequestId: "PR_7"}'),
]


@pytest.mark.parametrize("path", ["/c/hub/graphql", "/api/graphql"])
@pytest.mark.parametrize(("name", "arguments"), MUTATIONS)
def test_every_mutation_of_a_protected_branch_is_refused(ask, path, name, arguments):
    query = f"mutation {{ a: addStar(input: {{}}) {{ x }} b: {name}({arguments}) {{ clientMutationId }} }}"

    answer, end, writes = ask("POST", path, {"query": query})

    assert answer.status == 403
    assert writes == []
    assert (end.operation, end.rule_id) == ("push", "main-is-protected")


@pytest.mark.parametrize(
    "query",
    [
        "mutation ($in: UpdateRefInput!) { updateRef(input: $in) { x } }",
        'mutation ($id: ID = "REF_main") { updateRef(input: {refId: $id}) { x } }',
        "query { viewer { login } } mutation M($in: X) { ...F } fragment F on Mutation { updateRef(input: $in) { x } }",
        "mutation ($in: X) { ... on Mutation { a: updateRef(input: $in) { x } } }",
        "mutation ($in: X) { ...A ...A } fragment A on M { ...B ...A } fragment B on M { updateRef(input: $in) { x } }",
    ],
    ids=["variable", "default", "fragment", "inline fragment", "fragment in a circle"],
)
def test_no_form_of_a_document_hides_a_mutation(ask, query):
    variables = {"in": {"refId": "REF_main"}} if "$in" in query else {}

    answer, _, writes = ask("POST", "/c/hub/graphql", {"query": query, "variables": variables})

    assert answer.status == 403
    assert writes == []


def test_a_member_written_twice_goes_on_once(ask):
    body = b'{"branch": "main", "branch": "topic", "content": "eA=="}'

    answer, end, writes = ask("PUT", "/c/hub/repos/acme/web/contents/a", body=body)

    assert answer.status == 200
    assert end.refs[0].ref == "refs/heads/topic"
    assert [json.loads(sent) for *_, sent in writes] == [{"branch": "topic", "content": "eA=="}]
    assert b"main" not in writes[0][2]


def test_a_member_written_twice_goes_on_once_also_after_a_stricter_masking(ask):
    body = b'{"branch": "main", "branch": "strict", "content": "reach me at ann@corp.com"}'

    answer, end, writes = ask("PUT", "/c/hub/repos/acme/web/contents/a", body=body)

    assert (answer.status, end.refs[0].ref) == (200, "refs/heads/strict")
    assert b"main" not in writes[0][2]
    assert b"ann@corp.com" not in writes[0][2]


MUTATION = "mutation{updateRef(input:{refId:%22REF_main%22}){x}}"


@pytest.mark.parametrize(
    ("method", "path", "document"),
    [
        ("POST", "/c/hub/graphql?query=" + MUTATION, {"query": "{viewer{login}}"}),
        ("POST", "/c/hub/graphql?query=" + MUTATION, None),
        ("GET", "/c/hub/graphql?query=" + MUTATION, None),
        ("POST", "/c/hub/GraphQL", {"query": 'mutation {updateRef(input: {refId: "REF_main"})}'}),
        ("PUT", "/c/hub/graphql/", {"query": 'mutation {updateRef(input: {refId: "REF_main"})}'}),
        ("DELETE", "/c/hub/repos/acme/web/contents/a?x=1;branch=topic&branch=main", None),
        ("DELETE", "/c/hub/repos/acme/web", None),
        ("PATCH", "/c/hub/repos/acme/web/releases/1", {"draft": False}),
        ("PUT", "/c/hub/repos/acme/web/pulls/seven/merge", {}),
    ],
)
def test_a_write_in_another_shape_does_not_pass_unread(ask, method, path, document):
    answer, _, writes = ask(method, path, document)

    assert answer.status in {400, 403}
    assert writes == []


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.1/api/v3/repos/acme/web/merges", "repos/acme/web/merges", "@acme.example/x"],
)
def test_what_goes_on_is_always_a_path(ask, target):
    answer, end, writes = ask("POST", f"/c/hub/api/v3{target}", {"base": "main", "head": "x"})

    assert (answer.status, end.rule_id) == (403, "main-is-protected") or answer.status == 200
    assert all(path.startswith("/api/v3/api/v3") for _, path, _ in writes)


def test_fragments_that_name_each_other_many_times_are_read_once(ask):
    inner = "".join(f"fragment F{n} on M {{ {f'...F{n + 1} ' * 50} }} " for n in range(18))
    query = f"mutation {{ ...F0 }} {inner} fragment F18 on M {{ ...missing }}"

    answer, _, _ = ask("POST", "/c/hub/graphql", {"query": query})

    assert answer.status == 200


@pytest.mark.parametrize("path", [".github/x", "./.github/x", "/.github/x", "a/..//.github/x"])
def test_no_spelling_of_a_path_in_a_commit_hides_it(ask, path):
    branch = '{repositoryNameWithOwner: "acme/watched", branchName: "topic"}'
    files = f'{{additions: [{{path: "{path}", contents: "eA=="}}]}}'
    query = (
        f"mutation {{ createCommitOnBranch(input: {{branch: {branch}, fileChanges: {files}}}) }}"
    )

    answer, end, writes = ask("POST", "/c/hub/graphql", {"query": query})

    assert (answer.status, end.rule_id, writes) == (403, "workflows", [])


def test_the_notes_of_a_release_are_no_push(ask):
    answer, end, _ = ask("PATCH", "/c/hub/repos/acme/web/releases/1", {"body": "notes"})

    assert (answer.status, end.operation) == (200, "other")


def test_the_repository_is_what_the_path_says_and_not_what_the_client_says(gateway, ask):
    _, end, _ = ask("GET", "/c/hub/repositories/42/contents/a")
    _, other, _ = ask("GET", "/c/hub/user")
    refused, unknown, _ = ask("GET", "/c/hub/repositories/43/contents/a")

    assert (end.operation, end.repository) == ("fetch", "acme/web")
    assert other.repository is None
    assert (refused.status, unknown.reason_code) == (403, "not_known")


def test_a_query_and_a_body_that_differ_are_refused(ask):
    answer, _, writes = ask("PUT", "/c/hub/repos/acme/web/contents/a?branch=main", {"branch": "b"})

    assert answer.status == 400
    assert writes == []


def test_a_write_beside_the_protected_branch_passes_with_its_facts_recorded(ask):
    answer, end, writes = ask(
        "PUT",
        "/c/hub/repos/acme/web/contents/docs/a%20b.md",
        {"branch": "topic", "content": "eA=="},
    )

    assert answer.status == 200
    assert len(writes) == 1
    assert end.file_paths == ("docs/a b.md",)
    assert [(ref.ref, ref.change) for ref in end.refs] == [("refs/heads/topic", "updated")]


def test_the_merge_of_a_pull_request_names_branch_and_files(ask):
    answer, end, _ = ask("PUT", "/c/hub/repos/acme/web/pulls/8/merge", {})

    assert answer.status == 200
    assert end.refs[0].ref == "refs/heads/other"
    assert end.file_paths == ("a.py", "new", "old")


def test_a_write_of_which_too_little_can_be_known_is_refused(ask):
    answer, end, writes = ask("PUT", "/c/hub/repos/acme/web/pulls/999/merge", {})

    assert answer.status == 403
    assert end.reason_code == "not_known"
    assert "ref, paths" in answer.json["message"]
    assert writes == []


def test_reads_are_fetches_or_others_and_pass(ask):
    assert ask("GET", "/c/hub/repos/acme/web/contents/a")[1].operation == "fetch"
    assert ask("GET", "/c/hub/user")[1].operation == "other"
    assert ask("POST", "/c/hub/graphql", {"query": "{ viewer { login } }"})[1].operation == "other"


@pytest.mark.parametrize("query", ["mutation {", 7, "{" * 5000])
def test_a_document_that_cannot_be_read_does_not_go_on(ask, query):
    answer, end, writes = ask("POST", "/c/hub/graphql", {"query": query})

    assert answer.status == 400
    assert end.reason_code == "bad_prompt"
    assert writes == []
