import pytest

from tailnumber.errors import CommandError
from tailnumber.masking import Wanted, place, read_rules, wanted_of


@pytest.mark.parametrize(
    ("offset", "line_and_column"), [(0, (1, 1)), (2, (1, 3)), (3, (2, 1)), (5, (3, 1))]
)
def test_place_counts_lines_and_columns_from_1(offset, line_and_column):
    assert place("ab\nc\nd", offset) == line_and_column


def test_what_is_said_beside_the_policy_wins(tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "version: 1\nmasking: {rules: [builtin, own.toml], tier2: mask, pii: [card]}\n"
        "rules:\n  - {id: everyone, effect: allow}\n"
    )

    assert wanted_of(policy, [], None, None) == Wanted(
        rules=("builtin", str(tmp_path / "own.toml")), tier2="mask", pii=("card",)
    )
    assert wanted_of(policy, ["x.toml"], "off", "email, iban") == Wanted(
        rules=("x.toml",), tier2="off", pii=("email", "iban")
    )


def test_missing_rule_file_is_told_by_its_name():
    with pytest.raises(CommandError, match=r"no-such\.toml cannot be read"):
        read_rules(["no-such.toml"])
