"""Control state, kept in SQL: gateway keys and wrapped content keys."""
