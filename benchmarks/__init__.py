"""Benchmarks that compare Tidemark with what plain PostgreSQL needs for the same rows."""
