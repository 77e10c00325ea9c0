"""Benchmarks of Tidemark beside what plain PostgreSQL needs for the same rows."""
