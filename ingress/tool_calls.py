"""Ask the policy about the tool calls of an answer, each as an operation of its own. Pure.

A call is decided by the policy that decided the request, with what is known of the request and of
the call: its name, the files that it names, what masking found in its arguments.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from ingress.exchange import Exchange
from ingress.policy.decide import Policy
from ingress.policy.rules import DEFAULT_RULE_ID, Operation
from ingress.policy.strictest import decide_known
from ingress.protocol.edits import call_paths
from ingress.protocol.texts import CalledTool, Channel, Completion

# Longest part of a tool's name that a person is shown.
_NAME_CHARACTERS: Final = 64
_TOO_LARGE: Final = "Its arguments are too large to be checked."


class ToolCallPolicy:
    """Decide the tool calls of one answer and note each decision on its call.

    Args:
        policy: the one that decided the request.
        asked: what it was asked then.
        masked: masks a name.
        found: ids of the rules that found something in a call's arguments.
    """

    __slots__ = ("_asked", "_found", "_masked", "_policy")

    def __init__(
        self,
        policy: Policy,
        asked: Operation,
        masked: Callable[[str], str],
        found: Callable[[Channel], Iterable[str]],
    ) -> None:
        self._policy = policy
        self._asked = asked
        self._masked = masked
        self._found = found

    def decide(self, channel: Channel, tool: CalledTool, arguments: str | None) -> str | None:
        """Return why a call may not go on, for the person who asked; None if it may.

        Args:
            channel: where its arguments are.
            tool: takes the decision.
            arguments: masked; None if there is more than may be held.
        """
        tool.name = self._masked(tool.name)
        if arguments is None:
            tool.effect, tool.rule_id, tool.reason_code = "deny", DEFAULT_RULE_ID, "held_too_large"
            return _told(tool, _TOO_LARGE)
        paths = call_paths(tool.name, arguments)
        findings = (*self._asked.findings, *self._found(channel))
        decision = decide_known(
            self._policy,
            replace(
                self._asked,
                operation="tool_call",
                tool_name=tool.name,
                paths=(*paths.edited, *paths.named),
                findings=tuple(dict.fromkeys(findings)),
                size_bytes=len(arguments.encode()),
            ),
            # A call of very many files, or of a form that two readers read differently.
            () if paths.whole else ("paths",),
        )
        tool.effect, tool.rule_id = decision.effect, decision.rule_id
        tool.reason_code = decision.reasons[-1]
        return None if decision.allowed else _told(tool, decision.message)


def tool_call_policy(
    exchange: Exchange, masked: Callable[[str], str], found: Callable[[Channel], Iterable[str]]
) -> ToolCallPolicy | None:
    """Return what decides the exchange's tool calls; None if its policy does not watch any."""
    policy, asked = exchange.policy, exchange.asked
    if policy is None or asked is None or not policy.watches_tool_calls:
        return None
    return ToolCallPolicy(policy, asked, masked, found)


def note_incomplete(completion: Completion, channels: Iterable[Channel]) -> None:
    """Note that calls were kept back because the rest of them never came."""
    for channel in channels:
        tool = completion.tools.setdefault(channel, CalledTool())
        tool.effect, tool.rule_id, tool.reason_code = "deny", DEFAULT_RULE_ID, "incomplete"


def _told(tool: CalledTool, message: str) -> str:
    name = "".join(c for c in tool.name[:_NAME_CHARACTERS] if c.isprintable() and c != "`")
    return f"The tool call `{name or 'unknown'}` was refused: {message}"
