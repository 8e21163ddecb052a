"""The real git through the gateway to a real git server: what passes, what is refused, what is recorded."""

import gzip
import itertools
import random
import shutil
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from git_server import GitServer, git
from running_gateway import SECRET

from ingress.policy.connections import Basic, Connection
from ingress.protocol.git import packet
from ingress.routing import Router, git_server

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs the git command")
_numbers = itertools.count()


class Work:
    """One person's clone of one repository, through the gateway."""

    def __init__(self, gateway, forge, root, name, key=None, connection="forge"):
        self.gateway, self.root, self.name = gateway, root, name
        self.bare = forge.root / f"{name}.git"
        self.path = root / "work"
        self.session = f"git-{next(_numbers)}"
        self.url = (
            f"http://x:{key or gateway.key}@127.0.0.1:{gateway.port}/git/{connection}/{name}.git"
        )

    def git(self, *arguments, check=True, cwd=None, **environment):
        session = f"http.extraHeader=x-session-id: {self.session}"
        return git("-c", session, *arguments, cwd=cwd or self.path, check=check, **environment)

    def clone(self, *arguments, **more):
        return self.git("clone", *arguments, self.url, str(self.path), cwd=self.root, **more)

    def commit(self, message="change", **files):
        for name, text in files.items():
            path = self.path / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.id("HEAD")

    def id(self, name):
        return self.git("rev-parse", name).text.strip()

    def refs(self):
        lines = git("for-each-ref", "--format=%(refname) %(objectname)", cwd=self.bare).text
        return dict(line.split() for line in lines.splitlines())

    def ends(self, operation="push", method="POST", count=1):
        """Return the last events of the session's interactions of an operation, once all are there."""
        deadline = time.monotonic() + 15
        while True:
            found = [
                event
                for event in self.gateway.events(self.session)
                if event.event_type != "interaction.requested"
                and event.operation == operation
                and event.method == method
            ]
            if len(found) >= count:
                return found
            assert time.monotonic() < deadline, found
            time.sleep(0.01)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A bare repository with one commit on main, and a clone of it; tests work on copies."""
    root = tmp_path_factory.mktemp("template")
    server = GitServer(root, "")
    bare = server.repository("bare")
    seed = root / "seed"
    git("init", "-q", str(seed), cwd=root)
    (seed / "src").mkdir()
    (seed / "src/main.py").write_text("print(1)\n")
    (seed / "README").write_text("hello\n")
    git("add", "-A", cwd=seed)
    git("commit", "-qm", "first", cwd=seed)
    git("push", "-q", str(bare), "HEAD:refs/heads/main", cwd=seed)
    git("symbolic-ref", "HEAD", "refs/heads/main", cwd=bare)
    git("clone", "-q", str(bare), str(root / "clone"), cwd=root)
    return root


@pytest.fixture
def work(gateway, forge, tmp_path, template):
    """A repository with one commit on main, in a session of its own; cloned on request."""

    def make(name=None, *, cloned=True, **more):
        name = name or f"acme/r{next(_numbers)}"
        shutil.copytree(template / "bare.git", forge.root / f"{name}.git")
        made = Work(gateway, forge, tmp_path, name, **more)
        if cloned:
            shutil.copytree(template / "clone", made.path)
            config = made.path / ".git/config"
            config.write_text(config.read_text().replace(str(template / "bare.git"), made.url))
        return made

    return make


@pytest.mark.parametrize("version", ["0", "2"])
def test_a_clone_brings_the_repository_and_is_recorded(work, forge, version):
    w = work(cloned=False)

    w.clone("-c", f"protocol.version={version}")

    assert (w.path / "src/main.py").read_text() == "print(1)\n"
    (end, *_) = [e for e in w.ends("fetch", count=1 + (version == "2")) if e.refs]
    assert end.event_type == "interaction.completed"
    assert end.repository == w.name
    assert end.protocol == "git"
    assert [(ref.change, ref.new_id) for ref in end.refs] == [("wanted", w.id("HEAD"))]
    assert end.completion_bytes > 100
    assert end.parts == ()
    assert all("tnk_" not in str(seen.headers) for seen in forge.seen)


def test_a_push_names_its_ref_ids_and_files(work):
    w = work()
    before = w.id("HEAD")

    after = w.commit(src__main_dot_py="print(2)\n", docs__new_dot_md="new\n")
    ran = w.git("push", "origin", "HEAD:main")

    assert w.refs()["refs/heads/main"] == after
    assert "main" in ran.text
    (end,) = w.ends()
    assert end.event_type == "interaction.completed"
    (ref,) = end.refs
    assert (ref.ref, ref.change, ref.old_id, ref.new_id, ref.result) == (
        "refs/heads/main",
        "updated",
        before,
        after,
        "ok",
    )
    assert end.file_paths == ("docs/new.md", "src/main.py")
    assert end.file_path_count == 2
    assert end.prompt_bytes > 100


def test_a_denied_push_shows_its_reason_in_gits_own_output(work):
    w = work()
    w.git("push", "origin", "HEAD:release")
    w.commit(README="other\n")

    ran = w.git("push", "origin", "HEAD:release", check=False)

    assert ran.code == 1
    assert "remote: tailnumber: Release is closed until Monday. (record " in ran.text
    assert "! [remote rejected] HEAD -> release (denied by policy: protected)" in ran.text
    assert w.refs()["refs/heads/release"] == w.id("HEAD~1")
    end = w.ends(count=2)[-1]
    assert end.event_type == "interaction.blocked"
    assert (end.rule_id, end.reason_code, end.http_status) == ("protected", "rule", 200)
    assert end.refs[0].result == "refused"


def test_a_push_that_needs_a_review_says_that_none_can_be_had_yet(work):
    w = work()

    ran = w.git("push", "origin", "HEAD:refs/heads/careful/x", check=False)

    assert ran.code == 1
    assert "holding it for one is not available yet" in ran.text
    assert "(needs a review: looked-at)" in ran.text
    (end,) = w.ends()
    assert (end.rule_id, end.reason_code) == ("looked-at", "review_unavailable")


@pytest.mark.parametrize("atomic", [(), ("--atomic",)], ids=["one by one", "atomic"])
def test_one_refused_ref_refuses_the_whole_push(work, atomic):
    w = work()
    before = w.refs()

    ran = w.git("push", *atomic, "origin", "HEAD:refs/heads/careful/x", "HEAD:fine", check=False)

    assert ran.code == 1
    assert "careful/x (needs a review: looked-at)" in ran.text
    assert "fine (another ref of this push was refused)" in ran.text
    assert w.refs() == before
    (end,) = w.ends()
    assert {ref.ref: ref.result for ref in end.refs} == {
        "refs/heads/careful/x": "refused",
        "refs/heads/fine": None,
    }


def test_a_push_is_refused_for_the_files_it_changes(work):
    w = work("acme/watched-files")
    w.commit(_dot_github__workflows__ci_dot_yml="on: push\n")
    w.commit(README="and another commit on top\n")

    ran = w.git("push", "origin", "HEAD:main", check=False)

    assert "remote: tailnumber: Workflows are the platform team's." in ran.text
    (end,) = w.ends()
    assert end.file_paths == (".github/workflows/ci.yml", "README")


def test_a_file_that_the_server_already_holds_elsewhere_still_counts_as_changed(work):
    w = work("acme/watched-known-blobs")
    w.commit(harmless_dot_txt="on: push\n")
    w.git("push", "origin", "HEAD:refs/heads/notes")
    (w.path / ".github/workflows").mkdir(parents=True)
    w.git("mv", "harmless.txt", ".github/workflows/ci.yml")
    w.commit()

    ran = w.git("push", "origin", "HEAD:main", check=False)

    assert "remote: tailnumber: Workflows are the platform team's." in ran.text


def test_a_branch_moved_to_commits_that_the_server_holds_counts_their_files(work):
    w = work("acme/watched-known-commits")
    first = w.id("HEAD")
    w.commit(_dot_github__workflows__ci_dot_yml="on: push\n")
    # Put there around the gateway, as another system would.
    git("push", "-q", str(w.bare), "HEAD:refs/heads/elsewhere", cwd=w.path)

    ran = w.git("push", "origin", "HEAD:main", check=False)

    assert "remote: tailnumber: Workflows are the platform team's." in ran.text
    assert w.refs()["refs/heads/main"] == first


def test_what_cannot_be_known_is_refused_by_a_rule_that_asks_for_it(work):
    w = work("acme/watched-no-filter")
    git("config", "uploadpack.allowFilter", "false", cwd=w.bare)
    w.commit(README="harmless\n")

    ran = w.git("push", "origin", "HEAD:main", check=False)

    assert ran.code == 1
    assert (
        "(workflows) asks for something that the gateway could not learn of this request: paths."
        in ran.text
    )
    (end,) = w.ends()
    assert (end.rule_id, end.reason_code) == ("workflows", "not_known")
    assert end.file_path_count is None


@pytest.mark.parametrize("amended", [False, True], ids=["reset", "amended"])
def test_a_forced_push_is_told_from_one_that_goes_on(work, amended):
    w = work()
    w.commit(README="two\n")
    w.git("push", "origin", "HEAD:main")
    if amended:
        w.git("commit", "-q", "--amend", "-m", "other")
    else:
        w.git("reset", "-q", "--hard", "HEAD~1")

    ran = w.git("push", "--force", "origin", "HEAD:main", check=False)

    assert "(denied by policy: no-force)" in ran.text
    first, second = w.ends(count=2)
    assert [first.refs[0].change, second.refs[0].change] == ["updated", "forced"]


def test_a_push_on_commits_that_another_branch_brought_is_no_forced_one(work):
    w = work()
    w.commit(README="two\n")
    w.commit(README="three\n")
    w.git("push", "origin", "HEAD:other")
    w.commit(README="four\n")

    w.git("push", "origin", "HEAD:main")

    assert [end.refs[0].change for end in w.ends(count=2)] == ["created", "updated"]


def test_tags_and_deletions_are_ref_updates_too(work):
    w = work()
    w.git("tag", "light")
    w.commit(README="tagged\n")
    w.git("tag", "-a", "heavy", "-m", "a tag")

    w.git("push", "origin", "light", "heavy", "HEAD:gone")
    w.git("push", "origin", ":gone")

    assert {"refs/tags/light", "refs/tags/heavy"} < w.refs().keys()
    assert "refs/heads/gone" not in w.refs()
    made, deleted = w.ends(count=2)
    assert {ref.ref: ref.change for ref in made.refs} == {
        "refs/tags/light": "created",
        "refs/tags/heavy": "created",
        "refs/heads/gone": "created",
    }
    assert made.file_paths == ("README",)
    assert [(ref.ref, ref.change, ref.result) for ref in deleted.refs] == [
        ("refs/heads/gone", "deleted", "ok")
    ]
    assert deleted.file_path_count == 0


def test_a_merge_into_a_branch_names_what_it_brings(work):
    w = work()
    w.git("checkout", "-q", "-b", "topic")
    w.commit(topic_dot_txt="x\n")
    w.git("push", "-q", "origin", "topic")
    w.git("checkout", "-q", "main")
    w.commit(README="meanwhile\n")
    w.git("push", "-q", "origin", "main")
    w.git("merge", "-q", "--no-ff", "-m", "merge", "topic")

    w.git("push", "origin", "main")

    assert w.ends(count=3)[-1].file_paths == ("topic.txt",)


def test_a_push_of_megabytes_passes_chunked_with_its_probe_and_leaves_nothing_behind(work, gateway):
    w = work()
    after = w.commit(big_dot_bin=random.Random(1).randbytes(6_000_000))

    w.git("push", "origin", "HEAD:main")

    assert w.refs()["refs/heads/main"] == after
    (end,) = w.ends()
    assert end.prompt_bytes > 6_000_000
    assert end.file_paths == ("big.bin",)
    assert list((gateway.settings.data_dir / "spool").iterdir()) == []
    assert [e.operation for e in w.ends("fetch")] == ["fetch"]


def test_a_push_over_the_limit_is_refused_and_recorded(work):
    w = work()
    w.commit(big_dot_bin=random.Random(2).randbytes(9_000_000))

    ran = w.git("push", "origin", "HEAD:main", check=False)

    assert ran.code != 0
    (end,) = w.ends()
    assert (end.event_type, end.reason_code) == ("interaction.blocked", "body_too_large")


@pytest.mark.parametrize(
    "arguments", [("--depth", "1"), ("--filter=blob:none",)], ids=["shallow", "partial"]
)
def test_shallow_and_partial_clones_pass(work, arguments):
    w = work(cloned=False)

    w.clone(*arguments)

    assert (w.path / "README").read_text() == "hello\n"


def test_a_push_from_a_shallow_clone_is_understood(work):
    w = work(cloned=False)
    w.clone("--depth", "1")
    w.commit(src__main_dot_py="print(3)\n")

    w.git("push", "origin", "HEAD:main")

    assert w.ends()[0].file_paths == ("src/main.py",)


def test_a_fetch_brings_what_is_new(work):
    w = work()
    other = w.root / "other"
    git("clone", "-q", str(w.bare), str(other), cwd=w.root)
    (other / "README").write_text("changed elsewhere\n")
    git("commit", "-qam", "elsewhere", cwd=other)
    git("push", "-q", "origin", "HEAD:main", cwd=other)

    w.git("pull", "-q", "--rebase")

    assert (w.path / "README").read_text() == "changed elsewhere\n"


def test_two_pushes_at_once_each_keep_their_own_facts(work):
    w = work()
    w.git("branch", "a")
    w.commit(b_dot_txt="b\n")
    w.git("branch", "b")

    def push(name):
        return w.git("push", "origin", name).code

    with ThreadPoolExecutor() as pool:
        assert list(pool.map(push, ["a", "b"])) == [0, 0]

    facts = {end.refs[0].ref: end.file_paths for end in w.ends(count=2)}
    assert facts == {"refs/heads/a": (), "refs/heads/b": ("b.txt",)}


def test_a_caller_who_may_not_fetch_reads_why(work, gateway):
    w = work(key=gateway.reading.key("carl", "contractors"), cloned=False)

    ran = w.clone(check=False)

    assert "fatal: remote error: tailnumber: Contractors may not ask here. (record " in ran.text
    (end,) = w.ends("fetch", method="GET")
    assert (end.event_type, end.http_status) == ("interaction.blocked", 200)


def test_git_is_asked_for_a_credential_and_a_wrong_one_is_refused(work, gateway):
    w = work(key="nonsense", cloned=False)

    ran = w.clone(check=False)

    assert ran.code == 128
    assert "Authentication failed" in ran.text
    answer = gateway.ask(
        path=f"/git/forge/{w.name}.git/info/refs?service=git-upload-pack", method="GET", key=""
    )
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Basic realm=")


def test_a_bearer_token_in_an_extra_header_is_a_credential(work, gateway):
    w = work(cloned=False)
    w.url = w.url.replace(f"x:{gateway.key}@", "")

    w.git(
        "-c",
        f"http.extraHeader=Authorization: Bearer {gateway.key}",
        "clone",
        w.url,
        str(w.path),
        cwd=w.root,
    )

    assert (w.path / "README").exists()


def test_a_connection_of_kind_github_leads_to_the_git_host_and_folds_case(work):
    w = work("acme/folded", cloned=False)
    hub = w.url.replace("/git/forge/", "/git/hub/").replace("acme/folded", "Acme/Folded")

    ran = w.git("ls-remote", hub, cwd=w.root, check=False)

    (end,) = w.ends("fetch", method="GET")
    assert end.repository == "acme/folded"
    assert end.upstream_status == 404, ran.text


def test_an_upstream_that_is_down_is_told_and_recorded(work):
    w = work(connection="down", cloned=False)

    ran = w.clone(check=False)

    assert ran.code == 128
    assert "upstream_unreachable" in ran.text
    (end,) = w.ends("fetch", method="GET")
    assert (end.event_type, end.reason_code) == ("interaction.failed", "upstream_unreachable")


@pytest.mark.parametrize(
    ("status", "reason"), [(301, "upstream_refused"), (401, "credential_refused")]
)
def test_no_answer_leads_git_around_the_gateway(work, forge, status, reason):
    w = work(cloned=False)
    forge.answer_with = status
    try:
        ran = w.clone(check=False)
    finally:
        forge.answer_with = 0

    assert ran.code == 128
    assert "tailnumber: The g" in ran.text
    (end,) = w.ends("fetch", method="GET")
    assert end.reason_code == reason


def test_what_the_server_itself_refuses_is_recorded_as_refused(work):
    w = work()
    git("config", "receive.denyDeletes", "true", cwd=w.bare)
    w.git("push", "-q", "origin", "HEAD:kept")

    ran = w.git("push", "origin", ":kept", check=False)

    assert "deletion prohibited" in ran.text
    assert w.ends(count=2)[-1].refs[0].result == "refused"


def test_what_is_not_known_hinders_no_push_of_which_no_rule_asks_it(work):
    w = work()
    git("config", "uploadpack.allowFilter", "false", cwd=w.bare)
    w.commit(README="harmless\n")

    w.git("push", "origin", "HEAD:other")

    (end,) = w.ends()
    assert (end.event_type, end.file_path_count) == ("interaction.completed", None)


def raw_push(gateway, name, body, session, **headers):
    return gateway.ask(
        body,
        f"/git/forge/{name}.git/git-receive-pack",
        session=session,
        headers={"content-type": "application/x-git-receive-pack-request", **headers},
    )


def push_body(pack, ref=b"refs/heads/main"):
    return packet(b"0" * 40 + b" " + b"1" * 40 + b" " + ref + b"\0report-status") + b"0000" + pack


@pytest.mark.parametrize(
    "body",
    [
        b"nonsense",
        push_body(b""),
        push_body(b"PACK\0\0\0\2\0\0\0\1cut"),
        push_body(b"PACK\0\0\0\2\0\0\0\0" + b"\0" * 20),
        push_body(b"", b"refs/heads/../x"),
    ],
    ids=["no pkt-line", "no pack", "cut", "checksum", "ref"],
)
def test_a_push_that_is_none_is_told_recorded_and_not_forwarded(gateway, forge, body):
    session = f"bad-{next(_numbers)}"
    before = len(forge.seen)

    answer = raw_push(gateway, "acme/bad", body, session)

    assert answer.status == 200
    assert b"ng refs/heads/main" in answer.body or b"ERR tailnumber: " in answer.body
    end = gateway.only_end(session)
    assert (end.event_type, end.reason_code) == ("interaction.blocked", "bad_prompt")
    assert len(forge.seen) == before


def test_a_gzipped_body_is_read_and_a_bomb_is_stopped_at_the_limit(gateway, forge):
    body = gzip.compress(push_body(b"", b"refs/heads/x"))
    bomb = gzip.compress(b"\0" * 20_000_000)

    first = raw_push(gateway, "acme/zip", body, "zip-1", **{"content-encoding": "gzip"})
    second = raw_push(gateway, "acme/zip", bomb, "zip-2", **{"content-encoding": "gzip"})
    third = raw_push(gateway, "acme/zip", b"no gzip", "zip-3", **{"content-encoding": "gzip"})
    fourth = raw_push(gateway, "acme/zip", b"x", "zip-4", **{"content-encoding": "br"})

    assert b"ng refs/heads/x" in first.body
    assert all(b"ERR tailnumber: " in answer.body for answer in (second, third, fourth))
    assert gateway.only_end("zip-2").reason_code == "body_too_large"


def test_a_client_that_leaves_in_the_middle_of_its_push_leaves_no_file_and_no_push(gateway, forge):
    before = len(forge.seen)
    head = (
        f"POST /git/forge/acme/left.git/git-receive-pack HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer {gateway.key}\r\nContent-Length: 7000000\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", gateway.port)) as connection:
        connection.sendall(head.encode() + b"x" * 5_000_000)
        time.sleep(0.1)
    time.sleep(0.2)

    spool = gateway.settings.data_dir / "spool"
    assert not spool.exists() or list(spool.iterdir()) == []
    assert len(forge.seen) == before


def test_a_connection_that_passes_unknown_paths_passes_no_git_beside_its_own_path():
    passing = Connection("any", "http", "http://127.0.0.1:1", unknown_paths="pass")
    router = Router({"any": passing})

    for path in ("/o/r.git/git-receive-pack", "/o/r.git/git%2Dreceive-pack", "/o/r/info/refs"):
        assert not router.route("POST", f"/c/any{path}").known
    assert router.route("POST", "/c/any/o/r").known


def test_githubs_git_hosts_follow_from_its_apis():
    urls = {
        "https://api.github.com": "https://github.com",
        "https://api.acme.ghe.com": "https://acme.ghe.com",
        "https://git.acme.example/api/v3": "https://git.acme.example",
    }
    for api, host in urls.items():
        server = git_server(Connection("hub", "github", api, "secret/x"))
        assert server.upstream == host
        assert server.auth == Basic("x-access-token")


def test_a_key_in_a_push_is_found_and_the_push_refused(work):
    w = work("acme/keyless")
    w.commit(config_dot_py=f"KEY = '{SECRET}'\n")
    w.commit(config_dot_py="KEY = ''\n")  # the commit before still brings it

    ran = w.git("push", "origin", "HEAD:main", check=False)

    assert "remote: tailnumber: There is a key in this push." in ran.text
    (end,) = w.ends()
    (found,) = end.findings
    assert (found.rule_id, found.action) == ("test-key", "recorded")
    assert found.location == f"blob {w.id('HEAD~1:config.py')}"
    assert SECRET not in str(end)


def test_a_file_too_large_to_be_searched_is_not_taken_for_clean(work):
    w = work("acme/keyless-large")
    w.commit(large_dot_txt="line\n" * 400_000)

    ran = w.git("push", "origin", "HEAD:main", check=False)

    assert "could not learn of this request: findings." in ran.text


def test_a_key_in_a_version_that_git_packed_as_a_difference_is_found(work):
    w = work("acme/keyless-delta")
    lines = [f"value_{number} = {number * number}\n" for number in range(400)]
    w.commit(config_dot_py="".join([*lines[:200], f"KEY = '{SECRET}'\n", *lines[200:]]))
    w.commit(config_dot_py="".join([*lines, "MORE = 1\n" * 20]))

    ran = w.git("push", "origin", "HEAD:main", check=False)

    assert "remote: tailnumber: There is a key in this push." in ran.text
    assert w.ends()[0].findings[0].location == f"blob {w.id('HEAD~1:config.py')}"
