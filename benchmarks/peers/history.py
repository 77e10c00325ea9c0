"""Show the same changes to `dbt snapshot` and to Tidemark, and explain each difference.

dbt's timeline of a customer has to become Tidemark's by the rules of benchmarks/peers/rules.py,
which docs/scd2.md lists. A difference that is left, or a rule that nothing needs, is an error.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.peers.rules import RULES, Timeline, Version
from benchmarks.peers.tools import Tool, dbt, tidemark
from benchmarks.rig import SETTLE_SECONDS, Rig, Size, psql, rig, show
from tidemark.model import BEGINNING_OF_TIME, END_OF_TIME

SNAPSHOTS = ("customers_invalidate", "customers_new_record")
OTHERS = 40
"""Customers that stay as they are: without them, too many would be deleted at once."""
FIRST_CUSTOMER = 1001

NEW = (
    "insert into customers (customer_id, name, email, city) values (:id, 'Ada', 'a@b.org', 'Rome')"
)
MOVE = "update customers set city = 'Oslo' where customer_id = :id"
MOVE_ELSEWHERE = "update customers set city = 'Bern' where customer_id = :id"
FORGET_CITY = "update customers set city = null where customer_id = :id"
BACK = "update customers set city = 'Rome' where customer_id = :id"
RENAME = "update customers set name = 'Ada Lovelace' where customer_id = :id"
TOUCH = "update customers set city = city where customer_id = :id"
UNTIDY = "update customers set city = ' oslo ' where customer_id = :id"
REFUSED = "update customers set email = 'none' where customer_id = :id"
MENDED = "update customers set email = 'a@b.org', city = 'Bern' where customer_id = :id"
DELETE = "delete from customers where customer_id = :id"
UNSTAMPED = f"set session_replication_role = replica; {MOVE}; reset session_replication_role"
BACKWARDS = (
    "set session_replication_role = replica; update customers set city = 'Oslo', "
    "updated_at = updated_at - interval '1 day' where customer_id = :id; "
    "reset session_replication_role"
)
RESTORED = (
    "insert into customers (customer_id, name, email, city, updated_at) values "
    "(:id, 'Ada', 'a@b.org', 'Rome', now() - interval '1 hour')"
)

CASES: Mapping[str, Sequence[str]] = {
    "new, and never changed": (NEW,),
    "new later": ("", NEW),
    "changed": (NEW, MOVE),
    "changed and back": (NEW, MOVE, BACK),
    "changed to null": (NEW, FORGET_CITY, BACK),
    "changed twice between two runs": (NEW, f"{MOVE_ELSEWHERE}; {MOVE}"),
    "changed twice at one instant": (NEW, f"begin; {MOVE_ELSEWHERE}; {MOVE}; commit"),
    "changed and back between two runs": (NEW, f"{MOVE}; {BACK}"),
    "changed only in what is type 1": (NEW, RENAME, MOVE),
    "touched": (NEW, TOUCH, MOVE),
    "untidy": (NEW, UNTIDY, MOVE),
    "refused, then mended": (NEW, REFUSED, MENDED),
    "refused at first": (f"{NEW}; {REFUSED}", MENDED),
    "deleted": (NEW, DELETE),
    "changed and deleted between two runs": (NEW, f"{MOVE}; {DELETE}"),
    "new and deleted between two runs": ("", f"{NEW}; {DELETE}"),
    "deleted and new between two runs": (NEW, f"{DELETE}; {NEW}; {MOVE}"),
    "deleted, and back with a change": (NEW, DELETE, f"{NEW}; {MOVE}"),
    "deleted, and back as it was": (NEW, DELETE, NEW),
    "deleted, back, and deleted again": (NEW, DELETE, NEW, DELETE),
    "deleted, and restored with its old updated_at": (NEW, DELETE, RESTORED),
    "changed at the instant that was seen": (NEW, UNSTAMPED),
    "changed before the instant that was seen": (NEW, BACKWARDS),
}
"""Case -> what happens to its customer before each run."""

MISSED = {"changed before the instant that was seen": "Oslo"}
"""Case -> the city of its customer before all others, of which dbt never hears."""

Runs = Sequence[tuple[datetime, datetime]]
"""From when to when the two tools ran, for each run."""


def run() -> None:
    """Print the timelines of all customers side by side.

    Raises:
        SystemExit: a difference that no rule explains, or a rule that explains none.
    """
    with (
        tempfile.TemporaryDirectory(prefix="tidemark-peers-") as folder,
        rig(Size(OTHERS, 1, 1)) as made,
    ):
        runs = _play(made, Path(folder), [tidemark(made), dbt(made, Path(folder), *SNAPSHOTS)])
        ours = _timelines(made.dsns["dwh"], _OURS, runs)
        theirs = {s: _timelines(made.dsns["operational"], _THEIRS + s, runs) for s in SNAPSHOTS}
    needed: set[str] = set()
    unexplained = []
    for snapshot, timelines in theirs.items():
        show(f"| customer | dbt snapshot, {snapshot} | Tidemark | differs in |\n|---|---|---|---|")
        for case in CASES:
            explained, rules = _explain(_with_missed(case, timelines.get(case, [])))
            needed.update(rules)
            if explained != ours.get(case, []):
                unexplained.append(f"{snapshot}: {case}")
            cells = (case, _shown(timelines.get(case, []), runs), _shown(ours.get(case, []), runs))
            show(f"| {' | '.join(cells)} | {', '.join(rules)} |")
        show()
    if unexplained:
        raise SystemExit(f"history: no rule explains the difference: {'; '.join(unexplained)}.")
    if unneeded := RULES.keys() - needed:
        raise SystemExit(f"history: no customer needs the rule: {', '.join(unneeded)}.")


def _play(made: Rig, folder: Path, tools: Sequence[Tool]) -> Runs:
    """Do what happens before each run, and run the tools."""
    runs = []
    for number in range(max(map(len, CASES.values()))):
        script = folder / "before.sql"
        script.write_text(_before(number), "utf-8")
        psql(made.dsns["operational"], "-f", str(script))
        time.sleep(SETTLE_SECONDS)
        start = datetime.now(UTC)
        for tool in tools:
            tool.run(number)
        runs.append((start, datetime.now(UTC)))
    return runs


def _before(number: int) -> str:
    return "\n".join(
        f"\\set id {customer}\n{statements[number]};"
        for customer, statements in enumerate(CASES.values(), start=FIRST_CUSTOMER)
        if number < len(statements) and statements[number]
    )


_OURS = """
    select customer_id, city, customer_name as name, email, valid_from, valid_to, is_current,
        false as is_deleted
    from dwh_dim_customers
"""
_THEIRS = """
    select customer_id, city, name, email, dbt_valid_from as valid_from, dbt_valid_to as valid_to,
        dbt_valid_to is null as is_current,
        coalesce(to_jsonb(s) ->> 'dbt_is_deleted', '') = 'True' as is_deleted
    from dbt."""


def _timelines(dsn: str, query: str, runs: Runs) -> dict[str, Timeline]:
    """Read case -> versions in order of time."""
    rows = f"{query} as s where customer_id >= {FIRST_CUSTOMER} order by valid_from, valid_to"
    found = json.loads(psql(dsn, "-c", f"select json_agg(v) from ({rows}) as v"))
    timelines: dict[str, Timeline] = {}
    for row in found:
        case = list(CASES)[row.pop("customer_id") - FIRST_CUSTOMER]
        timelines.setdefault(case, []).append(_version(row, runs))
    return timelines


def _version(row: dict[str, Any], runs: Runs) -> Version:
    """Read a version. What a run found deleted ends, by whatever clock, when the run began."""
    ends = {name: row.pop(name) for name in ("valid_from", "valid_to")}
    read: dict[str, Any] = {name: end and datetime.fromisoformat(end) for name, end in ends.items()}
    for start, end in runs:
        read = {name: start if at and start <= at < end else at for name, at in read.items()}
    return Version(**row, **read)


def _with_missed(case: str, theirs: Timeline) -> Timeline:
    """Add the version that dbt misses, from some time on up to the first one that it has."""
    if case not in MISSED:
        return theirs
    first, day = theirs[0], timedelta(days=1)
    begin = replace(first, city=MISSED[case], valid_from=first.valid_from - day, is_current=False)
    return [replace(begin, valid_to=first.valid_from), *theirs]


def _explain(theirs: Timeline) -> tuple[Timeline, list[str]]:
    """Apply the rules to dbt's timeline; returns also the names of those that changed it."""
    needed = []
    for name, rule in RULES.items():
        before, theirs = theirs, rule(theirs)
        if theirs != before:
            needed.append(name)
    return theirs, needed


def _shown(timeline: Timeline, runs: Runs) -> str:
    """Show versions, with seconds since the first run."""
    names = {BEGINNING_OF_TIME: "1900", END_OF_TIME: "9999"}

    def when(at: datetime | None) -> str:
        if at is None:
            return "null"
        return names.get(at) or f"{(at - runs[0][0]).total_seconds():+.1f}"

    return "; ".join(
        f"{v.city or 'null'} [{when(v.valid_from)}, {when(v.valid_to)})" + " deleted" * v.is_deleted
        for v in timeline
    )
