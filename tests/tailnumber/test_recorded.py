from datetime import UTC, datetime

import pytest

from tailnumber.errors import CheckFailed
from tailnumber.recorded import recorded_interaction
from tailnumber.trail import Answer

SINCE = datetime(2026, 11, 1, tzinfo=UTC)
ROW = {
    "interaction_id": "019a7c10-0000-7000-8000-000000000001",
    "operation": "chat",
    "connection": "copilot",
    "protocol": "openai.chat",
    "model": None,
    "repository": "acme/payments",
    "file_paths": ["a.py", "b.py"],
    "language": "python",
    "streamed": True,
    "prompt_bytes": 512,
    "principal_id": "p" * 26,
    "principal_kind": "human",
    "principal_issuer": "urn:tailnumber:local",
    "principal_subject": "bob",
    "principal_email": None,
    "principal_groups": ["contractors"],
    "client_name": "vscode",
    "client_version": "1.0",
    "policy_digest": "0" * 64,
}


class Answers:
    """A warehouse that knows the answers to two questions."""

    def __init__(self, *rows):
        self.rows = list(rows)

    def ask(self, sql, **parameters):
        assert parameters["since"] == SINCE
        if "audit.findings" in sql:
            assert parameters["interaction_id"] == ROW["interaction_id"]
            return Answer(("rule_id",), [{"rule_id": "aws-access-key-id"}])
        return Answer((), self.rows)


def test_a_row_becomes_the_operation_that_policy_saw():
    asked, row = recorded_interaction(Answers(ROW), "019a7c", SINCE)

    assert row is ROW
    assert (asked.operation, asked.model, asked.principal_email) == ("chat", "", "")
    assert asked.principal_groups == ("contractors",)
    assert asked.paths == ("a.py", "b.py")
    assert asked.languages == ("python",)
    assert asked.findings == ("aws-access-key-id",)
    assert (asked.stream, asked.size_bytes) == (True, 512)


@pytest.mark.parametrize(
    ("rows", "said"), [((), "No interaction"), ((ROW, ROW), "More than one interaction")]
)
def test_an_id_that_names_not_one_interaction_is_told(rows, said):
    with pytest.raises(CheckFailed, match=said):
        recorded_interaction(Answers(*rows), "019", SINCE)
