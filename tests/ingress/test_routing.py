"""Where a path leads: no spelling of it may lead past the reader of git, or be no path at all."""

import pytest

from ingress.policy.connections import Bearer, Connection
from ingress.routing import Router

ROUTER = Router(
    {
        "hub": Connection("hub", "github", "https://api.github.com", auth=Bearer()),
        "any": Connection("any", "http", "https://forge.example/scm", unknown_paths="pass"),
    }
)


@pytest.mark.parametrize(
    "path",
    [
        "/c/hub/api/v3http://api.github.com/repos/acme/web/merges",
        "/c/hub/api/v3@api.github.com/repos/acme/web/merges",
        "/c/hub/api/v3//api.github.com/graphql",
        "/c/hub/api/v3/repos/acme/web/merges",
        "/api/v3/graphql",
        "/api/graphqlx",
    ],
)
def test_what_is_asked_of_github_stays_a_path(path):
    assert ROUTER.route("POST", path).upstream_path.startswith("/")


@pytest.mark.parametrize(
    "path",
    [
        "/a/b.git/git-receive-pack",
        "/a/b.git/git-receive-pack/",
        "/a/b.git/git-receive-pack;x=1",
        "/a/b.git/git-receive-pack%3Bx",
        "/a/b.git/git-receive-pack%253Bx",
        "/a/b.git/git%2Dreceive-pack",
        "/a/b.git/git%252Dreceive-pack",
        "/a/b.git/Git-Receive-Pack",
        "/a/b.git/git-receive-pack%20",
        "/a/b.git/git-receive-pack/info",
        "/a/b.git/git-upload-pack;x",
        "/a/b.git/info//refs",
    ],
)
def test_git_is_read_under_its_own_paths_alone(path):
    assert not ROUTER.route("POST", f"/c/any{path}").known


@pytest.mark.parametrize("path", ["/x/%252e%252e/y", "/x/%2e%2e/y", "/x/..;a/y", "/x/..%253Ba/y"])
def test_no_escape_of_an_escape_leaves_the_upstreams_prefix(path):
    assert not ROUTER.route("GET", f"/c/any{path}").known


def test_other_paths_of_a_passing_connection_pass():
    assert ROUTER.route("GET", "/c/any/docs/git-receive-packs;v=1/100%25").known
