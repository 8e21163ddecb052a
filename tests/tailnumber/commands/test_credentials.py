def test_value_is_read_from_standard_input_and_kept_encrypted(tailnumber):
    assert tailnumber.on_data("credentials", "set", "copilot", stdin="hush-hush\n").code == 0

    assert tailnumber.on_data("credentials", "list", "--json").document == {
        "credentials": ["copilot"]
    }
    for path in tailnumber.data_dir.rglob("*"):
        assert not path.is_file() or b"hush-hush" not in path.read_bytes()


def test_value_as_an_argument_is_a_usage_error_that_does_not_repeat_it(tailnumber):
    result = tailnumber.on_data("credentials", "set", "copilot", "hush-hush")

    assert result.code == 2


def test_empty_value_is_refused(tailnumber):
    result = tailnumber.on_data("credentials", "set", "copilot", stdin="\n")

    assert result.code == 2
    assert "The value is empty" in result.err


def test_bad_name_is_refused_without_repeating_it(tailnumber):
    result = tailnumber.on_data("credentials", "set", "ghp_Secret", stdin="x")

    assert result.code == 2
    assert "ghp_Secret" not in result.err


def test_list_of_nothing_says_how_to_set_one(tailnumber):
    assert "tailnumber credentials set" in tailnumber.on_data("credentials", "list").out
