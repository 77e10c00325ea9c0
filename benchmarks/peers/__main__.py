"""Race Tidemark with its peers, and compare its history with dbt's."""

from __future__ import annotations

import argparse

from benchmarks.peers import files, history, race

WHOLE = 2000
"""Customers come in multiples of this, so that no part of them is a fraction."""


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="benchmarks/peers/run", description=__doc__)
    parser.add_argument(
        "--rows",
        type=_customers,
        nargs="*",
        default=[100_000, 1_000_000, 5_000_000],
        help="customers, a table each; none: the histories alone",
    )
    parser.add_argument(
        "--files", type=int, metavar="ROWS", help="load CSV files with so many rows instead"
    )
    given = parser.parse_args()
    if given.files:
        files.run(given.files)
        return
    if given.rows:
        race.run(given.rows)
    history.run()


def _customers(text: str) -> int:
    number = int(text)
    if number < 1 or number % WHOLE:
        raise argparse.ArgumentTypeError(f"{text} is not a multiple of {WHOLE:,}")
    return number


if __name__ == "__main__":
    main()
