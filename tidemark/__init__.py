"""A PostgreSQL warehouse that keeps history."""

__version__ = "0.1.0"
