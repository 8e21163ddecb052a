"""Check that the contract explains itself."""

import pytest

from schemas.explain import UnknownNameError, explain, names


@pytest.mark.parametrize("name", names())
def test_every_listed_name_is_explained(name: str) -> None:
    assert explain(name).endswith("\n")


def test_event_without_version_is_its_newest() -> None:
    assert explain("writer.opened") == explain("writer.opened@1")


def test_event_shows_each_field_with_type_class_and_description() -> None:
    lines = [" ".join(line.split()) for line in explain("interaction.completed").splitlines()]

    assert "FIELD TYPE CLASS DESCRIPTION" in lines
    assert "event_version 1 public version of this record" in lines
    assert "assurance strict|bracket|async public what was durable" in " ".join(lines)
    assert "principal.email string? identity the principal's mail address" in " ".join(lines)
    assert "tool_calls[].file_paths string[]? public files named" in " ".join(lines)
    assert "occurred_at time public" in " ".join(lines)


def test_table_shows_columns_partition_and_retention() -> None:
    text = " ".join(explain("content.parts_v1").split())

    assert "partition occurred_at, one per day; every query filters on it" in text
    assert "retention 190 days" in text
    assert "ciphertext BYTES NULLABLE content Tink AEAD" in text


def test_table_and_its_view_have_one_page() -> None:
    assert explain("audit.interactions") == explain("audit.interactions_v1")


def test_sessions_view_shows_its_query() -> None:
    assert "FROM `audit.interactions`" in explain("audit.sessions")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("audit.interaction", "did you mean audit.interactions"),
        ("writer.opened@2", "did you mean writer.opened@1"),
        ("zzzz", "leave the name out to list them all"),
    ],
)
def test_unknown_name_is_refused_with_a_hint(name: str, hint: str) -> None:
    with pytest.raises(UnknownNameError, match=hint):
        explain(name)
