"""Learn from a shell command which files it names, as far as that is plain. Pure.

A command is read as words, redirections and separators, never run or expanded: what a variable, a
glob, a script or another program does to files cannot be told from its text. Whoever must be sure
that no command touches a file denies the tool that runs commands.
Source: POSIX.1-2024, "Shell Command Language", 2.2 Quoting, 2.3 Token Recognition, 2.7 Redirection.
"""

import re
from collections.abc import Iterator
from typing import Final

# Longest command that is read; beyond it no word is looked at.
COMMAND_CHARACTERS_MAX: Final = 64 * 1024
_NESTING_MAX: Final = 3
_HERE: Final = re.compile(r"<<-?[ \t]*(['\"]?)(\w+)\1")
# Alternatives that begin with different characters: each character is looked at once.
_TOKEN: Final = re.compile(
    r"""(?P<redirect>(?:\d+|&)?>>?[|&]?|<<?<?&?)|(?P<separator>[;|&()\n]+)"""
    r"""|(?P<word>(?:[^\s'"\\<>|&;()`]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+)""",
    re.DOTALL,
)
_QUOTED: Final = re.compile(r"""\\(.)|'([^']*)'|"((?:[^"\\]|\\.)*)\"""", re.DOTALL)
_DIFF_FILE: Final = re.compile(r"^(?:\+\+\+|---) (?:[ab]/)?([^\t\n]+)", re.MULTILINE)
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*=")
_FILE_NAME: Final = re.compile(r"[\w.+@-]*\.[A-Za-z]\w{0,9}")
# Programs that change every file that they are given, and those that change the last one alone.
_CHANGE_ALL: Final = frozenset({"rm", "mv", "touch", "tee", "truncate", "shred", "unlink", "rmdir"})
_CHANGE_LAST: Final = frozenset({"cp", "ln", "install", "rsync"})
_IN_PLACE: Final = frozenset({"sed", "gsed", "perl", "ruby"})
_SHELLS: Final = frozenset({"sh", "bash", "zsh", "dash", "ksh", "fish"})
_BEFORE: Final = frozenset(
    {"sudo", "env", "command", "exec", "nohup", "time", "xargs", "then", "do"}
)
_NOWHERE: Final = ("/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty", "-")


class ShellPaths:
    """The files of one command: ``edited`` is what it plainly changes, ``named`` the rest."""

    __slots__ = ("_directory", "edited", "named")

    def __init__(self, directory: str = "") -> None:
        """Read commands that start in ``directory``."""
        self._directory = directory
        self.edited: list[str] = []
        self.named: list[str] = []

    def read(self, command: str, nesting: int = 0) -> None:
        """Take in a command line; anything is accepted."""
        text = command[:COMMAND_CHARACTERS_MAX]
        if "<<" in text:
            text = _without_bodies(text)
        words: list[str] = []
        programs: list[str] = []
        redirect = ""
        for token in _TOKEN.finditer(text):
            if token["word"] is not None:
                word = _QUOTED.sub(_unquoted, token["word"])
                if redirect:
                    self._redirected(redirect, word)
                else:
                    words.append(word)
                redirect = ""
            elif token["redirect"]:
                redirect = token["redirect"]
            else:
                redirect = ""
                programs.append(self._run(words, nesting))
                words = []
        programs.append(self._run(words, nesting))
        if "patch" in programs or "git apply" in programs:
            for name in _DIFF_FILE.findall(command[:COMMAND_CHARACTERS_MAX]):
                self._add(self.edited, name.strip())

    def _redirected(self, redirect: str, word: str) -> None:
        if redirect.startswith("<"):
            if redirect == "<":
                self._add(self.named, word)
        elif not (redirect.endswith("&") and (word.isdigit() or word == "-")):
            self._add(self.edited, word)

    def _run(self, words: list[str], nesting: int) -> str:
        """Take in one program with its arguments; return its name."""
        while words and (words[0] in _BEFORE or _ASSIGNMENT.match(words[0])):
            words = words[1:]
        if not words:
            return ""
        program, arguments = words[0].rsplit("/", 1)[-1], words[1:]
        plain = [one for one in arguments if not one.startswith("-")]
        if program in _SHELLS:
            self._nested(arguments, nesting)
        elif program in {"cd", "pushd"} and plain:
            self._directory = self._placed(plain[0])
        elif program in _CHANGE_ALL:
            self._all(self.edited, plain)
        elif program in _CHANGE_LAST:
            self._all(self.named, plain[:-1])
            self._all(self.edited, plain[-1:])
        elif program in _IN_PLACE and any(_is_in_place(one) for one in arguments):
            self._all(self.edited, _without_script(arguments))
        elif program == "git" and plain[:1] in (["rm"], ["mv"]):
            self._all(self.edited, plain[1:])
        elif program == "dd":
            self._all(self.edited, [one[3:] for one in arguments if one.startswith("of=")])
        else:
            self._all(self.named, [one for one in plain if _is_path(one)])
        return f"git {plain[0]}" if program == "git" and plain else program

    def _nested(self, arguments: list[str], nesting: int) -> None:
        for place, word in enumerate(arguments):
            if re.fullmatch(r"-\w*c", word) and place + 1 < len(arguments):
                if nesting < _NESTING_MAX:
                    self.read(arguments[place + 1], nesting + 1)
                return
        self._all(self.named, [one for one in arguments if _is_path(one)])

    def _all(self, to: list[str], words: list[str]) -> None:
        for word in words:
            self._add(to, word)

    def _add(self, to: list[str], word: str) -> None:
        if word and word not in _NOWHERE:
            to.append(self._placed(word))

    def _placed(self, word: str) -> str:
        absolute = word.startswith(("/", "~", "\\")) or word[1:2] == ":"
        return word if absolute or not self._directory else f"{self._directory}/{word}"


def _without_bodies(text: str) -> str:
    """Return a script without the texts of its here-documents."""
    kept: list[str] = []
    ends: list[str] = []
    for line in text.split("\n"):
        if ends:
            if line.strip() == ends[0]:
                del ends[0]
            continue
        kept.append(line)
        ends = [name for _, name in _HERE.findall(line)]
    return "\n".join(kept)


def _unquoted(quoted: re.Match[str]) -> str:
    escaped, single, double = quoted.groups()
    if double is not None:
        return re.sub(r'\\(["\\$`\n])', r"\1", double)
    return str(escaped if escaped is not None else single)


def _without_script(arguments: list[str]) -> list[str]:
    """Return the files of an in-place editor: what is neither an option nor its program."""
    files: list[str] = []
    has_script = takes_next = False
    for one in arguments:
        if takes_next:
            takes_next = False
        elif one.startswith("-"):
            takes_next = one.endswith(("e", "f")) and not one.startswith("--")
            has_script = has_script or takes_next or one.startswith(("--expression", "--file"))
        else:
            files.append(one)
    return files if has_script else files[1:]


def _is_in_place(option: str) -> bool:
    return option.startswith("--in-place") or bool(re.match(r"-(?!-)[A-Za-z0-9]*i", option))


def _is_path(word: str) -> bool:
    """Say that a word looks like a file: it has a slash or an ending, and is no URL."""
    return "://" not in word and ("/" in word or bool(_FILE_NAME.fullmatch(word)))


def commands_of(value: object) -> Iterator[str]:
    """Yield the command lines of an argument: a text, a list of texts, or a program's words."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        words = [one for one in value if isinstance(one, str)]
        if len(words) > 1 and re.fullmatch(r"-\w*c", words[1]):
            yield from words[2:3]
        else:
            # Either one program and its arguments, or several command lines: read both ways.
            yield from words
            yield " ".join("'" + one.replace("'", "'\\''") + "'" for one in words)
