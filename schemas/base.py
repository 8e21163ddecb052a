"""Give every record one strict base and every field a description and a class.

A field without both fails at import: a column that nobody classified cannot reach a table.
"""

from enum import StrEnum
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo


class Classification(StrEnum):
    """Say who may read a value; each class but ``public`` becomes a BigQuery policy tag."""

    PUBLIC = "public"
    IDENTITY = "identity"
    NETWORK = "network"
    CONTENT = "content"
    SECRET_EVIDENCE = "secret_evidence"  # noqa: S105  (a class name, not a secret)
    KEY = "key"


class ContractError(Exception):
    """A record breaks the contract's own rules, or bytes do not match any record."""


class Record(BaseModel):
    """Be immutable, strict and silent about input in errors; refuse an unclassified field."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        hide_input_in_errors=True,
        allow_inf_nan=False,
        protected_namespaces=(),
    )

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Check the fields once, when the class is made.

        Raises:
            ContractError: a field has no description or no class.
        """
        super().__pydantic_init_subclass__(**kwargs)
        for name, info in cls.model_fields.items():
            try:
                described(info)
            except ContractError as error:
                raise ContractError(f"{cls.__name__}.{name}: {error}") from None


def described(info: FieldInfo) -> tuple[str, Classification]:
    """Return a field's description and class; ``X | None`` has those of ``X``.

    Raises:
        ContractError: the field was declared without one of them.
    """
    candidates = [info]
    for member in get_args(info.annotation):
        if get_origin(member) is Annotated:
            candidates += [extra for extra in get_args(member)[1:] if isinstance(extra, FieldInfo)]
    for candidate in candidates:
        extra = candidate.json_schema_extra
        if candidate.description and isinstance(extra, dict) and "classification" in extra:
            return candidate.description, Classification(str(extra["classification"]))
    raise ContractError("no description and classification")


def _classified(cls: Classification, description: str, constraints: dict[str, Any]) -> Any:
    extra: dict[str, Any] = {"classification": cls.value}
    return Field(description=description, json_schema_extra=extra, **constraints)


def public(description: str, **constraints: Any) -> Any:
    """Declare a field that everyone with access to the table may read."""
    return _classified(Classification.PUBLIC, description, constraints)


def identity(description: str, **constraints: Any) -> Any:
    """Declare a field that names a person."""
    return _classified(Classification.IDENTITY, description, constraints)


def network(description: str, **constraints: Any) -> Any:
    """Declare a field that tells where someone sat: addresses, hosts, user agents."""
    return _classified(Classification.NETWORK, description, constraints)


def content(description: str, **constraints: Any) -> Any:
    """Declare a field that holds a text, sealed or not."""
    return _classified(Classification.CONTENT, description, constraints)


def secret_evidence(description: str, **constraints: Any) -> Any:
    """Declare a field that lets equal secrets be correlated, never the secret itself."""
    return _classified(Classification.SECRET_EVIDENCE, description, constraints)


def key(description: str, **constraints: Any) -> Any:
    """Declare a field that holds wrapped key material."""
    return _classified(Classification.KEY, description, constraints)
