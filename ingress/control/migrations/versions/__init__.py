"""One file for each version, run by Alembic."""
