"""Name how a command ends when it does not succeed; the messages are whole sentences for a person.

CommandError        2: usage or configuration; nothing was done
|- StackNotRunning  2: the command needs a running stack
|- CheckFailed      1: the command did its work, and the finding is bad news
`- SignInFailed     1: the gateway or the issuer refused, or does not answer
"""

from typing import ClassVar


class CommandError(Exception):
    """The command cannot be carried out; the message says why and the way out."""

    exit_code: ClassVar[int] = 2


class StackNotRunning(CommandError):
    """No stack runs on the data directory."""


class CheckFailed(CommandError):
    """What was checked or waited for is not as it should be."""

    exit_code = 1


class SignInFailed(CommandError):
    """Nobody was signed in, renewed or signed out; what was kept before is kept still."""

    exit_code = 1
