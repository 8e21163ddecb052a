"""Tell from a file's name its language and what kind of thing it is. Pure.

Languages are named as editors name them, so that they compare with what a client says of itself.
Source: Visual Studio Code, "Language Identifiers". A name that tells nothing has no language, and
its kind is ``other``.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

# Paths whose answer is remembered: a session names the same files turn after turn.
_REMEMBERED_MAX: Final = 50_000
_LISTS_REMEMBERED_MAX: Final = 2_000

_LANGUAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        extension: language
        for language, extensions in {
            "bat": "bat cmd",
            "c": "c",
            "clojure": "clj cljs cljc edn",
            "cpp": "cpp cc cxx hpp hh hxx h ino",
            "csharp": "cs csx",
            "css": "css",
            "csv": "csv tsv",
            "dart": "dart",
            "dockerfile": "dockerfile containerfile",
            "elixir": "ex exs",
            "erlang": "erl hrl",
            "fsharp": "fs fsi fsx",
            "go": "go",
            "graphql": "graphql gql",
            "groovy": "groovy gradle jenkinsfile",
            "haskell": "hs lhs",
            "html": "html htm xhtml",
            "ini": "ini cfg conf properties env",
            "java": "java",
            "javascript": "js mjs cjs",
            "javascriptreact": "jsx",
            "json": "json jsonl jsonc json5 ipynb",
            "julia": "jl",
            "kotlin": "kt kts",
            "latex": "tex sty",
            "less": "less",
            "lua": "lua",
            "makefile": "makefile mk",
            "markdown": "md mdx markdown",
            "objective-c": "m",
            "objective-cpp": "mm",
            "perl": "pl pm",
            "php": "php",
            "plaintext": "txt",
            "powershell": "ps1 psm1 psd1",
            "proto3": "proto",
            "python": "py pyi pyw",
            "r": "r rmd",
            "restructuredtext": "rst",
            "ruby": "rb rake gemspec gemfile rakefile",
            "rust": "rs",
            "scala": "scala sc",
            "scss": "scss",
            "shellscript": "sh bash zsh fish ksh",
            "sql": "sql",
            "svelte": "svelte",
            "swift": "swift",
            "terraform": "tf tfvars hcl",
            "toml": "toml",
            "typescript": "ts mts cts",
            "typescriptreact": "tsx",
            "vb": "vb bas",
            "vue": "vue",
            "xml": "xml xsd xsl svg csproj",
            "yaml": "yaml yml",
            "zig": "zig",
        }.items()
        for extension in extensions.split()
    }
)

# First match names the kind; matched against the path in lower case with `/` between its parts.
_KINDS: Final = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        (
            "pipeline",
            (
                r"(^|/)\.github/(workflows|actions)/|(^|/)\.(circleci|buildkite|gitlab|ci)/"
                r"|(^|/)(\.gitlab-ci|azure-pipelines|bitbucket-pipelines|cloudbuild|\.travis)\.ya?ml$"
                r"|(^|/)(jenkinsfile|\.drone\.yml|makefile|justfile)$"
            ),
        ),
        (
            "dependencies",
            (
                r"(^|/)(requirements[^/]*\.(txt|in)|constraints[^/]*\.txt|pyproject\.toml|setup\.(py|cfg)"
                r"|pipfile|package\.json|go\.(mod|sum)|cargo\.toml|pom\.xml|build\.gradle(\.kts)?"
                r"|gemfile|composer\.json|[^/]*\.csproj|[^/]*[.-]lock(\.(json|ya?ml))?|pipfile\.lock)$"
            ),
        ),
        (
            "infrastructure",
            (
                r"\.(tf|tfvars|hcl|bicep)$|(^|/)(dockerfile|containerfile|docker-compose|compose)[^/]*$"
                r"|(^|/)(terraform|ansible|helm|charts|k8s|kubernetes|manifests|kustomize|pulumi)/"
            ),
        ),
        ("database", r"\.sql$|(^|/)(migrations?|alembic)/|(^|/)schema\.(rb|prisma)$"),
        (
            "test",
            (
                r"(^|/)(tests?|__tests__|specs?|testdata|fixtures)/|(^|/)(test_[^/]*|conftest\.py)$"
                r"|[._-](test|tests|spec)\.[a-z0-9]+$"
            ),
        ),
        (
            "documentation",
            (
                r"\.(md|mdx|markdown|rst|adoc|txt|tex)$|(^|/)docs?/"
                r"|(^|/)(readme|license|licence|changelog|notice|authors|contributing)$"
            ),
        ),
        (
            "configuration",
            (
                r"\.(ya?ml|toml|ini|cfg|conf|properties|env|json|jsonc|json5|xml|plist)$"
                r"|(^|/)\.[^/]+$"
            ),
        ),
    )
)


@lru_cache(maxsize=_REMEMBERED_MAX)
def language_of(path: str) -> str | None:
    """Return the language of a file by its name, or ``None`` if that does not tell."""
    name = path.replace("\\", "/").rpartition("/")[2].lower()
    return _LANGUAGES.get(name.rpartition(".")[2])


@lru_cache(maxsize=_REMEMBERED_MAX)
def kind_of(path: str) -> str:
    """Return what a file is: code, test, documentation…; ``other`` if its name does not tell."""
    name = path.replace("\\", "/").lower()
    for kind, pattern in _KINDS:
        if pattern.search(name):
            return kind
    return "other" if language_of(path) in (None, "csv") else "code"


@lru_cache(maxsize=_LISTS_REMEMBERED_MAX)
def languages_of(paths: tuple[str, ...]) -> tuple[str, ...]:
    """Return the languages of files, each once, in alphabetical order."""
    return tuple(sorted({language for path in paths if (language := language_of(path))}))


@lru_cache(maxsize=_LISTS_REMEMBERED_MAX)
def kinds_of(paths: tuple[str, ...]) -> tuple[str, ...]:
    """Return the kinds of files, each once, in alphabetical order."""
    return tuple(sorted({kind_of(path) for path in paths}))
