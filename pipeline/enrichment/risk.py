"""Tell from a tool's name how much it can do: read, write, execute, network or destructive. Pure.

Names that agents ship are listed; any other is taken apart into words and the strongest word
decides, so that the tools of an MCP server have a tier without being known. A name without such a
word has none. A write to a file that something runs by itself counts as ``execute``. It is a
reading of names, a way to sort and to ask, never what keeps a call from running: policy does that.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

_REMEMBERED_MAX: Final = 10_000

# Source: tools that Claude Code, Codex, the Copilot CLI and Copilot in Visual Studio Code offer to
# their models, as their documentation and requests name them; lower case.
_KNOWN: Final[Mapping[str, str]] = MappingProxyType(
    {
        name: tier
        for tier, names in {
            "read": "agent ask_user bashoutput codebase exit_plan_mode exitplanmode "
            "get_changed_files get_errors get_terminal_output glob grep grep_search ls "
            "manage_todo_list notebookread read read_bash read_file report_intent "
            "semantic_search task terminal_last_command terminal_selection test_failure think "
            "todowrite update_plan update_todo usages view view_image",
            "write": "apply_patch create_directory create_file edit edit_file edit_notebook_file "
            "editfiles insert_edit_into_file multi_replace_string_in_file multiedit notebookedit "
            "replace_string_in_file str_replace str_replace_based_edit_tool "
            "str_replace_editor text_editor write",
            "execute": "bash computer container.exec create_and_run_task exec_command "
            "local_shell local_shell_call powershell run_in_terminal run_notebook_cell "
            "run_task runtests shell stop_bash write_bash write_stdin",
            "network": "fetch fetch_webpage open_simple_browser web_fetch web_search webfetch "
            "websearch github_repo",
            "destructive": "killbash killshell",
        }.items()
        for name in names.split()
    }
)

# Strongest first: a tool that deletes by a command is destructive.
_WORDS: Final = (
    (
        "destructive",
        "delete destroy drop erase kill purge remove reset revoke rm truncate uninstall wipe",
    ),
    (
        "execute",
        "bash command deploy eval exec execute invoke launch run script shell start terminal",
    ),
    ("network", "browse browser crawl curl download fetch http navigate url web"),
    (
        "write",
        (
            "add append apply commit create edit fork insert merge modify move patch post publish "
            "push put rename replace save send set submit update upload write"
        ),
    ),
    (
        "read",
        (
            "analyze cat check count describe diff explain find get grep head inspect list look "
            "lookup open query read resolve retrieve search show status tail view"
        ),
    ),
)
_TIER_OF_WORD: Final = tuple((tier, frozenset(words.split())) for tier, words in _WORDS)
_BOUNDARY: Final = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

# Files that something runs by itself: hooks, workflows, tasks of an editor, profiles of a shell.
_RUNS_BY_ITSELF: Final = re.compile(
    r"(^|/)\.git/hooks/|(^|/)\.husky/|(^|/)\.github/(workflows|actions)/"
    r"|(^|/)\.vscode/(tasks|launch|settings|mcp)\.json$|(^|/)\.(mcp|claude/settings[^/]*)\.json$"
    r"|(^|/)\.(bashrc|zshrc|profile|bash_profile|zprofile|zshenv)$|(^|/)(crontab|cron\.d/)"
    r"|(^|/)\.(gitlab-ci\.yml|circleci/)|(^|/)jenkinsfile$|(^|/)\.config/(systemd|autostart)/"
)

CHANGING: Final = frozenset({"write", "execute", "destructive"})


@lru_cache(maxsize=_REMEMBERED_MAX)
def risk_tier(name: str, paths: tuple[str, ...] = ()) -> str | None:
    """Return the tier of a tool and the files that it was given, or ``None`` if nothing tells."""
    tier = _tier_of_name(name)
    if tier == "write" and any(_RUNS_BY_ITSELF.search(_plain(path)) for path in paths):
        return "execute"
    return tier


def _tier_of_name(name: str) -> str | None:
    # An MCP tool comes as `mcp__server__tool`; what the server is called says nothing of the tool.
    tool = name.rpartition("__")[2] or name
    if known := _KNOWN.get(tool.lower()):
        return known
    words = {word.lower() for word in _BOUNDARY.split(tool)}
    return next((tier for tier, strong in _TIER_OF_WORD if words & strong), None)


def _plain(path: str) -> str:
    return path.replace("\\", "/").lower()
