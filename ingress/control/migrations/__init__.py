"""Versions of the control database on PostgreSQL; see ``ingress.control.migrating``."""
