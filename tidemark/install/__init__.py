"""Servers, and what has to be on them: schemas, roles, rights, sample data."""
