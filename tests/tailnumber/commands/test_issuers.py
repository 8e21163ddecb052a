GOOD = """\
version: 1
issuers:
  - {issuer: "https://id.example", profile: generic, audiences: [a], groups_claim: teams}
"""


def test_good_file_passes_and_its_issuers_are_shown(tailnumber, tmp_path):
    file = tmp_path / "issuers.yaml"
    file.write_text(GOOD)

    result = tailnumber("issuers", "check", str(file))

    assert (result.code, result.err) == (0, "")
    assert "https://id.example" in result.out
    assert "teams" in result.out
    assert "good. 1 issuer." in result.out


def test_every_problem_is_named_with_its_line_and_column(tailnumber, tmp_path):
    file = tmp_path / "issuers.yaml"
    file.write_text(GOOD.replace("generic", "generik"))

    result = tailnumber("issuers", "check", str(file))

    assert result.code == 1
    assert f"{file}:3:45: 'generik' is not one of" in result.out
    assert "1 problem" in result.err


def test_json_lists_the_problems(tailnumber, tmp_path):
    file = tmp_path / "issuers.yaml"
    file.write_text(GOOD.replace("https", "http"))

    result = tailnumber("issuers", "check", str(file), "--json")

    assert result.code == 1
    assert result.document["valid"] is False
    assert (result.document["problems"][0]["line"], result.document["problems"][0]["column"]) == (
        3,
        14,
    )


def test_missing_file_is_a_usage_error(tailnumber, tmp_path):
    result = tailnumber("issuers", "check", str(tmp_path / "none.yaml"))

    assert result.code == 2
    assert "cannot be read" in result.err
