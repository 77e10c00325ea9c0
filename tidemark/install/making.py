"""Make the tables and views that no file of `sql/` makes, and bring them in step with the others.

`layers/made` says by which statements a table follows the one before it. They are run here, in the
transaction that migrates a layer. In MRR mirrors follow their sources. In STG landing tables follow
MRR before views are made, since views read them; then mirrors follow their views.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from tidemark import sources
from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.errors import (
    ConnectError,
    MigrationError,
    StatementError,
    TidemarkError,
)
from tidemark.install.rights import Named
from tidemark.layers import drift, made, mirror
from tidemark.layers.made import Change
from tidemark.model import QualifiedName, Reader, Table
from tidemark.postgres import catalog, confined
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.sessions import Servers
from tidemark.sources import Describable
from tidemark.star import aggregates, distribution, outriggers
from tidemark.star.aggregates import Aggregate


@dataclass(frozen=True, slots=True)
class Making:
    """What is made in one layer, in the transaction that migrates it."""

    session: Session
    """On the layer, as the login that migrates."""
    areas: Sequence[Area]
    by_files: Mapping[Named, str]
    """What the files of `sql/` make in the layer -> the path of the file."""
    applied: Collection[str]
    """The paths of the files that were applied before."""
    servers: Servers
    before: Session | None = None
    """On MRR, where the layer is STG."""
    has_workers: bool = False
    """Whether it is a DWH on Citus, so that `laying.on_workers` has laid its roles before."""
    is_trial: bool = False
    """Whether to run nothing."""
    statements: list[str] = field(default_factory=list)
    """What was run, in order."""
    waiting: list[str] = field(default_factory=list)
    """What can't be made yet, and why."""
    shaken: set[str] = field(default_factory=set)
    """Areas whose files made views that were dropped."""
    held: set[str] = field(default_factory=set)
    """Areas whose views have to wait, since a table is not there that they may read."""

    def is_due(self) -> bool:
        """Whether something is to be made or changed, as the catalogs are now."""
        trial = replace(self, is_trial=True, statements=[], waiting=[], shaken=set(), held=set())
        try:
            trial.before_views()
            trial.behind_views()
            for area in self.areas if self.session.server == "stg" else ():
                for entity in area.derived:
                    trial.behind(area, entity, is_changed=False)
        except TidemarkError:
            return True
        return bool(trial.statements)

    def before_views(self) -> None:
        """Make what views read: MRR's mirrors, STG's landing tables, or what dimensions point at.

        Raises:
            ContractError: a source and its mirror disagree in a way that a person has to decide.
            MigrationError: PostgreSQL refuses it, or somebody's view or index is in the way.
        """
        for area in self.areas:
            if self.session.server == "mrr":
                self._make_mirrors(area)
            if self.session.server == "stg":
                self._give_way(area)
                self._make_landings(area)
            if self.session.server == "dwh":
                self._make_at_views(area)

    def behind_views(self) -> None:
        """Make what follows from views: cleansing views that pass rows on, and STG's mirrors.

        Raises:
            ContractError: a view lacks a column of a mirror behind it, or has it with another type.
            MigrationError: see `before_views`.
        """
        for area in self.areas if self.session.server == "stg" else ():
            sourced = area.sourced.entities.values()
            self._make_views(area, sourced)
            self._make_staged(area, sourced)
            self._make_live(area, sourced)
        if self.session.server == "dwh":
            self._make_aggregates()
            self._distribute()

    def give_way(self) -> None:
        """Drop views of Tidemark's own that files may want to change what is under them."""
        if self.session.server == "dwh":
            self._drop_left_over()
        for one in self._aggregates() if self.session.server == "dwh" else ():
            if one.computed in self._tables([one.computed]):
                confined.run(self.session, aggregates.drop_views(one))

    def behind(self, area: Area, entity: Entity, *, is_changed: bool) -> None:
        """Make what follows from the deriving view of an entity.

        Args:
            area: the area of the entity.
            entity: it is derived.
            is_changed: whether its view is another one now, so that all rows are made anew.

        Raises:
            ContractError, MigrationError: see `behind_views`.
        """
        found = self._tables([entity.deriving_view, entity.landing])
        view = found.get(entity.deriving_view)
        if view is None:
            name = ".".join(entity.deriving_view)
            self.waiting.append(f"{area.area}.{entity.name} waits for its view {name}")
            return
        wanted = made.landing_columns(view, is_derived=True)
        self._change(made.landing(entity, wanted, found.get(entity.landing), sender=view))
        self._make_views(area, [entity])
        self._make_staged(area, [entity])
        self._make_live(area, [entity])
        if is_changed:
            self._run(made.note(area, entity.name, is_new=False))

    def _make_live(self, area: Area, entities: Iterable[Entity]) -> None:
        """Make the views of live rows that deriving views read."""
        inputs = [one for one in entities if one.name in {each.name for each in area.inputs}]
        found = self._tables(table for one in inputs for table in (one.table("stg"), one.live_view))
        for entity in inputs:
            if entity.table("stg") in found:
                here = found.get(entity.live_view)
                self._change(made.live(entity, found[entity.table("stg")], here))

    def _make_mirrors(self, area: Area) -> None:
        area = area.sourced
        ours = [one for one in area.entities.values() if not self._is_filed(one.table("mrr"))]
        source = sources.of(self.servers, area)
        if not ours or not isinstance(source, Describable):
            return
        found = self._tables(table for one in ours for table in mirror.bare(one, "mrr").tables)
        there = [one for one in ours if one.table("mrr") in found]
        try:
            looked = source.tables(area)
        except ConnectError as error:
            self.waiting.append(f"{area.area}: its tables wait for the source: {error}")
            return
        shown = looked.sound
        for problem in looked.problems:
            self.waiting.append(f"{area.area}: its tables wait for the source: {problem}")
        for entity in ours:
            if entity not in there and entity.name in shown:
                self._make_mirror(area, entity, shown[entity.name])
            elif entity not in there:
                what = ".".join(entity.table("mrr"))
                self.waiting.append(f"{what} waits until {area.source.name} shows its columns")
        self._follow(area, [one for one in there if one.name in shown], shown, found)

    def _make_mirror(self, area: Area, entity: Entity, shown: Table) -> None:
        name = ".".join(entity.table("mrr"))
        if (area.area, entity.name) in self._positions():
            raise MigrationError(
                f"mrr: {name} is not there, and rows of {shown.name} were read into it: an empty "
                "one would lack them. Restore the layer from a backup (docs/operations.md"
                "#backup-and-restore); or where its history is not needed, run `delete from "
                f"tidemark.source_position where area = '{area.area}' and entity = "
                f"'{entity.name}';` there: then all rows are read again."
            )
        columns = made.mirror_columns(area, entity, shown)
        comment = f"One row per row of {shown.name}, as {area.source.name} showed it last."
        self._run(made.mirror(entity, "mrr", columns, comment=comment))

    def _positions(self) -> list[tuple[str, ...]]:
        """Read of which entities rows were read: area and entity."""
        if self.is_trial:
            return []
        place = ("tidemark", "source_position")
        return confined.read(self.session, place, ("area", "entity"))

    def _follow(
        self,
        area: Area,
        entities: Sequence[Entity],
        shown: Mapping[str, Table],
        found: Mapping[QualifiedName, Table],
    ) -> None:
        some = area.model_copy(update={"entities": {one.name: one for one in entities}})
        mirrors = mirror.of("mrr", some, found)
        for statement in drift.statements(mirrors, drift.compare(some, shown, mirrors)):
            self._run(statement)

    def _make_landings(self, area: Area) -> None:
        assert self.before is not None, "STG is migrated beside MRR"
        sourced = area.sourced.entities.values()
        entities = [one for one in sourced if not self._lies_elsewhere(area, one)]
        mirrored = catalog.tables(self.before, [one.table("mrr") for one in entities])
        found = self._tables(one.landing for one in entities)
        for entity in entities:
            if entity.table("mrr") in mirrored:
                sender = mirrored[entity.table("mrr")]
                here, wanted = found.get(entity.landing), made.landing_columns(sender)
                self._change(made.landing(entity, wanted, here, sender=sender))
            elif entity.landing not in found:
                table, behind = ".".join(entity.landing), ".".join(entity.table("mrr"))
                self.waiting.append(f"{table} and what reads it wait for mrr's {behind}")
                self.held.add(area.area)

    def _give_way(self, area: Area) -> None:
        """Drop the views of which there are files now."""
        new = [
            one.view
            for one in area.entities.values()
            if self.by_files.get(("relation", *one.view), "") not in {"", *self.applied}
        ]
        for name, view in self._tables(new).items():
            gone = (made.drop_view(name),)
            self._change(Change(name, "its file", gone, tuple(view.readers())))

    def _make_at_views(self, area: Area) -> None:
        """Make the views of what dimensions point at."""
        ours = [one for one in area.dimensions if one.at_view and not self._is_filed(one.at_view)]
        views = [one.at_view for one in ours if one.at_view]
        places = [one.table("dwh") for one in ours]
        found = self._tables([*places, *outriggers.tables(area), *views])
        comments = outriggers.comments(self.session, views)
        for entity, view in zip(ours, views, strict=True):
            pointing = outriggers.of(area, entity, found)
            if pointing is None:
                self.waiting.append(f"{'.'.join(view)} waits for tables that it can join")
            elif comments.get(view) != pointing.comment:
                follows = ".".join(entity.table("dwh"))
                gone = (made.drop_view(view),) if view in found else ()
                in_the_way = tuple(found[view].readers()) if view in found else ()
                statements = (*gone, pointing.statement)
                self._change(Change(view, follows, statements, in_the_way))

    def _aggregates(self) -> list[Aggregate]:
        return [one for area in self.areas for one in aggregates.of(area)]

    def _make_aggregates(self) -> None:
        """Make what computes aggregates, and the tables that no file makes."""
        self._drop_left_over()
        some = self._aggregates()
        said = aggregates.comments(self.session, some) if some else {}
        for one in some:
            comment = aggregates.comment(one, self.session.spelled(aggregates.make(one)))
            if said.get(one.computed) != comment:
                with self._naming(one):
                    self._run(aggregates.make(one, comment))
            if not self._is_filed(one.table):
                self._make_aggregate(one)

    def _distribute(self) -> None:
        """Let the tables lie where areas say, with their rows."""
        names = [one.area for one in self.areas if one.distribution == "citus"]
        if not names:
            return
        if not self.has_workers:
            raise MigrationError(
                f"{self.session.server}: sql/{names[0]}/area.yml says `distribution: citus`, and "
                "the database has no extension citus. Run `create extension citus;` on the "
                "coordinator and its workers (docs/scale.md), or take the key out."
            )
        missing = distribution.missing(self.session, self.areas)
        found = self._tables(one.table for one in missing)
        for one in missing:
            if one.table in found:
                self._run(one.statement)

    def _drop_left_over(self) -> None:
        for statement in aggregates.drop_left_over(self.session, self.areas):
            self._run(statement)

    def _make_aggregate(self, one: Aggregate) -> None:
        """Make the table of an aggregate, if it is not there as its SELECT wants it."""
        found = self._tables([one.table, one.computed])
        view, table = found.get(one.computed), found.get(one.table)
        if view is None or not {*one.columns} <= {*view.names}:
            return  # It is not made in a trial; and without its grain it is a contract error.
        wanted = [(column.name, column.type) for column in view.columns]
        there = [(column.name, column.type) for column in table.columns] if table else []
        if there != wanted or not (table and table.is_unique(one.columns)):
            statements = (aggregates.make_table(one, view.names),)
            in_the_way = tuple(table.readers()) if table else ()
            self._change(Change(one.table, f"sql/{one.path}", statements, in_the_way))

    @contextmanager
    def _naming(self, one: Aggregate) -> Iterator[None]:
        """Name the file of an aggregate in the error of the block."""
        try:
            yield
        except MigrationError as error:
            raise MigrationError(
                f"{self.session.server}: sql/{one.path}, or the grain of aggregates.{one.name} of "
                f"sql/{one.area.area}/area.yml, can't be applied: {error.__cause__} Correct it and "
                "run `tidemark migrate` again."
            ) from error.__cause__

    def _lies_elsewhere(self, area: Area, entity: Entity) -> bool:
        """Whether an area's files make the landing table where it lay before areas had schemas."""
        path = self.by_files.get(("relation", "landing", entity.name), "")
        return entity.landing[0] != "landing" and path.startswith(f"{area.area}/")

    def _make_views(self, area: Area, entities: Iterable[Entity]) -> None:
        ours = [one for one in entities if not self._is_filed(one.view)]
        found = self._tables(table for one in ours for table in (one.landing, one.view))
        for entity in ours:
            if entity.landing in found and not self._lies_elsewhere(area, entity):
                here = found.get(entity.view)
                self._change(made.pass_through(entity, found[entity.landing], here))

    def _make_staged(self, area: Area, entities: Iterable[Entity]) -> None:
        ours = [one for one in entities if not self._is_filed(one.table("stg"))]
        tables = {one.name: mirror.bare(one, "stg").tables for one in ours}
        found = self._tables(table for one in ours for table in (one.view, *tables[one.name]))
        for entity in ours:
            if entity.view in found:
                view, (table, history) = found[entity.view], tables[entity.name]
                change = made.staged(area, entity, view, found.get(table), found.get(history))
                self._change(change)
                if change.adds or change.is_new:
                    self._run(made.note(area, entity.name, is_new=change.is_new))

    def _change(self, change: Change) -> None:
        """Drop the views that are in the way, if Tidemark can make them again, and follow."""
        self._refuse(change)
        for reader in change.in_the_way:
            path = self.by_files.get(("relation", *reader.qualified_name))
            if path:
                self.shaken.add(path.split("/")[0])
            self._run(made.drop_view(reader.qualified_name))
        for statement in change.statements:
            self._run(statement)

    def _refuse(self, change: Change) -> None:
        """Refuse to drop what a person has made.

        Raises:
            MigrationError: there is such a thing. Nothing was changed.
        """
        theirs = [one.name for one in change.in_the_way if not self._is_ours(one)]
        if change.lost:
            found = made.standing_on(self.session, change.table, change.lost)
            theirs += [f"index {name}" for name in found]
        if theirs:
            table = ".".join(change.table)
            raise MigrationError(
                f"{self.session.server}: {table} has to follow {change.follows}, and "
                f"{', '.join(theirs)} stands in the way: no file of sql/ makes it. "
                f"Drop it (`drop {theirs[0]};`), run `tidemark migrate`, and make it again."
            )

    def _is_ours(self, reader: Reader) -> bool:
        """Whether a view can be made again: a file of a folder `views` makes it, or Tidemark."""
        path = self.by_files.get(("relation", *reader.qualified_name))
        if path:
            return path.split("/")[-2] == "views"
        return any(
            reader.qualified_name in (one.view, one.live_view, one.at_view)
            for area in self.areas
            for one in area.entities.values()
        )

    def _is_filed(self, table: QualifiedName) -> bool:
        return ("relation", *table) in self.by_files

    def _tables(self, wanted: Iterable[QualifiedName]) -> dict[QualifiedName, Table]:
        return catalog.tables(self.session, list(dict.fromkeys(wanted)))

    def _run(self, statement: Composable) -> None:
        self.statements.append(self.session.spelled(statement))
        if self.is_trial:
            return
        try:
            confined.run(self.session, statement)
        except StatementError as error:
            raise MigrationError(
                f"{self.session.server}: what no file of sql/ makes can't be made: {error} "
                f"{self.session.server} is as it was."
            ) from error
