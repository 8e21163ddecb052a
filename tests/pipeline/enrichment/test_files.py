"""Languages and kinds of files, by their names."""

import pytest

from pipeline.enrichment.files import kind_of, kinds_of, language_of, languages_of


@pytest.mark.parametrize(
    ("path", "language", "kind"),
    [
        ("src/auth/login.py", "python", "code"),
        ("src\\Auth\\Login.CS", "csharp", "code"),
        ("web/app.tsx", "typescriptreact", "code"),
        ("tests/test_login.py", "python", "test"),
        ("web/app.spec.ts", "typescript", "test"),
        ("README.md", "markdown", "documentation"),
        ("docs/index.html", "html", "documentation"),
        (".github/workflows/ci.yml", "yaml", "pipeline"),
        ("Makefile", "makefile", "pipeline"),
        ("terraform/main.tf", "terraform", "infrastructure"),
        ("Dockerfile", "dockerfile", "infrastructure"),
        ("requirements-dev.txt", "plaintext", "dependencies"),
        ("web/package-lock.json", "json", "dependencies"),
        ("db/migrations/0001_init.py", "python", "database"),
        ("config/app.yaml", "yaml", "configuration"),
        (".env", "ini", "configuration"),
        ("data/rows.csv", "csv", "other"),
        ("LICENSE", None, "documentation"),
        ("blob", None, "other"),
        ("", None, "other"),
    ],
)
def test_name_tells(path: str, language: str | None, kind: str) -> None:
    assert (language_of(path), kind_of(path)) == (language, kind)


def test_each_stands_once_in_order() -> None:
    paths = ("b.ts", "a.py", "tests/b.py", "blob")

    assert languages_of(paths) == ("python", "typescript")
    assert kinds_of(paths) == ("code", "other", "test")
