"""Tiers of tools, by their names."""

import pytest

from pipeline.enrichment.risk import risk_tier


@pytest.mark.parametrize(
    ("name", "tier"),
    [
        ("Read", "read"),
        ("Bash", "execute"),
        ("apply_patch", "write"),
        ("get_terminal_output", "read"),
        ("run_in_terminal", "execute"),
        ("WebFetch", "network"),
        ("deleteFile", "destructive"),
        ("mcp__github__create_pull_request", "write"),
        ("mcp__delete-server__list_files", "read"),
        ("drop_table_and_run", "destructive"),
        ("HTTPRequest", "network"),
        ("frobnicate", None),
        ("", None),
        ("__", None),
    ],
)
def test_name_tells(name: str, tier: str | None) -> None:
    assert risk_tier(name) == tier


@pytest.mark.parametrize("path", [".git/hooks/pre-commit", "a/.github/workflows/x.yml", ".bashrc"])
def test_write_to_what_runs_by_itself_counts_as_execution(path: str) -> None:
    assert risk_tier("edit_file", (path,)) == "execute"
    assert risk_tier("read_file", (path,)) == "read"
