"""Check that no field goes without a description and a class."""

from typing import Annotated

import pytest
from pydantic import Field, ValidationError

from schemas.base import Classification, ContractError, Record, described, identity, public


def test_field_without_class_fails_when_the_record_is_made() -> None:
    with pytest.raises(ContractError, match=r"Bare\.name: no description and classification"):

        class Bare(Record):
            name: str


def test_field_with_a_description_alone_fails_too() -> None:
    with pytest.raises(ContractError, match=r"Half\.name"):

        class Half(Record):
            name: Annotated[str, Field(description="a name")]


def test_inherited_record_is_checked_again() -> None:
    class Base(Record):
        name: Annotated[str, public("a name")]

    with pytest.raises(ContractError, match=r"Derived\.note"):

        class Derived(Base):
            note: str


def test_optional_field_has_the_description_of_its_type() -> None:
    class Person(Record):
        email: Annotated[str, identity("mail address")] | None = None

    assert described(Person.model_fields["email"]) == ("mail address", Classification.IDENTITY)


def test_unknown_class_is_refused() -> None:
    with pytest.raises(ValueError, match="harmless"):

        class Wrong(Record):
            name: Annotated[
                str, Field(description="a", json_schema_extra={"classification": "harmless"})
            ]


def test_record_cannot_be_changed() -> None:
    class Named(Record):
        name: Annotated[str, public("a name")]

    with pytest.raises(ValidationError, match="frozen"):
        Named(name="a").name = "b"  # type: ignore[misc]  # what the test tries
