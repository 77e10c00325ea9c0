"""Benchmarks that compare Tidemark with tools that a user would pick instead."""
