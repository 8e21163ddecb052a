from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from ingress.control.models import Base


def test_models_make_tables_on_postgresql_too():
    statements = [
        str(CreateTable(table).compile(dialect=postgresql.dialect()))
        for table in Base.metadata.sorted_tables
    ]

    assert any("TIMESTAMP WITH TIME ZONE" in statement for statement in statements)
    assert len(statements) == len(Base.metadata.tables)
