"""Race Tidemark with its peers."""

from __future__ import annotations

import argparse

from benchmarks.peers import race

DIRTY_EVERY = 2000
"""Customers come in multiples of this, so that no part of them is a fraction."""


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="benchmarks/peers/run", description=__doc__)
    parser.add_argument(
        "--rows", type=_customers, nargs="*", default=[100_000, 1_000_000, 5_000_000]
    )
    race.run(parser.parse_args().rows)


def _customers(text: str) -> int:
    number = int(text)
    if number < 1 or number % DIRTY_EVERY:
        raise argparse.ArgumentTypeError(f"{text} is not a multiple of {DIRTY_EVERY:,}")
    return number


if __name__ == "__main__":
    main()
