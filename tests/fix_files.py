"""Areas whose source is a folder of files: one entity, and what is dropped for it."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import yaml

from tests.fix_areas import Made
from tests.fix_servers import HOME, Warehouse
from tests.migrated import migrated_databases
from tidemark.batch import pipeline
from tidemark.declare.config import Area
from tidemark.declare.project import Project
from tidemark.install import migrate
from tidemark.model import Overrides, ServerName
from tidemark.postgres.sessions import Servers
from tidemark.results import BatchResult
from tidemark.trust import verify
from tidemark.trust.verification import Verification

THINGS = {"source": "things/*.csv", "key": ["id"]}


@dataclass
class Dropped(Made):
    """A migrated area of files. A test drops files, and runs."""

    @property
    def environment(self) -> dict[str, str]:
        """See `Made.environment`; there is no database of a source."""
        named = super().environment
        return {name: value for name, value in named.items() if "OPERATIONAL" not in name}

    @property
    def drops(self) -> Path:
        """The folder of the source."""
        return self.home / "drops"

    def drop(self, path: str, content: bytes | str) -> Path:
        """Write a file, whole at once, as a good partner does."""
        return written(self.drops / path, content)

    def migrate(self) -> None:
        migrate.migrate(Project(self.home), self.servers)

    def retry(self, *files: str) -> BatchResult:
        overrides = Overrides(retry=frozenset(files))
        return pipeline.run(self.servers, self.area, overrides=overrides)

    def verified(self) -> Verification:
        return verify.run(self.servers, self.area)

    def mrr(self, columns: str = "id, v", table: str = "mrr_things") -> list[tuple[Any, ...]]:
        return self.warehouse.rows(
            "mrr", f"select {columns} from {table} where _deleted_at is null order by 1"
        )

    def history(self, columns: str = "id, v", table: str = "mrr_things") -> list[tuple[Any, ...]]:
        """All versions, in the order in which they came."""
        query = f"""
            select {columns} from (
                select * from {table}
                union all
                select v.* from {table}_history as h
                cross join jsonb_populate_record(null::{table}, to_jsonb(h)) as v
            ) as v order by _batch_id, _seq, id
        """
        return self.warehouse.rows("mrr", query)

    def files(self, columns: str = "path, status, rows, refused") -> list[tuple[Any, ...]]:
        return self.warehouse.rows("mrr", f"select {columns} from tidemark.file order by path")


def with_files(area: Area, entity: str, **reading: Any) -> Area:
    """Return the area with an entity whose files are read otherwise."""
    found = area.entities[entity]
    assert found.files
    files = found.files.model_copy(update=reading)
    other = found.model_copy(update={"source": files})
    return area.model_copy(update={"entities": {**area.entities, entity: other}})


def written(path: Path, content: bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    beside.write_bytes(content.encode() if isinstance(content, str) else content)
    return beside.replace(path)


def csv_text(*rows: Sequence[object], header: str = "id,v") -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header.split(","), *rows])
    return text.getvalue()


def declare(
    home: Path,
    entities: Mapping[str, Any],
    *,
    area: str = "made",
    sql: Mapping[str, str] = MappingProxyType({}),
    settings: Mapping[str, Any] = MappingProxyType({}),
    **source: Any,
) -> None:
    """Write an area whose files are dropped into `drops`, a folder beside `sql`."""
    told = {"kind": "files", "url": "drops", **source}
    declared = {"area": area, "source": told, "entities": entities, **settings}
    written(home / "sql" / area / "area.yml", yaml.safe_dump(declared))
    (home / "drops").mkdir(exist_ok=True)
    for path, text in sql.items():
        written(home / "sql" / area / path, text)


@contextmanager
def of_the_house(
    platforms: dict[ServerName, str], home: Path, area: str
) -> Iterator[tuple[Warehouse, Servers, Area, Path]]:
    """Make an area of `sql/` in a project and in databases of its own, named after its folder."""
    (home / "sql").mkdir(parents=True)
    (home / "sql" / "platform").symlink_to(HOME / "sql" / "platform")
    shutil.copytree(HOME / "sql" / area, home / "sql" / area)
    with ExitStack() as stack:
        databases = migrated_databases(platforms, home.name, home)
        warehouse = Warehouse(stack.enter_context(databases))
        stack.callback(warehouse.close)
        servers = stack.enter_context(Servers(warehouse.dsn, keeps_plans=True))
        yield warehouse, servers, Project(home).area(area), home


Drop = Callable[..., Dropped]


@contextmanager
def dropping(platforms: dict[ServerName, str], home: Path, name: str = "dropped") -> Iterator[Drop]:
    """Lend a maker of one area of files, in a project of its own."""
    with ExitStack() as stack:

        def make(
            files: Mapping[str, bytes | str],
            *,
            entities: Mapping[str, Any] | None = None,
            sql: Mapping[str, str] = MappingProxyType({}),
            settings: Mapping[str, Any] = MappingProxyType({}),
            **source: Any,
        ) -> Dropped:
            declare(home, entities or {"things": THINGS}, sql=sql, settings=settings, **source)
            (home / "sql" / "platform").symlink_to(HOME / "sql" / "platform")
            for path, content in files.items():
                written(home / "drops" / path, content)
            databases = migrated_databases(platforms, name, home)
            warehouse = Warehouse(stack.enter_context(databases))
            stack.callback(warehouse.close)
            opened = stack.enter_context(Servers(warehouse.dsn, keeps_plans=True))
            return Dropped(warehouse, opened, Project(home).area("made"), home)

        yield make


@pytest.fixture
def dropped(platforms: dict[ServerName, str], tmp_path: Path) -> Iterator[Drop]:
    """Make an area of files: what is dropped before it is migrated, its entities, and its SQL."""
    with dropping(platforms, tmp_path / "project") as make:
        yield make
