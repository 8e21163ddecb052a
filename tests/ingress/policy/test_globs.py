import pytest

from ingress.policy.globs import PathGlobs


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("**/secrets/**", "/home/ada/app/secrets/a/b.py"),
        ("**/secrets/**", "secrets/a.py"),
        ("secrets/**", "/home/ada/app/secrets/a.py"),
        ("*.pem", "keys/server.pem"),
        ("*.pem", "C:\\work\\keys\\SERVER.PEM"),
        ("*.pem", "file:///home/ada/my%20keys/server.pem"),
        ("/etc/**", "/etc/passwd"),
        ("app/*/key?.txt", "x/app/prod/key1.txt"),
        (".env", "./app/../.env"),
        ("./a.py", "a.py"),
        ("a+(b).py", "a+(b).py"),
    ],
)
def test_pattern_matches(pattern, path):
    assert PathGlobs(["nothing", pattern]).match(path)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("**/secrets/**", "app/secrets.py"),
        ("**/secrets/**", "app/mysecrets/a.py"),
        ("*.pem", "server.pem.txt"),
        ("/etc/**", "home/etc/passwd"),
        ("app/*.py", "app/deep/a.py"),
        ("a.py", "ba.py"),
    ],
)
def test_pattern_matches_no_more_than_it_says(pattern, path):
    assert not PathGlobs([pattern]).match(path)


def test_no_pattern_matches_nothing():
    globs = PathGlobs([])

    assert not globs
    assert not globs.match("a")
