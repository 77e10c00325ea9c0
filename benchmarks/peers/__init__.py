"""Benchmarks of Tidemark beside what a user would pick instead."""
