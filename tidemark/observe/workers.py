"""Examine the workers of a DWH that is on Citus; writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidemark.declare.config import Area
from tidemark.model import ETL_ROLE, Finding, label
from tidemark.postgres import compose, db, settings
from tidemark.postgres.db import Session
from tidemark.star import distribution

_MIGRATE = "tidemark migrate"
_PRINTED = ("timezone", "datestyle", "intervalstyle")
"""Settings that decide how an analyst's session reads and prints times."""


def examine(session: Session, areas: Sequence[Area]) -> Iterator[Finding]:
    """Look for what an area with `distribution: citus` lacks.

    Args:
        session: on the DWH, of the login.
        areas: those of the project.
    """
    if not any(area.distribution == "citus" for area in areas):
        return
    if not distribution.has_citus(session):
        mend = "create extension citus; -- on the coordinator and on each worker (docs/scale.md)"
        yield Finding("dwh", "problem", "an area is distributed, without the extension citus", mend)
        return
    version, is_known, workers, host, port = session.one(compose.statement(__name__, "about"))
    yield Finding("dwh", "ok", f"Citus {version}, with {workers} workers")
    if not is_known:
        mend = f"select citus_set_coordinator_host('{host}', {port});"
        yield Finding("dwh", "problem", "the coordinator is not one of its nodes", mend)
    if not workers:
        mend = "select citus_add_node('worker-1', 5432); -- for each worker"
        yield Finding("dwh", "problem", "the coordinator has no worker", mend)
    if missing := distribution.missing(session, areas):
        what = f"{len(missing)} tables are not distributed, such as {label(missing[0].table)}"
        yield Finding("dwh", "problem", what, _MIGRATE)
    yield from _of_others(session, version)
    if session.value(compose.statement(__name__, "has_etl")):
        session.run(db.become(ETL_ROLE))
        yield from _of_pipeline(session)
        session.run("reset role")


def _of_pipeline(session: Session) -> Iterator[Finding]:
    """Compare what the pipeline's sessions on workers go by with what it sets in its own."""
    for worker, found, error in _asked(session, [*settings.VALUES]):
        if error:
            yield Finding(
                "dwh",
                "problem",
                f"{ETL_ROLE} can't log in to the worker {worker}: {error}",
                f"Let pg_hba.conf of {worker} trust {ETL_ROLE} and tidemark_analyst from the "
                "coordinator's address, or write their passwords into pg_dist_authinfo there.",
            )
            continue
        for name, value in settings.VALUES.items():
            if found[name].lower() != value.lower():
                yield Finding(
                    "dwh",
                    "problem",
                    f"{name} is {found[name]!r} for {ETL_ROLE} on the worker {worker}, and the "
                    f"pipeline goes by {value!r}",
                    f"alter role {ETL_ROLE} set {name} = '{value}';",
                )


def _of_others(session: Session, version: str) -> Iterator[Finding]:
    """Compare the extension, and what other sessions go by, on the coordinator and on workers."""
    session.run("reset timezone; reset datestyle; reset intervalstyle")
    here = session.value(compose.statement(__name__, "here"), {"names": [*_PRINTED]})
    for worker, found, error in _asked(session, _PRINTED):
        if not error and found["citus"] != version:
            there = found["citus"]
            mend = "alter extension citus update" if there else "create extension citus"
            yield Finding(
                "dwh",
                "problem",
                f"the extension citus is {there or 'missing'} on the worker {worker}, and "
                f"{version} on the coordinator",
                f"{mend}; -- on {worker} (docs/scale.md)",
            )
        for name in () if error else _PRINTED:
            if found[name] != here[name]:
                yield Finding(
                    "dwh",
                    "warning",
                    f"{name} is {found[name]!r} on the worker {worker}, and {here[name]!r} on the "
                    "coordinator: what casts times to text there differs",
                    f"alter system set {name} = '{here[name]}'; -- on {worker}, and reload it",
                )


def _asked(session: Session, names: Sequence[str]) -> list[tuple[str, dict[str, str], str]]:
    said = session.spelled(compose.statement(__name__, "of_worker"), {"names": [*names]})
    return session.rows(compose.statement(__name__, "settings"), {"command": said})
